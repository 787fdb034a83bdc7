//! Undoes the escapes of JSON, URLs, HTML and Python's `repr`, one at a time.

use std::ops::Range;

/// The longest escape in bytes: a surrogate pair, `\ud83d\ude00`.
pub(super) const LONGEST: usize = 12;

/// What the start of a byte sequence is.
#[derive(Debug, PartialEq)]
pub(super) enum Escape {
    /// Not an escape.
    None,
    /// Undecided: more bytes are needed.
    Open,
    /// An escape of this length, for the first `count` of these bytes.
    Of { length: usize, bytes: [u8; 4], count: usize },
}

/// Reads the escape at the start of at most [`LONGEST`] bytes. The slice is not empty.
pub(super) fn escape(bytes: &[u8]) -> Escape {
    match bytes[0] {
        b'\\' => backslash(bytes),
        b'%' => number(bytes, 1, 2).map_or_else(|other| other, |number| byte(3, number as u8)),
        b'&' => entity(bytes),
        _ => Escape::None,
    }
}

fn backslash(bytes: &[u8]) -> Escape {
    let Some(&kind) = bytes.get(1) else { return Escape::Open };
    match kind {
        b'"' | b'\\' | b'/' | b'\'' => byte(2, kind),
        b'n' => byte(2, b'\n'),
        b't' => byte(2, b'\t'),
        b'r' => byte(2, b'\r'),
        b'b' => byte(2, 8),
        b'f' => byte(2, 12),
        b'x' => number(bytes, 2, 2).map_or_else(|other| other, |number| byte(4, number as u8)),
        b'U' => number(bytes, 2, 8).map_or_else(|other| other, |number| character(10, number)),
        b'u' if bytes.get(2) == Some(&b'{') => braced(bytes),
        b'u' => match number(bytes, 2, 4) {
            Ok(high @ 0xd800..=0xdbff) => pair(bytes, high),
            Ok(number) => character(6, number),
            Err(other) => other,
        },
        _ => Escape::None,
    }
}

/// The second half of a surrogate pair.
fn pair(bytes: &[u8], high: u32) -> Escape {
    let rest = &bytes[6..];
    if !b"\\u".starts_with(&rest[..rest.len().min(2)]) {
        return character(6, high);
    }
    if rest.len() < 2 {
        return Escape::Open;
    }
    match number(rest, 2, 4) {
        Ok(low @ 0xdc00..=0xdfff) => character(12, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)),
        Ok(_) | Err(Escape::None) => character(6, high),
        Err(other) => other,
    }
}

/// `\u{1f600}`, as in Rust and JavaScript.
fn braced(bytes: &[u8]) -> Escape {
    let digits = &bytes[3..];
    let count = digits.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    match digits.get(count) {
        Some(b'}') if (1..=6).contains(&count) => {
            number(bytes, 3, count).map_or_else(|other| other, |number| character(count + 4, number))
        }
        None if count <= 6 => Escape::Open,
        _ => Escape::None,
    }
}

fn entity(bytes: &[u8]) -> Escape {
    const NAMES: [(&[u8], u8); 5] =
        [(b"&amp;", b'&'), (b"&lt;", b'<'), (b"&gt;", b'>'), (b"&quot;", b'"'), (b"&apos;", b'\'')];
    let Some(end) = bytes.iter().position(|&byte| byte == b';') else {
        let may_be =
            bytes.len() < LONGEST && bytes[1..].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'#');
        return if may_be { Escape::Open } else { Escape::None };
    };
    if let Some((name, value)) = NAMES.iter().find(|(name, _)| bytes.starts_with(name)) {
        return byte(name.len(), *value);
    }
    let digits = std::str::from_utf8(&bytes[1..end]).unwrap_or_default();
    let number = match digits.strip_prefix("#x").or(digits.strip_prefix("#X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.strip_prefix('#').and_then(|decimal| decimal.parse().ok()),
    };
    number.map_or(Escape::None, |number| character(end + 1, number))
}

/// The value of `count` hexadecimal digits. Errors with what is there instead.
fn number(bytes: &[u8], from: usize, count: usize) -> Result<u32, Escape> {
    let mut number = 0;
    for at in from..from + count {
        let Some(&digit) = bytes.get(at) else { return Err(Escape::Open) };
        let digit = char::from(digit).to_digit(16).ok_or(Escape::None)?;
        number = (number << 4) | digit;
    }
    Ok(number)
}

fn byte(length: usize, byte: u8) -> Escape {
    Escape::Of { length, bytes: [byte, 0, 0, 0], count: 1 }
}

/// The character as UTF-8, or the replacement character if it is not valid.
fn character(length: usize, number: u32) -> Escape {
    let mut bytes = [0; 4];
    let count = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut bytes).len();
    Escape::Of { length, bytes, count }
}

/// The text with its escapes undone, once.
pub(super) fn undone(text: &[u8]) -> Vec<u8> {
    // Never longer than the input.
    let mut plain = Vec::with_capacity(text.len());
    each(text, |byte, _| plain.push(byte));
    plain
}

/// The same, with the range of the input for each byte.
#[cfg(test)]
pub(super) fn undone_at(text: &[u8]) -> Vec<(u8, Range<usize>)> {
    let mut plain = Vec::new();
    each(text, |byte, from| plain.push((byte, from)));
    plain
}

fn each(text: &[u8], mut take: impl FnMut(u8, Range<usize>)) {
    let mut at = 0;
    while at < text.len() {
        let end = text.len().min(at + LONGEST);
        let length = match escape(&text[at..end]) {
            Escape::Of { length, bytes, count } => {
                bytes[..count].iter().for_each(|&byte| take(byte, at..at + length));
                length
            }
            Escape::None | Escape::Open => {
                take(text[at], at..at + 1);
                1
            }
        };
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_undone() {
        for (text, plain) in [
            (r#"a\"b\\c\/d\n"#, "a\"b\\c/d\n"),
            (r"\u0041\u00e9\ud83d\ude00", "Aé😀"),
            (r"\ud83d!\ud83d\u0041\ude00", "\u{fffd}!\u{fffd}A\u{fffd}"),
            (r"\u{41}\u{1f600}\x41\U0001f600", "A😀A😀"),
            ("%41%c3%A9%zz%4", "Aé%zz%4"),
            ("&amp;&lt;&#65;&#x41;&quot;&nope;&&#9999999;", "&<AA\"&nope;&\u{fffd}"),
            (r"\q\u00g0\u{}\x4", r"\q\u00g0\u{}\x4"),
        ] {
            assert_eq!(String::from_utf8_lossy(&undone(text.as_bytes())), plain);
        }
    }

    #[test]
    fn what_is_not_whole_is_open() {
        for text in
            [r"\", r"\u00", r"\ud83d", r"\ud83d\", r"\ud83d\ude", r"\u{1f6", "%", "%4", "&", "&am", "&#x4", r"\x"]
        {
            assert_eq!(escape(text.as_bytes()), Escape::Open, "{text}");
        }
        for text in ["&averylongname", r"\q", "%g", "a"] {
            assert_eq!(escape(text.as_bytes()), Escape::None, "{text}");
        }
    }
}
