//! Records: the contents of the events of a response, as one string for each chunk of bytes.
//!
//! A record begins with one character. From `SHORT` on, it is the length of a text, and the event differs from the current
//! template only in that text. The others are listed below. A length is five characters of 7 bits and counts UTF-16 units, as in
//! JavaScript. So everything except the texts is ASCII: a string with one character beyond Latin-1 takes twice the memory in
//! JavaScript.
//!
//! | first | then | |
//! |---|---|---|
//! | `JSON` | length, text | an item |
//! | `TEMPLATE` | number, two lengths, two texts | a new current template: the text before and after |
//! | `SWITCH` | number | selects another template |
//! | `LONG` | length, text | like `SHORT` and above |
//! | `ESCAPED` | length, text | the same, still escaped as in JSON |
//! | `WHOLE` | length, text | a whole response instead of a stream |
//! | `PART` | | another part of a resumed stream follows |

use std::cell::{Cell, RefCell};

const JSON: u8 = 0;
const TEMPLATE: u8 = 1;
const SWITCH: u8 = 2;
const LONG: u8 = 3;
const ESCAPED: u8 = 4;
const WHOLE: u8 = 5;
const PART: u8 = 6;
const SHORT: u8 = 7;

/// Longer texts are `LONG`, so that the first character is ASCII.
const SHORT_MOST: usize = 0x7F - SHORT as usize;

/// A larger buffer is freed after it was read.
const KEPT: usize = 1 << 20;

thread_local! {
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static MARK: Cell<usize> = const { Cell::new(0) };
}

pub(crate) fn look<T>(look: impl FnOnce(&[u8]) -> T) -> T {
    OUTPUT.with_borrow(|output| look(output))
}

pub(crate) fn clear() {
    OUTPUT.with_borrow_mut(|output| {
        if output.capacity() > KEPT {
            *output = Vec::new();
        }
        output.clear();
    });
}

pub(crate) fn json(text: &str) {
    texts(JSON, None, &[text]);
}

pub(crate) fn whole(text: &str) {
    texts(WHOLE, None, &[text]);
}

/// Starts another part of the stream.
pub(crate) fn part() {
    OUTPUT.with_borrow_mut(|output| output.push(PART));
}

/// Marks where the record of the next item begins.
pub(crate) fn mark() {
    MARK.set(OUTPUT.with_borrow(Vec::len));
}

/// Removes the record after the mark. Its item is the last of its part.
pub(crate) fn drop_marked() {
    OUTPUT.with_borrow_mut(|output| output.truncate(MARK.get()));
}

pub(crate) fn template(number: usize, before: &str, after: &str) {
    texts(TEMPLATE, Some(number), &[before, after]);
}

pub(crate) fn switch(number: usize) {
    texts(SWITCH, Some(number), &[]);
}

/// Writes the text of an event that matched the current template.
#[inline]
pub(crate) fn text(text: &str, escaped: bool) {
    if escaped || text.len() > SHORT_MOST {
        return texts(if escaped { ESCAPED } else { LONG }, None, &[text]);
    }
    OUTPUT.with_borrow_mut(|output| {
        let units = if text.is_ascii() { text.len() } else { units(text) };
        output.push(SHORT + units as u8);
        output.extend_from_slice(text.as_bytes());
    });
}

fn texts(first: u8, number: Option<usize>, texts: &[&str]) {
    OUTPUT.with_borrow_mut(|output| {
        output.push(first);
        // There are fewer than 256 templates.
        output.extend(number.map(|number| number as u8));
        for text in texts {
            let units = units(text);
            output.extend([28, 21, 14, 7, 0].map(|shift| (units >> shift & 0x7F) as u8));
        }
        for text in texts {
            output.extend_from_slice(text.as_bytes());
        }
    });
}

/// Returns the length in JavaScript: the number of characters, plus one for each character beyond 16 bits, which has four bytes.
fn units(text: &str) -> usize {
    text.bytes().filter(|byte| !matches!(byte, 0x80..0xC0)).count() + text.bytes().filter(|byte| *byte >= 0xF0).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_javascript() {
        for text in ["", "a", "ä", "€", "𝄞", "aä€𝄞🦀", "\u{feff}\u{2028}"] {
            assert_eq!(units(text), text.encode_utf16().count(), "{text}");
        }
    }

    #[test]
    fn long_and_escaped_texts_have_their_length_before_them() {
        clear();
        text("ä", false);
        text(&"x".repeat(SHORT_MOST + 1), false);
        text("\\n", true);
        look(|output| {
            let expected = format!("\u{8}ä\u{3}\0\0\0\0\u{79}{}\u{4}\0\0\0\0\u{2}\\n", "x".repeat(SHORT_MOST + 1));
            assert_eq!(std::str::from_utf8(output).unwrap(), expected);
        });
        clear();
        look(|output| assert!(output.is_empty()));
    }
}
