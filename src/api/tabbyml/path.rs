//! User text as a segment of a path.

/// Percent-encodes each byte that could end or change the segment.
pub(super) fn segment(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    // A segment of only dots would be resolved as a relative path.
    let dots = matches!(text, "." | "..");
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) || byte == b'.' && !dots {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_segment_stays_one() {
        for (text, encoded) in [
            ("my docs/x", "my%20docs%2Fx"),
            ("a.b-c_d~e", "a.b-c_d~e"),
            ("..", "%2E%2E"),
            (".", "%2E"),
            ("?#%", "%3F%23%25"),
            ("\u{e9}", "%C3%A9"),
            ("", ""),
        ] {
            assert_eq!(segment(text), encoded);
        }
    }
}
