//! Converts invalid JSON text from servers into valid JSON.

use memchr::memchr2;

/// Larger documents, in bytes, are never kept in two versions.
pub(super) const LARGE: usize = 1 << 20;

/// Replaces what is not valid JSON: bare `-Infinity`, `Infinity` and `NaN` by null, unpaired surrogates by U+FFFD.
/// `None` if there is neither.
pub(crate) fn mended(text: &str) -> Option<String> {
    let mut scan = Scan::new(text);
    scan.run();
    scan.changed()
}

/// The same for the beginning of a text that was cut. An open string ends at the cut.
pub(super) fn closed(text: &str) -> String {
    let mut scan = Scan::new(text);
    let whole = scan.run();
    let mut closed = scan.changed().unwrap_or_else(|| text.to_owned());
    if let Some(dropped) = whole {
        closed.truncate(closed.len() - dropped);
        closed.push('"');
    }
    closed
}

const WORDS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];

struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// The text up to here is in `out`.
    copied: usize,
    out: String,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        Scan { text, at: 0, copied: 0, out: String::new() }
    }

    /// If the text ends inside a string, returns the length of the incomplete escape at the end.
    fn run(&mut self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'"' => {
                    self.at += 1;
                    if let Some(dropped) = self.string() {
                        return Some(dropped);
                    }
                }
                b'-' | b'I' | b'N' => match WORDS.iter().find(|word| bytes[self.at..].starts_with(word)) {
                    Some(word) => self.replace(word.len(), "null"),
                    None => self.at += 1,
                },
                _ => self.at += 1,
            }
        }
        None
    }

    /// Skips a string and its closing quote. Returns what `run` returns if it does not end.
    fn string(&mut self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let Some(next) = memchr2(b'"', b'\\', rest) else {
                self.at = bytes.len();
                return Some(0);
            };
            self.at += next;
            if bytes[self.at] == b'"' {
                self.at += 1;
                return None;
            }
            match (bytes.get(self.at + 1), unit(bytes, self.at)) {
                (Some(b'u'), Some(0xD800..0xDC00)) if matches!(unit(bytes, self.at + 6), Some(0xDC00..0xE000)) => {
                    self.at += 12;
                }
                (Some(b'u'), Some(0xD800..0xE000)) => self.replace(6, "\\ufffd"),
                (Some(b'u'), None) if bytes.len() < self.at + 6 => return Some(bytes.len() - self.at),
                (Some(_), _) => self.at += 2,
                (None, _) => return Some(1),
            }
        }
    }

    fn replace(&mut self, length: usize, by: &str) {
        if self.copied == 0 {
            // Only `NaN` gets longer. Reserved at once, since texts may be large.
            self.out.reserve_exact(self.text.len() + self.text.matches("NaN").count());
        }
        self.out.push_str(self.text.get(self.copied..self.at).unwrap_or_default());
        self.out.push_str(by);
        self.at += length;
        self.copied = self.at;
    }

    fn changed(mut self) -> Option<String> {
        if self.copied == 0 {
            return None;
        }
        self.out.push_str(self.text.get(self.copied..).unwrap_or_default());
        Some(self.out)
    }
}

/// The UTF-16 unit of an escape at this position.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let escape = bytes.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_non_finite_numbers_become_null_and_strings_stay() {
        let text = r#"{"a":-Infinity,"b":[NaN,Infinity,-1,null],"c":"-Infinity \" NaN \\","NaN":"é\u00e9"}"#;
        let clean = r#"{"a":null,"b":[null,null,-1,null],"c":"-Infinity \" NaN \\","NaN":"é\u00e9"}"#;
        assert_eq!(mended(text).as_deref(), Some(clean));
        assert_eq!(mended(r#"{"c":"Infinity"}"#), None);
    }

    #[test]
    fn halves_of_surrogate_pairs_become_replacement_characters() {
        for (text, expected) in [
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\ude00x""#, "\u{fffd}x"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83d\n\uDE00""#, "\u{fffd}\n\u{fffd}"),
            (r#""\ud83d\\ude00""#, "\u{fffd}\\ude00"),
        ] {
            let read: String = serde_json::from_str(&mended(text).expect(text)).expect(text);
            assert_eq!(read, expected);
        }
        assert_eq!(mended(r#""\ud83d\ude00 \\ud83d é\""#), None);
    }

    #[test]
    fn every_cut_of_a_string_can_be_closed() {
        let text = r#"{"detail":"a\n\u00e9\ud83d\ude00 ü\\"#;
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            let cut = closed(&text[..end]);
            assert!(cut.matches('"').count().is_multiple_of(2), "{cut}");
            if end > 10 {
                serde_json::from_str::<serde_json::Value>(&format!("{cut}}}")).expect(&cut);
            }
        }
    }
}
