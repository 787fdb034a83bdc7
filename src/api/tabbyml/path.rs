//! User text as a segment of a path.

use crate::base::{Error, ErrorCode, ErrorKind, Result};

/// Returns the text as one segment of a path, with each byte percent-encoded that could end or change it. Errors if the text
/// cannot be a segment. An empty one would be omitted, and URL parsers resolve `.` and `..`, encoded or not, so that the request
/// would go to another document.
pub fn segment(text: &str) -> Result<String> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if matches!(text, "" | "." | "..") {
        return Err(Error::new(
            ErrorKind::Encode,
            ErrorCode::InvalidRequest,
            format!(
                "the source or id {text:?} cannot be part of a path; use another one for documents that are removed one by one"
            ),
        ));
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~.".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_segment_stays_one() {
        for (text, encoded) in [
            ("my docs/x", "my%20docs%2Fx"),
            ("a.b-c_d~e", "a.b-c_d~e"),
            ("...", "..."),
            ("?#%", "%3F%23%25"),
            ("\u{e9}", "%C3%A9"),
        ] {
            assert_eq!(segment(text).unwrap(), encoded);
        }
        for text in ["", ".", ".."] {
            assert_eq!(segment(text).unwrap_err().code().as_str(), "invalid_request");
        }
    }
}
