//! What a client is told once: where the server is, how much to accept, how long to wait.

use std::fmt;
use std::time::Duration;

use http::Uri;

use crate::{Error, Result};

/// The address of a server: `http` or `https`, host, and perhaps a path prefix.
///
/// `http://host:5000`, `http://host:5000/`, `http://host:5000/v1` and `http://host:5000/v1/` are the same server;
/// `https://host/tabby` and `https://host/tabby/v1` are a server behind a path prefix.
///
/// ```
/// use tabbyapi::BaseUrl;
///
/// let base: BaseUrl = "https://example.org/tabby/v1/".parse()?;
/// assert_eq!(base.join("/v1/models")?, "https://example.org/tabby/v1/models");
///
/// let error = "localhost:5000".parse::<BaseUrl>().unwrap_err();
/// assert!(error.to_string().contains("http://localhost:5000"));
/// # Ok::<(), tabbyapi::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    /// `http` or `https`, `://` and the authority, without userinfo.
    origin: String,
    /// Empty, or starts with `/` and ends with neither `/` nor the segment `v1`.
    prefix: String,
}

impl BaseUrl {
    /// The address of an operation whose path starts with `/`.
    pub fn join(&self, path: &str) -> Result<Uri> {
        let separator = if path.starts_with('/') { "" } else { "/" };
        let text = format!("{}{}{separator}{path}", self.origin, self.prefix);
        text.parse().map_err(|error: http::uri::InvalidUri| {
            Error::config(format!("`{text}` is no valid address")).with_source(error)
        })
    }

    /// Scheme, host and port, such as `http://127.0.0.1:5000`.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl std::str::FromStr for BaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::config("the base URL is empty")
                .with_hint("give the server's address, such as `http://127.0.0.1:5000`"));
        }
        // Checked first, so that no later message can repeat a password.
        let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(Error::config("the base URL carries a user name or password")
                .with_hint("leave them out and set keys with `api_key` and `admin_key`, or a gateway's `Authorization` with `sensitive_header`"));
        }
        let Some((scheme, _)) = text.split_once("://") else {
            return Err(Error::config(format!("the base URL `{text}` has no scheme"))
                .with_hint(format!("write `http://{text}`")));
        };
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(Error::config(format!("the base URL `{text}` has the scheme `{scheme}`"))
                .with_hint("use `http` or `https`"));
        }
        if text.contains(['?', '#']) {
            return Err(Error::config("the base URL has a query or a fragment")
                .with_hint("keep scheme, host, port and path prefix only"));
        }
        let uri: Uri = text.parse().map_err(|error: http::uri::InvalidUri| {
            Error::config(format!("the base URL `{text}` is not valid: {error}"))
                .with_hint("write it like `http://127.0.0.1:5000`")
        })?;
        let authority = uri.authority().map(|a| a.as_str()).unwrap_or_default();
        if uri.host().unwrap_or_default().is_empty() {
            return Err(Error::config(format!("the base URL `{text}` has no host"))
                .with_hint("write it like `http://127.0.0.1:5000`"));
        }
        // An IPv6 address has colons of its own, in brackets.
        let port = authority.rsplit_once(':').filter(|_| !authority.ends_with(']')).map(|(_, port)| port);
        if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(Error::config(format!("the base URL `{text}` has no valid port"))
                .with_hint("a port is a number up to 65535"));
        }
        let mut prefix = uri.path().trim_end_matches('/');
        if let Some(rest) = prefix.strip_suffix("/v1") {
            prefix = rest.trim_end_matches('/');
        }
        Ok(BaseUrl { origin: format!("{}://{authority}", scheme.to_ascii_lowercase()), prefix: prefix.to_owned() })
    }
}

impl TryFrom<&str> for BaseUrl {
    type Error = Error;
    fn try_from(text: &str) -> Result<Self> {
        text.parse()
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.prefix)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({self})")
    }
}

/// Caps on what is accepted from a server. Reaching one is an error of kind
/// [`TooLarge`](crate::ErrorKind::TooLarge), except for `error_excerpt`, which only cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest event of a stream, in bytes; 16 MiB by default.
    pub event: usize,
    /// The largest body that is no stream, in bytes; 64 MiB by default.
    pub body: usize,
    /// How much of an error's body is read and kept, in bytes; 64 KiB by default.
    pub error_excerpt: usize,
    /// All text, tool arguments and logprobs that a stream may accumulate, in bytes; 64 MiB by default.
    pub accumulated: usize,
    /// The number of choices, and of tool calls in a choice, that a stream may have; 1024 by default.
    pub indices: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { event: 16 << 20, body: 64 << 20, error_excerpt: 64 << 10, accumulated: 64 << 20, indices: 1024 }
    }
}

/// How long each part of a call may take; `None` is for ever.
///
/// Every request knows its own pace, made so that healthy work is not killed: answers that are not streamed send no head
/// until they are finished, loads queue behind generations, tool calls arrive whole at the end. Override it for a
/// client or a call with [`Options::pace`](crate::Options::pace).
///
/// | | head | first item | stall | total |
/// |---|---|---|---|---|
/// | [`Pace::READ`]: reads, small posts | 30 s | | 30 s | 60 s |
/// | [`Pace::GENERATE`]: generation, not streamed | 10 min | | 60 s | |
/// | [`Pace::STREAM`]: generation, streamed | 5 min | 10 min | 2 min | |
/// | [`Pace::STREAM_TOOLS`]: the same with tools | 5 min | 10 min | 15 min | |
/// | [`Pace::LOAD`]: model load | 30 s | | | |
/// | [`Pace::UNBOUNDED`]: download | | | | |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pace {
    /// From sending the request to the head of the answer.
    pub head: Option<Duration>,
    /// From sending the request to the first item of a stream.
    pub first_item: Option<Duration>,
    /// Between two arrivals of data once the head is there; keep-alive comments are no data. In a stream it
    /// counts from the first item on if `first_item` is set.
    pub stall: Option<Duration>,
    /// The whole call, with its retries and waits.
    pub total: Option<Duration>,
}

impl Pace {
    /// Reads and small posts.
    pub const READ: Pace = Pace::new(Some(30), None, Some(30), Some(60));
    /// Generation that is not streamed.
    pub const GENERATE: Pace = Pace::new(Some(600), None, Some(60), None);
    /// Streamed generation.
    pub const STREAM: Pace = Pace::new(Some(300), Some(600), Some(120), None);
    /// Streamed generation with tools, whose calls arrive whole after a silence.
    pub const STREAM_TOOLS: Pace = Pace::new(Some(300), Some(600), Some(900), None);
    /// A model load, which may queue behind generations.
    pub const LOAD: Pace = Pace::new(Some(30), None, None, None);
    /// No deadline at all.
    pub const UNBOUNDED: Pace = Pace::new(None, None, None, None);

    const fn new(head: Option<u64>, first_item: Option<u64>, stall: Option<u64>, total: Option<u64>) -> Self {
        const fn seconds(value: Option<u64>) -> Option<Duration> {
            match value {
                Some(value) => Some(Duration::from_secs(value)),
                None => None,
            }
        }
        Pace { head: seconds(head), first_item: seconds(first_item), stall: seconds(stall), total: seconds(total) }
    }

    /// Sets the time to the head.
    pub fn head(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.head = limit.into();
        self
    }

    /// Sets the time to the first item.
    pub fn first_item(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.first_item = limit.into();
        self
    }

    /// Sets the longest silence.
    pub fn stall(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.stall = limit.into();
        self
    }

    /// Sets the time for the whole call.
    pub fn total(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.total = limit.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_joins(base: &str, url: &str) {
        let base: BaseUrl = base.parse().unwrap();
        assert_eq!(base.join("/v1/models").unwrap().to_string(), url);
    }

    #[test]
    fn paths_slashes_and_v1_join_rightly() {
        for base in
            ["http://h:5000", "http://h:5000/", "http://h:5000/v1", "http://h:5000/v1/", " HTTP://h:5000//v1// "]
        {
            assert_joins(base, "http://h:5000/v1/models");
        }
        assert_joins("https://h/a/b", "https://h/a/b/v1/models");
        assert_joins("https://h/a/v1/", "https://h/a/v1/models");
        assert_joins("https://h/av1", "https://h/av1/v1/models");
        assert_joins("http://[::1]:5000", "http://[::1]:5000/v1/models");
        assert_joins("http://[::1]", "http://[::1]/v1/models");
    }

    #[test]
    fn what_cannot_be_a_base_url_is_refused() {
        for base in [
            "",
            "h",
            "h:5000",
            "/v1",
            "http://",
            "http:///v1",
            "http://h:",
            "http://h:x",
            "http://h/?q",
            "http://h/#f",
            "http://h h",
        ] {
            let error = base.parse::<BaseUrl>().expect_err(base);
            assert_eq!(error.kind(), crate::ErrorKind::Config, "{base}");
            assert!(error.hint().is_some(), "{base}");
        }
    }

    #[test]
    fn passwords_do_not_show() {
        for base in ["http://u:hush@h", "u:hush@h", "ftp://hush@h/?x"] {
            let error = base.parse::<BaseUrl>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
        }
    }
}
