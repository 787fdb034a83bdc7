//! Decoding by template: most events of a generation differ from the previous one in a single string.
//!
//! A template is the text of an event around that string, and its decoded item. An event that matches before
//! and after, with a valid string between, is the same item with another string. Other events go to the plain decoder.
//! The result always equals that of the plain decoder, which is checked when a template is learned.

use std::ops::Range;

use crate::base::Text;

/// The number of templates. Choices alternate in a stream, and so do reasoning and content.
const KEPT: usize = 4;

/// Longer events are not learned.
const MAX_DATA: usize = 4 << 10;

/// The number of events in a row that may be learned without one being recognized, times the cost of one.
const CREDIT: u32 = 8 * COST;

/// The cost of learning an event. A recognized one adds 1, so that learning remains a small part of the work.
const COST: u32 = 4;

/// The number of strings of an event that are tried.
const CANDIDATES: usize = 4;

/// Without credit, one of this many events is learned, in case the stream has settled.
const RETRY: u32 = 64;

/// The replacement of a string to find its place.
const PROBE: &str = "template-probe-58b1c0de";

/// An item that differs from others of its stream in one string.
pub(crate) trait Slot: Clone + PartialEq {
    /// Returns that string. None if there is none, or more than one.
    fn slot(&mut self) -> Option<&mut Text>;
}

/// The templates of a stream.
#[derive(Debug)]
pub(crate) struct Templates<T> {
    /// The last match is first. At most `KEPT`.
    kept: Vec<Template<T>>,
    /// At most `CREDIT`.
    credit: u32,
    /// Events not learned since the credit was used up; less than `RETRY`.
    waited: u32,
    /// The text of the data that was recognized last, by `kept[0]`.
    text: Text,
}

#[derive(Debug)]
struct Template<T> {
    /// The data up to and including the opening quote.
    before: Box<[u8]>,
    /// The data from the closing quote on.
    after: Box<[u8]>,
    /// The item with an empty slot.
    item: T,
}

impl<T> Default for Templates<T> {
    fn default() -> Self {
        Self { kept: Vec::new(), credit: CREDIT, waited: 0, text: Text::default() }
    }
}

impl<T: Slot> Templates<T> {
    /// The length of the data at the start of `bytes`, if it matches a template. The data has no line end.
    /// [`item`](Self::item) then returns the item.
    #[inline]
    pub(crate) fn known(&mut self, bytes: &[u8]) -> Option<usize> {
        for at in 0..self.kept.len() {
            if let Some((text, len)) = self.kept[at].find(bytes) {
                if at > 0 {
                    self.kept[..=at].rotate_right(1);
                }
                self.credit = CREDIT.min(self.credit + 1);
                self.text = text;
                return Some(len);
            }
        }
        None
    }

    /// The item that was [recognized](Self::known) last.
    // A separate method, since items are large, and moving them between calls takes longer than finding them.
    #[inline]
    pub(crate) fn item(&mut self) -> Option<T> {
        let mut item = self.kept.first()?.item.clone();
        *item.slot()? = std::mem::take(&mut self.text);
        Some(item)
    }

    /// The item of this data, if it matches a template.
    pub(crate) fn known_whole(&mut self, data: &str) -> Option<T> {
        if self.known(data.as_bytes())? == data.len() { self.item() } else { None }
    }

    /// Learns from an event that the plain decoder, `decode`, decoded to `item`.
    pub(crate) fn learn(&mut self, data: &str, item: &T, decode: impl Fn(&str) -> Option<T>) {
        if data.len() > MAX_DATA || data.contains(PROBE) || !self.try_credit() {
            return;
        }
        let Some(template) = Template::of(data, item, decode) else { return };
        self.kept.truncate(KEPT - 1);
        self.kept.insert(0, template);
    }

    /// Whether learning this event is worth its cost.
    fn try_credit(&mut self) -> bool {
        if let Some(left) = self.credit.checked_sub(COST) {
            self.credit = left;
            return true;
        }
        self.waited = (self.waited + 1) % RETRY;
        self.waited == 0
    }
}

impl<T: Slot> Template<T> {
    fn of(data: &str, item: &T, decode: impl Fn(&str) -> Option<T>) -> Option<Self> {
        // Text between the parts of the template could be a line end, but JSON strings do not contain one.
        if data.contains(['\r', '\n']) {
            return None;
        }
        let mut empty = item.clone();
        let text = std::mem::take(empty.slot()?);
        let mut probed = empty.clone();
        *probed.slot()? = Text::from(PROBE);
        let Range { start, end } =
            strings(data).filter(|span| says(&data[span.clone()], &text)).take(CANDIDATES).find(|span| {
                // This is the string only if it decodes to the probe in the slot, and the rest is unchanged. It is not another one of
                // the same text, or a part of one. A decoder that treats "" as absent is not supported.
                let with = |body: &str| decode(&[&data[..span.start], body, &data[span.end..]].concat());
                with(PROBE).as_ref() == Some(&probed) && with("").as_ref() == Some(&empty)
            })?;
        let part = |part: &str| part.as_bytes().into();
        Some(Self { before: part(&data[..start]), after: part(&data[end..]), item: empty })
    }

    /// The text at the start of `bytes` and the length of the data.
    #[inline]
    fn find(&self, bytes: &[u8]) -> Option<(Text, usize)> {
        let rest = bytes.strip_prefix(&*self.before)?;
        let body = Body::of(rest)?;
        let (bytes, rest) = rest.split_at_checked(body.len)?;
        if !rest.starts_with(&self.after) {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let text = if body.escaped { Text::from(unescape(text)?) } else { Text::from(text) };
        Some((text, self.before.len() + body.len + self.after.len()))
    }
}

/// The body of a JSON string.
struct Body {
    /// Up to the closing quote.
    len: usize,
    escaped: bool,
}

impl Body {
    /// The body at the start of `bytes`. None if it does not end there, or has an invalid byte.
    #[inline]
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut escaped = false;
        let mut len = 0;
        loop {
            match *bytes.get(len)? {
                b'"' => return Some(Self { len, escaped }),
                b'\\' => {
                    escaped = true;
                    // An escaped character is not a closing quote. If it is a control character, unescaping fails.
                    len += 2;
                }
                0..0x20 => return None,
                _ => len += 1,
            }
        }
    }
}

/// The text of a string body. None if it has an invalid escape, or one by number, which this server writes only for
/// control characters.
fn unescape(body: &str) -> Option<String> {
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        text.push(match rest.as_bytes().get(at + 1)? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{C}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            _ => return None,
        });
        rest = &rest[at + 2..];
    }
    text.push_str(rest);
    Some(text)
}

/// Where string bodies may be, including keys.
fn strings(data: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + memchr::memchr(b'"', &data.as_bytes()[at..])? + 1;
        let end = start + Body::of(&data.as_bytes()[start..])?.len;
        at = end + 1;
        Some(start..end)
    })
}

/// Whether a string body equals `text` after unescaping.
fn says(body: &str, text: &str) -> bool {
    body == text && !body.contains('\\') || unescape(body).is_some_and(|body| body == text)
}

#[cfg(test)]
mod tests;
