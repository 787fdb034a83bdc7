//! Detects whether a body is a stream of events or one document, by its content type or first bytes.

use bytes::Bytes;
use http::{HeaderMap, header};

use crate::decode::json::Body;
use crate::sse::{Field, Parser};

/// Inspects the first bytes of a body.
pub(super) struct Sniff {
    /// Whether the content type is, or may be, that of a stream.
    declared: bool,
    /// The bytes so far, with leading white space [reduced](squeezed): less than a line.
    bytes: Vec<u8>,
    received: u64,
    body: Body,
    largest_event: usize,
}

impl Sniff {
    pub(super) fn new(headers: &HeaderMap, body: Body, largest_event: usize) -> Self {
        Sniff { declared: may_be_stream(headers), bytes: Vec::new(), received: 0, body, largest_event }
    }

    /// Adds a chunk. Once the kind of the body is known, returns whether it is a stream, and the bytes so far.
    pub(super) fn feed(&mut self, chunk: Bytes) -> Option<(bool, Bytes)> {
        self.received += chunk.len() as u64;
        if self.bytes.is_empty()
            && let Some(is_stream) = is_stream(&chunk, self.declared)
        {
            return Some((is_stream, content(is_stream, chunk)));
        }
        self.bytes.extend_from_slice(&chunk);
        match is_stream(&self.bytes, self.declared) {
            Some(is_stream) => Some((is_stream, content(is_stream, std::mem::take(&mut self.bytes).into()))),
            None => {
                // White space has no meaning in either case. It may arrive for a long time before a response, within limits.
                self.bytes = squeezed(&self.bytes);
                if self.received <= self.body.cap() {
                    return None;
                }
                self.body.overflow();
                Some((self.declared, std::mem::take(&mut self.bytes).into()))
            }
        }
    }

    /// The body ended before its kind was known.
    pub(super) fn end(&mut self) -> (bool, Bytes) {
        let bytes = std::mem::take(&mut self.bytes);
        let bytes = if start(&bytes).is_empty() { Bytes::new() } else { bytes.into() };
        (self.declared, content(self.declared, bytes))
    }

    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The parser, if the body is a stream.
    pub(super) fn parser(&self) -> Parser {
        Parser::with_max_event_bytes(self.largest_event)
    }

    /// The collector, if the body is not a stream.
    pub(super) fn into_body(self) -> Body {
        self.body
    }
}

/// Whether one of the content types is that of a stream. Servers and proxies may omit the type, repeat it or list several.
fn may_be_stream(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter().peekable();
    types.peek().is_none()
        || types.any(|value| {
            let words = value.as_bytes().split(|byte| matches!(byte, b',' | b';'));
            words.map(<[u8]>::trim_ascii).any(|word| word.eq_ignore_ascii_case(b"text/event-stream"))
        })
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The bytes without a byte order mark and white space.
fn start(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes).trim_ascii_start()
}

/// Removes what precedes a document. It has no meaning, and may have been [reduced](squeezed) before. Not all of it is whitespace
/// in JSON.
fn content(is_stream: bool, bytes: Bytes) -> Bytes {
    match is_stream {
        true => bytes,
        false => bytes.slice_ref(start(&bytes)),
    }
}

/// Reduces leading whitespace to what matters for a stream: after a byte order mark or a line end there is no mark, and a line
/// that begins with a space has no field.
fn squeezed(bytes: &[u8]) -> Vec<u8> {
    let rest = start(bytes);
    let white = &bytes[..bytes.len() - rest.len()];
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let line = white.rsplit(is_line_end).next().unwrap_or_default();
    let before: &[u8] = match (white.is_empty(), line.is_empty() || line == BOM) {
        (true, _) => b"",
        (false, true) => b"\n",
        (false, false) => b"\n ",
    };
    [before, rest].concat()
}

/// Whether a body with this beginning is a stream. `None` if more bytes are needed.
fn is_stream(bytes: &[u8], declared: bool) -> Option<bool> {
    let line = start(bytes);
    match line.first()? {
        // A stream has no line with this start, except ignored ones.
        b'{' | b'[' => return Some(false),
        _ if BOM.starts_with(line) => return None,
        _ if declared => return Some(true),
        b':' => return Some(true),
        _ => {}
    }
    if Field::NAMES.iter().any(|name| name.starts_with(line)) {
        return None;
    }
    let begins = |name: &&[u8]| matches!(line.strip_prefix(*name), Some([b':' | b'\r' | b'\n', ..]));
    Some(Field::NAMES.iter().any(begins))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        for (bytes, other, declared) in [
            ("data: x", Some(true), Some(true)),
            ("data\n", Some(true), Some(true)),
            ("data", None, Some(true)),
            ("\r\n\u{feff}", None, None),
            ("\u{feff}\r\n: hi", Some(true), Some(true)),
            ("event:", Some(true), Some(true)),
            ("id: 1", Some(true), Some(true)),
            ("retry:1", Some(true), Some(true)),
            ("database", Some(false), Some(true)),
            ("data {", Some(false), Some(true)),
            ("<html>", Some(false), Some(true)),
            (" {\"a\"", Some(false), Some(false)),
            ("[", Some(false), Some(false)),
            ("", None, None),
            (" \r\n", None, None),
        ] {
            assert_eq!(is_stream(bytes.as_bytes(), false), other, "{bytes:?}");
            assert_eq!(is_stream(bytes.as_bytes(), true), declared, "{bytes:?}");
        }
        assert_eq!(is_stream(b"\xEF\xBB", true), None);
    }

    #[test]
    fn white_space_is_kept_as_far_as_it_makes_a_difference() {
        for (bytes, kept) in [
            ("", ""),
            ("da", "da"),
            ("\r\n\r\n", "\n"),
            ("\n \t", "\n "),
            (" \t \r", "\n"),
            ("\u{feff}", "\n"),
            ("\u{feff} ", "\n "),
            ("\u{feff}\n", "\n"),
            ("\n\u{feff}", "\n\u{feff}"),
            ("  retr", "\n retr"),
        ] {
            assert_eq!(squeezed(bytes.as_bytes()), kept.as_bytes(), "{bytes:?}");
            assert_eq!(squeezed(kept.as_bytes()), kept.as_bytes(), "{bytes:?}, again");
        }
    }
}
