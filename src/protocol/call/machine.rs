//! `Machine`: a call without the type of its items, so that it is compiled once.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use super::gate::Want;
use super::healing::Healing;
use super::hooking::Hooked;
use super::items::Items;
use super::keys::{Access, Lease};
use super::operation::{EndpointParts, Operation};
use super::shared::Shared;
use super::stale::misplaced;
use super::wait::{Entry, Permit, Ticket};
use super::{Input, Output};
use crate::base::{Attempt, Error, Phase, Record, Result, Secrets, Sent, Time};
use crate::protocol::auth::{Credential, Which};
use crate::protocol::options::Options;

/// The state of a call.
pub(super) struct Machine {
    pub(super) shared: Shared,
    /// Boxed, to keep a call below a kilobyte. Allocators are slow for larger blocks.
    pub(super) operation: Box<Operation>,
    pub(super) state: State,
    pub(super) record: Record,
    /// The head of the response. The metadata of the response shares it.
    pub(super) answer: Option<(StatusCode, Arc<HeaderMap>)>,
    /// The deadline of the whole call, set by the first poll.
    pub(super) deadline: Option<Time>,
    /// The deadline of the first item, set by the first poll and cleared by that item.
    pub(super) first_by: Option<Time>,
    pub(super) retries: u32,
    /// A new key was requested after a 401. A second 401 is the error.
    pub(super) rekeyed: bool,
    /// The call has requested a key.
    pub(super) asked: bool,
    /// The server of the last attempt.
    pub(super) at: usize,
    /// Which server the call needs, and which ones it has tried.
    pub(super) want: Want,
    /// The position in the queue.
    pub(super) ticket: Option<Ticket>,
    /// The slot at a server, from before the attempt until its end.
    pub(super) permit: Option<Permit>,
    /// The key that the call has requested itself, for the next attempt.
    pub(super) key: Option<Key>,
    /// Which key was sent last, for error messages.
    pub(super) which: Option<Which>,
    /// The secrets of when the last attempt was sent.
    pub(super) guarded: Secrets,
    /// Why the last attempt failed.
    pub(super) last: Option<Error>,
    /// Since when the caller waits for something other than an exchange.
    pub(super) waiting: Option<Time>,
    /// None after the end.
    pub(super) hooks: Option<Hooked>,
    /// How the stream is resumed if it breaks, if enabled.
    pub(super) healing: Option<Box<Healing>>,
}

pub(super) enum State {
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
pub(super) struct Key {
    pub(super) server: usize,
    pub(super) credential: Option<Credential>,
    pub(super) serial: u64,
}

pub(super) struct Reading {
    pub(super) sent: Time,
    /// Since when the caller waits for data. `None` while it processes an item, which is not idle time.
    pub(super) waiting: Option<Time>,
    /// The decoder's progress when it was last checked.
    pub(super) progress: u64,
    pub(super) ended: bool,
    /// Input arrived since the last poll.
    pub(super) fresh: bool,
    /// How often input without progress has extended the deadline. Data may follow directly after a keep-alive when the
    /// caller was away, but a flood of comments must not extend the call forever.
    pub(super) put_off: u32,
    /// The content encoding of an error's body. Only its status is used.
    pub(super) encoding: Option<String>,
}

impl Machine {
    /// Errors as in [`Call::of`](super::Call::of).
    pub(super) fn new(shared: &Shared, mut asked: EndpointParts, options: &Options) -> Result<Self> {
        let (method, path) = (asked.method.clone(), asked.path.clone());
        let placed = |error: Error| match shared.base().join(&path) {
            Ok(url) => error.at(&method, &url.to_string()),
            Err(_) => error,
        };
        let (model, tokens) = (asked.model.take(), asked.tokens);
        let operation = Box::new(Operation::new(asked, options).map_err(placed)?);
        let needs_model = operation.needs_model();
        let want = Want { model, tokens, needs_model, ..shared.want(options).map_err(placed)? };
        Ok(Machine {
            shared: shared.clone(),
            operation,
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
        })
    }

    /// The next step, with the result of the decoder if it was polled already.
    pub(super) fn step(&mut self, now: Time, mut decoded: Option<Result<()>>, items: &mut dyn Items) -> Output<()> {
        self.notify_hooks(now);
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
                match self.read(now, decoded.take(), items) {
                    Some(output) => return output,
                    None => continue,
                }
            }
            let (late, end_by) = (self.late_before(now, items), self.end_by());
            match &mut self.state {
                State::Done(_) if items.take_parting() => return Output::Item(()),
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
                            self.fail(now, error, Sent::Maybe, items);
                        }
                        deadline => return Output::Read { deadline },
                    }
                }
                State::Reading(_) => {}
            }
        }
    }

    pub(super) fn handle_input(&mut self, now: Time, input: Input, items: &mut dyn Items) {
        self.notify_hooks(now);
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
                self.handle_head(now, head, sent, serial, items);
            }
            (State::Reading(_), Input::Chunk(chunk)) => {
                if self.takes(&chunk) {
                    items.feed(chunk);
                }
            }
            (State::Reading(reading), Input::End) => reading.ended = true,
            (State::Sending { .. }, Input::Failed(failure)) => self.handle_failure(now, failure, false, items),
            (State::Reading(_), Input::Failed(failure)) => self.handle_failure(now, failure, true, items),
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
        let shared = self.shared.clone();
        let base = shared.base_of(server);
        let mut request =
            match self.operation.request(base, &self.record.id).and_then(|request| self.hook_request(now, request)) {
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
            base: base.text().clone(),
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

pub(super) fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
