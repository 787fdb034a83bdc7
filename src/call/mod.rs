//! `Call`: the sans-IO machine of one operation, from the first attempt to the outcome.
//!
//! A call does no IO and has no clock. Whoever drives it asks what to do next with [`Call::poll_output`] and tells what
//! happened with [`Call::handle_input`], both times with the time. Retries, deadlines, stall detection and key refresh
//! are decided in here, so they are the same under every executor.
//!
//! ```text
//!                 ┌───────────────────────── Wait{until, changed} ◄──┐ back-off, or another
//!                 ▼                                                  │ call is getting the key
//!   new ──► ┌───────────┐ no key yet    ┌────────┐                   │
//!           │   Ready   │ ── Authorize ►│ Keying │── Key(Ok) ──► Ready
//!           │           │◄──────────────┤        │── Key(Err) ─► Done(Err)
//!           └─────┬─────┘               └────────┘
//!                 │ Send{request, deadline}
//!                 ▼
//!           ┌───────────┐  Failed, past the deadline
//!           │  Sending  │ ───────────────► retry? ─► Ready, or Done(Err)
//!           └─────┬─────┘
//!                 │ Head             401 and keys are asked for: once more ─► Ready
//!                 ▼
//!           ┌───────────┐  error status, Failed, cut, past the deadline
//!           │  Reading  │ ───────────────► retry (before the first item)? ─► Ready, or Done(Err)
//!           └─────┬─────┘
//!     Read ◄──────┤ Chunk …            Item per item
//!                 │ End, or the announced end of the stream
//!                 ▼
//!              Done(Ok)
//! ```
//!
//! The rules for whoever drives:
//!
//! * [`Output::Send`], [`Output::Wait`], [`Output::Authorize`] and [`Output::Done`] supersede the exchange in flight: drop it.
//! * [`Output::Read`] wants the next input of the exchange in flight: its head, a chunk, its end or its failure.
//! * When a deadline passes without input, poll again without input. Input that is there already goes first.
//! * Dropping a call cancels it, and gives back whatever it held in [`Shared`].
//!
//! A whole life, without a socket:
//!
//! ```
//! use std::time::Duration;
//! use bytes::Bytes;
//! use tabbyapi::api::CurrentModel;
//! use tabbyapi::call::{Call, Input, Output, Settings, Shared, Time};
//!
//! let shared = Shared::new(Settings::new("http://127.0.0.1:5000".parse()?).api_key("k")?);
//! let mut call = Call::new(&shared, &CurrentModel)?;
//! let at = |seconds| Time::from_epoch(Duration::from_secs(seconds));
//!
//! // What to send, and until when a head must be there: 30 s for reads.
//! let Output::Send { request, deadline } = call.poll_output(at(0)) else { panic!() };
//! assert_eq!(request.uri(), "http://127.0.0.1:5000/v1/model");
//! assert_eq!(request.headers()["x-api-key"], "k");
//! assert_eq!(deadline, Some(at(30)));
//!
//! // The head, then the body in two pieces.
//! let (head, ()) = http::Response::builder().header("content-type", "application/json").body(())?.into_parts();
//! call.handle_input(at(1), Input::Head(head));
//! assert!(matches!(call.poll_output(at(1)), Output::Read { deadline: Some(_) }));
//! call.handle_input(at(2), Input::Chunk(Bytes::from_static(b"{\"id\":\"alpha\",")));
//! assert!(matches!(call.poll_output(at(2)), Output::Read { .. }));
//! call.handle_input(at(2), Input::Chunk(Bytes::from_static(b"\"object\":\"model\"}")));
//! call.handle_input(at(3), Input::End);
//!
//! let Output::Item(card) = call.poll_output(at(3)) else { panic!() };
//! assert_eq!(card.id, "alpha");
//! assert!(matches!(call.poll_output(at(3)), Output::Done(Ok(()))));
//!
//! let record = call.record();
//! assert_eq!(record.attempts[0].response_bytes, 31);
//! assert_eq!(record.elapsed(), Some(Duration::from_secs(3)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod operation;
mod record;
mod retry;
mod shared;
mod time;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, Request, StatusCode};

use crate::auth::Credential;
use crate::decode::Decode;
use crate::error::Answered;
use crate::transport::{Sent, TransportError};
use crate::{Endpoint, Error, ErrorKind, Options, Phase, Result, Scope, Text};

use operation::Operation;
pub use record::{Attempt, Record};
pub use retry::Retry;
use shared::{Access, Lease};
pub use shared::{Changed, Settings, Shared};
pub use time::Time;

/// One operation, driven from outside; see the [module](self).
pub struct Call<D: Decode> {
    shared: Shared,
    operation: Operation,
    decoder: D,
    state: State,
    record: Record,
    answer: Option<(StatusCode, HeaderMap)>,
    /// Fixed by the first poll.
    deadline: Option<Time>,
    retries: u32,
    /// A new key was asked for after a 401; a second 401 is the error.
    rekeyed: bool,
    /// Since when the caller waits for something other than an exchange.
    waiting: Option<Time>,
}

/// What to do next.
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "an output lives for one match; boxing would cost an allocation each")]
pub enum Output<T> {
    /// Send this request, and await the head of its answer until the deadline.
    Send {
        /// The request, with its key.
        request: Request<Bytes>,
        /// When to poll again without input.
        deadline: Option<Time>,
    },
    /// Await the next input of the exchange in flight until the deadline.
    Read {
        /// When to poll again without input.
        deadline: Option<Time>,
    },
    /// Await whichever comes first; with neither, there is nothing to await but a key asked for before.
    Wait {
        /// When to poll again.
        until: Option<Time>,
        /// Poll again when it completes.
        changed: Option<Changed>,
    },
    /// Get a key, and bring it with [`Input::Key`]. Asked again as long as it is missing.
    Authorize {
        /// What the key must be good for.
        scope: Scope,
        /// The server refused the key that was brought last.
        rejected: bool,
        /// When to poll again without input.
        deadline: Option<Time>,
    },
    /// An item of the answer.
    Item(T),
    /// The call is over.
    Done(Result<()>),
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// The head of the answer is there.
    Head(Parts),
    /// Some bytes of its body.
    Chunk(Bytes),
    /// The body is at its end.
    End,
    /// The exchange failed.
    Failed(TransportError),
    /// The key that was asked for, `None` to go without; or why there is none.
    Key(Result<Option<Credential>>),
}

enum State {
    /// Nothing in flight; the next attempt may begin at `not_before`.
    Ready { not_before: Option<Time> },
    /// This call asks for the key, for all.
    Keying(Lease),
    /// A request is in flight.
    Sending { sent: Time, serial: u64 },
    /// An answer is being read.
    Reading(Reading),
    /// Over; the result until it was handed out.
    Done(Option<Result<()>>),
}

struct Reading {
    sent: Time,
    /// Since when the caller waits for data; `None` while it is busy with what came, which is no stall.
    waiting: Option<Time>,
    /// The decoder's progress when it was last looked at.
    progress: u64,
    ended: bool,
    /// Input came since the last poll.
    fresh: bool,
    /// How often fresh input without progress put off the deadline: data may stand right behind a keep-alive when the
    /// caller was away, but a flood of comments must not hold the call for ever.
    put_off: u32,
}

/// How often input without progress puts off a deadline that has passed.
const PUT_OFFS: u32 = 16;

impl<D: Decode> Call<D> {
    /// A call of an operation with the client's options. Errors if the request cannot be written.
    pub fn new<E: Endpoint<Decoder = D>>(shared: &Shared, endpoint: &E) -> Result<Self> {
        Self::with(shared, endpoint, shared.options())
    }

    /// A call with these options in place of the client's.
    pub fn with<E: Endpoint<Decoder = D>>(shared: &Shared, endpoint: &E, options: &Options) -> Result<Self> {
        let operation =
            Operation::new(endpoint, options).map_err(|error| match shared.base().join(&endpoint.path()) {
                Ok(url) => error.at(&E::METHOD, &url.to_string()),
                Err(_) => error,
            })?;
        Ok(Call {
            shared: shared.clone(),
            operation,
            decoder: endpoint.decoder(),
            state: State::Ready { not_before: None },
            record: Record::default(),
            answer: None,
            deadline: None,
            retries: 0,
            rekeyed: false,
            waiting: None,
        })
    }

    /// What to do next. Never blocks, never panics; after [`Output::Done`] it gives an error of kind
    /// [`Misuse`](ErrorKind::Misuse).
    pub fn poll_output(&mut self, now: Time) -> Output<D::Item> {
        if self.record.started.is_none() {
            self.record.started = Some(now);
            self.deadline = self.operation.pace.total.map(|total| now + total);
        }
        loop {
            match &mut self.state {
                State::Done(result) => {
                    let result =
                        result.take().unwrap_or_else(|| Err(Error::misuse("the call was polled after its end")));
                    return Output::Done(result);
                }
                State::Keying(_) | State::Ready { .. } if self.deadline.is_some_and(|deadline| now >= deadline) => {
                    let error = self.timeout(Phase::Total);
                    self.end(now, Err(error));
                }
                State::Keying(lease) => {
                    let (scope, rejected) = (lease.scope, lease.rejected);
                    return Output::Authorize { scope, rejected, deadline: self.deadline };
                }
                State::Ready { not_before } => {
                    self.waiting.get_or_insert(now);
                    if let Some(until) = not_before.filter(|at| now < *at) {
                        return Output::Wait { until: earlier(Some(until), self.deadline), changed: None };
                    }
                    if let Some(output) = self.begin(now) {
                        return output;
                    }
                }
                State::Sending { sent, .. } => {
                    let head = self.operation.pace.head.map(|limit| *sent + limit);
                    match earlier(head, self.deadline) {
                        Some(deadline) if now >= deadline => {
                            let phase = if self.deadline == Some(deadline) { Phase::Total } else { Phase::Head };
                            let error = self.timeout(phase);
                            self.fail(now, error, Sent::Maybe);
                        }
                        deadline => return Output::Read { deadline },
                    }
                }
                State::Reading(_) => {
                    if let Some(output) = self.read(now) {
                        return output;
                    }
                }
            }
        }
    }

    /// Takes in what happened. Input that does not fit the state ends the call with an error of kind
    /// [`Misuse`](ErrorKind::Misuse).
    pub fn handle_input(&mut self, now: Time, input: Input) {
        match (&mut self.state, input) {
            (State::Keying(_), Input::Key(key)) => {
                let State::Keying(lease) = std::mem::replace(&mut self.state, State::Ready { not_before: None }) else {
                    return;
                };
                match key {
                    Ok(credential) => lease.settle(credential),
                    Err(error) => self.end(now, Err(error)),
                }
            }
            (State::Sending { sent, serial }, Input::Head(head)) => {
                let (sent, serial) = (*sent, *serial);
                self.handle_head(now, head, sent, serial);
            }
            (State::Reading(_), Input::Chunk(chunk)) => {
                if let Some(attempt) = self.record.current() {
                    attempt.response_bytes += chunk.len() as u64;
                }
                self.decoder.feed(chunk);
                if let State::Reading(reading) = &mut self.state {
                    reading.fresh = true;
                }
            }
            (State::Reading(reading), Input::End) => reading.ended = true,
            (State::Sending { .. }, Input::Failed(failure)) => self.handle_failure(now, failure, false),
            (State::Reading(_), Input::Failed(failure)) => self.handle_failure(now, failure, true),
            // What was in flight when the call ended may still report.
            (State::Done(_), _) => {}
            (_, input) => {
                let name = match input {
                    Input::Head(_) => "a head",
                    Input::Chunk(_) => "a chunk",
                    Input::End => "an end",
                    Input::Failed(_) => "a failure",
                    Input::Key(_) => "a key",
                };
                let doing = match self.state {
                    State::Ready { .. } => "had nothing in flight",
                    State::Keying(_) => "was waiting for a key",
                    State::Sending { .. } => "was waiting for a head",
                    State::Reading(_) => "was reading a body",
                    State::Done(_) => "was over",
                };
                self.end(now, Err(Error::misuse(format!("{name} was handed to a call that {doing}"))));
            }
        }
    }

    /// What the call did so far.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The status of the answer, once its head is there.
    pub fn status(&self) -> Option<StatusCode> {
        self.answer.as_ref().map(|(status, _)| *status)
    }

    /// The headers of the answer, once its head is there.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.answer.as_ref().map(|(_, headers)| headers)
    }

    /// The decoder, for what it learned on the way.
    pub fn decoder(&self) -> &D {
        &self.decoder
    }

    /// Starts an attempt; `None` if the state changed instead.
    fn begin(&mut self, now: Time) -> Option<Output<D::Item>> {
        let (credential, serial) = match self.shared.credential(self.operation.scope, now) {
            Access::Granted { credential, serial } => (credential, serial),
            Access::Lead(lease) => {
                self.state = State::Keying(lease);
                return None;
            }
            Access::Busy(changed) => return Some(Output::Wait { until: self.deadline, changed: Some(changed) }),
        };
        let request = match self.operation.request(&self.shared, credential.as_ref()) {
            Ok(request) => request,
            Err(error) => {
                self.end(now, Err(error));
                return None;
            }
        };
        if let Some(since) = self.waiting.take() {
            self.record.waited += now.since(since);
        }
        self.record.begin(Attempt {
            base: Text::from(self.shared.base().to_string()),
            sent: now,
            head: None,
            ended: None,
            status: None,
            request_bytes: request.body().len() as u64,
            response_bytes: 0,
            cause: None,
            retry_after: None,
        });
        self.answer = None;
        self.state = State::Sending { sent: now, serial };
        let deadline = earlier(self.operation.pace.head.map(|limit| now + limit), self.deadline);
        Some(Output::Send { request, deadline })
    }

    fn handle_head(&mut self, now: Time, head: Parts, sent: Time, serial: u64) {
        if let Some(attempt) = self.record.current() {
            attempt.head = Some(now);
            attempt.status = Some(head.status);
        }
        if head.status == StatusCode::UNAUTHORIZED && !self.rekeyed && self.shared.reject(self.operation.scope, serial)
        {
            self.rekeyed = true;
            self.record.key_refreshes += 1;
            self.close_attempt(now, Some("invalid_key"), Some(Duration::ZERO));
            self.state = State::Ready { not_before: None };
            return;
        }
        let started = self.decoder.start(&head, &self.operation.limits);
        self.answer = Some((head.status, head.headers));
        self.state =
            State::Reading(Reading { sent, waiting: None, progress: 0, ended: false, fresh: false, put_off: 0 });
        if let Err(error) = started {
            self.fail(now, error, Sent::Maybe);
        }
    }

    fn handle_failure(&mut self, now: Time, failure: TransportError, answered: bool) {
        let sent = if answered { Sent::Maybe } else { failure.sent() };
        let (kind, code, what, hint) = match (answered, sent) {
            (true, _) => (
                ErrorKind::Truncated,
                "connection_lost",
                "the connection was lost before the answer was complete",
                "the server was stopped or a proxy cut the connection; what had arrived of a stream is kept by it",
            ),
            (false, Sent::No) => (
                ErrorKind::Connect,
                "connect",
                "no connection could be made",
                "check that the server is running and that the base URL has its host and port",
            ),
            (false, Sent::Maybe) => (
                ErrorKind::Transport,
                "transport",
                "the connection failed while the request was under way",
                "the server may or may not have seen the request",
            ),
        };
        let error =
            Error::new(kind, code, format!("{what}: {}", failure.message())).with_hint(hint).with_source(failure);
        self.fail(now, error, sent);
    }

    /// One step of reading; `None` if the state changed instead.
    fn read(&mut self, now: Time) -> Option<Output<D::Item>> {
        let State::Reading(reading) = &mut self.state else { return None };
        let mut step = self.decoder.next();
        if matches!(step, Ok(None)) && reading.ended && !self.decoder.is_done() {
            step = self.decoder.finish();
            if matches!(step, Ok(None)) {
                self.end(now, Ok(()));
                return None;
            }
        }
        let progress = self.decoder.progress();
        if progress != reading.progress {
            reading.progress = progress;
            reading.waiting = None;
            reading.put_off = 0;
        }
        match step {
            Ok(Some(item)) => {
                reading.waiting = None;
                self.record.items += 1;
                self.record.first_item.get_or_insert(now);
                return Some(Output::Item(item));
            }
            Err(error) => {
                self.fail(now, error, Sent::Maybe);
                return None;
            }
            Ok(None) if self.decoder.is_done() => {
                self.end(now, Ok(()));
                return None;
            }
            Ok(None) => {}
        }
        let waiting = *reading.waiting.get_or_insert(now);
        let pace = &self.operation.pace;
        let (limit, phase) = match pace.first_item {
            Some(limit) if self.record.items == 0 => (Some(reading.sent + limit), Phase::FirstItem),
            _ => (pace.stall.map(|limit| waiting + limit), Phase::Stall),
        };
        let fresh = std::mem::replace(&mut reading.fresh, false);
        let error = if self.deadline.is_some_and(|at| now >= at) {
            self.timeout(Phase::Total)
        } else if limit.is_some_and(|at| now >= at) && !(fresh && reading.put_off < PUT_OFFS) {
            self.timeout(phase)
        } else {
            reading.put_off += u32::from(limit.is_some_and(|at| now >= at));
            return Some(Output::Read { deadline: earlier(limit, self.deadline) });
        };
        self.fail(now, error, Sent::Maybe);
        None
    }

    fn timeout(&self, phase: Phase) -> Error {
        let pace = &self.operation.pace;
        let (code, limit, what, hint) = match phase {
            Phase::Head => {
                ("timeout_head", pace.head, "no answer began", "raise `Pace::head` if such waits are expected")
            }
            Phase::FirstItem => (
                "timeout_first_item",
                pace.first_item,
                "no first item came",
                "raise `Pace::first_item` if prompts take that long",
            ),
            Phase::Stall => (
                "timeout_stall",
                pace.stall,
                "no data came (keep-alives are no data)",
                "the server may have lost the generation, as when its model is unloaded; raise `Pace::stall` if such silences are expected",
            ),
            Phase::Total => {
                ("timeout_total", pace.total, "the call was not over", "raise `Pace::total` if such calls are expected")
            }
        };
        let limit = limit.unwrap_or_default();
        Error::new(ErrorKind::Timeout, code, format!("{what} within {limit:?}")).with_phase(phase).with_hint(hint)
    }

    /// An attempt failed: another one, or the end.
    fn fail(&mut self, now: Time, error: Error, sent: Sent) {
        let error = self.answered(error);
        let replay = self.operation.replay;
        let wait = match self.record.items {
            0 => self.operation.retry.decide(replay, self.retries, &error, sent, self.shared.random()),
            _ => None,
        };
        match wait.filter(|wait| self.deadline.is_none_or(|deadline| now + *wait < deadline)) {
            Some(wait) => {
                self.retries += 1;
                self.close_attempt(now, Some(error.code()), Some(wait));
                self.state = State::Ready { not_before: Some(now + wait) };
            }
            None => self.end(now, Err(error)),
        }
    }

    fn end(&mut self, now: Time, result: Result<()>) {
        let result = result.map_err(self.operation.explain);
        let cause = result.as_ref().err().map(|error| error.code().to_owned());
        self.close(now, cause.as_deref());
        self.state = State::Done(Some(result.map_err(|error| self.placed(error))));
    }

    /// Ends the call from outside, because of an item that it yielded. The error is given back with all that is known of the
    /// call.
    pub(crate) fn give_up(&mut self, now: Time, error: Error) -> Error {
        if error.kind() == ErrorKind::TooLarge {
            // The item that went over a cap was taken in, but it is not handed out.
            self.record.items = self.record.items.saturating_sub(1);
        }
        self.close(now, Some(error.code()));
        self.state = State::Done(None);
        self.placed(self.answered(error))
    }

    fn close(&mut self, now: Time, cause: Option<&str>) {
        self.close_attempt(now, cause, None);
        self.record.ended = Some(now);
    }

    /// What came after the head is there tells where it came from.
    fn answered(&self, error: Error) -> Error {
        match &self.answer {
            Some((status, headers)) => {
                error.answered(Answered { status: *status, headers: headers.clone(), body: Bytes::new() })
            }
            None => error,
        }
    }

    /// Adds the operation and the record.
    fn placed(&self, error: Error) -> Error {
        let error = match self.shared.base().join(&self.operation.path) {
            Ok(url) => error.at(&self.operation.method, &url.to_string()),
            Err(_) => error,
        };
        error.with_record(self.record.clone())
    }

    fn close_attempt(&mut self, now: Time, cause: Option<&str>, retry_after: Option<Duration>) {
        if let Some(attempt) = self.record.current().filter(|attempt| attempt.ended.is_none()) {
            attempt.ended = Some(now);
            attempt.cause = cause.map(Text::from);
            attempt.retry_after = retry_after;
        }
    }
}

impl<D: Decode> fmt::Debug for Call<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ready { .. } => "Ready",
            State::Keying(_) => "Keying",
            State::Sending { .. } => "Sending",
            State::Reading(_) => "Reading",
            State::Done(_) => "Done",
        };
        f.debug_struct("Call")
            .field("operation", &format_args!("{} {}", self.operation.method, self.operation.path))
            .field("state", &state)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
