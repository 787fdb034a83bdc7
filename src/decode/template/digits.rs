//! The digits of a number within a text.

use std::ops::Range;

use crate::base::text::decimal;

/// The number of digits that always fit into 64 bits.
const MAX_DIGITS: usize = 19;

/// The range of a number within a text, written with digits only and without leading zeros.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Digits(Range<usize>);

impl Digits {
    /// Returns all places where a text has, or may have, this number as a JSON value.
    pub(super) fn all_of(number: u64, text: &str) -> impl Iterator<Item = Digits> {
        let digits = decimal(number);
        let mut from = 0;
        std::iter::from_fn(move || {
            loop {
                let start = from + text.get(from..)?.find(&digits)?;
                let end = start + digits.len();
                from = end;
                let starts = text[..start].ends_with([' ', ':']);
                if starts && text[end..].starts_with([' ', ',', '}']) && digits.len() <= MAX_DIGITS {
                    return Some(Digits(start..end));
                }
            }
        })
    }

    /// Returns the text with another number.
    pub(super) fn with(&self, number: u64, text: &str) -> String {
        [&text[..self.0.start], &decimal(number), &text[self.0.end..]].concat()
    }

    /// Returns the place within the text after its first `len` bytes. None if it is not there.
    pub(super) fn after(self, len: usize) -> Option<Digits> {
        Some(Digits(self.0.start.checked_sub(len)?..self.0.end - len))
    }

    /// If `bytes` start with the text except for the number, puts their number into the text and returns it.
    pub(super) fn replace(&mut self, text: &mut String, bytes: &[u8]) -> Option<u64> {
        let rest = bytes.strip_prefix(&text.as_bytes()[..self.0.start])?;
        let len = rest.iter().take(MAX_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = rest.split_at_checked(len)?;
        // JSON has no leading zeros.
        if len > MAX_DIGITS
            || digits.is_empty()
            || (len > 1 && digits[0] == b'0')
            || !rest.starts_with(&text.as_bytes()[self.0.end..])
        {
            return None;
        }
        let number = digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
        text.replace_range(self.0.clone(), std::str::from_utf8(digits).ok()?);
        self.0.end = self.0.start + len;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_where_values_are() {
        let text = "{\"7\": 7, \"a\":7,\"b\": 77, \"c\": 7.5, \"d\": -7, \"e\": 7}";
        let places: Vec<usize> = Digits::all_of(7, text).map(|digits| digits.0.start).collect();
        assert_eq!(places, [6, 13, 48]);
        assert_eq!(Digits(13..14).with(12, text), text.replacen("\"a\":7", "\"a\":12", 1));
        assert_eq!(Digits::all_of(u64::MAX, "{\"a\": 18446744073709551615}").count(), 0, "too many digits");
    }

    #[test]
    fn a_number_is_taken_over() {
        let mut text = String::from("{\"at\": 99, \"x\": \"");
        let mut digits = Digits(7..9);
        for (bytes, number) in [
            ("{\"at\": 100, \"x\": \"abc\"}", Some(100)),
            ("{\"at\": 0, \"x\": \"", Some(0)),
            ("{\"at\": 9999999999999999999, \"x\": \"", Some(9_999_999_999_999_999_999)),
            ("{\"at\": 10000000000000000000, \"x\": \"", None),
            ("{\"at\": 07, \"x\": \"", None),
            ("{\"at\": , \"x\": \"", None),
            ("{\"at\": 7.0, \"x\": \"", None),
            ("{\"at\": 7, \"y\": \"", None),
            ("{\"to\": 7, \"x\": \"", None),
            ("{\"at\": 7", None),
        ] {
            let before = text.clone();
            assert_eq!(digits.replace(&mut text, bytes.as_bytes()), number, "{bytes}");
            match number {
                Some(_) => assert!(bytes.starts_with(&text)),
                None => assert_eq!(text, before),
            }
        }
    }
}
