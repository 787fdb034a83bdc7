//! Frames: the text of events around the one string in which they differ, and which of them are kept.
//!
//! They are independent of how events are decoded, so that the client and the npm module recognize events by the same code. Any
//! string of a valid document can be replaced by any other: data that is equal before and after, with a valid string between, is
//! as valid as the data of the frame.

use std::ops::Range;

use super::body::Body;

/// The number of frames. Choices alternate in a stream, and so do reasoning and content.
pub(super) const KEPT: usize = 4;

/// Longer events are not learned.
pub(super) const MAX_DATA: usize = 4 << 10;

/// The number of events in a row that may be learned without one being recognized, times the cost of one.
const CREDIT: u32 = 8 * COST;

/// The cost of learning an event. A recognized one adds 1, so that learning remains a small part of the work.
const COST: u32 = 5;

/// Without credit, one of this many events is learned, in case the stream has settled.
const RETRY: u32 = 64;

/// The text around a string.
#[derive(Debug)]
pub struct Frame {
    /// The data up to and including the opening quote.
    pub(super) before: String,
    /// The data from the closing quote on.
    pub(super) after: String,
}

impl Frame {
    /// The frame of valid data around the body of a string.
    pub fn of(data: &str, body: Range<usize>) -> Self {
        Frame { before: data[..body.start].to_owned(), after: data[body.end..].to_owned() }
    }

    /// Returns the data up to and including the opening quote, and from the closing quote on.
    pub fn texts(&self) -> (&str, &str) {
        (&self.before, &self.after)
    }

    /// Returns the length of the data at the start of `bytes`, and the result of `read` for its string.
    #[inline]
    pub(super) fn find<'a, R>(&self, bytes: &'a [u8], read: impl Fn(Body<'a>) -> Option<R>) -> Option<(usize, R)> {
        let rest = without(self.before.as_bytes(), bytes)?;
        let body = Body::of(rest)?;
        without(self.after.as_bytes(), rest.get(body.len..)?)?;
        Some((self.before.len() + body.len + self.after.len(), read(body)?))
    }
}

/// The frames of a stream, each with its item.
#[derive(Debug)]
pub struct Frames<T> {
    /// The last match is first. At most `KEPT`.
    kept: Vec<(Frame, T)>,
    /// At most `CREDIT`.
    pub(super) credit: u32,
    /// Events not learned since the credit was used up; less than `RETRY`.
    waited: u32,
}

impl<T> Default for Frames<T> {
    fn default() -> Self {
        Frames { kept: Vec::new(), credit: CREDIT, waited: 0 }
    }
}

impl<T> Frames<T> {
    /// Recognizes data at the start of `bytes`, without line ends. `read` receives the body of its string, which it has to
    /// check for UTF-8 and valid escapes. Returns the length of the data and the result of `read`. The frame is then the
    /// [`first`](Self::first).
    #[inline]
    pub fn known<'a, R>(&mut self, bytes: &'a [u8], read: impl Fn(Body<'a>) -> Option<R> + Copy) -> Option<(usize, R)> {
        match self.kept.first()?.0.find(bytes, read) {
            Some(found) => {
                self.see(0);
                Some(found)
            }
            None => self.known_otherwise(bytes, read),
        }
    }

    #[inline(never)]
    fn known_otherwise<'a, R>(
        &mut self,
        bytes: &'a [u8],
        read: impl Fn(Body<'a>) -> Option<R> + Copy,
    ) -> Option<(usize, R)> {
        let frames = self.kept.iter().enumerate().skip(1);
        let (at, found) = frames.filter_map(|(at, (frame, _))| Some((at, frame.find(bytes, read)?))).next()?;
        self.see(at);
        Some(found)
    }

    /// Recognizes data by frames that `find` may change.
    pub(super) fn known_by<R>(&mut self, mut find: impl FnMut(&mut Frame, &mut T) -> Option<R>) -> Option<R> {
        let mut frames = self.kept.iter_mut().enumerate();
        let (at, found) = frames.find_map(|(at, (frame, item))| Some((at, find(frame, item)?)))?;
        self.see(at);
        Some(found)
    }

    /// Counts a match.
    #[inline]
    fn see(&mut self, at: usize) {
        if at > 0 {
            self.kept[..=at].rotate_right(1);
        }
        self.earn();
    }

    /// Adds credit for an event that was recognized.
    #[inline]
    pub(super) fn earn(&mut self) {
        self.credit = CREDIT.min(self.credit + 1);
    }

    /// Returns the frame that matched or was learned last.
    #[inline]
    pub fn first(&self) -> Option<&T> {
        self.kept.first().map(|(_, item)| item)
    }

    /// The same, with its text.
    #[inline]
    pub fn first_mut(&mut self) -> Option<(&Frame, &mut T)> {
        self.kept.first_mut().map(|(frame, item)| (&*frame, item))
    }

    /// Returns whether learning from this data is worth its cost. Counts it if so.
    pub fn may_learn(&mut self, data: &str) -> bool {
        // Text between the parts of a frame could be a line end, but JSON strings do not contain one.
        data.len() <= MAX_DATA && memchr::memchr2(b'\r', b'\n', data.as_bytes()).is_none() && self.try_credit()
    }

    fn try_credit(&mut self) -> bool {
        if let Some(left) = self.credit.checked_sub(COST) {
            self.credit = left;
            return true;
        }
        self.waited = (self.waited + 1) % RETRY;
        self.waited == 0
    }

    /// Makes room for another frame. Returns the item of the frame that is dropped, if any.
    pub fn make_room(&mut self) -> Option<T> {
        if self.kept.len() < KEPT { None } else { self.kept.pop().map(|(_, item)| item) }
    }

    /// Adds a frame, for which there must be room.
    pub fn add(&mut self, frame: Frame, item: T) {
        self.kept.insert(0, (frame, item));
    }

    /// Returns the number of frames.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Returns whether there is no frame.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

/// Returns the bytes after this start, if they have it.
#[inline]
fn without<'a>(start: &[u8], bytes: &'a [u8]) -> Option<&'a [u8]> {
    // The standard library compares byte by byte on wasm32, which took a third of the time of an event.
    if cfg!(target_arch = "wasm32") { without_by_eight(start, bytes) } else { bytes.strip_prefix(start) }
}

/// The same, by eight bytes at a time.
fn without_by_eight<'a>(mut start: &[u8], mut bytes: &'a [u8]) -> Option<&'a [u8]> {
    while let Some((expected, others)) = start.split_first_chunk::<8>() {
        let (found, rest) = bytes.split_first_chunk::<8>()?;
        if u64::from_le_bytes(*found) != u64::from_le_bytes(*expected) {
            return None;
        }
        (start, bytes) = (others, rest);
    }
    bytes.strip_prefix(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_equal_to_its_last_byte() {
        let text: Vec<u8> = (0..40).collect();
        for length in 0..text.len() {
            let start = &text[..length];
            assert_eq!(without_by_eight(start, &text), Some(&text[length..]));
            assert_eq!(without_by_eight(start, start), Some(&[][..]));
            for at in 0..length {
                let mut other = text.clone();
                other[at] ^= 0x80;
                assert_eq!(without_by_eight(start, &other), None, "{length} {at}");
                assert_eq!(without_by_eight(start, &text[..at]), None, "{length} {at}");
            }
        }
    }

    #[test]
    fn a_string_that_is_not_accepted_is_not_known() {
        let mut frames = Frames::default();
        assert!(frames.may_learn(r#"{"a":"b"}"#));
        frames.add(Frame::of(r#"{"a":"b"}"#, 6..7), ());
        let plain = |body: Body<'static>| body.text().filter(|_| !body.is_escaped());
        assert_eq!(frames.known(br#"{"a":"other"}, more"#, plain), Some((13, "other")));
        assert_eq!(frames.known(br#"{"a":"o\n"}"#, plain), None);
        assert_eq!(frames.known(br#"{"b":"other"}"#, plain), None);
        assert!(!frames.may_learn("{\"a\":\n\"b\"}"));
    }
}
