//! Templates: the text of an event around the one string in which it differs from others.
//!
//! Which string that is only affects speed. Any string of a valid document can be replaced by any other, so an event with the
//! same text before and after it, and a valid string body between, is valid, too, and differs only in that string.

use std::ops::Range;

use tabbyapi::internal::{Body, Frame, Frames, Piece};

use crate::document::{are_escapes, string_body};
use crate::records;

/// The fields whose text differs from event to event.
const FIELDS: [&str; 4] = ["content", "reasoning_content", "text", "token"];

/// The templates of a stream.
pub(crate) struct Templates {
    frames: Frames<Template>,
    /// The number of the template that is current in JavaScript.
    in_force: Option<usize>,
}

struct Template {
    /// Numbers are unique.
    number: usize,
    /// JavaScript knows the template.
    is_known: bool,
    /// The properties of its events, for streams that are resumed.
    piece: Piece,
}

impl Templates {
    pub(crate) fn new() -> Self {
        Templates { frames: Frames::default(), in_force: None }
    }

    /// Returns the match of a template at the start of `bytes`, which has no line end.
    #[inline]
    pub(crate) fn known<'a>(&mut self, bytes: &'a [u8]) -> Option<Match<'a>> {
        let (length, (text, escaped)) = self.frames.known(bytes, body)?;
        Some(Match { text, escaped, length })
    }

    /// Writes the record of a text that matched the last template.
    #[inline]
    pub(crate) fn write(&mut self, text: &str, escaped: bool) {
        let Some((frame, template)) = self.frames.first_mut() else { return };
        if !template.is_known {
            template.is_known = true;
            let (before, after) = frame.texts();
            records::template(template.number, before, after);
        } else if self.in_force != Some(template.number) {
            records::switch(template.number);
        }
        self.in_force = Some(template.number);
        records::text(text, escaped);
    }

    /// Returns the properties of the event that was recognized last.
    pub(crate) fn piece(&self, text: &str) -> Piece {
        let mut piece = self.frames.first().map(|template| template.piece.clone()).unwrap_or_default();
        piece.text &= !text.is_empty();
        piece.reasoning &= !text.is_empty();
        piece
    }

    /// Learns from an event that is a valid document with these properties.
    pub(crate) fn learn(&mut self, data: &str, piece: &Piece) {
        if !self.frames.may_learn(data) {
            return;
        }
        let Some(slot) = slot(data) else { return };
        let number = self.frames.make_room().map_or(self.frames.len(), |oldest| oldest.number);
        self.frames.add(Frame::of(data, slot), Template { number, is_known: false, piece: piece.clone() });
        if self.in_force == Some(number) {
            self.in_force = None;
        }
    }
}

/// Returns the body of a string, and whether it has escapes, which JavaScript undoes.
#[inline]
fn body(body: Body<'_>) -> Option<(&str, bool)> {
    let (text, escaped) = (body.text()?, body.is_escaped());
    (!escaped || are_escapes(text)).then_some((text, escaped))
}

/// The text in the data, as written there, and the length of the data.
pub(crate) struct Match<'a> {
    pub(crate) text: &'a str,
    pub(crate) escaped: bool,
    pub(crate) length: usize,
}

/// Returns the range of the first string body that is the value of one of the fields. `data` is a valid document.
fn slot(data: &str) -> Option<Range<usize>> {
    let bytes = data.as_bytes();
    // The name of the field whose value follows.
    let mut field = None;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'"' {
            let start = at + 1;
            let end = start + string_body(&bytes[start..])?.0;
            let is_name = bytes[end + 1..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
            match field {
                _ if is_name => field = data.get(start..end),
                Some(name) if FIELDS.contains(&name) => return Some(start..end),
                _ => field = None,
            }
            at = end;
        } else if !matches!(byte, b':') && !byte.is_ascii_whitespace() {
            field = None;
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_slot(data: &str, expected: Option<&str>) {
        assert_eq!(slot(data).map(|slot| &data[slot]), expected, "{data}");
    }

    #[test]
    fn the_slot_is_the_value_of_a_field() {
        assert_slot(r#"{"id": "content", "delta": {"content" : "a\"b"}}"#, Some(r#"a\"b"#));
        assert_slot(r#"{"content": null, "text": ""}"#, Some(""));
        assert_slot(r#"{"content": ["x"], "x": "y"}"#, None);
        assert_slot(r#"{"content": {"content": "in"}}"#, Some("in"));
        assert_slot(r#"["content", "x"]"#, None);
    }

    #[test]
    fn what_matches_is_reported_once_and_switched_to() {
        records::clear();
        let mut templates = Templates::new();
        templates.learn(r#"{"content":"a"}"#, &Piece::default());
        templates.learn(r#"{"text":"a"}"#, &Piece::default());
        for data in [r#"{"content":"x"}"#, r#"{"content":"\n"}"#, r#"{"text":"y"}"#, r#"{"content":"z"}"#] {
            let found = templates.known(data.as_bytes()).unwrap();
            assert_eq!(found.length, data.len());
            templates.write(found.text, found.escaped);
        }
        records::look(|output| {
            let expected = "\u{1}\0\0\0\0\0\u{c}\0\0\0\0\u{2}{\"content\":\"\"}\u{8}x\u{4}\0\0\0\0\u{2}\\n\
                            \u{1}\u{1}\0\0\0\0\u{9}\0\0\0\0\u{2}{\"text\":\"\"}\u{8}y\u{2}\0\u{8}z";
            assert_eq!(std::str::from_utf8(output).unwrap(), expected);
        });
        for data in [r#"{"content":"x"#, r#"{"content":"\q"}"#, "{\"content\":\"\n\"}", r#"{"content":"\u12"}"#] {
            assert!(templates.known(data.as_bytes()).is_none(), "{data}");
        }
    }

    #[test]
    fn numbers_are_used_again() {
        let mut templates = Templates::new();
        for number in 0..6 {
            templates.learn(&format!(r#"{{"n":{number},"content":"a"}}"#), &Piece::default());
        }
        let mut numbers = Vec::new();
        for number in 2..6 {
            templates.known(format!(r#"{{"n":{number},"content":"b"}}"#).as_bytes()).unwrap();
            numbers.extend(templates.frames.first().map(|template| template.number));
        }
        numbers.sort();
        assert_eq!(numbers, [0, 1, 2, 3]);
    }
}
