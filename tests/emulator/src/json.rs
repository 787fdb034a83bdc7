//! A JSON value that keeps the order of keys, parsed like the server parses it.
//!
//! Error bodies echo the input, so the order of keys that a client wrote is visible on the wire. Syntax errors have the messages
//! and positions of the server's own parser. `NaN` and `Infinity` are numbers, as in that parser.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// The maximum nesting depth.
const MAX_DEPTH: usize = 200;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(String),
    List(Vec<Json>),
    Dict(Vec<(String, Json)>),
}

/// The message, and the index of the character.
#[derive(Debug, PartialEq)]
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    pub(crate) at: usize,
}

impl Json {
    /// Parses a whole document.
    pub(crate) fn parse(text: &str) -> Result<Json, SyntaxError> {
        let mut parser = Parser::new(text);
        parser.space();
        let value = parser.value(0)?;
        parser.space();
        match parser.peek() {
            None => Ok(value),
            Some(_) => parser.error("Extra data"),
        }
    }

    /// Parses the value at the start of `text`, and returns its length in bytes.
    pub(crate) fn parse_prefix(text: &str) -> Result<(Json, usize), SyntaxError> {
        let mut parser = Parser::new(text);
        parser.space();
        let value = parser.value(0)?;
        let taken = parser.chars[..parser.at].iter().map(|c| c.len_utf8()).sum();
        Ok((value, taken))
    }

    /// Returns the member of an object. If a key occurs twice, the last value is returned.
    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Dict(members) => members.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Json::Str(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Json]> {
        match self {
            Json::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns an integer with the server's leniency: `"5"`, `5.0` and `true` are accepted.
    pub(crate) fn as_int(&self) -> Option<i128> {
        match self {
            Json::Int(n) => Some(*n),
            Json::Bool(b) => Some(i128::from(*b)),
            Json::Float(f) if f.fract() == 0.0 && f.is_finite() => Some(*f as i128),
            Json::Str(s) => s.trim().parse().ok(),
            _ => None,
        }
    }

    /// Returns a number with the server's leniency.
    pub(crate) fn as_float(&self) -> Option<f64> {
        match self {
            Json::Int(n) => Some(*n as f64),
            Json::Bool(b) => Some(f64::from(u8::from(*b))),
            Json::Float(f) => Some(*f),
            Json::Str(s) => s.trim().parse().ok(),
            _ => None,
        }
    }

    /// Returns a boolean with the server's leniency.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(b) => Some(*b),
            Json::Int(0) => Some(false),
            Json::Int(1) => Some(true),
            Json::Float(f) if *f == 0.0 => Some(false),
            Json::Float(f) if *f == 1.0 => Some(true),
            Json::Str(s) => match s.to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
                "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether it contains a number that is not valid JSON.
    pub(crate) fn has_non_finite(&self) -> bool {
        match self {
            Json::Float(f) => !f.is_finite(),
            Json::List(items) => items.iter().any(Json::has_non_finite),
            Json::Dict(members) => members.iter().any(|(_, v)| v.has_non_finite()),
            _ => false,
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::Str(text.to_owned())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(b) => serializer.serialize_bool(*b),
            Json::Int(n) => match (i64::try_from(*n), u64::try_from(*n)) {
                (Ok(n), _) => serializer.serialize_i64(n),
                (_, Ok(n)) => serializer.serialize_u64(n),
                _ => serializer.serialize_i128(*n),
            },
            Json::Float(f) => serializer.serialize_f64(*f),
            Json::Str(s) => serializer.serialize_str(s),
            Json::List(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Json::Dict(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

struct Parser {
    chars: Vec<char>,
    /// `at <= chars.len()`
    at: usize,
}

impl Parser {
    fn new(text: &str) -> Parser {
        Parser { chars: text.chars().collect(), at: 0 }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn error<T>(&self, message: &str) -> Result<T, SyntaxError> {
        error_at(message, self.at)
    }

    fn value(&mut self, depth: usize) -> Result<Json, SyntaxError> {
        if depth > MAX_DEPTH {
            return self.error("Nested too deeply");
        }
        match self.peek() {
            Some('"') => Ok(Json::Str(self.string()?)),
            Some('{') => self.dict(depth),
            Some('[') => self.list(depth),
            Some('-' | '0'..='9') if !self.ahead("-Infinity") => self.number(),
            _ => {
                let words = [
                    ("null", Json::Null),
                    ("true", Json::Bool(true)),
                    ("false", Json::Bool(false)),
                    ("NaN", Json::Float(f64::NAN)),
                    ("Infinity", Json::Float(f64::INFINITY)),
                    ("-Infinity", Json::Float(f64::NEG_INFINITY)),
                ];
                for (word, value) in words {
                    if self.ahead(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                self.error("Expecting value")
            }
        }
    }

    fn ahead(&self, word: &str) -> bool {
        let rest = &self.chars[self.at..];
        rest.len() >= word.len() && rest.iter().copied().zip(word.chars()).all(|(a, b)| a == b)
    }

    fn dict(&mut self, depth: usize) -> Result<Json, SyntaxError> {
        const NAME: &str = "Expecting property name enclosed in double quotes";
        let mut members = Vec::new();
        self.at += 1;
        self.space();
        if self.peek() == Some('}') {
            self.at += 1;
            return Ok(Json::Dict(members));
        }
        loop {
            if self.peek() != Some('"') {
                return self.error(NAME);
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(':') {
                return self.error("Expecting ':' delimiter");
            }
            self.at += 1;
            self.space();
            let value = self.value(depth + 1)?;
            members.push((key, value));
            self.space();
            match self.peek() {
                Some('}') => {
                    self.at += 1;
                    return Ok(Json::Dict(members));
                }
                Some(',') => self.at += 1,
                _ => return self.error("Expecting ',' delimiter"),
            }
            self.space();
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, SyntaxError> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(']') {
            self.at += 1;
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(']') => {
                    self.at += 1;
                    return Ok(Json::List(items));
                }
                Some(',') => self.at += 1,
                _ => return self.error("Expecting ',' delimiter"),
            }
            self.space();
        }
    }

    fn number(&mut self) -> Result<Json, SyntaxError> {
        let start = self.at;
        if self.peek() == Some('-') {
            self.at += 1;
        }
        if self.digits() == 0 {
            return error_at("Expecting value", start);
        }
        let mut float = false;
        let mark = self.at;
        if self.peek() == Some('.') {
            self.at += 1;
            if self.digits() == 0 {
                self.at = mark;
            } else {
                float = true;
            }
        }
        let mark = self.at;
        if matches!(self.peek(), Some('e' | 'E')) {
            self.at += 1;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                self.at = mark;
            } else {
                float = true;
            }
        }
        let text: String = self.chars[start..self.at].iter().collect();
        match text.parse::<i128>() {
            Ok(n) if !float => Ok(Json::Int(n)),
            _ => Ok(Json::Float(text.parse().unwrap_or(f64::INFINITY))),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some('0'..='9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        let mut text = String::new();
        self.at += 1;
        loop {
            match self.peek() {
                None => return error_at("Unterminated string starting at", start),
                Some('"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') => text.push(self.escape(start)?),
                Some(c) if c < ' ' => return self.error("Invalid control character at"),
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self, start: usize) -> Result<char, SyntaxError> {
        self.at += 1;
        let c = match self.peek() {
            None => return error_at("Unterminated string starting at", start),
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('u') => return self.unicode(),
            Some(_) => return error_at("Invalid \\escape", self.at - 1),
        };
        self.at += 1;
        Ok(c)
    }

    /// Parses `uXXXX`, with a second escape if the first is half of a pair. A lone half becomes U+FFFD.
    fn unicode(&mut self) -> Result<char, SyntaxError> {
        let first = self.hex4()?;
        if (0xD800..0xDC00).contains(&first) && self.ahead("\\u") {
            let mark = self.at;
            self.at += 1;
            let second = self.hex4()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or('\u{FFFD}'));
            }
            self.at = mark;
        }
        Ok(char::from_u32(first).unwrap_or('\u{FFFD}'))
    }

    fn hex4(&mut self) -> Result<u32, SyntaxError> {
        let start = self.at;
        let digits = self.chars.get(start + 1..start + 5);
        let digits = digits.filter(|d| d.iter().all(char::is_ascii_hexdigit));
        let Some(digits) = digits else {
            return error_at("Invalid \\uXXXX escape", start);
        };
        self.at = start + 5;
        Ok(digits.iter().fold(0, |n, d| n * 16 + d.to_digit(16).unwrap_or(0)))
    }
}

fn error_at<T>(message: &str, at: usize) -> Result<T, SyntaxError> {
    Err(SyntaxError { message: message.to_owned(), at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fails(text: &str, message: &str, at: usize) {
        assert_eq!(Json::parse(text), Err(SyntaxError { message: message.to_owned(), at }));
    }

    #[test]
    fn syntax_errors_have_the_servers_words() {
        fails("{", "Expecting property name enclosed in double quotes", 1);
        fails("{\"prompt\": \"x\",", "Expecting property name enclosed in double quotes", 15);
        fails("", "Expecting value", 0);
        fails("[1 2]", "Expecting ',' delimiter", 3);
        fails("{\"a\" 1}", "Expecting ':' delimiter", 5);
        fails("1 1", "Extra data", 2);
        fails("\"abc", "Unterminated string starting at", 0);
    }

    #[test]
    fn keys_keep_their_order_and_values_survive() {
        let text = r#"{"b":[1,-2.5,true,null,"\u00e9\ud83d\ude00\n"],"a":{}}"#;
        let value = Json::parse(text).unwrap();
        let again = serde_json::to_string(&value).unwrap();
        assert_eq!(again, "{\"b\":[1,-2.5,true,null,\"é😀\\n\"],\"a\":{}}");
    }

    #[test]
    fn depth_is_bounded() {
        assert!(Json::parse(&"[".repeat(100_000)).is_err());
    }
}
