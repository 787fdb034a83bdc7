//! When a failed attempt is followed by another one.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

use crate::transport::Sent;
use crate::{Error, ErrorKind, Replay};

/// When a failed call is tried again, and after how long.
///
/// Waits grow exponentially with full jitter: a random share of `base * 2^n`, at most `cap`. A `Retry-After` of the
/// server is kept to instead; one beyond `retry_after_cap` ends the call. Nothing is tried again after its first item,
/// nor past the call's total deadline.
///
/// What is tried again: connections refused, lost or timed out, and the statuses 408, 429, 502, 503 and 504. Operations
/// that are no plain reads only if the server cannot have begun (nothing was sent, or 429), unless
/// [`replay_generations`](Retry::replay_generations) allows it. "No model is loaded" is not tried again: it takes a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// How many further attempts there may be; 2 by default.
    pub max_retries: u32,
    /// The first wait before jitter; 500 ms by default.
    pub base: Duration,
    /// The longest wait before jitter; 8 s by default.
    pub cap: Duration,
    /// The longest `Retry-After` that is kept to; 60 s by default.
    pub retry_after_cap: Duration,
    /// Tries generations again even if the server may have begun them, at the price of generating twice; off by default.
    pub replay_generations: bool,
}

impl Retry {
    /// No further attempts.
    pub const NEVER: Retry = Retry { max_retries: 0, ..Retry::GENTLE };
    /// The default: two further attempts.
    pub const GENTLE: Retry = Retry {
        max_retries: 2,
        base: Duration::from_millis(500),
        cap: Duration::from_secs(8),
        retry_after_cap: Duration::from_secs(60),
        replay_generations: false,
    };

    /// Sets how many further attempts there may be.
    pub fn max_retries(mut self, count: u32) -> Self {
        self.max_retries = count;
        self
    }

    /// Sets the first wait before jitter.
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// Sets the longest wait before jitter.
    pub fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// Sets the longest `Retry-After` that is kept to.
    pub fn retry_after_cap(mut self, cap: Duration) -> Self {
        self.retry_after_cap = cap;
        self
    }

    /// Sets whether generations are tried again even if the server may have begun them.
    pub fn replay_generations(mut self, replay: bool) -> Self {
        self.replay_generations = replay;
        self
    }

    /// How long to wait before the next attempt, or `None` if there is none. `random` is drawn anew each time.
    pub(super) fn decide(
        &self,
        replay: Replay,
        retries: u32,
        error: &Error,
        sent: Sent,
        random: u64,
    ) -> Option<Duration> {
        if retries >= self.max_retries || !is_transient(error) {
            return None;
        }
        let begun = sent == Sent::Maybe && error.status() != Some(StatusCode::TOO_MANY_REQUESTS);
        match replay {
            Replay::Safe => {}
            Replay::IfUnsent if !begun || self.replay_generations => {}
            _ => return None,
        }
        if let Some(wait) = error.headers().and_then(retry_after) {
            return (wait <= self.retry_after_cap).then_some(wait);
        }
        let ceiling = self.base.saturating_mul(1u32.checked_shl(retries).unwrap_or(u32::MAX)).min(self.cap);
        // Full jitter: a share of the ceiling between none and all of it.
        Some(ceiling.mul_f64(random as f64 / u64::MAX as f64))
    }
}

impl Default for Retry {
    fn default() -> Self {
        Retry::GENTLE
    }
}

fn is_transient(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Connect | ErrorKind::Transport | ErrorKind::Timeout | ErrorKind::Truncated => true,
        ErrorKind::Server => {
            error.is_retryable() && !matches!(error.code(), "no_model_loaded" | "no_embedding_model_loaded")
        }
        _ => false,
    }
}

/// `Retry-After` in seconds or as a date, which counts from the answer's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let value = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    let now = httpdate::parse_http_date(text(header::DATE)?).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_date() {
        assert_eq!(retry_after(&headers(&[("retry-after", "7")])), Some(Duration::from_secs(7)));
        let date = ("date", "Sun, 22 Nov 2026 14:55:38 GMT");
        let later = ("retry-after", "Sun, 22 Nov 2026 14:56:08 GMT");
        assert_eq!(retry_after(&headers(&[date, later])), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(&headers(&[later])), None, "a date needs the server's own clock");
        assert_eq!(retry_after(&headers(&[("retry-after", "soon")])), None);
    }

    #[test]
    fn waits_grow_to_the_cap_and_are_jittered() {
        let retry = Retry::GENTLE.max_retries(40);
        let error = Error::new(ErrorKind::Connect, "connect", "");
        let wait = |n, random| retry.decide(Replay::IfUnsent, n, &error, Sent::No, random).unwrap();
        assert_eq!(wait(0, 0), Duration::ZERO);
        assert_eq!(wait(0, u64::MAX), Duration::from_millis(500));
        assert_eq!(wait(1, u64::MAX / 2).as_millis(), 500);
        assert_eq!(wait(39, u64::MAX), Duration::from_secs(8));
    }
}
