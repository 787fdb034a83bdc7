//! Decoding by template: most events of a generation differ from the previous one in a single string, and once a second in the time.
//!
//! A template is the text of an event around that string, and its decoded item. An event that matches before and after, with a
//! valid string between, is the same item with another string. If the time differs, the template adopts it. Other events go to
//! the plain decoder. The result always equals that of the plain decoder, which is checked when a template is learned.

mod body;
mod detailed;
mod digits;
mod exact;
mod frames;

use std::fmt;
use std::ops::Range;

pub use body::Body;
use detailed::Detailed;
use digits::Digits;
pub(crate) use exact::Exact;
pub use frames::{Frame, Frames};

use crate::base::Text;
use crate::base::text::TextBuilder;
use crate::decode::charge::{Bounds, SMALL};

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

    /// Log probabilities, which differ in many values.
    type Details: PartialEq + fmt::Debug;

    /// Returns that string. None if there is none, or more than one, or if there are details.
    fn slot(&mut self) -> Option<&mut Text>;

    /// Returns false for most items without that string, at little cost.
    fn may_have_slot(&self) -> bool;

    /// Returns the place of the details. None if there is none, or more than one.
    fn details(&mut self) -> Option<&mut Option<Box<Self::Details>>>;

    /// Reads the details as the server writes them. The same as decoding them plainly, or None.
    fn read_details(exact: &mut Exact<'_>) -> Option<Self::Details>;

    /// Returns the time.
    fn time(&mut self) -> &mut u64;

    /// Returns the item without its string, if it has no rare fields.
    fn brief(&self) -> Option<Self::Brief>;

    /// Creates the item again, with this string, in its place.
    fn expand(brief: &Self::Brief, text: Text, place: &mut Option<Self>);
}

/// The templates of a stream.
#[derive(Debug)]
pub(crate) struct Templates<T: Slot> {
    frames: Frames<Template<T>>,
    detailed: Option<Box<Detailed<T>>>,
    /// The details of the data that was recognized last. Only if `is_detailed`.
    details: Option<T::Details>,
    /// The data that was recognized last has details.
    is_detailed: bool,
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
        Self { frames: Frames::default(), detailed: None, details: None, is_detailed: false }
    }
}

impl<T: Slot> Templates<T> {
    /// The length of the data at the start of `bytes`, and its text, if it matches a template. The data has no line end.
    /// [`item`](Self::item) then returns the item.
    #[inline]
    pub(crate) fn known(&mut self, bytes: &[u8]) -> Option<(usize, Text)> {
        self.is_detailed = false;
        match self.frames.known(bytes, text_of) {
            Some(found) => Some(found),
            None => self.known_otherwise(bytes),
        }
    }

    /// The same for another time, or for data with details.
    #[inline(never)]
    fn known_otherwise(&mut self, bytes: &[u8]) -> Option<(usize, Text)> {
        if let Some(found) = self.frames.known_by(|frame, template| template.find_later(frame, bytes)) {
            return Some(found);
        }
        let detailed = self.detailed.as_mut()?;
        let end = memchr::memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
        let data = std::str::from_utf8(bytes.get(..end.min(SMALL))?).ok()?;
        let (text, details) = match detailed.find(data) {
            Some(found) => found,
            None => detailed.find_later(data)?,
        };
        self.frames.earn();
        (self.details, self.is_detailed) = (Some(details), true);
        Some((data.len(), text))
    }

    /// Puts the item that was [recognized](Self::known) last, with its text, into its place.
    // A separate method, since items are large, and moving them between calls takes longer than finding them.
    #[inline]
    pub(crate) fn item(&mut self, text: Text, place: &mut Option<T>) {
        if self.is_detailed {
            return self.detailed_item(text, place);
        }
        if let Some(template) = self.frames.first() {
            template.item(text, place);
        }
    }

    #[inline(never)]
    fn detailed_item(&mut self, text: Text, place: &mut Option<T>) {
        if let (Some(detailed), Some(details)) = (&self.detailed, self.details.take()) {
            detailed.item(text, details, place);
        }
    }

    /// The item of this data, if it matches a template.
    pub(crate) fn known_whole(&mut self, data: &str) -> Option<T> {
        let (len, text) = self.known(data.as_bytes())?;
        let mut item = None;
        if len == data.len() {
            self.item(text, &mut item);
        }
        item
    }

    /// Learns from an event that the plain decoder, `decode`, decoded to `item` within these bounds.
    pub(crate) fn learn(&mut self, data: &str, item: &T, bounds: &Bounds, decode: impl Fn(&str) -> Option<T>) {
        if !item.may_have_slot() || !self.frames.may_learn(data) || data.contains(PROBE) {
            return;
        }
        let mut item = item.clone();
        match item.details().and_then(Option::take) {
            None => {
                let Some((frame, template)) = Template::of(data, &item, decode) else { return };
                self.frames.make_room();
                self.frames.add(frame, template);
            }
            // The number of details differs, so that they might have to be counted.
            Some(_) if bounds.concern(0) => {}
            Some(details) => {
                if let Some(detailed) = Detailed::of(data, &item, &details, decode) {
                    self.detailed = Some(Box::new(detailed));
                }
            }
        }
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
        let brief = empty.brief().filter(|brief| {
            let mut item = None;
            T::expand(brief, Text::default(), &mut item);
            item.as_ref() == Some(&empty)
        });
        let time = time_in(&frame, &empty, decode);
        Some((frame, Self { item: empty, brief, time }))
    }

    /// The length of the data at the start of `bytes`, which has another time, and its text. It becomes that of the template.
    fn find_later(&mut self, frame: &mut Frame, bytes: &[u8]) -> Option<(usize, Text)> {
        let (side, digits) = self.time.as_mut()?;
        let time = match side {
            Side::Before => digits.replace(&mut frame.before, bytes)?,
            Side::After => {
                let rest = bytes.strip_prefix(frame.before.as_bytes())?;
                digits.replace(&mut frame.after, rest.get(Body::of(rest)?.len..)?)?
            }
        };
        self.set_time(time);
        frame.find(bytes, text_of)
    }

    fn set_time(&mut self, time: u64) {
        *self.item.time() = time;
        self.brief = self.brief.as_ref().and_then(|_| self.item.brief());
    }

    /// Puts the item with this string into its place.
    #[inline]
    fn item(&self, text: Text, place: &mut Option<T>) {
        match &self.brief {
            Some(brief) => T::expand(brief, text, place),
            None => *place = with(&self.item, text),
        }
    }
}

/// The text of a string body.
#[inline]
fn text_of(body: Body<'_>) -> Option<Text> {
    let text = body.text()?;
    if body.is_escaped() { unescape(text) } else { Some(Text::from(text)) }
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
