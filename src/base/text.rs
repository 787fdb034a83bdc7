//! `Text`: the string type of responses and chunks.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, SmolStrBuilder};

/// A UTF-8 string that is cheap to clone and stores a token without an allocation.
///
/// Up to 23 bytes are stored inline. Longer strings are shared by reference counting. Streams have one `Text` per
/// delta. Their `id`, `model` and `object` are shared by all chunks of a stream. Dereferences to [`str`].
///
/// ```
/// use tabbyapi::Text;
///
/// let token = Text::from(" world");
/// assert_eq!(token, " world");
/// assert_eq!(token.trim(), "world");
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(SmolStr);

impl Text {
    /// Returns the string as a slice.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

/// Builds a text from parts. Short texts do not allocate.
pub(crate) struct TextBuilder(SmolStrBuilder);

impl TextBuilder {
    pub(crate) fn new() -> Self {
        TextBuilder(SmolStrBuilder::new())
    }

    #[inline]
    pub(crate) fn push(&mut self, character: char) {
        self.0.push(character);
    }

    #[inline]
    pub(crate) fn push_str(&mut self, text: &str) {
        self.0.push_str(text);
    }

    pub(crate) fn finish(self) -> Text {
        Text(self.0.finish())
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text(SmolStr::new(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(SmolStr::from(text))
    }
}

impl From<&Text> for String {
    fn from(text: &Text) -> Self {
        text.as_str().to_owned()
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0.into()
    }
}

/// Conversions from other owned and borrowed strings, for a type that has those from `&str` and `String`.
macro_rules! from_texts {
    ($($type:ty),*) => { $(
        impl From<&String> for $type {
            fn from(text: &String) -> Self {
                text.as_str().into()
            }
        }

        impl From<::std::borrow::Cow<'_, str>> for $type {
            fn from(text: ::std::borrow::Cow<'_, str>) -> Self {
                text.into_owned().into()
            }
        }

        impl From<Box<str>> for $type {
            fn from(text: Box<str>) -> Self {
                String::from(text).into()
            }
        }

        impl From<&crate::base::text::Text> for $type {
            fn from(text: &crate::base::text::Text) -> Self {
                text.as_str().into()
            }
        }
    )* };
}
pub(crate) use from_texts;

from_texts!(Text);

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<Text> for String {
    fn eq(&self, other: &Text) -> bool {
        self == other.as_str()
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<Text> for str {
    fn eq(&self, other: &Text) -> bool {
        self == other.as_str()
    }
}

impl PartialEq<Text> for &str {
    fn eq(&self, other: &Text) -> bool {
        *self == other.as_str()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
/// Finds a short text in another. Uses a simple search, because the standard one is ten times as much code in the wasm module.
pub(crate) fn find(text: &[u8], words: &[u8]) -> Option<usize> {
    let first = *words.first()?;
    memchr::memchr_iter(first, text).find(|&at| text[at..].starts_with(words))
}

/// Replaces invalid UTF-8 by U+FFFD. Allocates the exact size at once, since the text may be large.
pub(crate) fn replaced(bytes: &[u8]) -> String {
    const REPLACEMENT: &str = "\u{fffd}";
    let parts = || {
        bytes.utf8_chunks().flat_map(|part| [part.valid(), if part.invalid().is_empty() { "" } else { REPLACEMENT }])
    };
    let mut text = String::with_capacity(parts().map(str::len).sum());
    parts().for_each(|part| text.push_str(part));
    text
}

/// Whether the text contains the words.
pub(crate) fn contains(text: &str, words: &str) -> bool {
    find(text.as_bytes(), words.as_bytes()).is_some()
}

/// Removes the words from the end of the text, repeatedly.
pub(crate) fn without_end<'a>(mut text: &'a str, words: &str) -> &'a str {
    while let Some(rest) = text.strip_suffix(words) {
        text = rest;
    }
    text
}

/// Cuts the text to at most `cap` bytes and marks the cut by an ellipsis.
pub(crate) fn cut(text: &str, cap: usize) -> String {
    if text.len() <= cap {
        return text.to_owned();
    }
    format!("{}…", &text[..floor_boundary(text, cap)])
}

/// The largest index up to `at` that is between two characters.
pub(crate) fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Makes a text safe for terminals and logs: escapes control characters and changes of the text direction.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let mut printed = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if odd(c) { printed.extend(c.escape_default()) } else { printed.push(c) }
    }
    Cow::Owned(printed)
}

/// Formats a number. The standard library's version uses a larger table.
pub(crate) fn decimal(number: u64) -> String {
    let mut digits = if number < 10 { String::new() } else { decimal(number / 10) };
    digits.push(char::from(b'0' + (number % 10) as u8));
    digits
}

/// Returns the text of a cause, and the texts of its own causes. A function pointer, so that a program whose causes are all
/// [`TransportError`]s links only their formatting.
pub(crate) type Texts = fn(&(dyn std::error::Error + 'static)) -> [String; 2];

pub(crate) fn texts_of_any(error: &(dyn std::error::Error + 'static)) -> [String; 2] {
    let mut deep = format!("{error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        deep.push_str(&format!("{error} {error:?}"));
        cause = error.source();
    }
    [error.to_string(), deep]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_not_cut() {
        let text = "a\u{e9}b";
        assert_eq!([0, 1, 2, 3, 4, 9].map(|at| floor_boundary(text, at)), [0, 1, 1, 3, 4, 4]);
        assert_eq!(cut(text, 2), "a…");
    }

    #[test]
    fn controls_are_escaped() {
        let text = "a\n\r\t\u{1b}[31m\u{7f}\u{85}\u{202e}\u{2066}\u{2028} é🦀";
        assert_eq!(printable(text), "a\\n\\r\\t\\u{1b}[31m\\u{7f}\\u{85}\\u{202e}\\u{2066}\\u{2028} é🦀");
        assert!(matches!(printable("plain é"), Cow::Borrowed(_)));
    }

    #[test]
    fn numbers_are_reported_as_their_display_does() {
        for number in [0, 7, 10, 99, 100, 65_536, u64::MAX] {
            assert_eq!(decimal(number), number.to_string());
        }
    }
}
