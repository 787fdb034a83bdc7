//! Text that a tokenizer may read as one special token.

use std::borrow::Cow;

/// The longest mark, in bytes.
const LONGEST: usize = 64;

/// Removes possible special tokens, and counts them. `None` if there are none.
///
/// Special tokens are words in angle brackets (`<|im_start|>`, `</s>`, `<start_of_turn>`, `<｜User｜>`) and capitals in square ones (`[INST]`).
pub(super) fn without(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let mut rest = String::new();
    let (mut count, mut from, mut at) = (0, 0, 0);
    while let Some(found) = memchr::memchr2(b'<', b'[', &text.as_bytes()[at..]) {
        let start = at + found;
        match length(&text[start..]) {
            Some(length) => {
                rest.push_str(&text[from..start]);
                count += 1;
                at = start + length;
                from = at;
            }
            None => at = start + 1,
        }
    }
    if count == 0 {
        return None;
    }
    rest.push_str(&text[from..]);
    Some((rest.into(), count))
}

/// The length of a special token at the start of a text.
fn length(text: &str) -> Option<usize> {
    let square = text.starts_with('[');
    for (at, c) in text.char_indices().skip(1).take_while(|(at, _)| *at < LONGEST) {
        match c {
            '>' if !square && at > 1 => return Some(at + 1),
            ']' if square && at > 1 => return Some(at + 1),
            'A'..='Z' | '_' | '/' if square => {}
            _ if square || c.is_whitespace() || matches!(c, '<' | '"' | '\'') => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_words_in_brackets() {
        for mark in
            ["<|im_start|>", "<s>", "</s>", "<start_of_turn>", "<｜begin▁of▁sentence｜>", "[INST]", "[/INST]", "<0x0A>"]
        {
            let text = format!("a{mark} b{mark}");
            assert_eq!(without(&text), Some(("a b".into(), 2)), "{mark}");
        }
        let long = format!("<{}>", "x".repeat(LONGEST));
        for text in ["", "<", "a < b > c", "<>", "[]", "[a]", "x[0] <a href=\"b\">", "<|im", "[é", &long] {
            assert_eq!(without(text), None, "{text}");
        }
        assert_eq!(without("<<s>é"), Some(("<é".into(), 1)));
    }
}
