//! Reading a response: its head, its items, and how long the call waits for them.

use std::time::Duration;

use http::StatusCode;
use http::response::Parts;

use super::failures::{encoded, encoding, lost};
use super::healing::Joined;
use super::{Call, Output, Reading, State, earlier};
use crate::base::secrets::mark;
use crate::base::{Phase, Sent, Time, TransportError};
use crate::decode::Decode;

/// How often input without progress extends a deadline that has passed.
const PUT_OFFS: u32 = 16;

impl<D: Decode> Call<D> {
    pub(super) fn handle_head(&mut self, now: Time, mut head: Parts, sent: Time, serial: u64) {
        if let Some(attempt) = self.record.current() {
            attempt.head = Some(now);
            attempt.status = Some(head.status);
        }
        mark(&mut head.headers);
        self.guarded.remove_from_headers(&mut head.headers);
        if let Err(error) = self.hook_response(now, &mut head) {
            self.answer = Some((head.status, head.headers));
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
        mark(&mut head.headers);
        head.extensions.insert(self.guarded.clone());
        let mut started = self.decoder.start(&head, &self.operation.limits);
        let encoding = encoding(&head.headers);
        if let Some(encoding) = encoding.as_ref().filter(|_| head.status.is_success()) {
            started = Err(encoded(encoding));
        }
        self.answer = Some((head.status, head.headers));
        let (ended, fresh) = (false, false);
        self.state = State::Reading(Reading { sent, waiting: None, progress: 0, ended, fresh, put_off: 0, encoding });
        if let Err(error) = started {
            self.fail(now, error, Sent::Maybe);
        }
    }

    pub(super) fn handle_failure(&mut self, now: Time, failure: TransportError, answered: bool) {
        let sent = if answered { Sent::Maybe } else { failure.sent() };
        let error = lost(failure, answered, sent);
        self.fail(now, error, sent);
    }

    /// One step of reading. `None` if the state changed instead.
    pub(super) fn read(&mut self, now: Time) -> Option<Output<D::Item>> {
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
            Ok(Some(mut item)) => {
                reading.waiting = None;
                match self.join(&mut item) {
                    Joined::Item => {}
                    Joined::Nothing => return None,
                    Joined::Apart(code) => {
                        self.part(now, code);
                        return None;
                    }
                }
                if let Err(error) = self.hook_item(now, &mut item) {
                    let error = self.answered(error);
                    self.end(now, Err(error));
                    return None;
                }
                self.record.items += 1;
                if let Some(attempt) = self.record.current() {
                    attempt.items += 1;
                }
                self.first_by = None;
                self.record.first_item.get_or_insert(now);
                return Some(Output::Item(item));
            }
            Err(error) => {
                let error = match &reading.encoding {
                    Some(encoding) if error.hint().is_none() => {
                        error.with_hint(format!("its text was not read because it is encoded with `{encoding}`"))
                    }
                    _ => error,
                };
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
        let timeouts = &self.operation.timeouts;
        // A resumed stream processes its prompt again.
        let is_first = self.record.attempts.last().is_none_or(|attempt| attempt.items == 0);
        let (mut limit, mut phase) = match timeouts.first_item {
            Some(limit) if is_first => (Some(reading.sent + limit), Phase::FirstItem),
            _ => (timeouts.idle.map(|limit| waiting + limit), Phase::Idle),
        };
        if let Some(by) = self.first_by.filter(|by| limit.is_none_or(|at| *by <= at)) {
            (limit, phase) = (Some(by), Self::first_phase(&self.decoder));
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
        self.fail(now, error, Sent::Maybe);
        None
    }
}
