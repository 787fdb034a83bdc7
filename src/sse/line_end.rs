//! The last line end of an event, and its blank line.

/// The end of a line and the blank line after it.
pub(super) struct BlankLine {
    pub(super) len: usize,
    /// It ends with a CR as the last available byte.
    pub(super) swallow_lf: bool,
}

impl BlankLine {
    /// Reads both at the start of `bytes`, which is a line end. None if they are absent or incomplete.
    #[inline]
    pub(super) fn after(bytes: &[u8]) -> Option<Self> {
        // Arrays are compared as numbers.
        let len = match (bytes.first_chunk(), bytes.first_chunk()) {
            (Some(b"\r\n\r\n"), _) => 4,
            (_, Some(b"\n\n")) => 2,
            _ => return Self::mixed(bytes),
        };
        Some(Self { len, swallow_lf: false })
    }

    #[cold]
    fn mixed(bytes: &[u8]) -> Option<Self> {
        let rest = after_line_end(bytes)?;
        let after = after_line_end(rest)?;
        Some(Self { len: bytes.len() - after.len(), swallow_lf: after.is_empty() && rest.ends_with(b"\r") })
    }
}

fn after_line_end(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [b'\r', b'\n', rest @ ..] | [b'\r' | b'\n', rest @ ..] => Some(rest),
        _ => None,
    }
}
