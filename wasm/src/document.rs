//! Scans JSON text without creating values: whether it is valid, and the text of its outermost values. The host's own parser
//! creates values; a second one in the module would be ten times as much code.

/// Deeper documents are rejected, as by serde_json.
const DEEPEST: u32 = 128;

/// The result of scanning a document.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Document<'a> {
    /// The outermost values as text. Those of an object have their names, still escaped; those of an array have empty ones.
    values: Vec<(&'a str, &'a str)>,
    /// The positions of bare `NaN`, `Infinity` and `-Infinity`, which the server writes although they are not JSON.
    odd: Vec<(usize, usize)>,
}

impl<'a> Document<'a> {
    /// Scans a document. Errors with the position at which it is not valid.
    pub(crate) fn read(text: &'a str) -> Result<Self, usize> {
        let mut look = Scanner { text, at: 0, odd: Vec::new(), values: Vec::new() };
        match look.value(0).and_then(|()| look.end()) {
            Some(()) => Ok(Document { values: look.values, odd: look.odd }),
            None => Err(look.at),
        }
    }

    /// Returns the outermost values, with their names.
    pub(crate) fn values(&self) -> &[(&'a str, &'a str)] {
        &self.values
    }

    /// Returns the value of a field as text. If a name occurs twice, the last value is returned, as by `JSON.parse`.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.values.iter().rev().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    /// Returns the value of a field that is a string.
    pub(crate) fn string(&self, name: &str) -> Option<String> {
        string(self.get(name)?)
    }

    /// Returns the document with null instead of values that are not JSON, if there are any.
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

/// Returns the string of a value, if it is one.
pub(crate) fn string(json: &str) -> Option<String> {
    unescaped(json.strip_prefix('"')?.strip_suffix('"')?)
}

/// Undoes the escapes in the body of a string, without its quotes.
fn unescaped(body: &str) -> Option<String> {
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.bytes().position(|byte| byte == b'\\') {
        text.push_str(rest.get(..at)?);
        rest = rest.get(at + 1..)?;
        let (escape, after) = rest.split_at_checked(1)?;
        rest = after;
        text.push(match escape {
            "b" => '\u{8}',
            "f" => '\u{c}',
            "n" => '\n',
            "r" => '\r',
            "t" => '\t',
            "u" => {
                let (unit, length) = unit(rest)?;
                rest = rest.get(length..)?;
                unit
            }
            other => other.chars().next()?,
        });
    }
    text.push_str(rest);
    Some(text)
}

/// Returns the character of an escape with digits, and the length of the escape. Characters beyond 16 bits have two escapes.
fn unit(text: &str) -> Option<(char, usize)> {
    let digits = |text: &str| u32::from_str_radix(text.get(..4)?, 16).ok();
    let first = digits(text)?;
    if let Some(second @ 0xDC00..0xE000) = text.get(4..).and_then(|rest| digits(rest.strip_prefix("\\u")?))
        && let 0xD800..0xDC00 = first
    {
        return Some((char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))?, 10));
    }
    // Half of a pair is not a character.
    Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 4))
}

/// Adds a string to JSON text, in quotes.
pub(crate) fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            8 => "\\b",
            12 => "\\f",
            0..0x20 => "\\u00",
            _ => continue,
        };
        // Escaped characters are one byte long.
        json.push_str(text.get(from..at).unwrap_or_default());
        json.push_str(escape);
        if escape.len() > 2 {
            let digit = |digit: u8| char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
            json.push(digit(byte >> 4));
            json.push(digit(byte & 15));
        }
        from = at + 1;
    }
    json.push_str(text.get(from..).unwrap_or_default());
    json.push('"');
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    odd: Vec<(usize, usize)>,
    values: Vec<(&'a str, &'a str)>,
}

impl<'a> Scanner<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// Records the value that ends here, if it is an outermost one.
    fn keep(&mut self, depth: u32, name: (usize, usize), start: usize) -> Option<()> {
        if depth == 0 {
            self.values.push((self.text.get(name.0..name.1)?, self.text.get(start..self.at)?));
        }
        Some(())
    }

    fn value(&mut self, depth: u32) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match self.next()? {
            b'{' => self.list(b'}', |look| {
                look.next().filter(|byte| *byte == b'"')?;
                let name = look.at + 1;
                let name = (name, name + look.string()?);
                look.next().filter(|byte| *byte == b':')?;
                look.at += 1;
                look.next()?;
                let start = look.at;
                look.value(depth + 1)?;
                look.keep(depth, name, start)
            }),
            b'[' => self.list(b']', |look| {
                look.next()?;
                let start = look.at;
                look.value(depth + 1)?;
                look.keep(depth, (0, 0), start)
            }),
            b'"' => self.string().map(|_| ()),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'N' => self.odd(b"NaN"),
            b'I' => self.odd(b"Infinity"),
            b'-' if self.bytes().get(self.at + 1) == Some(&b'I') => self.odd(b"-Infinity"),
            _ => self.number(),
        }
    }

    /// Scans items separated by commas, up to the closing bracket.
    fn list(&mut self, close: u8, item: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
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

    /// Returns the length of the string body that begins here, including its quote.
    fn string(&mut self) -> Option<usize> {
        let (length, _) = string_body(self.bytes().get(self.at + 1..)?)?;
        self.at += length + 2;
        Some(length)
    }

    fn number(&mut self) -> Option<()> {
        self.skip(b"-");
        let digits = self.digits();
        let first = self.bytes().get(self.at.wrapping_sub(digits));
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
        while self.bytes().get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }

    fn skip(&mut self, any: &[u8]) -> bool {
        let skips = self.bytes().get(self.at).is_some_and(|byte| any.contains(byte));
        self.at += usize::from(skips);
        skips
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let found = self.bytes().get(self.at..)?.starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found.then_some(())
    }

    fn odd(&mut self, word: &[u8]) -> Option<()> {
        let start = self.at;
        self.word(word)?;
        self.odd.push((start, self.at));
        Some(())
    }

    /// Skips whitespace, and returns the byte after it.
    fn next(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes().get(self.at) {
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

/// Returns the length of the string body at the start of `bytes`, up to its closing quote, and whether it has escapes. None if it
/// does not end there, or is not valid.
#[inline]
pub(crate) fn string_body(bytes: &[u8]) -> Option<(usize, bool)> {
    let mut escaped = false;
    let mut length = 0;
    loop {
        match *bytes.get(length)? {
            b'"' => return Some((length, escaped)),
            b'\\' => {
                escaped = true;
                length += escape(&bytes[length..])?;
            }
            0..0x20 => return None,
            _ => length += 1,
        }
    }
}

/// Whether all escapes in the body of a string are valid.
pub(crate) fn are_escapes(mut body: &str) -> bool {
    while let Some(at) = body.find('\\') {
        match escape(&body.as_bytes()[at..]).and_then(|length| body.get(at + length..)) {
            Some(rest) => body = rest,
            None => return false,
        }
    }
    true
}

/// Returns the length of the escape at the start of `bytes`.
fn escape(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' if bytes.get(2..6)?.iter().all(u8::is_ascii_hexdigit) => Some(6),
        _ => None,
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
    fn strings_are_those_of_serde_json() {
        for text in ["", "a\u{1}\u{1f}\"\\/\n\r\t\u{8}\u{c}é€🦀", "\u{7f}\u{2028}"] {
            let mut json = String::new();
            push_string(&mut json, text);
            assert_eq!(json, serde_json::to_string(text).unwrap());
            assert_eq!(string(&json).unwrap(), text);
        }
        assert_eq!(string(r#""\u00e9\ud83e\udd80\/""#).unwrap(), "é🦀/");
        assert_eq!(string(r#""\ud83ex\udd80""#).unwrap(), "\u{fffd}x\u{fffd}");
        for none in ["1", "\"", r#""\"#] {
            assert_eq!(string(none), None, "{none}");
        }
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
