//! The event that a parser lends.

use std::{borrow::Cow, fmt};

use super::Parser;
use crate::base::text::replaced;

/// A dispatched event, borrowed from the parser until its next use.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    pub(super) parser: &'a Parser,
    /// In the parser's current chunk or in its own buffer.
    pub(super) data: &'a [u8],
}

impl<'a> Event<'a> {
    /// Returns the data, with its lines joined by LF. Invalid UTF-8 is replaced by U+FFFD.
    ///
    /// Each call checks the data, and allocates only if something has to be replaced.
    pub fn data(&self) -> Cow<'a, str> {
        match std::str::from_utf8(self.data) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(replaced(self.data)),
        }
    }

    /// Returns the data as it was sent, with its lines joined by LF, without a UTF-8 check.
    pub fn data_bytes(&self) -> &'a [u8] {
        self.data
    }

    /// Returns the type from the `event` field, or `message` if it is absent or empty.
    pub fn kind(&self) -> &'a str {
        self.parser.kind()
    }

    /// Returns the last event id at this event: its own `id` field, or that of an earlier event.
    pub fn id(&self) -> &'a str {
        self.parser.last_event_id()
    }
}

/// Prints the size of the data but not its content, so that it is safe to log.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("kind", &self.kind()).field("data_len", &self.data.len()).finish_non_exhaustive()
    }
}
