//! Header values that are wiped from memory.

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

/// The value of a header that carries a secret. All clones share one memory, which is wiped when the last one is dropped. `None` if it
/// is not a valid header value; the error does not repeat the secret.
pub(crate) fn secret_value(prefix: &str, secret: &str) -> Option<HeaderValue> {
    // Allocated at full size, since a vector that grows leaves its old content behind in memory.
    let mut text = Zeroizing::new(Vec::with_capacity(prefix.len() + secret.len()));
    text.extend_from_slice(prefix.as_bytes());
    text.extend_from_slice(secret.as_bytes());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_memory_that_is_wiped() {
        let value = secret_value("Bearer ", "caf\u{e9}-key").unwrap();
        assert!(value.is_sensitive());
        assert_eq!(value.as_bytes(), "Bearer caf\u{e9}-key".as_bytes());
        assert_eq!(value.clone().as_bytes().as_ptr(), value.as_bytes().as_ptr());
        assert!(secret_value("", "a\nb").is_none());
    }
}
