//! Makes untrusted text harmless: text of a model or a server must neither control the terminal nor look like output of this program.

use std::borrow::Cow;

/// The text of a response. Line breaks and tabs are kept. Every other control character is shown as a symbol.
pub fn text(text: &str) -> Cow<'_, str> {
    shown(text, |c| steers(c) && !matches!(c, '\n' | '\t'))
}

/// A part of a sentence, or a cell of a table. It stays on its line, so line breaks and tabs are also shown as symbols.
pub fn line(text: &str) -> Cow<'_, str> {
    shown(text, |c| steers(c) || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// JSON with the same meaning, without terminal control characters.
pub fn json(json: &str) -> Cow<'_, str> {
    let odd = |c: char| (steers(c) && c >= '\u{7f}') || matches!(c, '\u{2028}' | '\u{2029}');
    if !json.contains(odd) {
        return json.into();
    }
    // Such characters only occur inside strings.
    json.chars()
        .fold(String::new(), |out, c| {
            if odd(c) { out + &format!("\\u{:04x}", u32::from(c)) } else { out + c.encode_utf8(&mut [0; 4]) }
        })
        .into()
}

/// Control characters, C0 and C1, and characters that change the direction of text.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn shown(text: &str, odd: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&odd) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match u32::from(c) {
            _ if !odd(c) => out.push(c),
            code @ 0..=0x1f => out.push(char::from_u32(0x2400 + code).unwrap_or('\u{fffd}')),
            0x7f => out.push('\u{2421}'),
            _ => out.extend(c.escape_unicode()),
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(text("plain\ttext\n"), "plain\ttext\n");
        assert!(matches!(text("é 👍 \n"), Cow::Borrowed(_)));
        assert_eq!(text("\x1b]0;title\x07\r\u{9b}2J\x7f"), "␛]0;title␇␍\\u{9b}2J␡");
        assert_eq!(text("a\u{202e}b\u{2066}c\u{61c}d"), "a\\u{202e}b\\u{2066}c\\u{61c}d");
    }

    #[test]
    fn a_line_stays_one() {
        assert_eq!(line("x\nerror: y\tz\r"), "x␊error: y␉z␍");
        assert_eq!(line("x\u{85}y\u{2028}z"), "x\\u{85}y\\u{2028}z");
        assert!(matches!(line("é 👍"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_means_the_same() {
        let value = serde_json::json!({"a\u{202e}": "x\n\u{9b}\u{7f}\u{2028}é"});
        let safe = json(&value.to_string()).into_owned();
        assert_eq!(safe, r#"{"a\u202e":"x\n\u009b\u007f\u2028é"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
