//! The event that a parser lends.

use std::{borrow::Cow, fmt};

use super::Parser;
use crate::base::text::replaced;

/// A dispatched event, lent by [`Parser::next`] until the parser is used again.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    pub(super) parser: &'a Parser,
    /// In the parser's current chunk or in its own buffer.
    pub(super) data: &'a [u8],
}

impl<'a> Event<'a> {
    /// The data, its lines joined by LF; what is not UTF-8 is replaced by U+FFFD.
    ///
    /// The check is made by each call; it allocates only if something has to be replaced.
    pub fn data(&self) -> Cow<'a, str> {
        match std::str::from_utf8(self.data) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(replaced(self.data)),
        }
    }

    /// The data as it was sent, its lines joined by LF, not checked to be UTF-8.
    pub fn data_bytes(&self) -> &'a [u8] {
        self.data
    }

    /// The type from the `event` field; `message` if it is absent or empty.
    pub fn kind(&self) -> &'a str {
        self.parser.kind()
    }

    /// The last event id at this event: its own `id` field, or else that of an earlier event.
    pub fn id(&self) -> &'a str {
        self.parser.last_event_id()
    }
}

/// Tells the size of the data and not what it says, as logs are no place for it.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("kind", &self.kind()).field("data_len", &self.data.len()).finish_non_exhaustive()
    }
}
