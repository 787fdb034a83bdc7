//! A stream of events, or a JSON body where a stream was asked for.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, StatusCode};

use crate::base::error::Answered;
use crate::base::text::decimal;
use crate::base::{Advice, Error, ErrorKind, Extra, Limits, MaybeSend, Remedy, Result, Secrets};
use crate::decode::charge::{Bounds, SMALL};
use crate::decode::decoder::{Decode, floor};
use crate::decode::failure;
use crate::decode::json::Body;
use crate::decode::mend::{LARGE, mended};
use crate::decode::sniff::Sniff;
use crate::decode::text::{from_json, from_json_within};
use crate::sse::{Overflow, Parser};

/// What the events of one operation mean.
pub trait EventFormat: MaybeSend + 'static {
    /// What it yields.
    type Item: MaybeSend + 'static;

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

    /// Whether the body that was read just now is fine, or what is wrong with it although it has items: it is told after them.
    fn whole_end(&mut self) -> Result<()> {
        Ok(())
    }

    /// The stream came to its end in good order: an item of what was held back until then, if there is such.
    fn held(&mut self) -> Option<Self::Item> {
        None
    }

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
#[non_exhaustive]
pub enum Step<T> {
    /// An item.
    Item(T),
    /// An item, after which the stream ends with this error: the event carries both.
    Last(T, Error),
    /// Nothing for the caller, and no sign that the answer makes progress.
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
    /// Bytes of data that said nothing.
    skipped: u64,
    /// The error that comes after the item that was given last.
    failed: Option<Error>,
    /// What is wrong with a whole answer, after its items.
    fault: Option<Error>,
    /// The body has ended, and the event that is read lacks its end.
    last: bool,
    done: bool,
}

enum Mode<T> {
    /// Not enough has come to say which of the next two it is.
    Unknown(Sniff),
    Stream(Parser),
    Whole(Body),
    Items(VecDeque<T>),
}

impl<F: EventFormat> Events<F> {
    /// A decoder for events of this format.
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

    /// The body turned out to be a stream, or to be read whole; this is its beginning.
    fn open(&mut self, is_stream: bool, chunk: Bytes) {
        if let Mode::Unknown(sniff) = std::mem::replace(&mut self.mode, Mode::Items(VecDeque::new())) {
            self.mode = match is_stream {
                true => Mode::Stream(sniff.parser()),
                false => Mode::Whole(sniff.into_body()),
            };
            self.feed(chunk);
        }
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

    fn next(&mut self) -> Result<Option<F::Item>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
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
                        // Keys are removed from what is told before it is cut, so before the error is made.
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
                    // Both writings of a large event would be too much to hold.
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
                        return Ok(Some(item));
                    }
                    Step::Skip => self.skipped += length,
                    Step::Last(item, error) => {
                        self.failed = Some(error);
                        return Ok(Some(item));
                    }
                    Step::Done => {
                        self.done = true;
                        return Ok(self.format.held());
                    }
                }
            },
            Mode::Unknown(_) => Ok(None),
            Mode::Whole(body) => body.check().map(|()| None),
            Mode::Items(items) => Ok(items.pop_front()),
        }
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
                // The last event counts without its blank line; a part of one does not, nor does the stream that was cut there.
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

/// Refuses a large text in which much had to be replaced, since U+FFFD is three bytes for each byte that is not UTF-8, and null is one
/// more than `NaN`.
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

/// Whether data is the beginning of a JSON document, and no more.
fn is_cut(data: &str) -> bool {
    data.trim_ascii_start().starts_with(['{', '[']) && from_json::<serde::de::IgnoredAny>(data).is_err()
}

/// Whether an event says nothing: no data, or a kind that is neither a message nor an error, such as a ping. Servers and proxies
/// send them to keep the connection alive.
pub(crate) fn is_noise(kind: &str, data: &str) -> bool {
    match kind {
        "message" => matches!(data.trim_ascii(), "" | "null" | "{}") || is_ping(data),
        kind => kind != "error",
    }
}

/// Whether the data itself says that it is a ping.
fn is_ping(data: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Ping {
        r#type: crate::base::Text,
        choices: Option<serde::de::IgnoredAny>,
    }
    // Whatever says more is longer.
    data.len() <= 64
        && data.trim_ascii_start().starts_with('{')
        && serde_json::from_str::<Ping>(data).is_ok_and(|ping| {
            ping.choices.is_none()
                && ["ping", "heartbeat", "keepalive", "keep-alive", "keep_alive"].contains(&&*ping.r#type)
        })
}

/// Reads one event as `T`. Whatever is called an error is one, and so is what is no `T` but some error.
pub(crate) fn from_event<T>(kind: &str, data: &str, bounds: &Bounds) -> Result<T>
where
    T: serde::de::DeserializeOwned,
{
    if kind == "error" {
        return Err(failure::error_event(data));
    }
    from_json_within(data, bounds).map_err(|error| match error.kind() {
        ErrorKind::TooLarge => error,
        _ => failure::event_error(data).unwrap_or(error),
    })
}

/// The error that stands beside the other fields of an event, in this field of theirs.
pub(crate) fn error_beside(extra: &Extra) -> Option<Error> {
    if extra.is_empty() { None } else { failure::event_error_field(extra.get("error")?) }
}
