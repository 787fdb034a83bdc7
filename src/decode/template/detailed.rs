//! Templates of events with log probabilities: one text differs, and the object of the log probabilities.

use super::body::Body;
use super::exact::Exact;
use super::{Side, Slot, Template, text_of};
use crate::base::Text;

/// The number of objects of an event that are tried.
const CANDIDATES: usize = 16;

/// The value in place of the object when the rest is learned.
const NOTHING: &str = "null";

#[derive(Debug)]
pub(super) struct Detailed<T: Slot> {
    /// The data up to and including the opening quote of the text.
    before: String,
    /// From the closing quote to the object.
    between: String,
    after: String,
    /// Of the item without details.
    template: Template<T>,
}

impl<T: Slot> Detailed<T> {
    /// Learns from data that decodes to `item` with these details. `item` is without them.
    pub(super) fn of(data: &str, item: &T, details: &T::Details, decode: impl Fn(&str) -> Option<T>) -> Option<Self> {
        let (start, end) = objects(data).take(CANDIDATES).find_map(|start| {
            let mut exact = Exact::new(&data[start..]);
            let found = T::read_details(&mut exact)?;
            (found == *details).then(|| (start, data.len() - exact.rest().len()))
        })?;
        let plain = [&data[..start], NOTHING, &data[end..]].concat();
        // Learning fails unless this decodes to the item without details, so the object is theirs.
        let (frame, mut template) = Template::of(&plain, item, decode)?;
        let (before, rest) = frame.texts();
        let (between, after) = rest.split_at_checked(start.checked_sub(plain.len() - rest.len())?)?;
        let after = after.strip_prefix(NOTHING)?;
        template.time = template.time.and_then(|(side, digits)| match side {
            Side::Before => Some((side, digits)),
            Side::After => Some((side, digits.after(between.len() + NOTHING.len())?)),
        });
        Some(Detailed { before: before.to_owned(), between: between.to_owned(), after: after.to_owned(), template })
    }

    /// The text and the details of this data.
    pub(super) fn find(&self, data: &str) -> Option<(Text, T::Details)> {
        let (text, details, after) = self.find_before(data.strip_prefix(&*self.before)?)?;
        if after == self.after { Some((text, details)) } else { None }
    }

    /// The same for another time, which becomes that of the template.
    pub(super) fn find_later(&mut self, data: &str) -> Option<(Text, T::Details)> {
        let (side, mut digits) = self.template.time.clone()?;
        let time = match side {
            Side::Before => digits.replace(&mut self.before, data.as_bytes())?,
            Side::After => {
                let (.., after) = self.find_before(data.strip_prefix(&*self.before)?)?;
                digits.replace(&mut self.after, after.as_bytes())?
            }
        };
        self.template.time = Some((side, digits));
        self.template.set_time(time);
        self.find(data)
    }

    /// Puts the item with this text and these details into its place.
    pub(super) fn item(&self, text: Text, details: T::Details, place: &mut Option<T>) {
        self.template.item(text, place);
        if let Some(place) = place.as_mut().and_then(T::details) {
            *place = Some(Box::new(details));
        }
    }

    /// The text and the details in the data after its beginning, and the data after them.
    fn find_before<'a>(&self, data: &'a str) -> Option<(Text, T::Details, &'a str)> {
        let body = Body::of(data.as_bytes())?;
        let mut exact = Exact::new(data.get(body.len..)?.strip_prefix(&*self.between)?);
        let details = T::read_details(&mut exact)?;
        Some((text_of(body)?, details, exact.rest()))
    }
}

/// Where objects may be.
fn objects(data: &str) -> impl Iterator<Item = usize> {
    memchr::memchr_iter(b'{', data.as_bytes())
}
