//! What a client is told once: where the server is, and how much to accept.

use std::fmt;

use http::Uri;

use crate::text::{find, without_end};
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
    /// `http` or `https`, `://` and the authority, without userinfo; then a prefix, which is empty, or starts with `/` and ends with
    /// neither `/` nor the segment `v1`.
    text: String,
    /// Where the prefix begins.
    prefix: usize,
}

impl BaseUrl {
    /// The address of an operation whose path starts with `/`.
    pub fn join(&self, path: &str) -> Result<Uri> {
        let separator = if path.starts_with('/') { "" } else { "/" };
        let text = [&self.text, separator, path].concat();
        text.parse().map_err(|error: http::uri::InvalidUri| {
            Error::config(["`", &text, "` is no valid address: ", &error.to_string()].concat())
        })
    }

    /// Scheme, host, port and prefix, such as `http://127.0.0.1:5000`, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, such as `http://127.0.0.1:5000`.
    pub fn origin(&self) -> &str {
        &self.text[..self.prefix]
    }
}

impl std::str::FromStr for BaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(Error::config("the base URL is empty")
                .with_hint("give the server's address, such as `http://127.0.0.1:5000`"));
        }
        let (scheme, rest) = scheme_of(text).unzip();
        // Checked first, so that no later message can repeat a password.
        let mut authority = rest.unwrap_or(text).bytes().take_while(|byte| !b"/?#".contains(byte));
        if authority.any(|byte| byte == b'@') {
            return Err(Error::config("the base URL carries a user name or password")
                .with_hint("leave them out and set keys with `api_key` and `admin_key`, or a gateway's `Authorization` with `sensitive_header`"));
        }
        let Some(scheme) = scheme else {
            return Err(wrong(text, " has no scheme", &["write `http://", text, "`"].concat()));
        };
        let Some(scheme) = ["http", "https"].into_iter().find(|known| known.eq_ignore_ascii_case(scheme)) else {
            return Err(wrong(text, &[" has the scheme `", scheme, "`"].concat(), "use `http` or `https`"));
        };
        if text.bytes().any(|byte| b"?#".contains(&byte)) {
            return Err(Error::config("the base URL has a query or a fragment")
                .with_hint("keep scheme, host, port and path prefix only"));
        }
        let uri: Uri = text.parse().map_err(|error: http::uri::InvalidUri| {
            wrong(text, &[" is not valid: ", &error.to_string()].concat(), "write it like `http://127.0.0.1:5000`")
        })?;
        let authority = uri.authority().map(|a| a.as_str()).unwrap_or_default();
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err(wrong(text, " has no host", "write it like `http://127.0.0.1:5000`"));
        }
        // With its colon, if there is one.
        let port = &authority[host.len()..];
        if !port.is_empty() && port[1..].parse::<u16>().is_err() {
            return Err(wrong(text, " has no valid port", "a port is a number up to 65535"));
        }
        let mut prefix = without_end(uri.path(), "/");
        if let Some(rest) = prefix.strip_suffix("/v1") {
            prefix = without_end(rest, "/");
        }
        let origin = [scheme, "://", authority].concat();
        Ok(BaseUrl { text: [&origin, prefix].concat(), prefix: origin.len() })
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
        f.write_str(&self.text)
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

fn wrong(text: &str, what: &str, hint: &str) -> Error {
    Error::config(["the base URL `", text, "`", what].concat()).with_hint(hint)
}

fn scheme_of(text: &str) -> Option<(&str, &str)> {
    let at = find(text.as_bytes(), b"://")?;
    Some((&text[..at], &text[at + 3..]))
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
