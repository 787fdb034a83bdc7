//! Decoding by template: most events of a generation differ from the previous one in a single string, and once a second in the time.
//!
//! A template is the text of an event around that string, and its decoded item. An event that matches before
//! and after, with a valid string between, is the same item with another string. If the time is another one, the template takes it
//! over. Other events go to the plain decoder. The result always equals that of the plain decoder, which is checked when a template
//! is learned.

mod body;
mod digits;

use std::fmt;
use std::ops::Range;

use body::Body;
use digits::Digits;

use crate::base::Text;

/// The number of templates. Choices alternate in a stream, and so do reasoning and content.
const KEPT: usize = 4;

/// Longer events are not learned.
const MAX_DATA: usize = 4 << 10;

/// The number of events in a row that may be learned without one being recognized, times the cost of one.
const CREDIT: u32 = 8 * COST;

/// The cost of learning an event. A recognized one adds 1, so that learning remains a small part of the work.
const COST: u32 = 5;

/// The number of strings of an event that are tried.
const CANDIDATES: usize = 4;

/// The number of places of the time that are tried.
const PLACES: usize = 2;

/// Without credit, one of this many events is learned, in case the stream has settled.
const RETRY: u32 = 64;

/// The replacement of a string to find its place.
const PROBE: &str = "template-probe-58b1c0de";

/// The replacement of a time to find its place, and another one if this is the time.
const PROBE_TIMES: [u64; 2] = [10_581_310_912, 10_581_310_913];

/// An item that differs from others of its stream in one string, and in the time.
pub(crate) trait Slot: Clone + PartialEq {
    /// What a usual item is without that string. Items are made from it in less time than by a clone.
    type Brief: fmt::Debug;

    /// Returns that string. None if there is none, or more than one.
    fn slot(&mut self) -> Option<&mut Text>;

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
struct Template<T: Slot> {
    /// The data up to and including the opening quote.
    before: Vec<u8>,
    /// The data from the closing quote on.
    after: Vec<u8>,
    /// The item with an empty slot.
    item: T,
    /// The same, if it has no rare fields.
    brief: Option<T::Brief>,
    /// The digits of the time, in `before` or `after`.
    time: Option<(Side, Digits)>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Side {
    Before,
    After,
}

impl<T: Slot> Default for Templates<T> {
    fn default() -> Self {
        Self { kept: Vec::new(), credit: CREDIT, waited: 0, text: Text::default() }
    }
}

impl<T: Slot> Templates<T> {
    /// The length of the data at the start of `bytes`, if it matches a template. The data has no line end.
    /// [`item`](Self::item) then returns the item.
    #[inline]
    pub(crate) fn known(&mut self, bytes: &[u8]) -> Option<usize> {
        match self.kept.first()?.find(bytes) {
            Some(found) => Some(self.found(found)),
            None => self.known_otherwise(bytes),
        }
    }

    /// The same for the other templates, and for another time.
    #[inline(never)]
    fn known_otherwise(&mut self, bytes: &[u8]) -> Option<usize> {
        let same = |(at, template): (usize, &mut Template<T>)| template.find(bytes).map(|found| (at, found));
        let later = |(at, template): (usize, &mut Template<T>)| template.find_later(bytes).map(|found| (at, found));
        let (at, found) = (self.kept.iter_mut().enumerate().find_map(same))
            .or_else(|| self.kept.iter_mut().enumerate().find_map(later))?;
        self.kept[..=at].rotate_right(1);
        Some(self.found(found))
    }

    #[inline]
    fn found(&mut self, (text, len): (Text, usize)) -> usize {
        self.credit = CREDIT.min(self.credit + 1);
        self.text = text;
        len
    }

    /// The item that was [recognized](Self::known) last.
    // A separate method, since items are large, and moving them between calls takes longer than finding them.
    #[inline]
    pub(crate) fn item(&mut self) -> Option<T> {
        let template = self.kept.first()?;
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
        let probed = with(&empty, PROBE.into())?;
        let Range { start, end } =
            strings(data).filter(|span| says(&data[span.clone()], &text)).take(CANDIDATES).find(|span| {
                // This is the string only if it decodes to the probe in the slot, and the rest is unchanged. It is not another one of
                // the same text, or a part of one. A decoder that treats "" as absent is not supported.
                let with = |body: &str| decode(&[&data[..span.start], body, &data[span.end..]].concat());
                with(PROBE).as_ref() == Some(&probed) && with("").as_ref() == Some(&empty)
            })?;
        let (before, after) = (&data[..start], &data[end..]);
        let brief = empty.brief().filter(|brief| T::expand(brief, Text::default()) == empty);
        let time = time_in(before, after, &empty, decode);
        Some(Self { before: before.into(), after: after.into(), item: empty, brief, time })
    }

    /// The text at the start of `bytes` and the length of the data.
    #[inline]
    fn find(&self, bytes: &[u8]) -> Option<(Text, usize)> {
        let rest = bytes.strip_prefix(&self.before[..])?;
        let body = Body::of(rest)?;
        let (bytes, rest) = rest.split_at_checked(body.len)?;
        if !rest.starts_with(&self.after) {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let text = if body.escaped { Text::from(unescape(text)?) } else { Text::from(text) };
        Some((text, self.before.len() + body.len + self.after.len()))
    }

    /// The same for data with another time, which becomes that of the template.
    fn find_later(&mut self, bytes: &[u8]) -> Option<(Text, usize)> {
        let (side, digits) = self.time.as_mut()?;
        let time = match side {
            Side::Before => digits.replace(&mut self.before, bytes)?,
            Side::After => {
                let rest = bytes.strip_prefix(&self.before[..])?;
                digits.replace(&mut self.after, rest.get(Body::of(rest)?.len..)?)?
            }
        };
        *self.item.time() = time;
        self.brief = self.brief.as_ref().and_then(|_| self.item.brief());
        self.find(bytes)
    }
}

/// The item with this string.
#[inline(never)]
fn with<T: Slot>(item: &T, text: Text) -> Option<T> {
    let mut item = item.clone();
    *item.slot()? = text;
    Some(item)
}

/// Where the digits of the time are: those that decode to another time if they are replaced, while the rest is unchanged.
fn time_in<T: Slot>(
    before: &str,
    after: &str,
    empty: &T,
    decode: impl Fn(&str) -> Option<T>,
) -> Option<(Side, Digits)> {
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
