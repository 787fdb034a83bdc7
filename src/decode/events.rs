//! A stream of events, or a JSON body instead of a stream.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::base::error::Answered;
use crate::base::text::decimal;
use crate::base::{Advice, Error, ErrorKind, Extra, Limits, MaybeSend, Remedy, Result, Secrets, Text};
use crate::decode::charge::{Bounds, SMALL};
use crate::decode::decoder::{Decode, floor};
use crate::decode::failure;
use crate::decode::json::Body;
use crate::decode::mend::{LARGE, mended};
use crate::decode::sniff::Sniff;
use crate::decode::text::{from_json, from_json_within, from_small_json};
use crate::sse::{Known, Overflow, Parser};

/// The meaning of the events of one operation.
pub trait EventFormat: MaybeSend + 'static {
    /// The type of the items.
    type Item: MaybeSend + 'static;

    /// Decodes one event from its `event` field (`message` if absent) and its data.
    ///
    /// # Errors
    ///
    /// Errors if the data is not valid, or is an error of the server.
    fn event(&mut self, kind: &str, data: &str) -> Result<Step<Self::Item>>;

    /// Recognizes an event of the kind `message` by the start of its data, before the end of the event is known. Returns the
    /// length of the data, which must not contain CR or LF, and a text for [`known_item`](Self::known_item). A shortcut for
    /// streams of similar events. `None` is always correct.
    fn known(&mut self, bytes: &[u8]) -> Option<(usize, Text)> {
        _ = bytes;
        None
    }

    /// Puts the item of the event that was just [recognized](Self::known), with this text, into `place`: the same as
    /// [`event`](Self::event) would return. The place is `None` before, and remains so only if no event was recognized.
    fn known_item(&mut self, text: Text, place: &mut Option<Self::Item>) {
        _ = (text, place);
    }

    /// Decodes a JSON body that is sent instead of the stream.
    ///
    /// # Errors
    ///
    /// Errors if the body is not valid, or is an error of the server.
    fn whole(&mut self, body: &str) -> Result<Vec<Self::Item>>;

    /// Checks the body that was just decoded.
    ///
    /// # Errors
    ///
    /// Errors if the body has an error besides its items. It is returned after them.
    fn whole_end(&mut self) -> Result<()> {
        Ok(())
    }

    /// Called at the successful end of the stream. Returns an item of text that was held back, if any.
    fn held(&mut self) -> Option<Self::Item> {
        None
    }

    /// Called if the body ends before a [`Step::Done`].
    ///
    /// # Errors
    ///
    /// Errors with kind [`Truncated`](ErrorKind::Truncated) if that is not a valid end.
    fn end(&mut self) -> Result<()>;

    /// Discards all state. Called before another attempt.
    fn reset(&mut self) {}

    /// Sets the limits of documents. Called after each [`reset`](Self::reset). For formats that decode JSON themselves.
    fn limits(&mut self, limits: &Limits) {
        _ = limits;
    }
}

/// The result of one event.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step<T> {
    /// An item.
    Item(T),
    /// An item, after which the stream ends with this error. For events that carry both.
    Last(T, Error),
    /// An event without content, which does not count as progress.
    Skip,
    /// The announced end of the stream.
    Done,
}

/// Decodes a stream of server-sent events with the format `F`.
pub struct Events<F: EventFormat> {
    format: F,
    mode: Mode<F::Item>,
    head: Option<(StatusCode, HeaderMap)>,
    /// The secrets to remove.
    secrets: Secrets,
    excerpt: usize,
    events: u64,
    /// The bytes of data without content.
    skipped: u64,
    /// The error after the item that was returned last.
    failed: Option<Error>,
    /// The error of a whole response, after its items.
    fault: Option<Error>,
    /// The body has ended, and the current event lacks its end.
    last: bool,
    done: bool,
}

enum Mode<T> {
    /// Not yet known which of the next two applies.
    Unknown(Sniff),
    Stream(Parser),
    Whole(Body),
    Items(VecDeque<T>),
}

impl<F: EventFormat> Events<F> {
    /// Creates a decoder for events of this format.
    pub fn new(format: F) -> Self {
        Events {
            format,
            mode: Mode::Items(VecDeque::new()),
            head: None,
            secrets: Secrets::default(),
            excerpt: 0,
            events: 0,
            skipped: 0,
            failed: None,
            fault: None,
            last: false,
            done: false,
        }
    }

    /// Starts reading the body, as a stream or as a whole, with its beginning.
    fn open(&mut self, is_stream: bool, chunk: Bytes) {
        if let Mode::Unknown(sniff) = std::mem::replace(&mut self.mode, Mode::Items(VecDeque::new())) {
            self.mode = match is_stream {
                true => Mode::Stream(sniff.parser()),
                false => Mode::Whole(sniff.into_body()),
            };
            self.feed(chunk);
        }
    }

    /// Puts the next item of events that are not recognized by their beginning, or of a body, into `place`, which must be `None`.
    #[inline(never)]
    fn next_unknown(&mut self, place: &mut Option<F::Item>) -> Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.done {
            return Ok(());
        }
        match &mut self.mode {
            Mode::Stream(parser) => loop {
                let Some(event) = parser.next().map_err(too_large)? else { return Ok(()) };
                let data = event.data();
                let (large, length) = (data.len() > SMALL, data.len() as u64);
                let (most, last) = (self.excerpt.max(failure::LOOK), self.last);
                let read = |format: &mut F, kind: &str, data: &str| {
                    let (item, error) = match format.event(kind, data) {
                        Ok(Step::Last(item, error)) => (Some(item), error),
                        Ok(step) => return Ok(step),
                        Err(_) if last && is_cut(data) => return Err(Error::truncated()),
                        Err(error) => (None, error),
                    };
                    let cleaned = self.secrets.without_in_beginning(data.as_bytes(), most);
                    let error = match cleaned.filter(|_| error.kind() != ErrorKind::TooLarge) {
                        None => Self::at_event(&self.head, self.excerpt, data, error),
                        // Secrets are removed before the text is cut, so before the error is made.
                        Some(cleaned) => {
                            let data = String::from_utf8_lossy(&cleaned);
                            let error = match format.event(kind, &data) {
                                Err(again) | Ok(Step::Last(_, again)) => again,
                                Ok(_) => error,
                            };
                            Self::at_event(&self.head, self.excerpt, &data, error)
                        }
                    };
                    item.map_or_else(|| Err(error.clone()), |item| Ok(Step::Last(item, error.clone())))
                };
                let mended = if data.len() > LARGE { mended(&data) } else { None };
                let step = match (mended, data) {
                    // Two versions of a large event would take too much memory.
                    (Some(other), _) | (None, Cow::Owned(other)) if large => {
                        let kind = event.kind().to_owned();
                        let grown = other.len().saturating_sub(event.data_bytes().len());
                        parser.release();
                        odd_text(other.len(), grown).and_then(|()| read(&mut self.format, &kind, &other))
                    }
                    (_, data) => read(&mut self.format, event.kind(), &data),
                };
                if large {
                    parser.release();
                }
                match step? {
                    Step::Item(item) => {
                        self.events += 1;
                        *place = Some(item);
                        return Ok(());
                    }
                    Step::Skip => self.skipped += length,
                    Step::Last(item, error) => {
                        self.failed = Some(error);
                        *place = Some(item);
                        return Ok(());
                    }
                    Step::Done => {
                        self.done = true;
                        *place = self.format.held();
                        return Ok(());
                    }
                }
            },
            Mode::Unknown(_) => Ok(()),
            Mode::Whole(body) => body.check(),
            Mode::Items(items) => {
                *place = items.pop_front();
                Ok(())
            }
        }
    }

    /// Adds the response and the event to an error.
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
        self.skipped = 0;
        self.failed = None;
        self.fault = None;
        self.last = false;
        self.done = false;
        self.excerpt = limits.error_excerpt;
        self.head = Some((head.status, head.headers.clone()));
        self.secrets = head.extensions.get::<Secrets>().cloned().unwrap_or_default();
        let body = Body::new(head, limits, None);
        self.mode = match head.status.is_success() {
            true => Mode::Unknown(Sniff::new(&head.headers, body, limits.event)),
            false => Mode::Whole(body),
        };
        Ok(())
    }

    fn feed(&mut self, chunk: Bytes) {
        match &mut self.mode {
            Mode::Unknown(sniff) => {
                if let Some((is_stream, chunk)) = sniff.feed(chunk) {
                    self.open(is_stream, chunk);
                }
            }
            Mode::Stream(parser) => parser.feed(chunk),
            Mode::Whole(body) => body.feed(chunk),
            Mode::Items(_) => {}
        }
    }

    fn is_drained(&self) -> bool {
        match &self.mode {
            Mode::Stream(parser) => self.failed.is_none() && !self.done && parser.is_drained(),
            _ => false,
        }
    }

    fn next(&mut self) -> Result<Option<F::Item>> {
        let mut place = None;
        self.next_into(&mut place)?;
        Ok(place)
    }

    #[inline]
    fn next_into(&mut self, place: &mut Option<F::Item>) -> Result<()> {
        if let Mode::Stream(parser) = &mut self.mode
            && self.failed.is_none()
            && !self.done
        {
            match parser.next_known(|bytes| self.format.known(bytes)) {
                Known::Yes(text) => {
                    self.events += 1;
                    self.format.known_item(text, place);
                    return Ok(());
                }
                Known::Starved => return Ok(()),
                Known::No => {}
            }
        }
        self.next_unknown(place)
    }

    fn finish(&mut self) -> Result<Option<F::Item>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.done {
            return Ok(None);
        }
        if let Mode::Unknown(sniff) = &mut self.mode {
            let (is_stream, chunk) = sniff.end();
            self.open(is_stream, chunk);
            if let Some(item) = self.next()? {
                return Ok(Some(item));
            }
        }
        if let Mode::Whole(body) = &mut self.mode {
            let items = body.parse_with(|text, bounds| {
                odd_text(text.len(), bounds.growth()).and_then(|()| self.format.whole(text))
            })?;
            self.fault = self.format.whole_end().err().map(|error| error.answered(body.answered()));
            self.mode = Mode::Items(items.into());
        }
        match &mut self.mode {
            Mode::Items(items) => match items.pop_front() {
                Some(item) => Ok(Some(item)),
                None => {
                    self.done = true;
                    self.fault.take().map_or(Ok(None), Err)
                }
            },
            Mode::Stream(parser) if parser.is_partial_event() => {
                // The last event counts without its blank line. A part of an event does not, nor does a stream that was cut there.
                parser.finish();
                self.last = true;
                match self.next() {
                    Ok(None) if !self.done => Err(Error::truncated()),
                    Err(error) if error.kind() == ErrorKind::Decode => Err(Error::truncated()),
                    other => other,
                }
            }
            _ => {
                self.done = true;
                self.format.end().map(|()| self.format.held())
            }
        }
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn progress(&self) -> u64 {
        match &self.mode {
            Mode::Stream(parser) => floor(parser.data_bytes() - self.skipped),
            Mode::Unknown(sniff) => floor(sniff.received()),
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

/// Rejects a large text with many replacements, since U+FFFD takes three bytes for each invalid byte, and null takes one more than `NaN`.
fn odd_text(len: usize, grown: usize) -> Result<()> {
    if len <= SMALL || grown <= len / 16 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::TooLarge,
        "decoded_too_large",
        format!(
            "a text of {} bytes is for a large part no UTF-8 or no JSON, and takes {len} bytes once that is replaced",
            len - grown
        ),
    ))
}

/// Whether the data is an incomplete JSON document.
fn is_cut(data: &str) -> bool {
    data.trim_ascii_start().starts_with(['{', '[']) && from_json::<serde::de::IgnoredAny>(data).is_err()
}

/// Whether an event has no content: no data, or a kind that is neither a message nor an error, such as a ping. Servers and proxies
/// send them to keep the connection alive.
pub(crate) fn is_noise(kind: &str, data: &str) -> bool {
    match kind {
        "message" => matches!(data.trim_ascii(), "" | "null" | "{}") || is_ping(data),
        kind => kind != "error",
    }
}

/// Whether the data itself is a ping.
fn is_ping(data: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Ping {
        r#type: crate::base::Text,
        choices: Option<serde::de::IgnoredAny>,
    }
    // Longer data has content.
    data.len() <= 64
        && data.trim_ascii_start().starts_with('{')
        && serde_json::from_str::<Ping>(data).is_ok_and(|ping| {
            ping.choices.is_none()
                && ["ping", "heartbeat", "keepalive", "keep-alive", "keep_alive"].contains(&&*ping.r#type)
        })
}

/// Decodes one event as `T`. An event of kind `error` is an error, and so is data that is not a `T` but has the shape of an error.
pub(crate) fn from_event<T: DeserializeOwned>(kind: &str, data: &str, bounds: &Bounds) -> Result<T> {
    unless_error(kind, data, || from_json_within(data, bounds))
}

/// The same for the types of long streams.
pub(crate) fn from_frequent_event<T: DeserializeOwned>(kind: &str, data: &str, bounds: &Bounds) -> Result<T> {
    unless_error(kind, data, || from_small_json(data, bounds))
}

fn unless_error<T>(kind: &str, data: &str, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    if kind == "error" {
        return Err(failure::error_event(data));
    }
    decode().map_err(|error| match error.kind() {
        ErrorKind::TooLarge => error,
        _ => failure::event_error(data).unwrap_or(error),
    })
}

/// The error in this field of an event, beside its other fields.
pub(crate) fn error_beside(extra: &Extra) -> Option<Error> {
    if extra.is_empty() { None } else { failure::event_error_field(extra.get("error")?) }
}
