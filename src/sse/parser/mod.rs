//! The push parser: state and public methods.

mod event;
mod machine;

use std::{collections::VecDeque, fmt, time::Duration};

use bytes::Bytes;

pub use event::Event;
use machine::{Step, data_value};

use crate::sse::buffer::fit;
use crate::sse::field::{Digits, Field, Name};
use crate::sse::line_end::BlankLine;

/// The default limit on the bytes of one event: 16 MiB.
pub const DEFAULT_MAX_EVENT_BYTES: usize = 16 << 20;

/// An event was larger than the parser's limit.
///
/// The parser has released its memory and ignores further bytes until it is [reset](Parser::reset).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the server sent an event that exceeds the limit of {limit} bytes")]
#[non_exhaustive]
pub struct Overflow {
    /// The limit in bytes.
    pub limit: usize,
}

/// A push parser of server-sent events. See the [module](crate::sse) for an example.
///
/// Call [`feed`](Self::feed) with each chunk, then take events with [`next`](Self::next) until it returns `None`.
pub struct Parser {
    /// The chunk that is being read.
    chunk: Bytes,
    /// The position of the next byte; `pos <= chunk.len()`.
    pos: usize,
    /// Chunks fed before `chunk` was read to its end; none is empty.
    queue: VecDeque<Bytes>,
    state: State,
    /// The last byte read was a CR at the end of its chunk: an LF at the start of the next one belongs to it.
    /// Only if `pos == chunk.len()`.
    swallow_lf: bool,
    /// The bytes of the field name so far. Only in `State::Name`.
    name: Name,
    /// The number of the line so far. Only in `State::Value(Field::Retry)`.
    digits: Digits,
    /// The value of the line so far. Empty except in `State::Value(Field::Event | Field::Id)`.
    line: Vec<u8>,
    /// The values of the event's `data` lines, joined by LF. `held() <= max`
    data: Vec<u8>,
    /// Whether the event has a `data` line, possibly incomplete.
    has_data: bool,
    /// The event's type; empty if none was given.
    event: String,
    /// The event's own id, if `has_id`. It becomes `last_id` at the blank line. Otherwise empty.
    id: String,
    has_id: bool,
    last_id: String,
    retry: Option<Duration>,
    comments: u64,
    data_bytes: u64,
    max: usize,
    /// The number of bytes inspected or copied, counted each time.
    #[cfg(test)]
    pub(super) work: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// At the start of the stream, after this many bytes of the byte order mark (`< BOM.len()`).
    Bom(u8),
    /// At the start of a line outside an event: all buffers but `last_id` are empty.
    Border,
    /// At the start of a line within an event.
    Line,
    /// Within a field name.
    Name,
    /// After the colon, where one space is skipped.
    Colon(Field),
    /// Within a value.
    Value(Field),
    /// Within a comment.
    Comment,
    /// Within a line that is ignored.
    Unknown,
    /// An event was lent from the buffers, which have to be cleared first.
    Lent,
    /// An event was too large.
    Overflow,
}

impl Parser {
    /// Creates a parser at the start of a stream, with a limit of [`DEFAULT_MAX_EVENT_BYTES`].
    pub fn new() -> Self {
        Self::with_max_event_bytes(DEFAULT_MAX_EVENT_BYTES)
    }

    /// Creates a parser that allows `max` bytes for the data, type and id of one event together.
    ///
    /// Comments and ignored lines are not kept and can have any length.
    pub fn with_max_event_bytes(max: usize) -> Self {
        Self {
            chunk: Bytes::new(),
            pos: 0,
            queue: VecDeque::new(),
            state: State::Bom(0),
            swallow_lf: false,
            name: Name::default(),
            digits: Digits::default(),
            line: Vec::new(),
            data: Vec::new(),
            has_data: false,
            event: String::new(),
            id: String::new(),
            has_id: false,
            last_id: String::new(),
            retry: None,
            comments: 0,
            data_bytes: 0,
            max,
            #[cfg(test)]
            work: 0,
        }
    }

    /// Adds a chunk of the stream.
    ///
    /// Chunks that are added before [`next`](Self::next) returns `None` are queued. The queue is not bounded.
    #[inline]
    pub fn feed(&mut self, chunk: Bytes) {
        if chunk.is_empty() || self.state == State::Overflow {
            return;
        }
        if self.pos < self.chunk.len() || !self.queue.is_empty() {
            return self.queue.push_back(chunk);
        }
        if let ([byte], State::Value(Field::Data)) = (&chunk[..], self.state)
            && self.take_data_byte(*byte)
        {
            return;
        }
        self.open(chunk);
    }

    /// Returns the next event, or `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// [`Overflow`] if the event is larger than the limit, and then for every call until a [`reset`](Self::reset).
    // Not an iterator, since items borrow from the parser.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Event<'_>>, Overflow> {
        let data = match self.step()? {
            Step::Starved => return Ok(None),
            Step::Clean(data) => &self.chunk[data],
            Step::Built => {
                fit(&mut self.data);
                &self.data[..]
            }
        };
        Ok(Some(Event { parser: self, data }))
    }

    /// Discards the event that was lent, if any, and releases its memory.
    pub(crate) fn release(&mut self) {
        if self.state == State::Lent {
            self.clear();
            if self.pos == self.chunk.len() {
                self.chunk = Bytes::new();
                self.pos = 0;
            }
        }
    }

    /// Returns the id of the last event that had one. Empty if there is none. Clients send it as `Last-Event-ID` when they reconnect.
    pub fn last_event_id(&self) -> &str {
        &self.last_id
    }

    /// Returns the last valid `retry` field: the delay before a reconnect.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Returns the number of complete comment lines. Servers send them as keep-alive; they do not count as progress.
    pub fn comments(&self) -> u64 {
        self.comments
    }

    /// Returns the number of bytes of data so far, including an unfinished event. It grows when the stream
    /// makes progress.
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Returns the number of bytes in memory: of the unfinished event, and of unread chunks.
    ///
    /// Comments and ignored lines are not kept.
    pub fn bytes_pending(&self) -> usize {
        let unread = self.chunk.len() - self.pos;
        let queued: usize = self.queue.iter().map(Bytes::len).sum();
        let held = match self.state {
            State::Bom(seen) => usize::from(seen),
            State::Name => self.name.len() + self.held(),
            State::Lent => 0,
            _ => self.held(),
        };
        unread + queued + held
    }

    /// Returns whether the stream would lose something if it ended here: an unfinished line or event.
    ///
    /// The standard discards such a tail. A finished comment does not count, with or without a blank line.
    pub fn is_partial(&self) -> bool {
        let begun = !matches!(self.state, State::Bom(0) | State::Border | State::Lent);
        begun || self.pos < self.chunk.len() || !self.queue.is_empty()
    }

    /// Whether all bytes were read, so that there is no event until more are fed.
    #[inline]
    pub(crate) fn is_drained(&self) -> bool {
        self.pos == self.chunk.len() && self.queue.is_empty() && self.state != State::Overflow
    }

    /// Whether there is an unfinished event, or line that may belong to one. Comments and ignored lines do not count.
    pub(crate) fn is_partial_event(&self) -> bool {
        let ignored = match self.state {
            State::Comment | State::Unknown => true,
            State::Name => !self.name.may_be_field(),
            _ => false,
        };
        let inside = self.has_data || self.has_id || !self.event.is_empty();
        self.is_partial() && (inside || !ignored)
    }

    /// Ends the stream. The next event is the last one, even if its blank line is missing.
    pub(crate) fn finish(&mut self) {
        // The first one ends the line, or is skipped after a CR.
        self.feed(Bytes::from_static(b"\n\n\n"));
    }

    /// Resets to the start of a stream. Only the limit is kept.
    pub fn reset(&mut self) {
        *self = Self::with_max_event_bytes(self.max);
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

/// Prints sizes and counts but not the content, so that it is safe to log.
impl fmt::Debug for Parser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parser")
            .field("state", &self.state)
            .field("bytes_pending", &self.bytes_pending())
            .field("comments", &self.comments)
            .field("max_event_bytes", &self.max)
            .finish_non_exhaustive()
    }
}

/// For events that are recognized before their line ends are searched.
impl Parser {
    /// Takes the next event if `known` recognizes its data.
    ///
    /// `known` receives the bytes after the start of a `data` line, up to the end of the chunk. If they
    /// start with data that it recognizes, it returns the length of the data, **which must not contain CR or LF**. The
    /// event is taken if a blank line follows. Otherwise nothing changes, and [`next`](Self::next) reads it.
    #[inline]
    pub(crate) fn next_known<R>(&mut self, known: impl FnOnce(&[u8]) -> Option<(usize, R)>) -> Known<R> {
        match self.state {
            State::Lent => self.clear(),
            State::Overflow => return Known::No,
            _ => {}
        }
        if self.pos == self.chunk.len() && (self.release_chunk() || !self.refill()) {
            return Known::Starved;
        }
        match self.state {
            State::Border => self.take_known(known).map_or(Known::No, Known::Yes),
            _ => Known::No,
        }
    }

    #[inline]
    fn take_known<R>(&mut self, known: impl FnOnce(&[u8]) -> Option<(usize, R)>) -> Option<R> {
        let value = data_value(&self.chunk[self.pos..])?;
        let (len, found) = known(value)?;
        let (data, rest) = value.split_at_checked(len)?;
        debug_assert!(memchr::memchr2(b'\r', b'\n', data).is_none());
        let blank = BlankLine::after(rest)?;
        if len > self.max {
            return None;
        }
        self.pos = self.chunk.len() - rest.len() + blank.len;
        self.swallow_lf = blank.swallow_lf;
        self.data_bytes += len as u64;
        if self.pos == self.chunk.len() {
            self.release_chunk();
        }
        Some(found)
    }

    /// Releases the memory of the current chunk, which must be read to its end. Returns false, without releasing it, if another chunk
    /// is queued.
    #[inline]
    pub(super) fn release_chunk(&mut self) -> bool {
        let is_last = self.queue.is_empty();
        if is_last && self.pos > 0 {
            self.chunk = Bytes::new();
            self.pos = 0;
        }
        is_last
    }
}

/// The result of [`Parser::next_known`].
pub(crate) enum Known<R> {
    /// The event was taken. The rest of what was returned for it.
    Yes(R),
    /// The next event is not known, or the parser has overflowed.
    No,
    /// More bytes are needed.
    Starved,
}

/// What an event lends from.
impl Parser {
    pub(super) fn kind(&self) -> &str {
        if self.event.is_empty() { "message" } else { &self.event }
    }
}
