//! The body of a JSON string, up to the closing quote.

/// The low and the high bit of each byte.
const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The body of a JSON string.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    /// Its bytes, and what follows them.
    bytes: &'a [u8],
    /// Up to the closing quote.
    pub(super) len: usize,
    escaped: bool,
}

impl<'a> Body<'a> {
    /// The body at the start of `bytes`. None if it does not end there, or has an invalid byte.
    #[inline]
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        // Most tokens take less than eight bytes, which are looked at as one number.
        if let Some(first) = bytes.first_chunk() {
            let found = special(u64::from_le_bytes(*first));
            if found != 0 {
                let len = (found.trailing_zeros() / 8) as usize;
                return if bytes[len] == b'"' {
                    Some(Self { bytes, len, escaped: false })
                } else {
                    Self::from(bytes, len)
                };
            }
        }
        Self::from(bytes, 0)
    }

    /// The same, if `len` bytes are ordinary.
    #[inline(never)]
    fn from(bytes: &'a [u8], mut len: usize) -> Option<Self> {
        let mut escaped = false;
        loop {
            match *bytes.get(len)? {
                b'"' => return Some(Self { bytes, len, escaped }),
                b'\\' => {
                    escaped = true;
                    // An escaped character is not a closing quote. If it is a control character, unescaping fails.
                    len += 2;
                }
                0..0x20 => return None,
                _ => len += 1,
            }
        }
    }

    /// Returns whether it has escapes, which may be invalid.
    #[inline]
    pub fn is_escaped(&self) -> bool {
        self.escaped
    }

    /// Returns the text as it is written, with its escapes. `None` if it is not UTF-8.
    #[inline]
    pub fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes.get(..self.len)?).ok()
    }
}

/// Marks a byte that is a quote, a backslash or a control character by its highest bit. Only the first one is marked reliably: a borrow
/// passes from it to the next ones.
#[inline]
fn special(bytes: u64) -> u64 {
    let is_zero = |bytes: u64| bytes.wrapping_sub(LOW) & !bytes;
    let is_equal = |byte: u8| is_zero(bytes ^ (LOW * u64::from(byte)));
    let is_control = bytes.wrapping_sub(LOW * 0x20) & !bytes;
    (is_equal(b'"') | is_equal(b'\\') | is_control) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_special_byte_is_found_at_every_place() {
        for byte in 0..=u8::MAX {
            let is_special = byte < 0x20 || matches!(byte, b'"' | b'\\');
            for other in [b' ', b'!', b'#', b'[', b']', 0x1F, 0x7F, 0x80, 0xA2, 0xDC, 0xFF, b'"', b'\\'] {
                for at in 0..8 {
                    let mut bytes = [b'a'; 8];
                    bytes[at..].fill(other);
                    bytes[at] = byte;
                    let first = bytes.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'));
                    let found = special(u64::from_le_bytes(bytes));
                    let marked = (found != 0).then(|| (found.trailing_zeros() / 8) as usize);
                    assert_eq!(marked, first, "{bytes:?}");
                    assert!(!is_special || marked == Some(at));
                }
            }
        }
    }

    #[test]
    fn bodies_end_at_their_quote() {
        for (bytes, len, escaped) in [
            (&b"\""[..], Some(0), false),
            (b"a\", \"more\"", Some(1), false),
            (b"seven 7\"", Some(7), false),
            (b"eight 88\"", Some(8), false),
            (b"a longer text, of several words\"}", Some(31), false),
            (b"a\\\"b\"", Some(4), true),
            (b"a longer text\\\\\"", Some(15), true),
            (b"", None, false),
            (b"no end here", None, false),
            (b"escaped\\\"", None, false),
            (b"line\nend\"", None, false),
            (b"twelve bytes\n\"", None, false),
        ] {
            let body = Body::of(bytes);
            assert_eq!(body.as_ref().map(|body| body.len), len, "{bytes:?}");
            assert!(body.is_none_or(|body| body.escaped == escaped), "{bytes:?}");
        }
    }
}
