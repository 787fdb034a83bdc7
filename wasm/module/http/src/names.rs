//! Names of headers, and of methods.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A method.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Method(&'static str);

impl Method {
    pub const DELETE: Method = Method("DELETE");
    pub const GET: Method = Method("GET");
    pub const PATCH: Method = Method("PATCH");
    pub const POST: Method = Method("POST");
    pub const PUT: Method = Method("PUT");

    pub fn as_str(&self) -> &str {
        self.0
    }
}

impl PartialEq<str> for Method {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Method {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The name of a header, in lowercase.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HeaderName(Cow<'static, str>);

/// The name has characters that no name has, or none at all.
#[derive(Debug)]
pub struct InvalidHeaderName;

impl HeaderName {
    /// Panics if it is no name in lowercase.
    pub const fn from_static(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty(), "a header without a name");
        let mut at = 0;
        while at < bytes.len() {
            assert!(is_token(bytes[at]) && !bytes[at].is_ascii_uppercase(), "no name of a header");
            at += 1;
        }
        HeaderName(Cow::Borrowed(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HeaderName {
    type Err = InvalidHeaderName;

    fn from_str(name: &str) -> Result<Self, InvalidHeaderName> {
        match !name.is_empty() && name.bytes().all(is_token) {
            true => Ok(HeaderName(Cow::Owned(name.to_ascii_lowercase()))),
            false => Err(InvalidHeaderName),
        }
    }
}

impl TryFrom<&str> for HeaderName {
    type Error = InvalidHeaderName;

    fn try_from(name: &str) -> Result<Self, InvalidHeaderName> {
        name.parse()
    }
}

impl PartialEq<str> for HeaderName {
    fn eq(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl PartialEq<&str> for HeaderName {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// Those that the core knows.
pub mod known {
    use super::HeaderName;

    pub const ACCEPT: HeaderName = HeaderName::from_static("accept");
    pub const AUTHORIZATION: HeaderName = HeaderName::from_static("authorization");
    pub const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");
    pub const COOKIE: HeaderName = HeaderName::from_static("cookie");
    pub const DATE: HeaderName = HeaderName::from_static("date");
    pub const LOCATION: HeaderName = HeaderName::from_static("location");
    pub const PROXY_AUTHORIZATION: HeaderName = HeaderName::from_static("proxy-authorization");
    pub const RETRY_AFTER: HeaderName = HeaderName::from_static("retry-after");
    pub const SET_COOKIE: HeaderName = HeaderName::from_static("set-cookie");
}
