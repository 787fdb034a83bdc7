//! Values of headers.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The value of a header: bytes, of which some may stand for secrets.
#[derive(Clone, Eq)]
pub struct HeaderValue {
    bytes: Cow<'static, [u8]>,
    is_sensitive: bool,
}

/// The value has characters that no header can carry.
#[derive(Debug)]
pub struct InvalidHeaderValue;

/// The value is not all visible ASCII.
#[derive(Debug)]
pub struct ToStrError;

impl HeaderValue {
    /// Panics if it is not all visible ASCII.
    pub const fn from_static(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            assert!(is_visible(bytes[at]), "no value of a header");
            at += 1;
        }
        HeaderValue { bytes: Cow::Borrowed(bytes), is_sensitive: false }
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidHeaderValue> {
        match bytes.iter().all(|byte| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f) {
            true => Ok(HeaderValue { bytes: Cow::Owned(bytes.to_vec()), is_sensitive: false }),
            false => Err(InvalidHeaderValue),
        }
    }

    #[expect(clippy::should_implement_trait, reason = "as `http` has it, beside the trait")]
    pub fn from_str(text: &str) -> Result<Self, InvalidHeaderValue> {
        HeaderValue::from_bytes(text.as_bytes())
    }

    pub fn to_str(&self) -> Result<&str, ToStrError> {
        match self.bytes.iter().all(|byte| is_visible(*byte)) {
            true => std::str::from_utf8(&self.bytes).map_err(|_| ToStrError),
            false => Err(ToStrError),
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether `Debug` leaves it out.
    pub fn is_sensitive(&self) -> bool {
        self.is_sensitive
    }

    pub fn set_sensitive(&mut self, is_sensitive: bool) {
        self.is_sensitive = is_sensitive;
    }
}

impl FromStr for HeaderValue {
    type Err = InvalidHeaderValue;

    fn from_str(text: &str) -> Result<Self, InvalidHeaderValue> {
        HeaderValue::from_bytes(text.as_bytes())
    }
}

impl TryFrom<&str> for HeaderValue {
    type Error = InvalidHeaderValue;

    fn try_from(text: &str) -> Result<Self, InvalidHeaderValue> {
        HeaderValue::from_bytes(text.as_bytes())
    }
}

impl TryFrom<&String> for HeaderValue {
    type Error = InvalidHeaderValue;

    fn try_from(text: &String) -> Result<Self, InvalidHeaderValue> {
        HeaderValue::from_bytes(text.as_bytes())
    }
}

impl TryFrom<String> for HeaderValue {
    type Error = InvalidHeaderValue;

    fn try_from(text: String) -> Result<Self, InvalidHeaderValue> {
        HeaderValue::from_bytes(text.as_bytes())
    }
}

impl PartialEq for HeaderValue {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl PartialEq<str> for HeaderValue {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for HeaderValue {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_sensitive {
            true => f.write_str("Sensitive"),
            false => write!(f, "\"{}\"", self.bytes.escape_ascii()),
        }
    }
}

const fn is_visible(byte: u8) -> bool {
    byte == b'\t' || byte >= b' ' && byte < 0x7f
}
