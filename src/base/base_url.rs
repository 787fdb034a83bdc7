//! `BaseUrl`: the address of a server.

use std::fmt;

use http::Uri;
use http::uri::{InvalidUri, Parts};

use crate::base::advice::{Advice, Place, Remedy};
use crate::base::error::{Error, Result};
use crate::base::text::{Text, find, without_end};

/// The address of a server: scheme (`http` or `https`), host, and an optional path prefix.
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
    /// `http` or `https`, `://`, the authority without userinfo, and a prefix. The prefix is empty, or starts with `/` and ends with
    /// neither `/` nor the segment `v1`.
    text: Text,
    /// Where the prefix begins.
    prefix: usize,
    /// The part before it, parsed.
    origin: Uri,
}

impl BaseUrl {
    /// Returns the full address of an operation whose path starts with `/`.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) if the result is not a valid URI.
    pub fn join(&self, path: &str) -> Result<Uri> {
        let separator = if path.starts_with('/') { "" } else { "/" };
        self.joined(separator, path).map_or_else(|| parsed(&[self.as_str(), separator, path].concat()), Ok)
    }

    /// Parses only the path. `None` if it may be invalid.
    fn joined(&self, separator: &str, path: &str) -> Option<Uri> {
        let prefix = &self.text[self.prefix..];
        // Longer addresses than 65,534 bytes are errors.
        if self.text.len() + path.len() >= usize::from(u16::MAX) - 1 {
            return None;
        }
        let mut parts = Parts::default();
        parts.scheme = self.origin.scheme().cloned();
        parts.authority = self.origin.authority().cloned();
        parts.path_and_query = Some([prefix, separator, path].concat().try_into().ok()?);
        Uri::from_parts(parts).ok()
    }

    /// Returns scheme, host, port and prefix, such as `http://127.0.0.1:5000`, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn text(&self) -> &Text {
        &self.text
    }

    /// Returns scheme, host and port, such as `http://127.0.0.1:5000`.
    pub fn origin(&self) -> &str {
        &self.text[..self.prefix]
    }
}

fn parsed(text: &str) -> Result<Uri> {
    text.parse().map_err(|error: InvalidUri| {
        Error::config(["`", text, "` is not a valid address: ", &error.to_string()].concat())
    })
}

impl std::str::FromStr for BaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(Error::config_of(Place::BaseUrl, " is empty")
                .with_hint("give the server's address, such as `http://127.0.0.1:5000`"));
        }
        let (scheme, rest) = scheme_of(text).unzip();
        // Checked first, so that later messages cannot repeat a password.
        let rest = rest.filter(|rest| !rest.starts_with(['/', '\\']));
        let mut authority = rest.unwrap_or(text).bytes().take_while(|byte| rest.is_none() || !b"/?#".contains(byte));
        if authority.any(|byte| byte == b'@') {
            return Err(Error::config_of(Place::BaseUrl, " carries a user name or password").with_advice(Advice::new(
                Remedy::Give,
                "leave them out and set keys with {key:api_key} and {key:admin_key}, or a gateway's `Authorization` with \
                 {setting:client_builder.sensitive_header}",
            )));
        }
        let instead = || ["write `", &meant(text), "`"].concat();
        let Some(scheme) = scheme else {
            let what = match text.starts_with(SEPARATORS) || after_scheme(text).is_some() {
                true => " does not begin with `http://` or `https://`",
                false => " has no scheme",
            };
            return Err(wrong(text, what, &instead()));
        };
        let Some(scheme) = ["http", "https"].into_iter().find(|known| known.eq_ignore_ascii_case(scheme)) else {
            return Err(wrong(text, &[" has the scheme `", &shown(scheme), "`"].concat(), "use `http` or `https`"));
        };
        if text.contains('\\') {
            return Err(wrong(text, " has a backslash", &instead()));
        }
        if text.bytes().any(|byte| b"?#".contains(&byte)) {
            return Err(Error::config_of(Place::BaseUrl, " has a query or a fragment")
                .with_hint("keep scheme, host, port and path prefix only"));
        }
        if rest.is_none_or(|rest| scheme_of(rest).is_some()) {
            return Err(wrong(text, " has no host after its scheme", &instead()));
        }
        let uri: Uri = text.parse().map_err(|error: InvalidUri| {
            wrong(text, &[" is not valid: ", &error.to_string()].concat(), "write it like `http://127.0.0.1:5000`")
        })?;
        let authority = uri.authority().map(|a| a.as_str()).unwrap_or_default();
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err(wrong(text, " has no host", "write it like `http://127.0.0.1:5000`"));
        }
        // Includes the colon, if there is one.
        let port = &authority[host.len()..];
        if !port.is_empty() && port[1..].parse::<u16>().is_err() {
            return Err(wrong(text, " has no valid port", "a port is a number up to 65535"));
        }
        if uri.path().split('/').any(is_dots) {
            // HTTP stacks differ: some resolve these segments, others send them.
            return Err(wrong(text, " has `.` or `..` in its path", "write the intended path without them"));
        }
        let prefix = without_v1(uri.path());
        if let Some(route) = route_at_end(prefix) {
            let what = [" ends with the path of a request, `", route, "`"].concat();
            let hint = [&instead(), "; the paths of requests are added to it"].concat();
            return Err(wrong(text, &what, &hint));
        }
        let origin = [scheme, "://", authority].concat();
        Ok(BaseUrl { text: [&origin, prefix].concat().into(), prefix: origin.len(), origin: parsed(&origin)? })
    }
}

impl TryFrom<&str> for BaseUrl {
    type Error = Error;
    fn try_from(text: &str) -> Result<Self> {
        text.parse()
    }
}

/// Conversions from other types that hold an address as text.
macro_rules! from_text {
    ($($type:ty),*) => { $(
        impl TryFrom<$type> for BaseUrl {
            type Error = Error;
            fn try_from(text: $type) -> Result<Self> {
                text.parse()
            }
        }
    )* };
}

from_text!(String, &String, Box<str>, std::borrow::Cow<'_, str>);

impl TryFrom<Uri> for BaseUrl {
    type Error = Error;
    fn try_from(uri: Uri) -> Result<Self> {
        uri.to_string().parse()
    }
}

impl AsRef<str> for BaseUrl {
    fn as_ref(&self) -> &str {
        self.as_str()
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

/// Routes of similar servers that users paste as base URLs.
const OTHER_ROUTES: &str = "/chat/completions /v1/chat /v1/messages /v1/responses";

/// The routes in the table of routes, each followed by a space.
const ROUTES: &str = match str::from_utf8(&ROUTE_BYTES) {
    Ok(routes) => routes,
    Err(_) => "",
};
static ROUTE_BYTES: [u8; routes::<0>().0] = routes().1;

/// Returns the length of the routes in the table, and their first `N` bytes. A route follows a method, and ends before a backtick, a space or a query.
const fn routes<const N: usize>() -> (usize, [u8; N]) {
    const TABLE: &[u8] = include_bytes!("../guide/coverage.md");
    let (mut length, mut routes, mut at) = (0, [b' '; N], 2);
    while at < TABLE.len() {
        if TABLE[at] == b'/' && TABLE[at - 1] == b' ' && TABLE[at - 2].is_ascii_uppercase() {
            while !matches!(TABLE[at], b'`' | b' ' | b'?') {
                if length < N {
                    routes[length] = TABLE[at];
                }
                (length, at) = (length + 1, at + 1);
            }
            length += 1;
        }
        at += 1;
    }
    (length, routes)
}

/// The longest known route that the path ends with.
fn route_at_end(path: &str) -> Option<&'static str> {
    let ends = |route: &&str| path.len() >= route.len() && path.is_char_boundary(path.len() - route.len());
    let found = [ROUTES, OTHER_ROUTES].into_iter().flat_map(str::split_ascii_whitespace).filter(ends);
    found.filter(|route| path[path.len() - route.len()..].eq_ignore_ascii_case(route)).max_by_key(|route| route.len())
}

/// Removes trailing slashes and trailing `v1` segments. Parsing the result again does not change it.
fn without_v1(path: &str) -> &str {
    let mut path = without_end(path, "/");
    while let Some(shorter) = path.strip_suffix("/v1") {
        path = without_end(shorter, "/");
    }
    path
}

/// Whether URL parsers may read this segment as `.` or `..`.
fn is_dots(segment: &str) -> bool {
    let mut rest = segment;
    let mut dots = 0;
    while let Some(after) = ["..", ".", "%2e", "%2E"].iter().skip(1).find_map(|dot| rest.strip_prefix(dot)) {
        rest = after;
        dots += 1;
    }
    rest.is_empty() && (1..=2).contains(&dots)
}

/// Separators that users type between scheme and host.
const SEPARATORS: [char; 3] = [':', '/', '\\'];

/// Splits off a scheme at the start of the text, whatever follows it.
fn after_scheme(text: &str) -> Option<(&'static str, &str)> {
    ["https", "http"].into_iter().find_map(|known| {
        let start = text.get(..known.len()).filter(|start| start.eq_ignore_ascii_case(known))?;
        text.get(start.len()..).filter(|after| after.starts_with(SEPARATORS)).map(|after| (known, after))
    })
}

/// The base URL that this text was probably meant to be.
fn meant(text: &str) -> String {
    let (mut scheme, mut rest) = ("http", text.trim_start_matches(SEPARATORS));
    // `http:/h`, `http//h`, `http://http://h`
    while let Some((known, after)) = after_scheme(rest) {
        (scheme, rest) = (known, after.trim_start_matches(SEPARATORS));
    }
    let rest = rest.replace('\\', "/");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = without_v1(path);
    let path = without_v1(route_at_end(path).map_or(path, |route| &path[..path.len() - route.len()]));
    match authority {
        "" => "http://127.0.0.1:5000".to_owned(),
        _ => shown(&[scheme, "://", authority, path].concat()),
    }
}

fn wrong(text: &str, what: &str, hint: &str) -> Error {
    Error::config_of(Place::BaseUrl, &[" `", &shown(text), "`", what].concat()).with_hint(hint)
}

/// Makes user input safe for a message: removes control characters and truncates it.
fn shown(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
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
    fn joining_is_parsing_the_whole_address() {
        let long = "a".repeat(65_500);
        for base in ["http://127.0.0.1:5000", "https://Example.test/pre/fix/v1"] {
            let base: BaseUrl = base.parse().unwrap();
            for path in
                ["/v1/models", "/a?b=c", "/a#b", "/?", "/%zz", "/a b", "/ü", "/\u{7f}", "/a\"{}", "/[", &long, ""]
            {
                let text = [base.as_str(), if path.starts_with('/') { "" } else { "/" }, path].concat();
                let parsed = parsed(&text).map_err(|error| error.to_string());
                assert_eq!(base.join(path).map_err(|error| error.to_string()), parsed, "{text}");
                if let (Ok(one), Ok(other)) = (base.join(path), parsed) {
                    assert_eq!(one.to_string(), other.to_string());
                }
            }
            for length in 65_480..65_540 {
                let path = format!("/{}", &"a".repeat(length)[1..]);
                assert_eq!(base.join(&path).is_ok(), parsed(&[base.as_str(), &path].concat()).is_ok(), "{length}");
            }
        }
    }

    #[test]
    fn what_is_written_reads_the_same_again() {
        for text in ["http://h/v1/v1", "http://h/a//v1///v1/", "http://h/a/v1/b"] {
            let url: BaseUrl = text.parse().unwrap();
            assert_eq!(url.as_str().parse::<BaseUrl>().unwrap(), url, "{text}");
        }
        assert_joins("http://h/v1/v1", "http://h/v1/models");
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
            assert_eq!(error.kind(), crate::base::error::ErrorKind::Config, "{base}");
            assert!(error.hint().is_some(), "{base}");
        }
    }

    #[test]
    fn what_was_meant_is_reported() {
        for (base, problem, instead) in [
            ("http:/h:5000", "does not begin with `http://` or `https://`", "http://h:5000"),
            ("https:/h", "does not begin with `http://` or `https://`", "https://h"),
            ("http:h:5000", "does not begin with `http://` or `https://`", "http://h:5000"),
            ("http//h:5000/v1", "does not begin with `http://` or `https://`", "http://h:5000"),
            ("http:\\\\h:5000", "does not begin with `http://` or `https://`", "http://h:5000"),
            ("//h:5000", "does not begin with `http://` or `https://`", "http://h:5000"),
            ("h:5000", "has no scheme", "http://h:5000"),
            ("localhost", "has no scheme", "http://localhost"),
            ("h:5000/v1/models", "has no scheme", "http://h:5000"),
            ("http.example.org/a", "has no scheme", "http://http.example.org/a"),
            ("http:///h:5000", "has no host after its scheme", "http://h:5000"),
            ("http://http://h:5000", "has no host after its scheme", "http://h:5000"),
            ("http://https://h:5000", "has no host after its scheme", "https://h:5000"),
            ("http://h:5000\\v1", "has a backslash", "http://h:5000"),
            ("http://h:5000/a\\..\\b", "has a backslash", "http://h:5000/a/../b"),
            (
                "http://h:5000/v1/chat/completions",
                "ends with the path of a request, `/v1/chat/completions`",
                "http://h:5000",
            ),
            (
                "https://h/tabby/v1/chat/completions/",
                "ends with the path of a request, `/v1/chat/completions`",
                "https://h/tabby",
            ),
            ("http://h:5000/chat/completions", "ends with the path of a request, `/chat/completions`", "http://h:5000"),
            ("http://h:5000/v1/model", "ends with the path of a request, `/v1/model`", "http://h:5000"),
            ("http://h:5000/V1/Models", "ends with the path of a request, `/v1/models`", "http://h:5000"),
            ("http://h:5000/v1/models/v1", "ends with the path of a request, `/v1/models`", "http://h:5000"),
            ("http://h:5000/api/v1/generate", "ends with the path of a request, `/api/v1/generate`", "http://h:5000"),
            ("http://h:5000/health", "ends with the path of a request, `/health`", "http://h:5000"),
            ("http://h:5000/docs/", "ends with the path of a request, `/docs`", "http://h:5000"),
        ] {
            let error = base.parse::<BaseUrl>().expect_err(base);
            assert!(error.message().contains(problem), "{base}: {error}");
            assert!(error.hint().unwrap().starts_with(&format!("write `{instead}`")), "{base}: {error}");
        }
        // Similar paths that are not routes of the server.
        for base in
            ["http://h/health/a", "http://h/tabby-health", "http://h/my/models", "http://h/v1/models/a", "http://docs"]
        {
            assert_eq!(base.parse::<BaseUrl>().unwrap().as_str(), base);
        }
    }

    #[test]
    fn all_routes_are_known_at_the_end() {
        for row in include_str!("../guide/coverage.md").lines() {
            let Some(route) =
                row.split('`').find(|cell| ["GET /", "POST /", "PUT /"].iter().any(|verb| cell.starts_with(verb)))
            else {
                continue;
            };
            let path = route.split_once(' ').unwrap().1.split([' ', '?']).next().unwrap();
            let error = ["http://h", path].concat().parse::<BaseUrl>().expect_err(path);
            assert!(error.hint().unwrap().starts_with("write `http://h`"), "{path}: {error}");
        }
    }

    #[test]
    fn what_stacks_read_differently_is_refused() {
        for path in ["/..", "/../b", "/a/../b", "/a/./b", "/.", "/a/..", "/%2e%2E/b", "/.%2e/b", "/a/%2e", "/a/../v1"] {
            let error = ["http://h", path].concat().parse::<BaseUrl>().expect_err(path);
            assert!(error.message().contains("in its path"), "{path}: {error}");
        }
        for path in ["/...", "/.a", "/a.", "/a..b", "/%2ea", "/%2e%2e%2e"] {
            assert_eq!(["http://h", path].concat().parse::<BaseUrl>().unwrap().as_str(), ["http://h", path].concat());
        }
        let error = "http://h\n:5/".parse::<BaseUrl>().unwrap_err();
        assert!(!error.to_string().contains('\n'), "{error}");
    }

    #[test]
    fn passwords_do_not_show() {
        for base in [
            "http://u:hush@h",
            "u:hush@h",
            "ftp://hush@h/?x",
            "http:/u:hush@h",
            "http:///u:hush@h",
            "http:\\\\u:hush@h",
            "http//u:hush@h",
            "http://\\u:hush@h",
        ] {
            let error = base.parse::<BaseUrl>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
        }
    }
}
