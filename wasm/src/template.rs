//! Templates: the text of an event around the one string in which it differs from others.
//!
//! Which string that is only decides about speed: any string of a valid document can be replaced by any other, so an event that is
//! equal before and after, with a valid string body between, is as valid as the one that was learned, and says the same but for
//! that string.

use tabbyapi::internal::Piece;

use crate::document::string_body;

use crate::records;

/// How many templates are kept. Choices take turns in a stream, and so do reasoning and content.
const KEPT: usize = 4;
/// Longer events are not learned.
const MAX_DATA: usize = 4 << 10;
/// How many events in a row may be learned without one being recognized.
const CREDIT: u32 = 8;
/// Without credit every so many events is learned nonetheless, should the stream have settled.
const RETRY: u32 = 64;
/// The fields whose text differs from event to event.
const FIELDS: [&str; 4] = ["content", "reasoning_content", "text", "token"];

/// The templates of a stream.
pub(crate) struct Templates {
    /// The one that matched last is first.
    kept: Vec<Template>,
    /// The number that JavaScript has in force.
    in_force: Option<u32>,
    /// Events not learned since the credit was used up.
    waited: u32,
    credit: u32,
}

struct Template {
    /// Less than `KEPT`; no two have the same.
    number: u32,
    /// The data up to and with the opening quote.
    before: Box<str>,
    /// The data from the closing quote on.
    after: Box<str>,
    /// JavaScript knows it.
    is_known: bool,
    /// What its events come to, for streams that are resumed.
    piece: Piece,
}

impl Templates {
    pub(crate) fn new() -> Self {
        Templates { kept: Vec::new(), in_force: None, waited: 0, credit: CREDIT }
    }

    /// The length of the data at the start of `bytes`, if it matches a template; its record is written. There is no line end
    /// in it.
    #[inline]
    pub(crate) fn known<'a>(&mut self, bytes: &'a [u8]) -> Option<Match<'a>> {
        for at in 0..self.kept.len() {
            if let Some(found) = self.kept[at].find(bytes) {
                if at > 0 {
                    let matched = self.kept.remove(at);
                    self.kept.insert(0, matched);
                }
                self.credit = CREDIT;
                return Some(found);
            }
        }
        None
    }

    /// Writes the record of what matched: the text is that of the template that matched last.
    #[inline]
    pub(crate) fn write(&mut self, text: &str, escaped: bool) {
        let Some(template) = self.kept.first_mut() else { return };
        if !template.is_known {
            template.is_known = true;
            records::template(template.number, &template.before, &template.after);
        } else if self.in_force != Some(template.number) {
            records::switch(template.number);
        }
        self.in_force = Some(template.number);
        records::text(text, escaped);
    }

    /// What the event comes to that was recognized last.
    pub(crate) fn piece(&self, text: &str) -> Piece {
        let mut piece = self.kept.first().map(|template| template.piece.clone()).unwrap_or_default();
        piece.text &= !text.is_empty();
        piece.reasoning &= !text.is_empty();
        piece
    }

    /// Learns from an event that is a valid document, and comes to this.
    pub(crate) fn learn(&mut self, data: &str, piece: &Piece) {
        // Line ends between tokens could be ends of the event in another one.
        if data.len() > MAX_DATA || data.bytes().any(|byte| matches!(byte, b'\r' | b'\n')) || !self.try_credit() {
            return;
        }
        let Some((start, end)) = slot(data) else { return };
        let number = match self.kept.len() {
            KEPT => self.kept.pop().map_or(0, |oldest| oldest.number),
            length => length as u32,
        };
        let template = Template {
            number,
            before: data[..start].into(),
            after: data[end..].into(),
            is_known: false,
            piece: piece.clone(),
        };
        self.kept.insert(0, template);
        if self.in_force == Some(number) {
            self.in_force = None;
        }
    }

    fn try_credit(&mut self) -> bool {
        if self.credit > 0 {
            self.credit -= 1;
            return true;
        }
        self.waited = (self.waited + 1) % RETRY;
        self.waited == 0
    }
}

/// The text of the data, as it is written there, and the length of the data.
pub(crate) struct Match<'a> {
    pub(crate) text: &'a str,
    pub(crate) escaped: bool,
    pub(crate) length: usize,
}

impl Template {
    #[inline]
    fn find<'a>(&self, bytes: &'a [u8]) -> Option<Match<'a>> {
        let rest = without(self.before.as_bytes(), bytes)?;
        let (length, escaped) = string_body(rest)?;
        let (text, rest) = rest.split_at_checked(length)?;
        without(self.after.as_bytes(), rest)?;
        let text = std::str::from_utf8(text).ok()?;
        Some(Match { text, escaped, length: self.before.len() + length + self.after.len() })
    }
}

/// What follows this start, if the bytes have it. By eight bytes at a time: the standard library's comparison goes byte by byte in this target,
/// and took a third of the time of an event.
fn without<'a>(mut start: &[u8], mut bytes: &'a [u8]) -> Option<&'a [u8]> {
    while let Some((expected, others)) = start.split_first_chunk::<8>() {
        let (found, rest) = bytes.split_first_chunk::<8>()?;
        if u64::from_le_bytes(*found) != u64::from_le_bytes(*expected) {
            return None;
        }
        (start, bytes) = (others, rest);
    }
    bytes.strip_prefix(start)
}

/// Where the body of the first string stands that is the value of one of the fields. `data` is a valid document.
fn slot(data: &str) -> Option<(usize, usize)> {
    let bytes = data.as_bytes();
    // The name of the field whose value comes next.
    let mut field = None;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'"' {
            let start = at + 1;
            let end = start + string_body(&bytes[start..])?.0;
            let is_name = bytes[end + 1..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
            match field {
                _ if is_name => field = data.get(start..end),
                Some(name) if FIELDS.contains(&name) => return Some((start, end)),
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
        assert_eq!(slot(data).map(|(start, end)| &data[start..end]), expected, "{data}");
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
    fn what_matches_is_told_once_and_switched_to() {
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
    fn a_start_is_equal_to_its_last_byte() {
        let text: Vec<u8> = (0..40).collect();
        for length in 0..text.len() {
            let start = &text[..length];
            assert_eq!(without(start, &text), Some(&text[length..]));
            assert_eq!(without(start, start), Some(&[][..]));
            for at in 0..length {
                let mut other = text.clone();
                other[at] ^= 0x80;
                assert_eq!(without(start, &other), None, "{length} {at}");
                assert_eq!(without(start, &text[..at]), None, "{length} {at}");
            }
        }
    }

    #[test]
    fn numbers_are_used_again() {
        let mut templates = Templates::new();
        for number in 0..6 {
            templates.learn(&format!(r#"{{"n":{number},"content":"a"}}"#), &Piece::default());
        }
        let mut numbers: Vec<u32> = templates.kept.iter().map(|template| template.number).collect();
        numbers.sort();
        assert_eq!(numbers, [0, 1, 2, 3]);
    }
}
