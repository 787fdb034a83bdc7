//! Reads JSON that is written in one way: with the server's spaces and order of fields. Anything else is not read.

use super::body::Body;
use super::text_of;
use crate::base::Text;

/// Reads a text from its start. Each method reads a part and returns `None` if the text continues in another way.
pub(crate) struct Exact<'a> {
    rest: &'a str,
}

impl<'a> Exact<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Exact { rest: text }
    }

    /// The text that was not read.
    pub(crate) fn rest(&self) -> &'a str {
        self.rest
    }

    /// Reads this text.
    #[inline]
    pub(crate) fn literal(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// Reads a string.
    #[inline]
    pub(crate) fn string(&mut self) -> Option<Text> {
        let rest = self.rest.strip_prefix('"')?;
        let body = Body::of(rest.as_bytes())?;
        let (len, text) = (body.len, rest.get(..body.len)?);
        let text = if body.is_escaped() { text_of(body)? } else { Text::from(text) };
        self.rest = rest.get(len + 1..)?;
        Some(text)
    }

    /// Reads a number without sign, fraction and exponent, of at most 19 digits.
    pub(crate) fn integer(&mut self) -> Option<u64> {
        let len = self.digits(0);
        let text = self.rest.get(..len)?;
        if len > 19 || text.starts_with('0') && len > 1 {
            return None;
        }
        self.rest = &self.rest[len..];
        text.parse().ok()
    }

    /// Reads a finite number.
    pub(crate) fn number(&mut self) -> Option<f64> {
        let bytes = self.rest.as_bytes();
        let start = usize::from(bytes.first() == Some(&b'-'));
        let mut len = start + self.digits(start);
        if len == start || bytes[start] == b'0' && len > start + 1 {
            return None;
        }
        if bytes.get(len) == Some(&b'.') {
            len = self.more_digits(len + 1)?;
        }
        if matches!(bytes.get(len), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
            len = self.more_digits(len + 1 + sign)?;
        }
        let (text, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        // Rounds to the nearest, as serde_json does.
        text.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Reads a list of what `element` reads.
    pub(crate) fn list<T>(&mut self, element: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.literal("[")?;
        self.elements("]", element)
    }

    /// Reads an object, and the value of each name by `value`. A name may occur twice.
    pub(crate) fn object<T>(&mut self, mut value: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<(Text, T)>> {
        self.literal("{")?;
        self.elements("}", |exact| {
            let name = exact.string()?;
            exact.literal(": ")?;
            Some((name, value(exact)?))
        })
    }

    fn elements<T>(&mut self, end: &str, mut element: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut list = Vec::new();
        while self.literal(end).is_none() {
            if !list.is_empty() {
                self.literal(", ")?;
            }
            list.push(element(self)?);
        }
        Some(list)
    }

    /// The number of digits from this place on.
    fn digits(&self, from: usize) -> usize {
        self.rest.bytes().skip(from).take_while(u8::is_ascii_digit).count()
    }

    /// The end of the digits from this place on. None if there are none.
    fn more_digits(&self, from: usize) -> Option<usize> {
        Some(self.digits(from)).filter(|len| *len > 0).map(|len| from + len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_json() {
        let texts = [
            "0",
            "-0",
            "7",
            "-1000.0",
            "-0.0155",
            "1e5",
            "1E-5",
            "2.5e+10",
            "01",
            "-01",
            ".5",
            "1.",
            "+1",
            "1e",
            "1e+",
            "inf",
            "NaN",
            "-",
            "",
            "1e400",
            "-1.652209997177124",
            "12345678901234567890123",
            "5e-324",
            "-Infinity",
            "0.1.2",
            "1 ",
            "18446744073709551615",
            "9999999999999999999",
        ];
        for text in texts {
            let mut exact = Exact::new(text);
            let number = exact.number().filter(|_| exact.rest().is_empty()).map(f64::to_bits);
            assert_eq!(
                number,
                serde_json::from_str(text).ok().filter(|_| text.trim() == text).map(f64::to_bits),
                "{text}"
            );
            let mut exact = Exact::new(text);
            let number = exact.integer().filter(|_| exact.rest().is_empty());
            let expected = serde_json::from_str(text)
                .ok()
                .filter(|_| text.len() < 20 && text.bytes().all(|byte| byte.is_ascii_digit()));
            assert_eq!(number, expected, "{text}");
        }
    }

    #[test]
    fn lists_of_strings() {
        let read = |text| {
            let mut exact = Exact::new(text);
            let list = exact.list(Exact::string)?;
            Some((list, exact.rest()))
        };
        assert_eq!(read("[]x"), Some((vec![], "x")));
        assert_eq!(read(r#"["a", "\n\"", "é"], "#), Some((vec!["a".into(), "\n\"".into(), "é".into()], ", ")));
        for text in [
            "[",
            "[\"a\"",
            "[\"a\",\"b\"]",
            "[\"a\", ]",
            "[, \"a\"]",
            "[\"a]",
            "[1]",
            "[\"\\ud83d\"]",
            "[\"a\" , \"b\"]",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
