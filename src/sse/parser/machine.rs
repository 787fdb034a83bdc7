//! The state machine of the parser.

use std::ops::Range;

use bytes::Bytes;
use memchr::memchr2;

use super::{Overflow, Parser, State};
use crate::sse::buffer::{KEPT_CAPACITY, append, clear, set};
use crate::sse::field::{Digits, Field};
use crate::sse::line_end::BlankLine;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The result of a step.
pub(super) enum Step {
    /// More bytes are needed.
    Starved,
    /// An event is in the chunk; this is its data.
    Clean(Range<usize>),
    /// An event is in the buffers.
    Built,
}

/// The machine.
impl Parser {
    /// Starts reading a chunk. The previous one must have been read to its end.
    #[inline]
    pub(super) fn open(&mut self, chunk: Bytes) {
        self.pos = usize::from(self.swallow_lf && chunk.first() == Some(&b'\n'));
        self.swallow_lf = false;
        self.chunk = chunk;
    }

    /// Opens chunks until one has unread bytes. Returns false if there is none.
    pub(super) fn refill(&mut self) -> bool {
        while self.pos == self.chunk.len() {
            match self.queue.pop_front() {
                Some(chunk) => self.open(chunk),
                None => {
                    // While the stream is silent, it takes no memory.
                    self.release_chunk();
                    return false;
                }
            }
        }
        true
    }

    #[inline]
    pub(super) fn step(&mut self) -> Result<Step, Overflow> {
        if self.state == State::Border
            && self.pos < self.chunk.len()
            && let Some(step) = self.clean_event()?
        {
            return Ok(step);
        }
        // A shortcut after small chunks; the loop would have the same result.
        if matches!(self.state, State::Value(_)) && self.chunk.is_empty() && self.queue.is_empty() {
            return Ok(Step::Starved);
        }
        self.run()
    }

    /// Reads an event at a border that consists of one `data` line and a blank line in the chunk. Otherwise, the bytes that were
    /// read are moved to the buffers, so that they are not read again.
    #[inline]
    fn clean_event(&mut self) -> Result<Option<Step>, Overflow> {
        let start = self.pos;
        let Some(value) = data_value(&self.chunk[start..]) else {
            return Ok(None);
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
        Ok(Some(Step::Clean(from..end)))
    }

    /// Continues reading from any state.
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
                // The first was handled above, the other one ends each iteration that starts in it.
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
            // A part of a mark is a part of an unknown name.
            self.state = if seen == 0 { State::Border } else { State::Unknown };
        }
    }

    /// Inspects the first byte of a line. Returns whether the line is blank.
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

    /// Where the line ends in the chunk, or the chunk's length. `byte` is the one at `pos`.
    fn line_end(&mut self, byte: u8) -> usize {
        if matches!(byte, b'\r' | b'\n') {
            return self.pos;
        }
        // Avoids searching the empty rest of a chunk of one byte.
        let from = self.pos + 1;
        let rest = &self.chunk[from..];
        let len = if rest.is_empty() { 0 } else { memchr2(b'\r', b'\n', rest).unwrap_or(rest.len()) };
        self.count(len + 1);
        from + len
    }

    /// Skips the line end at `pos`, whose first byte is `byte`.
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

    /// A line other than a blank one has ended.
    fn next_line(&mut self) {
        let inside = self.has_data || self.has_id || !self.event.is_empty();
        self.state = if inside { State::Line } else { State::Border };
    }

    /// The name of a field is complete.
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

    /// Adds a byte inside a `data` value, for chunks of one byte. Returns false if the byte needs the full state machine.
    #[inline]
    pub(super) fn take_data_byte(&mut self, byte: u8) -> bool {
        if matches!(byte, b'\r' | b'\n') || self.held() >= self.max {
            return false;
        }
        self.count(2);
        match self.data.len() < self.data.capacity() {
            true => self.data.push(byte),
            false => append(&mut self.data, &[byte], self.max),
        }
        self.data_bytes += 1;
        true
    }

    /// Adds a part of a value, from `pos` to `end`.
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

    /// The line of a field has ended. `pos` is at its end.
    fn end(&mut self, field: Field) -> Result<(), Overflow> {
        match field {
            Field::Data => {}
            Field::Event => set(&mut self.event, &mut self.line),
            Field::Id if self.line.contains(&0) => clear(&mut self.line),
            Field::Id => {
                set(&mut self.id, &mut self.line);
                self.has_id = true;
            }
            Field::Retry => self.retry = self.digits.duration().or(self.retry),
        }
        // Replacing invalid UTF-8 may have made it longer.
        self.check(0)?;
        self.eat_line_end(self.chunk[self.pos]);
        self.next_line();
        Ok(())
    }

    /// The event is at its blank line. Returns whether it is dispatched.
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

    /// Discards the event.
    pub(super) fn clear(&mut self) {
        self.state = State::Border;
        self.has_data = false;
        self.has_id = false;
        clear(&mut self.data);
        self.event.clear();
        self.event.shrink_to(KEPT_CAPACITY);
        self.id.clear();
        self.id.shrink_to(KEPT_CAPACITY);
    }

    /// The number of bytes of the event in the buffers.
    pub(super) fn held(&self) -> usize {
        self.data.len() + self.event.len() + self.id.len() + self.line.len()
    }

    /// Whether this many more bytes may be held.
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

    /// Capacity of all buffers.
    #[cfg(test)]
    pub(in crate::sse) fn capacity(&self) -> usize {
        self.data.capacity() + self.event.capacity() + self.id.capacity() + self.line.capacity()
    }

    #[cfg(test)]
    fn count(&mut self, bytes: usize) {
        self.work += bytes as u64;
    }

    #[cfg(not(test))]
    #[inline(always)]
    fn count(&mut self, _: usize) {}
}

/// What follows `data:` and an optional space at the start of `line`. None if the line does not show it.
#[inline]
pub(super) fn data_value(line: &[u8]) -> Option<&[u8]> {
    // Arrays are compared as numbers.
    match line.split_first_chunk() {
        Some((b"data: ", value)) => Some(value),
        _ => line.strip_prefix(b"data:").filter(|value| !value.is_empty()),
    }
}
