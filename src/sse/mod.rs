//! Server-sent events: bytes in, events out, as specified by [WHATWG HTML section 9.2].
//!
//! A [`Parser`] receives chunks as they arrive and lends the events in them. It does no IO and has no clock.
//! An event that is complete within a chunk is lent from that chunk. An event that is split between chunks, or
//! has more than one `data` line, is assembled in the parser's own buffer.
//!
//! ```
//! use bytes::Bytes;
//! use tabbyapi::sse::Parser;
//!
//! # fn main() -> Result<(), tabbyapi::sse::Overflow> {
//! let mut parser = Parser::new();
//!
//! // A ping and an event; then an event that is cut in two.
//! parser.feed(Bytes::from_static(b": ping\r\n\r\ndata: {\"n\": 1}\r\n\r\ndata: [DO"));
//! let event = parser.next()?.expect("a whole event was fed");
//! assert_eq!(event.data(), "{\"n\": 1}");
//! assert_eq!(event.kind(), "message");
//! assert_eq!(parser.comments(), 1);
//!
//! assert!(parser.next()?.is_none()); // more bytes are needed,
//! assert!(parser.is_partial()); // and if none come, the tail is lost
//!
//! parser.feed(Bytes::from_static(b"NE]\r\n\r\n"));
//! assert_eq!(parser.next()?.expect("the event is whole now").data(), "[DONE]");
//! assert!(parser.next()?.is_none());
//! assert!(!parser.is_partial());
//! # Ok(())
//! # }
//! ```
//!
//! # Conformance
//!
//! * Lines end in LF, CR or CRLF, and in nothing else: U+0085, U+2028 and U+2029 are ordinary characters. A CR ends its
//!   line at once. An LF that follows is skipped, even in a later chunk.
//! * One byte order mark at the start is dropped, even if it is split.
//! * Bytes that are not UTF-8 become U+FFFD.
//! * An event without a `data` line is not dispatched. One with an empty `data` line is dispatched with empty data.
//! * Data after the last blank line is discarded at the end of the stream. [`Parser::is_partial`] returns whether there is any.
//! * An empty `retry` is ignored, as browsers do.
//! * Beyond the standard, the size of an event is limited: [`Parser::with_max_event_bytes`].
//!
//! The time is linear in the number of bytes, however they are split into chunks.
//!
//! [WHATWG HTML section 9.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

mod buffer;
mod field;
mod line_end;
mod parser;
#[cfg(test)]
mod work;

pub(crate) use buffer::append;
pub(crate) use field::Field;
pub(crate) use parser::Known;
pub use parser::{DEFAULT_MAX_EVENT_BYTES, Event, Overflow, Parser};
