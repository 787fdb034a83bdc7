//! The end of an attempt, and of a call: another attempt, an error, or success.

use std::time::Duration;

use super::failures::faults_server;
use super::items::Items;
use super::machine::{Machine, State};
use crate::base::error::ErrorKind;
use crate::base::{Error, ErrorCode, Result, Sent, Text, Time};
use crate::protocol::policy::{Failure, Verdict};

impl Machine {
    /// An attempt failed: starts another one, or ends the call.
    pub(super) fn fail(&mut self, now: Time, error: Error, sent: Sent, items: &mut dyn Items) {
        let error = self.cleaned(self.answered(error));
        // Before its head an attempt has no text, and the decoder has that of an earlier one.
        let error = match items.partial_text().filter(|_| self.answer.is_some()) {
            Some(text) => error.with_partial_text(text),
            None => error,
        };
        if matches!(error.code(), ErrorCode::NoModelLoaded) {
            self.shared.note_model(self.at, "");
        }
        self.release(now, faults_server(&error).then_some(false));
        match self.retry_after(now, &error, sent) {
            Some(wait) => {
                self.retries += 1;
                match self.close_attempt(now, Some(error.code().as_str()), Some(wait), Some(&error)) {
                    Ok(()) => self.state = State::Ready { not_before: Some(now + wait) },
                    Err(veto) => self.end(now, Err(veto)),
                }
                self.last = Some(error);
            }
            None => self.heal_or_end(now, error, items),
        }
    }

    /// The delay before another attempt, or None if there is none.
    fn retry_after(&mut self, now: Time, error: &Error, sent: Sent) -> Option<Duration> {
        if self.record.items > 0 {
            return None;
        }
        let elsewhere = self.shared.elsewhere(&self.want, now);
        let (idempotency, random) = (self.operation.idempotency, self.shared.random());
        let failure = Failure { error, retries: self.retries, sent, idempotency, elsewhere, random };
        let Verdict::Retry(wait) = failure.judge(self.operation.retry.policy()) else { return None };
        let in_time = self.end_by().is_none_or(|deadline| now + wait < deadline);
        (in_time && self.shared.take_retry()).then_some(wait)
    }

    pub(super) fn end(&mut self, now: Time, result: Result<()>) {
        let result = result.map_err(|error| self.cleaned(self.advised((self.operation.map_error)(error))));
        let verdict = match &result {
            Ok(()) => Some(true),
            Err(error) => faults_server(error).then_some(false),
        };
        if result.is_ok() && (self.want.needs_model || self.operation.loads_model()) {
            self.shared.has_model(self.at);
        }
        self.release(now, verdict);
        self.ticket = None;
        let error = self.close(now, result.as_ref().err()).err().or(result.err()).map(|error| self.placed(error));
        let error = self.hook_outcome(now, error);
        self.state = State::Done(Some(error.map_or(Ok(()), Err)));
    }

    /// Ends the call from outside, because of an item that it returned. Returns the error with the context of the call.
    pub(super) fn abort(&mut self, now: Time, error: Error) -> Error {
        if error.kind() == ErrorKind::TooLarge {
            // The item that exceeded a cap was counted, but it is not returned.
            self.record.items = self.record.items.saturating_sub(1);
        }
        let error = self.cleaned(self.answered(error));
        self.release(now, None);
        self.ticket = None;
        let error = self.close(now, Some(&error)).err().unwrap_or(error);
        let error = self.placed(error);
        self.state = State::Done(None);
        self.hook_outcome(now, Some(error)).unwrap_or_else(Error::cancelled)
    }

    pub(super) fn close(&mut self, now: Time, error: Option<&Error>) -> Result<()> {
        self.record.ended = Some(now);
        self.close_attempt(now, error.map(|error| error.code().as_str()), None, error)
    }

    /// Errors with the error of a hook, which prevents further attempts.
    pub(super) fn close_attempt(
        &mut self,
        now: Time,
        cause: Option<&str>,
        retry_after: Option<Duration>,
        error: Option<&Error>,
    ) -> Result<()> {
        let Some(attempt) = self.record.current().filter(|attempt| attempt.ended.is_none()) else { return Ok(()) };
        attempt.ended = Some(now);
        attempt.cause = cause.map(Text::from);
        attempt.retry_after = retry_after;
        self.hook_attempt(now, error)
    }
}
