//! The decoder of every call. It writes records; its items only signal that there are some.

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderValue, StatusCode, header};
use tabbyapi::decode::{Decode, Events};
use tabbyapi::{Limits, Result};

use crate::format::{Ends, Format, Kind};

/// Reads a response of this kind.
pub(crate) struct Wire {
    whole: bool,
    /// A status other than success that carries a response.
    also: Option<StatusCode>,
    events: Events<Format>,
}

impl Wire {
    /// `choices` is the requested number of choices, if known. `wants_usage` is whether usage was requested, `resumes` whether
    /// the stream may be resumed.
    pub(crate) fn new(
        kind: Kind,
        also: Option<StatusCode>,
        choices: Option<u64>,
        wants_usage: bool,
        resumes: bool,
    ) -> Self {
        let format = Format::new(kind, Ends::new(choices, wants_usage), resumes);
        Wire { whole: kind.is_whole(), also, events: Events::new(format) }
    }
}

impl Decode for Wire {
    type Item = ();

    fn start(&mut self, head: &Parts, limits: &Limits) -> Result<()> {
        if !self.whole {
            return self.events.start(head, limits);
        }
        let mut head = head.clone();
        if self.also == Some(head.status) {
            head.status = StatusCode::OK;
        }
        // Without a content type it would be treated as a stream.
        if !head.headers.contains_key(header::CONTENT_TYPE) {
            head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self.events.start(&head, limits)
    }

    fn feed(&mut self, chunk: Bytes) {
        self.events.feed(chunk);
    }

    fn next(&mut self) -> Result<Option<()>> {
        self.events.next()
    }

    fn finish(&mut self) -> Result<Option<()>> {
        self.events.finish()
    }

    fn is_done(&self) -> bool {
        self.events.is_done()
    }

    fn is_whole(&self) -> bool {
        self.whole
    }

    fn progress(&self) -> u64 {
        self.events.progress()
    }
}
