//! Halves of surrogate pairs that servers split between two events: `"\ud83d"`, then `"\ude00"`.
//!
//! The first half is held back until the other one arrives in the same text of the same choice. Unpaired halves become U+FFFD.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::decode::charge::Bounds;
use crate::decode::mend::LARGE;
use crate::decode::text::from_json_within;

/// The maximum number of texts with a half held back.
const MOST: usize = 1024;

/// The fields whose text arrives in parts.
const PIECES: [&str; 7] = ["content", "reasoning_content", "reasoning", "refusal", "text", "arguments", "token"];

const REPLACEMENT: char = '\u{fffd}';

/// The halves that a stream holds back.
#[derive(Debug, Default)]
pub(crate) struct Halves {
    /// By the path of the text, such as `choices/0/delta/content`.
    held: BTreeMap<String, u16>,
}

impl Halves {
    /// Whether nothing is held back, so that events without halves can be skipped.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Returns the data of an event without halves: joined with what was held back before.
    ///
    /// Large events get U+FFFD for halves: servers do not split text there, and a tree of the values would take too much memory.
    pub(crate) fn join<'a>(&mut self, data: &'a str, bounds: &Bounds) -> Cow<'a, str> {
        if data.len() > LARGE {
            return Cow::Borrowed(data);
        }
        let marked = match mark(data) {
            Some(marked) => marked,
            None if self.held.is_empty() => return Cow::Borrowed(data),
            None => Marked { text: Cow::Borrowed(data), mark: None },
        };
        // The data, a copy of it during the walk, and the result.
        match from_json_within::<Value>(&marked.text, &bounds.beside(3 * data.len())) {
            Ok(mut value) => {
                Walk { held: &mut self.held, mark: marked.mark }.value(&mut value, &mut String::new(), true);
                Cow::Owned(value.to_string())
            }
            // The data is invalid, which its decoder reports, or too large to be walked.
            Err(_) => Cow::Borrowed(data),
        }
    }

    /// The stream has ended. Returns chunks with U+FFFD for the halves that are still held back, by choice.
    pub(crate) fn flush(&mut self) -> Option<Value> {
        let held = std::mem::take(&mut self.held);
        let mut choices = Vec::new();
        for path in held.keys() {
            let text = REPLACEMENT.to_string();
            match *path.split('/').collect::<Vec<_>>() {
                ["choices", index, "delta", field] => {
                    choices.push(json!({"index": index.parse::<u32>().ok(), "delta": {field: text}}));
                }
                ["choices", index, field] => choices.push(json!({"index": index.parse::<u32>().ok(), field: text})),
                ["token"] => return Some(json!({"token": text})),
                _ => {}
            }
        }
        (!choices.is_empty()).then(|| json!({ "choices": choices }))
    }
}

/// JSON text with halves replaced by a mark and a character.
struct Marked<'a> {
    text: Cow<'a, str>,
    mark: Option<char>,
}

/// Marks halves; `None` if there are none.
fn mark(data: &str) -> Option<Marked<'_>> {
    let bytes = data.as_bytes();
    let (mut at, mut copied) = (0, 0);
    let mut out = String::new();
    let mut mark = None;
    while let Some(next) = memchr::memchr(b'\\', bytes.get(at..)?) {
        at += next;
        let unit = unit(bytes, at);
        match unit {
            Some(0xD800..0xDC00) if matches!(self::unit(bytes, at + 6), Some(0xDC00..0xE000)) => at += 12,
            Some(half @ 0xD800..0xE000) => {
                // A character that does not occur in the text.
                let free = *mark.get_or_insert_with(|| {
                    let lower = data.to_ascii_lowercase();
                    ('\u{fdd0}'..='\u{fdef}')
                        .find(|mark| !data.contains(*mark) && !lower.contains(&format!("{:x}", u32::from(*mark))))
                });
                out.push_str(&data[copied..at]);
                match (free, char::from_u32(u32::from(half) + 0x800)) {
                    (Some(mark), Some(stand_in)) => out.extend([mark, stand_in]),
                    _ => out.push(REPLACEMENT),
                }
                at += 6;
                copied = at;
            }
            _ => at += 2,
        }
        if at >= bytes.len() {
            break;
        }
    }
    let mark = mark?;
    out.push_str(data.get(copied..).unwrap_or_default());
    Some(Marked { text: Cow::Owned(out), mark })
}

/// The UTF-16 unit of the escape at this position.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + u16::try_from(char::from(*digit).to_digit(16)?).ok()?))
}

/// Walks through a document.
struct Walk<'a> {
    held: &'a mut BTreeMap<String, u16>,
    mark: Option<char>,
}

impl Walk<'_> {
    /// `open`: more of the texts may follow.
    fn value(&mut self, value: &mut Value, path: &mut String, open: bool) {
        let length = path.len();
        match value {
            Value::String(text) => *text = self.text(text, path, open),
            Value::Array(list) => {
                for (at, item) in list.iter_mut().enumerate() {
                    let index = item.get("index").and_then(Value::as_u64).unwrap_or(at as u64);
                    push(path, &index.to_string());
                    self.value(item, path, open);
                    path.truncate(length);
                }
            }
            Value::Object(fields) => {
                let open = open && !ends(fields);
                for (name, mut value) in std::mem::take(fields) {
                    push(path, &name);
                    self.value(&mut value, path, open);
                    path.truncate(length);
                    fields.insert(self.text(&name, "", false), value);
                }
                if !open {
                    self.close(fields, path);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, path: &str, open: bool) -> String {
        let field = path.rsplit('/').next().unwrap_or_default();
        let pieces = PIECES.contains(&field) && !path.contains("logprobs");
        let mut half = if pieces { self.held.remove(path) } else { None };
        let mut out = String::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(next) = chars.next() {
            let unit = match self.mark {
                Some(mark) if next == mark => {
                    chars.next().and_then(|stand_in| u16::try_from(u32::from(stand_in).checked_sub(0x800)?).ok())
                }
                _ => None,
            };
            match (half.take(), unit) {
                (Some(first), Some(second @ 0xDC00..0xE000)) => {
                    out.extend(char::decode_utf16([first, second]).map(|char| char.unwrap_or(REPLACEMENT)));
                }
                (before, unit) => {
                    out.extend(before.map(|_| REPLACEMENT));
                    match unit {
                        Some(first @ 0xD800..0xDC00) => half = Some(first),
                        Some(_) => out.push(REPLACEMENT),
                        None => out.push(next),
                    }
                }
            }
        }
        if let Some(first) = half {
            if pieces && open && self.held.len() < MOST {
                self.held.insert(path.to_owned(), first);
            } else {
                out.push(REPLACEMENT);
            }
        }
        out
    }

    /// A choice has ended: adds what is held back of its texts.
    fn close(&mut self, choice: &mut Map<String, Value>, path: &str) {
        let inside = format!("{path}/");
        let held: Vec<String> = self.held.keys().filter(|held| held.starts_with(&inside)).cloned().collect();
        for held in held {
            self.held.remove(&held);
            let text = Value::from(REPLACEMENT.to_string());
            match *held[inside.len()..].split('/').collect::<Vec<_>>() {
                ["delta", field] => {
                    let delta = choice.entry("delta").or_insert_with(|| json!({}));
                    if let Some(delta) = delta.as_object_mut() {
                        delta.insert(field.to_owned(), text);
                    } else {
                        *delta = json!({field: text});
                    }
                }
                [field] => _ = choice.insert(field.to_owned(), text),
                _ => {}
            }
        }
    }
}

/// Whether a choice has ended.
fn ends(choice: &Map<String, Value>) -> bool {
    choice.get("finish_reason").is_some_and(|reason| !reason.is_null() && reason != "" && reason != false)
}

fn push(path: &mut String, part: &str) {
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(halves: &mut Halves, text: &str) -> String {
        let data = format!(r#"{{"token":"{text}"}}"#);
        let value: Value = serde_json::from_str(&halves.join(&data, &Bounds::default())).unwrap();
        value["token"].as_str().unwrap().to_owned()
    }

    #[test]
    fn halves_are_joined_or_replaced() {
        let mut halves = Halves::default();
        for (text, expected) in [
            ("a", "a"),
            (r"a\ud83d", "a"),
            ("", ""),
            (r"\ude00b", "😀b"),
            (r"\uD83D", ""),
            ("x", "\u{fffd}x"),
            (r"\ude00", "\u{fffd}"),
            (r"\ud83d\ud83d\ude00\ud83d", "\u{fffd}😀"),
            (r"\ud83c", "\u{fffd}"),
            (r"\udf89\\ud83d", "🎉\\ud83d"),
            ("\u{fdd0}\u{e03d}\\ude00", "\u{fdd0}\u{e03d}\u{fffd}"),
            (r"\uFDD0\ud83d\ude00", "\u{fdd0}😀"),
        ] {
            assert_eq!(token(&mut halves, text), expected, "{text}");
        }
        assert!(halves.is_empty());
        assert!(matches!(halves.join(r#"{"token":"\ud83d\ude00 \n"}"#, &Bounds::default()), Cow::Borrowed(_)));
    }

    #[test]
    fn what_stays_comes_at_the_end() {
        let mut halves = Halves::default();
        _ = halves.join(r#"{"choices":[{"index":1,"delta":{"content":"\ud83d","tool_calls":[{"function":{"arguments":"\ud83d"}}]}}]}"#, &Bounds::default());
        assert_eq!(halves.flush().unwrap(), json!({"choices": [{"index": 1, "delta": {"content": "\u{fffd}"}}]}));
        assert!(halves.is_empty() && halves.flush().is_none());
    }

    #[test]
    fn no_cut_of_a_document_panics() {
        let text = r#"{"token":"\ud83d\ude00\\\ud83d","a":["\udfff"]}"#;
        for end in 0..=text.len() {
            _ = Halves::default().join(&text[..end], &Bounds::default());
        }
    }
}
