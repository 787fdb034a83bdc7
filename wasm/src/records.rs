//! Records: what the events of an answer say, as one string for all that a chunk of bytes brought.
//!
//! A record begins with one character. From `SHORT` on it is the text of an event that differs from the template in force in that
//! text alone, and its length. The others are below; a length is five characters of 7 bits, in UTF-16 units, as
//! JavaScript counts. So all of it is ASCII but for the texts: a string with one character beyond Latin-1 takes twice the memory in
//! JavaScript.
//!
//! | first | then | |
//! |---|---|---|
//! | `JSON` | length, text | an item |
//! | `TEMPLATE` | number, two lengths, two texts | a template, in force from now on: what stands before and after the text |
//! | `SWITCH` | number | another template in force |
//! | `LONG` | length, text | as from `SHORT` on |
//! | `ESCAPED` | length, text | the same, still escaped as in JSON |
//! | `WHOLE` | length, text | a whole answer in place of a stream |
//! | `PART` | | what follows is of another part of a stream that was resumed |

use std::cell::{Cell, RefCell};

const JSON: u8 = 0;
const TEMPLATE: u8 = 1;
const SWITCH: u8 = 2;
const LONG: u8 = 3;
const ESCAPED: u8 = 4;
const WHOLE: u8 = 5;
const PART: u8 = 6;
const SHORT: u8 = 7;

/// Longer texts are `LONG`: the first character stays within ASCII.
const SHORT_MOST: usize = 0x7F - SHORT as usize;

/// A larger buffer is given back once it was read.
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

/// Another part of the stream begins.
pub(crate) fn part() {
    OUTPUT.with_borrow_mut(|output| output.push(PART));
}

/// Notes where the record of the next item begins.
pub(crate) fn mark() {
    MARK.set(OUTPUT.with_borrow(Vec::len));
}

/// Takes the record back that began at the mark; the item is the last of its part.
pub(crate) fn drop_marked() {
    OUTPUT.with_borrow_mut(|output| output.truncate(MARK.get()));
}

pub(crate) fn template(number: usize, before: &str, after: &str) {
    texts(TEMPLATE, Some(number), &[before, after]);
}

pub(crate) fn switch(number: usize) {
    texts(SWITCH, Some(number), &[]);
}

/// The text of an event that matched the template in force.
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
        // There are few templates.
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

/// The length in JavaScript: characters, and one more for each beyond 16 bits, which are those of four bytes.
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
