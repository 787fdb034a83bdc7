//! Reading a response: its head, its items, and how long the call waits for them.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::response::Parts;

use super::Output;
use super::failures::{encoded, encoding, lost};
use super::healing::Joined;
use super::items::Items;
use super::late::first_phase;
use super::machine::{Machine, Reading, State, earlier};
use crate::base::secrets::mark;
use crate::base::{Phase, Result, Sent, Time, TransportError};

/// How often input without progress extends a deadline that has passed.
const PUT_OFFS: u32 = 16;

impl Machine {
    pub(super) fn handle_head(&mut self, now: Time, mut head: Parts, sent: Time, serial: u64, items: &mut dyn Items) {
        if let Some(attempt) = self.record.current() {
            attempt.head = Some(now);
            attempt.status = Some(head.status);
        }
        mark(&mut head.headers);
        self.guarded.remove_from_headers(&mut head.headers);
        if let Err(error) = self.hook_response(now, &mut head) {
            self.answer = Some((head.status, head.headers.into()));
            let error = self.answered(error);
            return self.end(now, Err(error));
        }
        if head.status == StatusCode::UNAUTHORIZED
            && !self.rekeyed
            && self.shared.reject(self.at, self.operation.scope, serial)
        {
            self.rekeyed = true;
            // The new key is for this server.
            self.want.back = Some(self.at);
            self.release(now, Some(true));
            self.record.key_refreshes += 1;
            self.state = State::Ready { not_before: None };
            if let Err(error) = self.close_attempt(now, Some("invalid_key"), Some(Duration::ZERO), None) {
                self.end(now, Err(error));
            }
            return;
        }
        #[cfg(feature = "tabbyml")]
        if head.status == StatusCode::NOT_FOUND && self.operation.is_missing() {
            self.want.back = Some(self.at);
            self.release(now, Some(true));
            self.state = State::Ready { not_before: None };
            if let Err(error) = self.close_attempt(now, Some("not_found"), Some(Duration::ZERO), None) {
                self.end(now, Err(error));
            }
            return;
        }
        if self.hooks.is_some() {
            // They may have added headers.
            mark(&mut head.headers);
        }
        if !self.guarded.is_empty() {
            head.extensions.insert(self.guarded.clone());
        }
        let mut started = items.start(&head, &self.operation.limits);
        let encoding = encoding(&head.headers);
        if let Some(encoding) = encoding.as_ref().filter(|_| head.status.is_success()) {
            started = Err(encoded(encoding));
        }
        self.answer = Some((head.status, head.headers.into()));
        let (ended, fresh) = (false, false);
        self.state = State::Reading(Reading { sent, waiting: None, progress: 0, ended, fresh, put_off: 0, encoding });
        if let Err(error) = started {
            self.fail(now, error, Sent::Maybe, items);
        }
    }

    pub(super) fn handle_failure(&mut self, now: Time, failure: TransportError, answered: bool, items: &mut dyn Items) {
        let sent = if answered { Sent::Maybe } else { failure.sent() };
        let error = lost(failure, answered, sent);
        self.fail(now, error, sent, items);
    }

    /// Counts a chunk. Returns whether the decoder reads it.
    pub(super) fn takes(&mut self, chunk: &Bytes) -> bool {
        let State::Reading(reading) = &mut self.state else { return false };
        if let Some(attempt) = self.record.current() {
            attempt.response_bytes += chunk.len() as u64;
        }
        reading.fresh = true;
        reading.encoding.is_none()
    }

    /// Whether chunks are read without reading the clock.
    pub(super) fn reads_untimed(&self) -> bool {
        matches!(self.state, State::Reading(_)) && self.hooks.is_none()
    }

    /// Whether the next step is to read, at any time, if the decoder has nothing to return.
    pub(super) fn reads_on(&self) -> bool {
        // A deadline of the whole call is checked before each chunk, or a body that is always ready could pass it.
        self.returns_untimed() && self.deadline.is_none()
    }

    /// Whether an item that has arrived is returned at any time: it is not the first one, and no hook needs the time.
    pub(super) fn returns_untimed(&self) -> bool {
        let State::Reading(reading) = &self.state else { return false };
        self.record.first_item.is_some() && self.hooks.is_none() && self.healing.is_none() && !reading.ended
    }

    pub(super) fn count_item(&mut self) {
        if let State::Reading(reading) = &mut self.state {
            reading.waiting = None;
        }
        self.record.items += 1;
        if let Some(attempt) = self.record.current() {
            attempt.items += 1;
        }
    }

    /// One step of reading, with the result of the decoder if it was polled already. `None` if the state changed instead.
    pub(super) fn read(&mut self, now: Time, decoded: Option<Result<()>>, items: &mut dyn Items) -> Option<Output<()>> {
        let State::Reading(reading) = &mut self.state else { return None };
        let mut decoded = decoded.unwrap_or_else(|| items.next());
        if !items.has_item() && decoded.is_ok() && reading.ended && !items.is_done() {
            decoded = items.finish();
            if !items.has_item() && decoded.is_ok() {
                self.end(now, Ok(()));
                return None;
            }
        }
        let progress = items.progress();
        if progress != reading.progress {
            reading.progress = progress;
            reading.waiting = None;
            reading.put_off = 0;
        }
        if items.has_item() {
            reading.waiting = None;
            let dropped = match self.join(items) {
                Joined::Item => items.item().map_or(Ok(()), |item| self.hook_item(now, item)).map_err(|error| {
                    let error = self.answered(error);
                    self.end(now, Err(error));
                }),
                Joined::Nothing => Err(()),
                Joined::Apart(code) => {
                    self.part(now, code, items);
                    Err(())
                }
            };
            if dropped.is_err() {
                items.drop_item();
                return None;
            }
            self.count_item();
            self.first_by = None;
            self.record.first_item.get_or_insert(now);
            return Some(Output::Item(()));
        }
        match decoded {
            Err(error) => {
                let error = match &reading.encoding {
                    Some(encoding) if error.hint().is_none() => {
                        error.with_hint(format!("its text was not read because it is encoded with `{encoding}`"))
                    }
                    _ => error,
                };
                self.fail(now, error, Sent::Maybe, items);
                return None;
            }
            Ok(()) if items.is_done() => {
                self.end(now, Ok(()));
                return None;
            }
            Ok(()) => {}
        }
        let waiting = *reading.waiting.get_or_insert(now);
        let timeouts = &self.operation.timeouts;
        // A resumed stream processes its prompt again.
        let is_first = self.record.attempts.last().is_none_or(|attempt| attempt.items == 0);
        let (mut limit, mut phase) = match timeouts.first_item {
            Some(limit) if is_first => (Some(reading.sent + limit), Phase::FirstItem),
            _ => (timeouts.idle.map(|limit| waiting + limit), Phase::Idle),
        };
        if let Some(by) = self.first_by.filter(|by| limit.is_none_or(|at| *by <= at)) {
            (limit, phase) = (Some(by), first_phase(items));
        }
        let fresh = std::mem::replace(&mut reading.fresh, false);
        let error = if self.deadline.is_some_and(|at| now >= at) {
            self.late(now, Phase::Total)
        } else if limit.is_some_and(|at| now >= at) && !(fresh && reading.put_off < PUT_OFFS) {
            self.late(now, phase)
        } else {
            reading.put_off += u32::from(limit.is_some_and(|at| now >= at));
            return Some(Output::Read { deadline: earlier(limit, self.deadline) });
        };
        self.fail(now, error, Sent::Maybe, items);
        None
    }
}
