//! `Call`: the sans-IO state machine of one operation, from the first attempt to the outcome.
//!
//! A call does no IO and has no clock. The driver gets the next step from [`Call::poll_output`] and reports
//! events with [`Call::handle_input`], both with the current time. Retries, deadlines, idle timeouts and key refresh
//! are part of the call, so they are the same under every executor.
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
//!           │  Reading  │ ───────────────► retry (before the first item), or resume? ─► Ready, or Done(Err)
//!           └─────┬─────┘
//!     Read ◄──────┤ Chunk …            Item per item
//!                 │ End, or the announced end of the stream
//!                 ▼
//!              Done(Ok)
//! ```
//!
//! The rules for the driver:
//!
//! * [`Output::Send`], [`Output::Wait`], [`Output::Authorize`] and [`Output::Done`] replace the exchange in flight: drop it.
//! * [`Output::Read`] requests the next input of the exchange in flight: its head, a chunk, its end or its failure.
//! * When a deadline passes without input, poll again without input. Input that has already arrived goes first.
//! * Dropping a call cancels it, and releases what it holds in [`Shared`].
//!
//! A complete example, without a socket:
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

mod admission;
mod ending;
mod extra_fields;
mod failures;
mod gate;
mod guard;
mod healing;
mod hooking;
mod io;
mod keys;
mod late;
pub(crate) mod operation;
mod reading;
mod shared;
mod show;
mod sorted;
mod stale;
mod wait;

use http::{HeaderMap, StatusCode};

use crate::base::{Error, Phase, Result, Secrets, Sent, Text};
use crate::decode::Decode;
use crate::protocol::auth::{Credential, Which};
use crate::protocol::endpoint::Endpoint;
use crate::protocol::options::Options;

pub use crate::base::Time;
pub use crate::base::{Attempt, Record};
pub use crate::protocol::policy::Retry;
use gate::Want;
use healing::Healing;
use hooking::Hooked;
pub use io::{Input, Output};
use keys::{Access, Lease};
use operation::EndpointParts;
use operation::Operation;
pub use shared::{Settings, Shared};
use stale::misplaced;
pub use wait::Changed;
use wait::{Entry, Permit, Ticket};

/// One operation, driven from outside. See the [module](self).
pub struct Call<D: Decode> {
    shared: Shared,
    operation: Operation,
    decoder: D,
    state: State,
    record: Record,
    answer: Option<(StatusCode, HeaderMap)>,
    /// The deadline of the whole call, set by the first poll.
    deadline: Option<Time>,
    /// The deadline of the first item, set by the first poll and cleared by that item.
    first_by: Option<Time>,
    retries: u32,
    /// A new key was requested after a 401. A second 401 is the error.
    rekeyed: bool,
    /// The call has requested a key.
    asked: bool,
    /// The server of the last attempt.
    at: usize,
    /// Which server the call needs, and which ones it has tried.
    want: Want,
    /// The position in the queue.
    ticket: Option<Ticket>,
    /// The slot at a server, from before the attempt until its end.
    permit: Option<Permit>,
    /// The key that the call has requested itself, for the next attempt.
    key: Option<Key>,
    /// Which key was sent last, for error messages.
    which: Option<Which>,
    /// The secrets of when the last attempt was sent.
    guarded: Secrets,
    /// Why the last attempt failed.
    last: Option<Error>,
    /// Since when the caller waits for something other than an exchange.
    waiting: Option<Time>,
    /// None after the end.
    hooks: Option<Hooked>,
    /// How the stream is resumed if it breaks, if enabled.
    healing: Option<Healing<D::Item>>,
    /// An item that is returned before the end.
    parting: Option<D::Item>,
}

enum State {
    /// Nothing in flight; the next attempt may begin at `not_before`.
    Ready { not_before: Option<Time> },
    /// This call requests the key, for all.
    Keying(Lease),
    /// A request is in flight.
    Sending { sent: Time, serial: u64 },
    /// A response is being read.
    Reading(Reading),
    /// Ended, with the result until it was returned.
    Done(Option<Result<()>>),
}

/// A key that the call has requested.
struct Key {
    server: usize,
    credential: Option<Credential>,
    serial: u64,
}

struct Reading {
    sent: Time,
    /// Since when the caller waits for data. `None` while it processes an item, which is not idle time.
    waiting: Option<Time>,
    /// The decoder's progress when it was last checked.
    progress: u64,
    ended: bool,
    /// Input arrived since the last poll.
    fresh: bool,
    /// How often input without progress has extended the deadline. Data may follow directly after a keep-alive when the
    /// caller was away, but a flood of comments must not extend the call forever.
    put_off: u32,
    /// The content encoding of an error's body. Only its status is used.
    encoding: Option<String>,
}

impl<D: Decode> Call<D> {
    /// Creates a call of an operation with the client's options.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Encode`](crate::ErrorKind::Encode) if the request cannot be serialized, or with the error of the endpoint.
    pub fn new<E: Endpoint<Decoder = D>>(shared: &Shared, endpoint: &E) -> Result<Self> {
        Self::with(shared, endpoint, shared.options())
    }

    /// Creates a call with these options instead of the client's.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Encode`](crate::ErrorKind::Encode) if the request cannot be serialized, with code `config` if the options name a
    /// server that the client does not have, or with the error of the endpoint.
    pub fn with<E: Endpoint<Decoder = D>>(shared: &Shared, endpoint: &E, options: &Options) -> Result<Self> {
        Call::of(
            shared,
            EndpointParts::of(endpoint, options, shared.limits_tokens()),
            endpoint.decoder_with(&options.extra),
            options,
        )
    }

    /// Creates a call of an endpoint without a type of its own.
    ///
    /// # Errors
    ///
    /// As [`with`](Call::with).
    #[doc(hidden)]
    pub fn of(shared: &Shared, mut asked: EndpointParts, decoder: D, options: &Options) -> Result<Self> {
        let (method, path) = (asked.method.clone(), asked.path.clone());
        let placed = |error: Error| match shared.base().join(&path) {
            Ok(url) => error.at(&method, &url.to_string()),
            Err(_) => error,
        };
        let (model, tokens) = (asked.model.take(), asked.tokens);
        let operation = Operation::new(asked, options).map_err(placed)?;
        let needs_model = operation.needs_model();
        let want = Want { model, tokens, needs_model, ..shared.want(options).map_err(placed)? };
        Ok(Call {
            shared: shared.clone(),
            operation,
            decoder,
            state: State::Ready { not_before: None },
            record: Record { id: shared.new_id(), ..Record::default() },
            answer: None,
            deadline: None,
            first_by: None,
            retries: 0,
            rekeyed: false,
            asked: false,
            at: want.server.unwrap_or_default(),
            want,
            ticket: None,
            permit: None,
            key: None,
            which: None,
            guarded: Secrets::default(),
            last: None,
            waiting: None,
            hooks: Hooked::new(&options.hooks),
            healing: None,
            parting: None,
        })
    }

    /// Returns what to do next. Never blocks, never panics. After [`Output::Done`] it returns an error of kind
    /// [`Misuse`](crate::ErrorKind::Misuse).
    pub fn poll_output(&mut self, now: Time) -> Output<D::Item> {
        let mut item = None;
        self.step(&|| now, &mut item).with(item)
    }

    /// Like [`poll_output`](Call::poll_output), for drivers: the item is put into `place`, which is `None` before, since items are large to
    /// move; and the clock is read only if the step depends on the time.
    pub(crate) fn step(&mut self, clock: &dyn Fn() -> Time, place: &mut Option<D::Item>) -> Output<()> {
        let decoded = self.decode_untimed(place);
        if place.is_some() {
            return Output::Item(());
        }
        self.timed_step(clock(), decoded, place)
    }

    /// The rest of a step, after what the decoder had to say, if it was asked.
    fn timed_step(&mut self, now: Time, mut decoded: Option<Result<()>>, place: &mut Option<D::Item>) -> Output<()> {
        self.tell_hooks(now);
        if self.record.started.is_none() {
            self.record.started = Some(now);
            self.start_clock(now);
            self.shared.pay_in();
            if let Err(error) = self.hook_start(now) {
                self.end(now, Err(error));
            }
        }
        loop {
            if let State::Reading(_) = self.state {
                match self.read(now, decoded.take(), place) {
                    Some(output) => return output,
                    None => continue,
                }
            }
            let (late, end_by) = (self.late_before(now), self.end_by());
            match &mut self.state {
                State::Done(_) if self.parting.is_some() => {
                    *place = self.parting.take();
                    return Output::Item(());
                }
                State::Done(result) => {
                    let result =
                        result.take().unwrap_or_else(|| Err(Error::misuse("the call was polled after its end")));
                    return Output::Done(result);
                }
                State::Keying(_) | State::Ready { .. } if late.is_some() => {
                    let error = self.late(now, late.unwrap_or(Phase::Total));
                    self.end(now, Err(error));
                }
                State::Keying(lease) => {
                    self.asked = true;
                    let server = self.shared.base_of(lease.server).clone();
                    let (scope, rejected) = (lease.scope, lease.rejected);
                    return Output::Authorize { server, scope, rejected, deadline: end_by };
                }
                State::Ready { not_before } => {
                    self.waiting.get_or_insert(now);
                    if let Some(until) = not_before.filter(|at| now < *at) {
                        return Output::Wait { until: earlier(Some(until), end_by), changed: None };
                    }
                    if let Some(output) = self.begin(now) {
                        return output;
                    }
                }
                State::Sending { sent, .. } => {
                    let head = self.operation.timeouts.head.map(|limit| *sent + limit);
                    match earlier(head, end_by) {
                        Some(deadline) if now >= deadline => {
                            let phase = if self.deadline == Some(deadline) { Phase::Total } else { Phase::Head };
                            let error = self.late(now, phase);
                            self.fail(now, error, Sent::Maybe);
                        }
                        deadline => return Output::Read { deadline },
                    }
                }
                State::Reading(_) => {}
            }
        }
    }

    /// Processes an event.
    ///
    /// Input of an exchange that another attempt has replaced is ignored: input after a head that caused a retry, after a passed
    /// deadline, or after the end of the call. So a head, its chunks and its end may be passed in a row. Input that was not requested ends
    /// the call with an error of kind [`Misuse`](crate::ErrorKind::Misuse). After [`Output::Send`], input counts as that of the new
    /// exchange.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        self.tell_hooks(now);
        let (stale, name) = (self.may_be_stale(&input), input.name());
        match (&mut self.state, input) {
            (State::Keying(_), Input::Key(key)) => {
                let State::Keying(lease) = std::mem::replace(&mut self.state, State::Ready { not_before: None }) else {
                    return;
                };
                match key {
                    // Used even if it expires soon, since there is no better one.
                    Ok(credential) => {
                        let server = lease.server;
                        let credential = credential.map(|credential| credential.received(now));
                        let serial = lease.settle(credential.clone());
                        self.key = Some(Key { server, credential, serial });
                    }
                    Err(error) => self.end(now, Err(error)),
                }
            }
            (State::Sending { sent, serial }, Input::Head(head)) => {
                let (sent, serial) = (*sent, *serial);
                self.handle_head(now, head, sent, serial);
            }
            (State::Reading(_), Input::Chunk(chunk)) => self.take_chunk(chunk),
            (State::Reading(reading), Input::End) => reading.ended = true,
            (State::Sending { .. }, Input::Failed(failure)) => self.handle_failure(now, failure, false),
            (State::Reading(_), Input::Failed(failure)) => self.handle_failure(now, failure, true),
            // The exchange in flight at the end of the call may still report.
            (State::Done(_), _) => {}
            // So may an exchange or a key that was replaced.
            _ if stale => {}
            _ => {
                let error = misplaced(name, &self.state);
                self.end(now, Err(error));
            }
        }
    }

    /// Returns the history of the call so far.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Returns the status of the response, once its head has arrived.
    pub fn status(&self) -> Option<StatusCode> {
        self.answer.as_ref().map(|(status, _)| *status)
    }

    /// Returns the headers of the response, once its head has arrived.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.answer.as_ref().map(|(_, headers)| headers)
    }

    /// The servers that were tried, as bits.
    pub(crate) fn tried(&self) -> u64 {
        self.want.tried
    }

    /// Prefers servers that are not among these.
    pub(crate) fn avoid(&mut self, tried: u64) {
        self.want.tried |= tried;
    }

    /// Returns the decoder, for its state.
    pub fn decoder(&self) -> &D {
        &self.decoder
    }

    /// Starts an attempt. `None` if the state changed instead.
    fn begin(&mut self, now: Time) -> Option<Output<()>> {
        let permit = match self.shared.admit(&mut self.ticket, &self.want, now) {
            Entry::Granted(permit) => permit,
            Entry::Wait { until, changed } => {
                return Some(Output::Wait { until: earlier(until, self.end_by()), changed: Some(changed) });
            }
            Entry::Refused(refusal) => {
                // The earlier error is more useful than the open circuit.
                self.note_refusal(&refusal);
                let error = self.last.take().unwrap_or(refusal);
                self.end(now, Err(error));
                return None;
            }
        };
        let server = permit.server();
        let (credential, serial) = match self.key.take().filter(|key| key.server == server) {
            Some(key) => (key.credential, key.serial),
            None => match self.shared.credential(server, self.operation.scope, now) {
                Access::Granted { credential, serial } => (credential, serial),
                // No slot is held while a key is requested.
                Access::Lead(lease) => {
                    permit.undo();
                    self.state = State::Keying(lease);
                    return None;
                }
                Access::Busy(changed) => {
                    permit.undo();
                    return Some(Output::Wait { until: self.end_by(), changed: Some(changed) });
                }
            },
        };
        self.permit = Some(permit);
        self.at = server;
        let base = self.shared.base_of(server).clone();
        let mut request =
            match self.operation.request(&base, &self.record.id).and_then(|request| self.hook_request(now, request)) {
                Ok(request) => request,
                Err(error) => {
                    if let Some(permit) = self.permit.take() {
                        permit.undo();
                    }
                    self.end(now, Err(error));
                    return None;
                }
            };
        self.guard(&mut request);
        self.which = credential.as_ref().map(|credential| credential.which());
        if let Some(credential) = credential {
            credential.apply(request.headers_mut());
        }
        self.want.tried |= 1 << server;
        self.want.back = None;
        if let Some(since) = self.waiting.take() {
            self.record.waited += now.since(since);
        }
        self.record.begin(Attempt {
            base: Text::from(base.as_str()),
            sent: now,
            head: None,
            ended: None,
            status: None,
            request_bytes: request.body().len() as u64,
            response_bytes: 0,
            items: 0,
            resumes: self.record.resumes > 0,
            cause: None,
            retry_after: None,
        });
        self.answer = None;
        self.state = State::Sending { sent: now, serial };
        let deadline = earlier(self.operation.timeouts.head.map(|limit| now + limit), self.end_by());
        Some(Output::Send { request, deadline })
    }
}

fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
