//! A look at JSON text that makes no values of it: whether it is valid, and what its outermost fields are. JavaScript's own parser
//! makes the values.

/// Deeper documents are refused, as serde_json does.
const DEEPEST: u32 = 128;

/// What a look at a document found.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Document<'a> {
    /// The outermost fields, if it is an object: names as they stand, values as text.
    pub(crate) fields: Vec<(&'a str, &'a str)>,
    /// Where bare `NaN`, `Infinity` and `-Infinity` stand, which the server writes and JSON does not know.
    odd: Vec<(usize, usize)>,
}

impl<'a> Document<'a> {
    /// Looks at a document; where it ceases to be valid, if it does.
    pub(crate) fn read(text: &'a str) -> Result<Self, usize> {
        let mut look = Look { bytes: text.as_bytes(), at: 0, odd: Vec::new(), fields: Vec::new() };
        match look.value(0).and_then(|()| look.end()) {
            Some(()) => {
                let fields = look
                    .fields
                    .iter()
                    .filter_map(|(name, value)| Some((text.get(name.0..name.1)?, text.get(value.0..value.1)?)));
                Ok(Document { fields: fields.collect(), odd: look.odd })
            }
            None => Err(look.at),
        }
    }

    /// The value of a field as text; the last one, as `JSON.parse` has it.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().rev().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    /// The same document without what JSON does not know, if there is such: null in its place.
    pub(crate) fn mended(&self, text: &str) -> Option<String> {
        let mut mended = String::new();
        let mut from = 0;
        for (start, end) in &self.odd {
            mended.push_str(text.get(from..*start)?);
            mended.push_str("null");
            from = *end;
        }
        mended.push_str(text.get(from..)?);
        (!self.odd.is_empty()).then_some(mended)
    }
}

type Span = (usize, usize);

struct Look<'a> {
    bytes: &'a [u8],
    at: usize,
    odd: Vec<Span>,
    fields: Vec<(Span, Span)>,
}

impl Look<'_> {
    fn value(&mut self, depth: u32) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match self.next()? {
            b'{' => self.list(b'}', |look| {
                look.next().filter(|byte| *byte == b'"')?;
                let name = (look.at + 1, look.at + 1 + look.string()?);
                look.next().filter(|byte| *byte == b':')?;
                look.at += 1;
                look.next()?;
                let start = look.at;
                look.value(depth + 1)?;
                if depth == 0 {
                    look.fields.push((name, (start, look.at)));
                }
                Some(())
            }),
            b'[' => self.list(b']', |look| look.value(depth + 1)),
            b'"' => self.string().map(|_| ()),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'N' => self.odd(b"NaN"),
            b'I' => self.odd(b"Infinity"),
            b'-' if self.bytes.get(self.at + 1) == Some(&b'I') => self.odd(b"-Infinity"),
            _ => self.number(),
        }
    }

    /// Items with commas between them, up to the closing bracket.
    fn list(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        if self.next()? == close {
            self.at += 1;
            return Some(());
        }
        loop {
            item(self)?;
            match self.next()? {
                b',' => self.at += 1,
                byte if byte == close => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// The length of the string body that begins here with its quote.
    fn string(&mut self) -> Option<usize> {
        let (length, _) = string_body(self.bytes.get(self.at + 1..)?)?;
        self.at += length + 2;
        Some(length)
    }

    fn number(&mut self) -> Option<()> {
        self.skip(b"-");
        let digits = self.digits();
        let first = self.bytes.get(self.at.wrapping_sub(digits));
        if digits == 0 || digits > 1 && first == Some(&b'0') {
            return None;
        }
        if self.skip(b".") && self.digits() == 0 {
            return None;
        }
        if self.skip(b"eE") {
            self.skip(b"+-");
            if self.digits() == 0 {
                return None;
            }
        }
        Some(())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }

    fn skip(&mut self, any: &[u8]) -> bool {
        let skips = self.bytes.get(self.at).is_some_and(|byte| any.contains(byte));
        self.at += usize::from(skips);
        skips
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let found = self.bytes.get(self.at..)?.starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found.then_some(())
    }

    fn odd(&mut self, word: &[u8]) -> Option<()> {
        let start = self.at;
        self.word(word)?;
        self.odd.push((start, self.at));
        Some(())
    }

    /// The next byte that is no white space, to which it goes.
    fn next(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn end(&mut self) -> Option<()> {
        if self.next().is_some() { None } else { Some(()) }
    }
}

/// The length of the string body at the start of `bytes`, up to its closing quote, and whether it has escapes; None if it has no
/// end there, or cannot be one.
#[inline]
pub(crate) fn string_body(bytes: &[u8]) -> Option<(usize, bool)> {
    let mut escaped = false;
    let mut length = 0;
    loop {
        match *bytes.get(length)? {
            b'"' => return Some((length, escaped)),
            b'\\' => {
                escaped = true;
                length += match bytes.get(length + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    b'u' if bytes.get(length + 2..length + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
                    _ => return None,
                };
            }
            0..0x20 => return None,
            _ => length += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_valid_is_what_serde_json_takes() {
        let valid = [
            "null",
            " true ",
            "-0",
            "0.5e+3",
            "1E9",
            "[]",
            "[1, [2], {}]",
            "{}",
            r#"{"a": {"b": [1]}, "c": "\u00e9\n"}"#,
        ];
        let invalid = [
            "",
            "nul",
            "01",
            "-",
            ".5",
            "1.",
            "1e",
            "[1,]",
            "[1",
            "{,}",
            r#"{"a"}"#,
            r#"{"a": 1,}"#,
            "{a: 1}",
            "1 2",
            r#""\x""#,
            "\"\n\"",
            "\"",
            "'a'",
            "+1",
            "- 1",
        ];
        for text in valid {
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok() && Document::read(text).is_ok(), "{text}");
        }
        for text in invalid {
            assert!(
                serde_json::from_str::<serde_json::Value>(text).is_err() && Document::read(text).is_err(),
                "{text}"
            );
        }
        let deep = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(Document::read(std::str::from_utf8(&deep(100)).unwrap()).is_ok());
        assert!(Document::read(std::str::from_utf8(&deep(100_000)).unwrap()).is_err());
    }

    #[test]
    fn fields_are_the_outermost_ones() {
        let document = Document::read(r#"{"a" : {"b": 1} , "c":[ ], "a": "é"}"#).unwrap();
        assert_eq!(document.get("a"), Some("\"é\""));
        assert_eq!((document.get("b"), document.get("c")), (None, Some("[ ]")));
    }

    #[test]
    fn odd_numbers_are_mended() {
        let text = r#"{"a": -Infinity, "b": [NaN, "NaN"], "c": Infinity}"#;
        let mended = Document::read(text).unwrap().mended(text).unwrap();
        assert_eq!(mended, r#"{"a": null, "b": [null, "NaN"], "c": null}"#);
        assert_eq!(Document::read("[1]").unwrap().mended("[1]"), None);
    }

    #[test]
    fn no_cut_of_a_document_panics() {
        let text = r#"{"a": [-Infinity, 1.5e3, "\u00e9ü", {"b": null}], "c": true}"#;
        for end in 0..text.len() {
            let _ = text.get(..end).map(Document::read);
        }
    }
}
