//! `Readiness`: the logic of waiting for a loaded model. It does not wait itself.

use std::time::Duration;

use crate::base::{Error, ErrorCode, ErrorKind, Phase, Result, Time, Timeouts};
use crate::protocol::Options;
use crate::protocol::policy::Retry;

/// The time between two checks of the server.
const INTERVAL: Duration = Duration::from_millis(250);

/// The logic of waiting for a loaded model. It does not wait itself.
pub(crate) struct Readiness {
    timeout: Duration,
    until: Time,
    /// The error of the last check that was sent to the server.
    last: Option<Error>,
}

impl Readiness {
    pub(crate) fn new(now: Time, timeout: Duration) -> Self {
        Readiness { timeout, until: now + timeout, last: None }
    }

    /// Returns the options of one check. It must not outlast the wait, and must not retry.
    pub(crate) fn options(&self, now: Time) -> Options {
        Options::new().retry(Retry::NEVER).timeouts(Timeouts::READ.total(self.until.since(now).max(INTERVAL)))
    }

    /// Returns how long to wait after a check that failed. Errors if checking again is useless.
    pub(crate) fn pause(&mut self, now: Time, error: Error) -> Result<Duration> {
        if !is_not_yet(&error) {
            return Err(error);
        }
        // The error of the last request is more useful than that this one was not sent.
        let error = match self.last.take() {
            Some(last) if error.kind() == ErrorKind::Policy => last,
            _ => error,
        };
        if now + INTERVAL >= self.until {
            let message = format!("the server was not ready within {:?}", self.timeout);
            return Err(Error::new(ErrorKind::Timeout, ErrorCode::TimeoutReady, message)
                .with_phase(Phase::Total)
                .with_quoted("the last check reported: ", error));
        }
        self.last = Some(error);
        Ok(INTERVAL)
    }
}

fn is_not_yet(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Connect | ErrorKind::Transport | ErrorKind::Timeout | ErrorKind::Truncated => true,
        ErrorKind::Server => matches!(error.status().map(|status| status.as_u16()), Some(502..=504)),
        // From this client's own policies, not from a hook.
        ErrorKind::Policy => {
            matches!(error.code(), ErrorCode::CircuitOpen | ErrorCode::RateLimited | ErrorCode::QueueFull)
        }
        _ => false,
    }
}
