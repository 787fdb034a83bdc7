//! The push parser.

use std::{collections::VecDeque, fmt, ops::Range, time::Duration};

use bytes::Bytes;
use memchr::memchr2;

use super::{
    Event,
    field::{Digits, Field, Name},
};

/// The limit of [`Parser::new`] on the bytes of one event: 16 MiB.
pub const DEFAULT_MAX_EVENT_BYTES: usize = 16 << 20;

/// Capacity that a buffer keeps from event to event; what a larger event needed is given back after it.
const KEPT_CAPACITY: usize = 64 << 10;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// An event was larger than the parser's limit.
///
/// The parser is then of no more use for the stream: it has given back its memory and takes no more bytes until it is
/// [reset](Parser::reset).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the server sent an event of more than {limit} bytes, which is the limit")]
#[non_exhaustive]
pub struct Overflow {
    /// The limit in bytes.
    pub limit: usize,
}

/// A push parser of server-sent events; see the [module](self) for an example.
///
/// [`feed`](Self::feed) it chunks and take events with [`next`](Self::next) until there are no more.
pub struct Parser {
    /// The chunk that is being read.
    chunk: Bytes,
    /// Where reading goes on; `pos <= chunk.len()`.
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
    /// The value of the line so far. Empty but in `State::Value(Field::Event | Field::Id)`.
    line: Vec<u8>,
    /// The values of the event's `data` lines, joined by LF. `held() <= max`
    data: Vec<u8>,
    /// The event has a `data` line, maybe still without its end.
    has_data: bool,
    /// The event's type; empty if none was given.
    event: String,
    /// The event's own id, if `has_id`; it becomes `last_id` at the blank line. Else empty.
    id: String,
    has_id: bool,
    last_id: String,
    retry: Option<Duration>,
    comments: u64,
    data_bytes: u64,
    max: usize,
    /// Bytes looked at or copied, each time it happened.
    #[cfg(test)]
    pub(super) work: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// At the start of the stream; so many bytes of the byte order mark were seen (`< BOM.len()`).
    Bom(u8),
    /// At the start of a line, and nothing of an event was seen: all buffers but `last_id` are empty.
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
    /// An event was lent from the buffers, which are to be cleared first of all.
    Lent,
    /// An event was too large.
    Overflow,
}

/// What reading on came to.
enum Step {
    /// More bytes are needed.
    Starved,
    /// An event lies in the chunk. `raw` is all of it if it has the form that [`Event::raw`] describes, else empty.
    Clean { raw: Range<usize>, data: Range<usize> },
    /// An event lies in the buffers.
    Built,
}

impl Parser {
    /// A parser at the start of a stream, with a limit of [`DEFAULT_MAX_EVENT_BYTES`].
    pub fn new() -> Self {
        Self::with_max_event_bytes(DEFAULT_MAX_EVENT_BYTES)
    }

    /// A parser that allows `max` bytes for the data, type and id of one event together.
    ///
    /// Comments and ignored lines are not kept and may be of any length.
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
    /// Chunks that are fed before [`next`](Self::next) returned None queue up; nothing but the caller bounds the queue.
    pub fn feed(&mut self, chunk: Bytes) {
        if chunk.is_empty() || self.state == State::Overflow {
            return;
        }
        if self.pos == self.chunk.len() && self.queue.is_empty() {
            self.open(chunk);
        } else {
            self.queue.push_back(chunk);
        }
    }

    /// The next event, or None if more bytes are needed for it.
    ///
    /// # Errors
    ///
    /// [`Overflow`] if the event is larger than the limit; from then on always, until a [`reset`](Self::reset).
    // An iterator cannot lend, and the name says best what it does.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Event<'_>>, Overflow> {
        let (raw, data) = match self.step()? {
            Step::Starved => return Ok(None),
            Step::Clean { raw, data } => (&self.chunk[raw], &self.chunk[data]),
            Step::Built => (&[][..], &self.data[..]),
        };
        Ok(Some(Event { parser: self, data, raw }))
    }

    /// The id of the last event that had one; empty if there is none. Reconnecting clients send it as `Last-Event-ID`.
    pub fn last_event_id(&self) -> &str {
        &self.last_id
    }

    /// The last valid `retry` field: how long to wait before reconnecting.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// How many comment lines have ended so far. Servers send them as pings: they are signs of life, but no progress.
    pub fn comments(&self) -> u64 {
        self.comments
    }

    /// How many bytes of data were read so far, those of an unfinished event included: this is what grows when the stream
    /// makes progress.
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// How many bytes are held: of the event that is not whole yet, and of chunks not read yet.
    ///
    /// Bytes of comments and ignored lines are not held.
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

    /// Whether something would be lost if the stream ended here: a line or an event has begun and not ended.
    ///
    /// The standard has such a tail discarded. A comment that has ended is no such thing, with or without a blank line.
    pub fn is_partial(&self) -> bool {
        let begun = !matches!(self.state, State::Bom(0) | State::Border | State::Lent);
        begun || self.pos < self.chunk.len() || !self.queue.is_empty()
    }

    /// Back to the start of a stream, with everything forgotten but the limit.
    pub fn reset(&mut self) {
        *self = Self::with_max_event_bytes(self.max);
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

/// Tells sizes and counts and not what was received, as logs are no place for it.
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

/// For an event that is known before its line ends are looked for.
impl Parser {
    /// The unread rest of the current chunk if an event may start there, else None.
    ///
    /// If it starts with the [raw bytes](Event::raw) of an event, they are that event, and it may be
    /// [passed over](Self::pass) instead of asking for the next one.
    #[inline]
    pub(crate) fn ahead(&mut self) -> Option<&[u8]> {
        if self.state == State::Lent {
            self.clear();
        }
        let ready = self.state == State::Border && (self.pos < self.chunk.len() || self.refill());
        ready.then(|| &self.chunk[self.pos..])
    }

    /// Passes over an event of `raw` bytes, `data` of them its data. Only if such an event, of the form that
    /// [`Event::raw`] describes and with no more data than the limit, stands at the start of what
    /// [`ahead`](Self::ahead) gave just now.
    #[inline]
    pub(crate) fn pass(&mut self, raw: usize, data: usize) {
        debug_assert!(self.state == State::Border && raw <= self.chunk.len() - self.pos && data <= self.max);
        self.pos += raw;
        self.data_bytes += data as u64;
    }

    /// The limit on one event.
    pub(crate) fn max_event_bytes(&self) -> usize {
        self.max
    }
}

/// What an event lends from.
impl Parser {
    pub(super) fn kind(&self) -> &str {
        if self.event.is_empty() { "message" } else { &self.event }
    }
}

/// The machine.
impl Parser {
    /// Starts reading a chunk. Only if the last one was read to its end.
    #[inline]
    fn open(&mut self, chunk: Bytes) {
        self.pos = usize::from(self.swallow_lf && chunk.first() == Some(&b'\n'));
        self.swallow_lf = false;
        self.chunk = chunk;
    }

    /// Opens chunks until one has unread bytes; false if there is none.
    fn refill(&mut self) -> bool {
        while self.pos == self.chunk.len() {
            let Some(chunk) = self.queue.pop_front() else {
                // Gives the memory back while the stream is silent.
                self.chunk = Bytes::new();
                self.pos = 0;
                return false;
            };
            self.open(chunk);
        }
        true
    }

    #[inline]
    fn step(&mut self) -> Result<Step, Overflow> {
        if self.state == State::Border
            && self.pos < self.chunk.len()
            && let Some(step) = self.clean_event()?
        {
            return Ok(step);
        }
        self.run()
    }

    /// Reads an event at a border that is one `data` line and a blank line in the chunk. If it is not, then what was
    /// read of it is in the buffers, so that it is not read again.
    #[inline]
    fn clean_event(&mut self) -> Result<Option<Step>, Overflow> {
        let start = self.pos;
        let value = match &self.chunk[start..] {
            [b'd', b'a', b't', b'a', b':', b' ', value @ ..] => value,
            [b'd', b'a', b't', b'a', b':', value @ ..] if !value.is_empty() => value,
            _ => return Ok(None),
        };
        let from = self.chunk.len() - value.len();
        let len = memchr2(b'\r', b'\n', value);
        let blank = len.and_then(|len| BlankLine::after(&value[len..]));
        let end = from + len.unwrap_or(value.len());
        self.count(end - start);
        let Some(blank) = blank else {
            self.begin(Field::Data)?;
            self.state = State::Value(Field::Data);
            self.pos = from;
            self.take_value(Field::Data, end)?;
            return Ok(None);
        };
        if end - from > self.max {
            return Err(self.overflow());
        }
        self.data_bytes += (end - from) as u64;
        self.pos = end + blank.len;
        self.swallow_lf = blank.swallow_lf;
        let raw = if blank.uniform { start..self.pos } else { 0..0 };
        Ok(Some(Step::Clean { raw, data: from..end }))
    }

    /// Reads on from any state.
    fn run(&mut self) -> Result<Step, Overflow> {
        if self.state == State::Lent {
            self.clear();
        }
        loop {
            if self.state == State::Overflow {
                return Err(Overflow { limit: self.max });
            }
            if self.pos == self.chunk.len() && !self.refill() {
                return Ok(Step::Starved);
            }
            let byte = self.chunk[self.pos];
            match self.state {
                State::Bom(seen) => self.byte_order_mark(seen, byte),
                State::Border => {
                    if let Some(step) = self.clean_event()? {
                        return Ok(step);
                    }
                    if self.state == State::Border {
                        self.line_start(byte);
                    }
                }
                State::Line => {
                    if self.line_start(byte) && self.dispatch() {
                        return Ok(Step::Built);
                    }
                }
                State::Name => self.field_name(byte)?,
                State::Colon(field) => {
                    self.pos += usize::from(byte == b' ');
                    self.state = State::Value(field);
                }
                State::Value(field) => {
                    let end = self.line_end(byte);
                    self.take_value(field, end)?;
                    if end < self.chunk.len() {
                        self.end(field)?;
                    }
                }
                State::Comment | State::Unknown => self.skip_line(byte),
                // The first was settled at the top, the other one ends every iteration that begins in it.
                State::Lent | State::Overflow => return Ok(Step::Starved),
            }
        }
    }

    fn byte_order_mark(&mut self, seen: u8, byte: u8) {
        if byte == BOM[usize::from(seen)] {
            self.pos += 1;
            let seen = seen + 1;
            self.state = if usize::from(seen) == BOM.len() { State::Border } else { State::Bom(seen) };
        } else {
            // Part of a mark is part of a name that no field has.
            self.state = if seen == 0 { State::Border } else { State::Unknown };
        }
    }

    /// Looks at the first byte of a line; whether the line is blank.
    fn line_start(&mut self, byte: u8) -> bool {
        match byte {
            b'\r' | b'\n' => {
                self.eat_line_end(byte);
                return true;
            }
            b':' => {
                self.pos += 1;
                self.state = State::Comment;
            }
            _ => {
                self.name.clear();
                self.state = State::Name;
            }
        }
        false
    }

    fn field_name(&mut self, byte: u8) -> Result<(), Overflow> {
        match (byte, self.name.field()) {
            (b':', Some(field)) => {
                self.pos += 1;
                self.begin(field)?;
                self.state = State::Colon(field);
            }
            // A line without a colon is a field without a value.
            (b'\r' | b'\n', Some(field)) => {
                self.begin(field)?;
                self.end(field)?;
            }
            (b':' | b'\r' | b'\n', None) => self.state = State::Unknown,
            _ if self.name.push(byte) => self.pos += 1,
            _ => self.state = State::Unknown,
        }
        Ok(())
    }

    fn skip_line(&mut self, byte: u8) {
        self.pos = self.line_end(byte);
        if self.pos < self.chunk.len() {
            self.comments += u64::from(self.state == State::Comment);
            self.eat_line_end(self.chunk[self.pos]);
            self.next_line();
        }
    }

    /// Where the line ends in the chunk, whose length it is if it does not. `byte` is the one at `pos`.
    fn line_end(&mut self, byte: u8) -> usize {
        if matches!(byte, b'\r' | b'\n') {
            return self.pos;
        }
        // Not looked for in the empty rest of a chunk of one byte.
        let from = self.pos + 1;
        let rest = &self.chunk[from..];
        let len = if rest.is_empty() { 0 } else { memchr2(b'\r', b'\n', rest).unwrap_or(rest.len()) };
        self.count(len + 1);
        from + len
    }

    /// Eats the line end at `pos`, of which `byte` is the first one.
    fn eat_line_end(&mut self, byte: u8) {
        self.pos += 1;
        if byte == b'\r' {
            match self.chunk.get(self.pos) {
                Some(b'\n') => self.pos += 1,
                Some(_) => {}
                None => self.swallow_lf = true,
            }
        }
    }

    /// A line has ended, a blank one excepted.
    fn next_line(&mut self) {
        let inside = self.has_data || self.has_id || !self.event.is_empty();
        self.state = if inside { State::Line } else { State::Border };
    }

    /// The name of a field is whole.
    fn begin(&mut self, field: Field) -> Result<(), Overflow> {
        match field {
            Field::Data if self.has_data => {
                self.check(1)?;
                append(&mut self.data, b"\n", self.max);
            }
            Field::Data => self.has_data = true,
            Field::Retry => self.digits = Digits::new(),
            Field::Event | Field::Id => {}
        }
        Ok(())
    }

    /// Takes a part of a value, from `pos` to `end`.
    fn take_value(&mut self, field: Field, end: usize) -> Result<(), Overflow> {
        let len = end - self.pos;
        if field == Field::Retry {
            self.digits.push(&self.chunk[self.pos..end]);
        } else {
            self.check(len)?;
            self.count(len);
            let buffer = if field == Field::Data { &mut self.data } else { &mut self.line };
            append(buffer, &self.chunk[self.pos..end], self.max);
        }
        if field == Field::Data {
            self.data_bytes += len as u64;
        }
        self.pos = end;
        Ok(())
    }

    /// The line of a field has ended; `pos` is at its end.
    fn end(&mut self, field: Field) -> Result<(), Overflow> {
        match field {
            Field::Data => {}
            Field::Event => set(&mut self.event, &mut self.line),
            Field::Id if self.line.contains(&0) => self.line.clear(),
            Field::Id => {
                set(&mut self.id, &mut self.line);
                self.has_id = true;
            }
            Field::Retry => self.retry = self.digits.duration().or(self.retry),
        }
        // Replacing what is no UTF-8 may have made it longer.
        self.check(0)?;
        self.eat_line_end(self.chunk[self.pos]);
        self.next_line();
        Ok(())
    }

    /// The event is at its blank line; whether it is to be lent.
    fn dispatch(&mut self) -> bool {
        if self.has_id {
            std::mem::swap(&mut self.last_id, &mut self.id);
        }
        if self.has_data {
            self.state = State::Lent;
        } else {
            self.clear();
        }
        self.has_data
    }

    /// Forgets the event.
    fn clear(&mut self) {
        self.state = State::Border;
        self.has_data = false;
        self.has_id = false;
        self.data.clear();
        self.data.shrink_to(KEPT_CAPACITY);
        self.event.clear();
        self.event.shrink_to(KEPT_CAPACITY);
        self.id.clear();
        self.id.shrink_to(KEPT_CAPACITY);
    }

    /// How many bytes of the event are in the buffers.
    fn held(&self) -> usize {
        self.data.len() + self.event.len() + self.id.len() + self.line.len()
    }

    /// Whether so many more bytes may be held.
    fn check(&mut self, more: usize) -> Result<(), Overflow> {
        match self.max.checked_sub(self.held()) {
            Some(free) if more <= free => Ok(()),
            _ => Err(self.overflow()),
        }
    }

    #[cold]
    fn overflow(&mut self) -> Overflow {
        let limit = self.max;
        *self = Self {
            state: State::Overflow,
            last_id: std::mem::take(&mut self.last_id),
            retry: self.retry,
            comments: self.comments,
            data_bytes: self.data_bytes,
            ..Self::with_max_event_bytes(limit)
        };
        Overflow { limit }
    }

    #[cfg(test)]
    fn count(&mut self, bytes: usize) {
        self.work += bytes as u64;
    }

    #[cfg(not(test))]
    #[inline(always)]
    fn count(&mut self, _: usize) {}
}

/// The end of a line and the blank line after it.
struct BlankLine {
    len: usize,
    /// Both ended by LF or both by CRLF, so that what follows cannot belong to it.
    uniform: bool,
    /// It ends in a CR that is the last byte there is.
    swallow_lf: bool,
}

impl BlankLine {
    /// Reads both at the start of `bytes`, which is a line end; None if they are not there or not whole.
    #[inline]
    fn after(bytes: &[u8]) -> Option<Self> {
        let len = match bytes {
            [b'\r', b'\n', b'\r', b'\n', ..] => 4,
            [b'\n', b'\n', ..] => 2,
            _ => return Self::mixed(bytes),
        };
        Some(Self { len, uniform: true, swallow_lf: false })
    }

    #[cold]
    fn mixed(bytes: &[u8]) -> Option<Self> {
        let rest = after_line_end(bytes)?;
        let after = after_line_end(rest)?;
        Some(Self {
            len: bytes.len() - after.len(),
            uniform: false,
            swallow_lf: after.is_empty() && rest.ends_with(b"\r"),
        })
    }
}

fn after_line_end(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [b'\r', b'\n', rest @ ..] | [b'\r' | b'\n', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// Appends, and lets the capacity grow by doubling but not beyond `max`, within which the result is.
fn append(buffer: &mut Vec<u8>, bytes: &[u8], max: usize) {
    let len = buffer.len() + bytes.len();
    if len > buffer.capacity() {
        let capacity = len.max(256).max(buffer.capacity() * 2).min(max.max(len));
        buffer.reserve_exact(capacity - buffer.len());
    }
    match bytes {
        // A call of memcpy is dear for a byte.
        [byte] => buffer.push(*byte),
        _ => buffer.extend_from_slice(bytes),
    }
}

/// Sets a string to what a line says, and clears the line.
fn set(text: &mut String, line: &mut Vec<u8>) {
    text.clear();
    match std::str::from_utf8(line) {
        Ok(valid) => text.push_str(valid),
        Err(_) => text.push_str(&String::from_utf8_lossy(line)),
    }
    line.clear();
    line.shrink_to(KEPT_CAPACITY);
}
