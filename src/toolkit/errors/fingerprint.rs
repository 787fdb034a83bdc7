//! `Fingerprint`: the common properties of errors with the same cause.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::base::{Error, Phase};

/// The common properties of errors with the same cause: operation, kind, code, status, phase, and the message without its
/// variable parts.
///
/// It is the same across runs and machines, and across releases as long as the messages do not change. It does not depend on the
/// server: the same error of two servers of a pool has one fingerprint. It prints as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Returns the fingerprint of an error.
    pub fn of(error: &Error) -> Self {
        let mut hash = Hash::new();
        let (method, path) = endpoint(error).unwrap_or_default();
        let status = error.status().map(|status| status.as_u16().to_string()).unwrap_or_default();
        let phase = error.phase().map(Phase::as_str).unwrap_or_default();
        let message = message_shape(error.message());
        for part in [&method, &path, error.kind().as_str(), error.code().as_str(), &status, phase, &message] {
            hash.part(part);
        }
        Fingerprint(hash.0)
    }

    /// Returns the fingerprint as a number.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Error {
    /// Returns the fingerprint, which errors with the same cause share; see [`errors`](crate::errors).
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self)
    }
}

/// FNV-1a. It is small and never changes, which the standard library does not guarantee for its hashes.
pub(crate) struct Hash(pub(crate) u64);

impl Hash {
    pub(crate) fn new() -> Self {
        Hash(0xcbf2_9ce4_8422_2325)
    }

    /// Adds a part, delimited from the next one.
    pub(crate) fn part(&mut self, part: &str) {
        for byte in part.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Longer shapes are cut: messages differ in their beginning.
const LONGEST: usize = 240;
/// Words of at least this length are keys, ids or encoded data.
const LONG_WORD: usize = 24;

/// Returns a message without its variable parts: quoted text, numbers, ids, addresses.
pub(super) fn message_shape(message: &str) -> String {
    let mut shape = String::new();
    let mut before = ' ';
    let mut rest = message;
    while let Some(first) = rest.chars().next() {
        if shape.len() >= LONGEST {
            shape.push('…');
            break;
        }
        let quoted = if is_word(before) { None } else { quoted(rest, first) };
        let length = if let Some(length) = quoted {
            shape.push_str("<text>");
            length
        } else if is_word(first) {
            let length = word(rest);
            shape.push_str(word_shape(&rest[..length]));
            length
        } else {
            // The amount of whitespace varies.
            if !(first.is_whitespace() && shape.ends_with(' ')) {
                shape.push(if first.is_whitespace() { ' ' } else { first });
            }
            first.len_utf8()
        };
        before = rest[..length].chars().next_back().unwrap_or(' ');
        rest = &rest[length..];
    }
    shape
}

/// The length of the quoted text at the start, quotes included.
fn quoted(text: &str, first: char) -> Option<usize> {
    let close = match first {
        '"' | '\'' | '`' => first,
        '“' => '”',
        '‘' => '’',
        '«' => '»',
        _ => return None,
    };
    let inner = &text[first.len_utf8()..];
    // A quote inside a word is an apostrophe.
    let end = inner.char_indices().find(|(at, character)| {
        *character == close && !inner[at + close.len_utf8()..].chars().next().is_some_and(is_word)
    });
    Some(end.map_or(text.len(), |(at, _)| first.len_utf8() + at + close.len_utf8()))
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The length of the word at the start. Paths, addresses and numbers with a decimal point are words.
fn word(text: &str) -> usize {
    let mut end = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let inner = matches!(character, '.' | '-' | '/' | ':' | '@' | '%' | '+' | '=' | '\\')
            && next.is_some_and(|next| is_word(next) || next == '/');
        if !is_word(character) && !inner {
            break;
        }
        end = at + character.len_utf8();
    }
    end
}

fn word_shape(word: &str) -> &str {
    if word.contains("://") {
        "<address>"
    } else if word.chars().any(|character| character.is_numeric()) {
        "<n>"
    } else if word.contains(['/', '\\']) {
        "<path>"
    } else if word.len() >= LONG_WORD && !word.contains('_') {
        "<id>"
    } else {
        word
    }
}

/// The method and the path of the operation, without variable parts of the path.
pub(super) fn endpoint(error: &Error) -> Option<(String, String)> {
    let (method, url) = error.endpoint()?;
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').map(segment_shape).collect();
    Some((method.to_string(), segments.join("/")))
}

fn segment_shape(segment: &str) -> &str {
    let version = segment.strip_prefix('v').is_some_and(|rest| rest.len() < 3 && rest.parse::<u8>().is_ok());
    if version { segment } else { word_shape(segment) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorKind;

    #[test]
    fn shapes_leave_out_what_changes() {
        let cases = [
            ("Prompt length 4096 is greater than 2048", "Prompt length <n> is greater than <n>"),
            ("the model 'alpha-7B' doesn't exist", "the model <text> doesn't exist"),
            ("no \"a 'b' c\" and `d` here", "no <text> and <text> here"),
            ("an open 'quote goes on", "an open <text>"),
            ("id 3fa85f64-5717-4562-b3fc-2c963f66afa6.", "id <n>."),
            ("took  1.5 s,\nof 30s", "took <n> s, of <n>"),
            ("see http://user.test:80/x?y=z now", "see <address>?y=z now"),
            ("read /models/alpha/config failed", "read /<path> failed"),
            ("key ABCDEFGHIJKLMNOPQRSTUVWXYZ refused", "key <id> refused"),
            ("context_length_exceeded_in_this_case", "context_length_exceeded_in_this_case"),
            ("", ""),
        ];
        for (message, shape) in cases {
            assert_eq!(message_shape(message), shape);
        }
        assert!(message_shape(&"word ".repeat(1000)).len() < LONGEST + 10);
    }

    #[test]
    fn any_text_has_a_shape() {
        let pieces = ["'", "\"", "“", "a", "7", "é", "://", "/", ".", " ", "日", "`", "\u{301}", "=", "_"];
        let mut state = 1u32;
        for _ in 0..5000 {
            let mut text = String::new();
            for _ in 0..12 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.push_str(pieces[(state >> 16) as usize % pieces.len()]);
            }
            assert!(!message_shape(&text).contains('7'), "{text}");
        }
    }

    #[test]
    fn the_hash_is_the_known_one() {
        let mut hash = Hash::new();
        for byte in b"foobar" {
            hash.0 = (hash.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        assert_eq!(hash.0, 0x8594_4171_f739_67e8);
        let error = Error::custom(ErrorKind::Server, "x", "failed at 7");
        assert_eq!(Fingerprint::of(&error), Fingerprint::of(&Error::custom(ErrorKind::Server, "x", "failed at 8")));
        assert_eq!(Fingerprint::of(&error).to_string(), "d7370dbf670a0555", "it must stay as it is over releases");
    }

    #[test]
    fn each_part_counts() {
        let base = || Error::custom(ErrorKind::Server, "a", "m");
        let url = "http://h.test/v1/x";
        let others = [
            Error::custom(ErrorKind::Decode, "a", "m"),
            Error::custom(ErrorKind::Server, "b", "m"),
            Error::custom(ErrorKind::Server, "a", "n"),
            base().with_phase(Phase::Head),
            base().at(&http::Method::GET, url),
            base().at(&http::Method::POST, url),
            base().at(&http::Method::GET, "http://h.test/v1/y"),
            base(),
        ];
        let prints: std::collections::HashSet<_> = others.iter().map(Fingerprint::of).collect();
        assert_eq!(prints.len(), others.len());
        let elsewhere = base().at(&http::Method::GET, "https://other.test:9/v1/x?q=1");
        assert_eq!(elsewhere.fingerprint(), others[4].fingerprint());
        assert_eq!(endpoint(&base().at(&http::Method::GET, "http://h.test/v1/model/a7?x")).unwrap().1, "/v1/model/<n>");
    }
}
