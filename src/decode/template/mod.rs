//! Decoding by template: most events of a generation differ from the previous one in a single string, and once a second in the time.
//!
//! A template is the text of an event around that string, and its decoded item. An event that matches before and after, with a
//! valid string between, is the same item with another string. If the time differs, the template adopts it. Other events go to
//! the plain decoder. The result always equals that of the plain decoder, which is checked when a template is learned.

mod body;
mod digits;
mod frames;

use std::fmt;
use std::ops::Range;

use body::Body;
use digits::Digits;
pub use frames::{Frame, Frames};

use crate::base::Text;
use crate::base::text::TextBuilder;

/// The number of strings of an event that are tried.
const CANDIDATES: usize = 4;

/// The longest string with escapes that is unescaped in a buffer on the stack. Most such tokens are a few line ends and spaces.
const SHORT: usize = 32;

/// The number of places of the time that are tried.
const PLACES: usize = 2;

/// The replacement of a string to find its place.
const PROBE: &str = "template-probe-58b1c0de";

/// The replacement of a time to find its place, and another one if this is the time.
const PROBE_TIMES: [u64; 2] = [10_581_310_912, 10_581_310_913];

/// An item that differs from others of its stream in one string, and in the time.
pub(crate) trait Slot: Clone + PartialEq {
    /// The common form of an item without that string. Creating an item from it is faster than a clone.
    type Brief: fmt::Debug;

    /// Returns that string. None if there is none, or more than one.
    fn slot(&mut self) -> Option<&mut Text>;

    /// Returns false for most items without that string, at little cost.
    fn may_have_slot(&self) -> bool;

    /// Returns the time.
    fn time(&mut self) -> &mut u64;

    /// Returns the item without its string, if it has no rare fields.
    fn brief(&self) -> Option<Self::Brief>;

    /// Creates the item again, with this string.
    fn expand(brief: &Self::Brief, text: Text) -> Self;
}

/// The templates of a stream.
#[derive(Debug)]
pub(crate) struct Templates<T: Slot> {
    frames: Frames<Template<T>>,
    /// The text of the data that was recognized last, by the first template.
    text: Text,
}

#[derive(Debug)]
struct Template<T: Slot> {
    /// The item with an empty slot.
    item: T,
    /// The same, if it has no rare fields.
    brief: Option<T::Brief>,
    /// The digits of the time.
    time: Option<(Side, Digits)>,
}

/// A side of the string.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Side {
    Before,
    After,
}

impl<T: Slot> Default for Templates<T> {
    fn default() -> Self {
        Self { frames: Frames::default(), text: Text::default() }
    }
}

impl<T: Slot> Templates<T> {
    /// The length of the data at the start of `bytes`, if it matches a template. The data has no line end.
    /// [`item`](Self::item) then returns the item.
    #[inline]
    pub(crate) fn known(&mut self, bytes: &[u8]) -> Option<usize> {
        let (text, len) = match self.frames.known(bytes, text_of) {
            Some(found) => found,
            None => self.known_later(bytes)?,
        };
        self.text = text;
        Some(len)
    }

    /// The same for another time.
    #[inline(never)]
    fn known_later(&mut self, bytes: &[u8]) -> Option<(Text, usize)> {
        self.frames.known_by(|frame, template| template.find_later(frame, bytes))
    }

    /// The item that was [recognized](Self::known) last.
    // A separate method, since items are large, and moving them between calls takes longer than finding them.
    #[inline]
    pub(crate) fn item(&mut self) -> Option<T> {
        let template = self.frames.first()?;
        let text = std::mem::take(&mut self.text);
        if let Some(brief) = &template.brief {
            return Some(T::expand(brief, text));
        }
        with(&template.item, text)
    }

    /// The item of this data, if it matches a template.
    pub(crate) fn known_whole(&mut self, data: &str) -> Option<T> {
        if self.known(data.as_bytes())? == data.len() { self.item() } else { None }
    }

    /// Learns from an event that the plain decoder, `decode`, decoded to `item`.
    pub(crate) fn learn(&mut self, data: &str, item: &T, decode: impl Fn(&str) -> Option<T>) {
        if !item.may_have_slot() || !self.frames.may_learn(data) || data.contains(PROBE) {
            return;
        }
        let Some((frame, template)) = Template::of(data, item, decode) else { return };
        self.frames.make_room();
        self.frames.add(frame, template);
    }
}

impl<T: Slot> Template<T> {
    fn of(data: &str, item: &T, decode: impl Fn(&str) -> Option<T>) -> Option<(Frame, Self)> {
        let mut empty = item.clone();
        let text = std::mem::take(empty.slot()?);
        let probed = with(&empty, PROBE.into())?;
        let span = strings(data).filter(|span| says(&data[span.clone()], &text)).take(CANDIDATES).find(|span| {
            // This is the string only if it decodes to the probe in the slot, and the rest is unchanged. It is not another one of
            // the same text, or a part of one. A decoder that treats "" as absent is not supported.
            let with = |body: &str| decode(&[&data[..span.start], body, &data[span.end..]].concat());
            with(PROBE).as_ref() == Some(&probed) && with("").as_ref() == Some(&empty)
        })?;
        let frame = Frame::of(data, span);
        let brief = empty.brief().filter(|brief| T::expand(brief, Text::default()) == empty);
        let time = time_in(&frame, &empty, decode);
        Some((frame, Self { item: empty, brief, time }))
    }

    /// The text at the start of `bytes` and the length of the data, which has another time. It becomes that of the template.
    fn find_later(&mut self, frame: &mut Frame, bytes: &[u8]) -> Option<(Text, usize)> {
        let (side, digits) = self.time.as_mut()?;
        let time = match side {
            Side::Before => digits.replace(&mut frame.before, bytes)?,
            Side::After => {
                let rest = bytes.strip_prefix(frame.before.as_bytes())?;
                digits.replace(&mut frame.after, rest.get(Body::of(rest)?.len..)?)?
            }
        };
        *self.item.time() = time;
        self.brief = self.brief.as_ref().and_then(|_| self.item.brief());
        frame.find(bytes, text_of)
    }
}

/// The text of a string body.
#[inline]
fn text_of(body: &str, escaped: bool) -> Option<Text> {
    if escaped { unescape(body) } else { Some(Text::from(body)) }
}

/// The item with this string.
#[inline(never)]
fn with<T: Slot>(item: &T, text: Text) -> Option<T> {
    let mut item = item.clone();
    *item.slot()? = text;
    Some(item)
}

/// Where the digits of the time are: those that decode to another time if they are replaced, while the rest is unchanged.
fn time_in<T: Slot>(frame: &Frame, empty: &T, decode: impl Fn(&str) -> Option<T>) -> Option<(Side, Digits)> {
    let (before, after) = frame.texts();
    let mut other = empty.clone();
    let time = *other.time();
    let probe = PROBE_TIMES[usize::from(time == PROBE_TIMES[0])];
    *other.time() = probe;
    let places = |side, text| Digits::all_of(time, text).map(move |digits| (side, digits));
    places(Side::Before, before).chain(places(Side::After, after)).take(PLACES).find(|(side, digits)| {
        let (before, after) = match side {
            Side::Before => (&*digits.with(probe, before), after),
            Side::After => (before, &*digits.with(probe, after)),
        };
        decode(&[before, after].concat()).as_ref() == Some(&other)
    })
}

/// The text of a string body. None if it has an invalid escape, or one by number, which this server writes only for
/// control characters.
fn unescape(body: &str) -> Option<Text> {
    let mut short = [0; SHORT];
    if body.len() <= SHORT {
        let (mut len, mut bytes) = (0, body.bytes());
        while let Some(byte) = bytes.next() {
            short[len] = if byte == b'\\' { escaped(bytes.next()?)? } else { byte };
            len += 1;
        }
        return std::str::from_utf8(&short[..len]).ok().map(Text::from);
    }
    let mut text = TextBuilder::new();
    let mut rest = body;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        text.push(char::from(escaped(*rest.as_bytes().get(at + 1)?)?));
        rest = &rest[at + 2..];
    }
    text.push_str(rest);
    Some(text.finish())
}

/// The character of an escape.
#[inline]
fn escaped(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' | b'\\' | b'/' => byte,
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
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
    body == text && !body.contains('\\') || unescape(body).is_some_and(|body| *body == *text)
}

#[cfg(test)]
mod tests;
