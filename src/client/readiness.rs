//! `Readiness`: a wait for a loaded model, without the waiting.

use std::time::Duration;

use crate::base::{Error, ErrorCode, ErrorKind, Phase, Result, Time, Timeouts};
use crate::protocol::Options;
use crate::protocol::policy::Retry;

/// How long to wait between two looks at the server.
const INTERVAL: Duration = Duration::from_millis(250);

/// A wait for a loaded model, without the waiting.
pub(crate) struct Readiness {
    timeout: Duration,
    until: Time,
    /// What the last look said that went out to the server.
    last: Option<Error>,
}

impl Readiness {
    pub(crate) fn new(now: Time, timeout: Duration) -> Self {
        Readiness { timeout, until: now + timeout, last: None }
    }

    /// The options of one look: it must not outlast the wait, nor retry by itself.
    pub(crate) fn options(&self, now: Time) -> Options {
        Options::new().retry(Retry::NEVER).timeouts(Timeouts::READ.total(self.until.since(now).max(INTERVAL)))
    }

    /// How long to wait after a look that failed, or why not to look again.
    pub(crate) fn pause(&mut self, now: Time, error: Error) -> Result<Duration> {
        if !is_not_yet(&error) {
            return Err(error);
        }
        // Why the last request failed says more than that this one was held back.
        let error = match self.last.take() {
            Some(last) if error.kind() == ErrorKind::Policy => last,
            _ => error,
        };
        if now + INTERVAL >= self.until {
            let message = format!("the server was not ready within {:?}", self.timeout);
            return Err(Error::new(ErrorKind::Timeout, ErrorCode::TimeoutReady, message)
                .with_phase(Phase::Total)
                .with_quoted("the last look said: ", error));
        }
        self.last = Some(error);
        Ok(INTERVAL)
    }
}

fn is_not_yet(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Connect | ErrorKind::Transport | ErrorKind::Timeout | ErrorKind::Truncated => true,
        ErrorKind::Server => matches!(error.status().map(|status| status.as_u16()), Some(502..=504)),
        // By this client's own policies, not by a hook.
        ErrorKind::Policy => {
            matches!(error.code(), ErrorCode::CircuitOpen | ErrorCode::RateLimited | ErrorCode::QueueFull)
        }
        _ => false,
    }
}
