//! A stream of events, or a JSON body where a stream was asked for.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, StatusCode};

use super::charge::{Bounds, SMALL};
use super::json::{Body, content_type};
use super::{Decode, failure, floor};
use crate::auth::Secrets;
use crate::error::Answered;
use crate::sse::{Overflow, Parser};
use crate::text::decimal;
use crate::{Advice, Error, ErrorKind, Limits, Remedy, Result};

/// What the events of one operation mean.
pub trait EventFormat {
    /// What it yields.
    type Item: 'static;
    /// Whether errors keep the [`extra`](crate::ValidationIssue::extra) fields of their validation entries, which takes a parser for
    /// all of JSON.
    const KEEPS_EXTRA: bool = true;

    /// Reads one event: its `event` field (`message` if there is none) and its data.
    fn event(&mut self, kind: &str, data: &str) -> Result<Step<Self::Item>>;

    /// Recognizes an event of the kind `message` by the start of its data, before its end was looked for, and tells the
    /// length of the data, in which there must be no CR or LF. A shortcut for streams whose events are all alike; None
    /// is always right.
    fn known(&mut self, bytes: &[u8]) -> Option<usize> {
        _ = bytes;
        None
    }

    /// The item of the event that was [recognized](Self::known) just now: what [`event`](Self::event) would give.
    fn known_item(&mut self) -> Option<Self::Item> {
        None
    }

    /// Reads a JSON body that came in place of the stream.
    fn whole(&mut self, body: &str) -> Result<Vec<Self::Item>>;

    /// The body ended before a [`Step::Done`]: fine, or an error of kind [`Truncated`](ErrorKind::Truncated).
    fn end(&mut self) -> Result<()>;

    /// Another attempt begins: forget what the last one taught.
    fn reset(&mut self) {}

    /// What documents may cost, told after each [`reset`](Self::reset): for formats that decode JSON by themselves.
    fn limits(&mut self, limits: &Limits) {
        _ = limits;
    }
}

/// What one event came to.
#[derive(Debug)]
pub enum Step<T> {
    /// An item.
    Item(T),
    /// Nothing for the caller.
    Skip,
    /// The announced end of the stream.
    Done,
}

/// Reads a stream of server-sent events as `F` understands them.
pub struct Events<F: EventFormat> {
    format: F,
    mode: Mode<F::Item>,
    head: Option<(StatusCode, HeaderMap)>,
    /// What must not be told.
    secrets: Secrets,
    excerpt: usize,
    events: u64,
    done: bool,
}

enum Mode<T> {
    Stream(Parser),
    Whole(Body),
    Items(VecDeque<T>),
}

impl<F: EventFormat> Events<F> {
    /// A decoder for events of this format.
    pub fn new(format: F) -> Self {
        let (mode, secrets) = (Mode::Items(VecDeque::new()), Secrets::default());
        Events { format, mode, head: None, secrets, excerpt: 0, events: 0, done: false }
    }

    /// Adds the answer and the event that an error came from.
    fn at_event(head: &Option<(StatusCode, HeaderMap)>, excerpt: usize, data: &str, error: Error) -> Error {
        let Some((status, headers)) = head else { return error };
        let cut = &data.as_bytes()[..data.len().min(excerpt)];
        error.answered(Answered { status: *status, headers: headers.clone(), body: Bytes::copy_from_slice(cut) })
    }
}

impl<F: EventFormat> fmt::Debug for Events<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("events", &self.events).field("done", &self.done).finish_non_exhaustive()
    }
}

impl<F: EventFormat> Decode for Events<F> {
    type Item = F::Item;

    fn start(&mut self, head: &Parts, limits: &Limits) -> Result<()> {
        self.format.reset();
        self.format.limits(limits);
        self.events = 0;
        self.done = false;
        self.excerpt = limits.error_excerpt;
        self.head = Some((head.status, head.headers.clone()));
        self.secrets = head.extensions.get::<Secrets>().cloned().unwrap_or_default();
        let media = content_type(&head.headers);
        // Servers and proxies may leave the type out; anything but a stream is read whole and judged at its end.
        let stream = media.is_none_or(|media| media.eq_ignore_ascii_case("text/event-stream"));
        self.mode = if head.status.is_success() && stream {
            Mode::Stream(Parser::with_max_event_bytes(limits.event))
        } else {
            Mode::Whole(Body::new(head, limits, None))
        };
        Ok(())
    }

    fn feed(&mut self, chunk: Bytes) {
        match &mut self.mode {
            Mode::Stream(parser) => parser.feed(chunk),
            Mode::Whole(body) => body.feed(chunk),
            Mode::Items(_) => {}
        }
    }

    fn next(&mut self) -> Result<Option<F::Item>> {
        if self.done {
            return Ok(None);
        }
        match &mut self.mode {
            Mode::Stream(parser) => loop {
                if parser.next_known(|bytes| self.format.known(bytes)) {
                    self.events += 1;
                    match self.format.known_item() {
                        Some(item) => return Ok(Some(item)),
                        None => continue,
                    }
                }
                let Some(event) = parser.next().map_err(too_large)? else { return Ok(None) };
                self.events += 1;
                let data = event.data();
                let large = data.len() > SMALL;
                let most = self.excerpt.max(failure::LOOK);
                let read = |format: &mut F, kind: &str, data: &str| {
                    format.event(kind, data).map_err(|error| {
                        let cleaned = self.secrets.without_in_beginning(data.as_bytes(), most);
                        let Some(cleaned) = cleaned.filter(|_| error.kind() != ErrorKind::TooLarge) else {
                            return Self::at_event(&self.head, self.excerpt, data, error);
                        };
                        // Keys are removed from what is told before it is cut, so before the error is made.
                        let data = String::from_utf8_lossy(&cleaned);
                        let error = format.event(kind, &data).err().unwrap_or(error);
                        Self::at_event(&self.head, self.excerpt, &data, error)
                    })
                };
                let step = match data {
                    // Both writings of a large event would be too much to hold.
                    Cow::Owned(data) if large => {
                        let kind = event.kind().to_owned();
                        let grown = data.len().saturating_sub(event.data_bytes().len());
                        parser.release();
                        odd_text(data.len(), grown).and_then(|()| read(&mut self.format, &kind, &data))
                    }
                    data => read(&mut self.format, event.kind(), &data),
                };
                if large {
                    parser.release();
                }
                match step? {
                    Step::Item(item) => return Ok(Some(item)),
                    Step::Skip => {}
                    Step::Done => {
                        self.done = true;
                        return Ok(None);
                    }
                }
            },
            Mode::Whole(body) => body.check().map(|()| None),
            Mode::Items(items) => Ok(items.pop_front()),
        }
    }

    fn finish(&mut self) -> Result<Option<F::Item>> {
        if self.done {
            return Ok(None);
        }
        if let Mode::Whole(body) = &mut self.mode {
            let items = body.parse_with(|text, bounds| {
                odd_text(text.len(), bounds.growth()).and_then(|()| self.format.whole(text))
            })?;
            self.mode = Mode::Items(items.into());
        }
        match &mut self.mode {
            Mode::Items(items) => {
                let item = items.pop_front();
                self.done = item.is_none();
                Ok(item)
            }
            _ => {
                self.done = true;
                self.format.end().map(|()| None)
            }
        }
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn progress(&self) -> u64 {
        match &self.mode {
            Mode::Stream(parser) => floor(parser.data_bytes()),
            Mode::Whole(body) => floor(body.received),
            Mode::Items(_) => 0,
        }
    }
}

fn too_large(overflow: Overflow) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        "event_too_large",
        ["an event of the stream is larger than the cap of ", &decimal(overflow.limit as u64), " bytes"].concat(),
    )
    .with_advice(Advice::new(Remedy::Raise, "raise {setting:limits.event} if such events are expected"))
}

/// Refuses a large text in which much had to be replaced, since U+FFFD is three bytes for each byte that is no UTF-8.
fn odd_text(len: usize, grown: usize) -> Result<()> {
    if len <= SMALL || grown <= len / 16 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::TooLarge,
        "decoded_too_large",
        format!(
            "a text of {} bytes is for a large part no UTF-8, and takes {len} bytes with U+FFFD in its place",
            len - grown
        ),
    ))
}

/// Reads one event of TabbyAPI's own as `T`, error objects included.
pub(crate) fn from_event<T>(kind: &str, data: &str, bounds: &Bounds) -> Result<T>
where
    T: serde::de::DeserializeOwned,
{
    // Error events come compact and spaced; both start with this key.
    let body = data.trim_ascii_start();
    let marked =
        kind == "error" || body.strip_prefix('{').is_some_and(|rest| rest.trim_ascii_start().starts_with("\"error\""));
    if let Some(error) = marked.then(|| failure::event_error(data)).flatten() {
        return Err(error);
    }
    super::json::from_json_within(data, bounds).map_err(|error| match error.kind() {
        ErrorKind::TooLarge => error,
        _ => failure::event_error(data).unwrap_or(error),
    })
}
