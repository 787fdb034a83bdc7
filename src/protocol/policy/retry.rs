//! When a failed attempt is retried.

use std::fmt;
use std::time::Duration;

use http::{HeaderName, StatusCode};

use serde::{Deserialize, Serialize};

use crate::base::settings::seconds;
use crate::base::time::jittered;
use crate::base::{Error, ErrorCode, ErrorKind, MaybeSend, MaybeSync, Sent};
use crate::protocol::endpoint::Idempotency;

/// When a failed call is retried, and after how long.
///
/// Delays grow exponentially with full jitter: a random share of `base * 2^n`, at most `cap`. A `Retry-After` of the server takes
/// precedence. If it exceeds `retry_after_cap`, the call ends. There is no retry after the first item, or past the total timeout.
///
/// Connections that are refused, lost or timed out are retried, and the statuses 408, 429, and 502 and above except 505.
/// Operations other than reads are retried only if the server cannot have started them (nothing was sent, 429, or 503 because no
/// model is loaded), unless [`retry_generations`](Retry::retry_generations) is set. Another server is tried without delay. "No
/// model is loaded" is retried only on another server.
///
/// ```
/// use std::time::Duration;
/// use tabbyapi::policy::Retry;
///
/// let retry = Retry::GENTLE.max_retries(5).cap(Duration::from_secs(30));
/// assert_eq!(retry.max_retries, 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Retry {
    /// The maximum number of retries; 2 by default.
    pub max_retries: u32,
    /// The first delay, before jitter; 500 ms by default.
    #[serde(with = "seconds")]
    pub base: Duration,
    /// The longest delay, before jitter; 8 s by default.
    #[serde(with = "seconds")]
    pub cap: Duration,
    /// The longest `Retry-After` that is waited for; 60 s by default.
    #[serde(with = "seconds")]
    pub retry_after_cap: Duration,
    /// Whether generations are retried although the server may have started them, which may generate twice; false by default.
    pub retry_generations: bool,
}

impl Retry {
    /// No retries.
    pub const NEVER: Retry = Retry { max_retries: 0, ..Retry::GENTLE };
    /// The default: up to 2 retries.
    pub const GENTLE: Retry = Retry {
        max_retries: 2,
        base: Duration::from_millis(500),
        cap: Duration::from_secs(8),
        retry_after_cap: Duration::from_secs(60),
        retry_generations: false,
    };

    /// Sets the maximum number of retries.
    pub fn max_retries(mut self, count: u32) -> Self {
        self.max_retries = count;
        self
    }

    /// Sets the first delay, before jitter.
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// Sets the longest delay, before jitter.
    pub fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// Sets the longest `Retry-After` that is waited for.
    pub fn retry_after_cap(mut self, cap: Duration) -> Self {
        self.retry_after_cap = cap;
        self
    }

    /// Sets whether generations are retried although the server may have started them.
    pub fn retry_generations(mut self, retry: bool) -> Self {
        self.retry_generations = retry;
        self
    }
}

impl Default for Retry {
    fn default() -> Self {
        Retry::GENTLE
    }
}

impl RetryPolicy for Retry {
    fn wait(&self, failure: &Failure<'_>) -> Option<Duration> {
        if failure.retries >= self.max_retries || !failure.is_transient() {
            return None;
        }
        // Another server is tried without delay.
        if failure.elsewhere {
            return Some(Duration::ZERO);
        }
        if let Some(wait) = failure.retry_after() {
            return (wait <= self.retry_after_cap).then_some(wait);
        }
        Some(jittered(self.base, self.cap, failure.retries, failure.random))
    }

    fn retries_generations(&self) -> bool {
        self.retry_generations
    }
}

/// Decides whether a failed attempt is retried, instead of [`Retry`].
///
/// It is called only if a retry is allowed: not after the first item, not if the server may have started an operation that must
/// not be repeated, and not if the [`RetryBudget`] is used up.
///
/// ```
/// use std::time::Duration;
/// use tabbyapi::policy::{Failure, RetryPolicy};
///
/// /// Every second, for as long as the server cannot be reached.
/// #[derive(Debug)]
/// struct Patient;
///
/// impl RetryPolicy for Patient {
///     fn wait(&self, failure: &Failure<'_>) -> Option<Duration> {
///         (failure.error.kind() == tabbyapi::ErrorKind::Connect).then_some(Duration::from_secs(1))
///     }
/// }
///
/// let builder = tabbyapi::Client::builder("http://127.0.0.1:5000").retry_policy(Patient);
/// # let _ = builder;
/// ```
pub trait RetryPolicy: fmt::Debug + MaybeSend + MaybeSync {
    /// Returns the delay before the next attempt, or `None` for no further attempt.
    fn wait(&self, failure: &Failure<'_>) -> Option<Duration>;

    /// Returns whether generations are retried although the server may have started them, which may generate twice.
    fn retries_generations(&self) -> bool {
        false
    }
}

/// A failed attempt, for a [`RetryPolicy`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Failure<'a> {
    /// Why it failed.
    pub error: &'a Error,
    /// The number of retries so far.
    pub retries: u32,
    /// Whether the server may have seen the request.
    pub sent: Sent,
    /// Whether the operation may be sent again.
    pub idempotency: Idempotency,
    /// Whether another server could take the call at once.
    pub elsewhere: bool,
    /// A new random number from 0 to 1, for jitter.
    pub random: f64,
}

const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

impl Failure<'_> {
    /// Returns whether the same request may succeed later: connections that are refused, lost or timed out, and the statuses 408,
    /// 429, and 502 and above except 505. A rejected certificate counts only if there is another server. The header
    /// `x-should-retry` of a proxy overrides this for statuses. "No model is loaded" counts only if there is another server,
    /// because this one would need a load. (Retrying generations after it is safe, so a custom policy may wait for the load.)
    pub fn is_transient(&self) -> bool {
        let said = self.error.headers().and_then(|headers| headers.get(X_SHOULD_RETRY)?.to_str().ok());
        match (self.error.kind(), said.map(str::trim)) {
            // Waiting does not help with a certificate.
            (ErrorKind::Connect, _) if self.error.code() == &ErrorCode::Certificate => self.elsewhere,
            (ErrorKind::Connect | ErrorKind::Transport | ErrorKind::Timeout | ErrorKind::Truncated, _) => true,
            (ErrorKind::Server, Some("true")) => true,
            (ErrorKind::Server, Some("false")) => false,
            (ErrorKind::Server, _) if self.has_no_model() => self.elsewhere,
            (ErrorKind::Server, _) => self.error.is_retryable(),
            _ => false,
        }
    }

    /// Returns the delay that the server asks for with `Retry-After` or `retry-after-ms`. See [`Error::retry_after`].
    pub fn retry_after(&self) -> Option<Duration> {
        self.error.retry_after()
    }
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Retry after this delay.
    Retry(Duration),
    /// Do not retry.
    Over,
}

impl Failure<'_> {
    /// The verdict of a policy on this failure.
    pub(crate) fn judge(&self, policy: &dyn RetryPolicy) -> Verdict {
        match self.idempotency {
            Idempotency::Idempotent => {}
            Idempotency::IfUnsent if !self.may_have_begun() || policy.retries_generations() => {}
            _ => return Verdict::Over,
        }
        policy.wait(self).map_or(Verdict::Over, Verdict::Retry)
    }

    /// Whether the server may have started the work.
    fn may_have_begun(&self) -> bool {
        let refused = self.error.status() == Some(StatusCode::TOO_MANY_REQUESTS) || self.has_no_model();
        self.sent == Sent::Maybe && !(self.error.kind() == ErrorKind::Server && refused)
    }

    fn has_no_model(&self) -> bool {
        self.error.status() == Some(StatusCode::SERVICE_UNAVAILABLE)
            && matches!(self.error.code(), ErrorCode::NoModelLoaded | ErrorCode::NoEmbeddingModelLoaded)
    }
}

/// The number of retries that the calls of a client may make together, to protect a failing server. Each call adds a
/// fraction of a retry, each retry takes a whole one. Without a budget, two retries per call would triple the load when all calls fail.
///
/// A call that finds the budget empty ends with the error of its attempt.
///
/// ```
/// use tabbyapi::policy::RetryBudget;
///
/// // One retry per 10 calls, and 5 in reserve.
/// assert_eq!(RetryBudget::new(0.1, 5.0).share, 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryBudget {
    /// The number of retries that each call adds; 0.2 by default.
    pub share: f64,
    /// The initial and maximum number of retries; 10 by default.
    pub reserve: f64,
}

impl RetryBudget {
    /// The default: a fifth of the calls, plus 10.
    pub const GENTLE: RetryBudget = RetryBudget { share: 0.2, reserve: 10.0 };
    /// No limit except that of each call.
    pub const UNBOUNDED: RetryBudget = RetryBudget { share: 0.0, reserve: f64::INFINITY };

    /// Creates a budget.
    pub const fn new(share: f64, reserve: f64) -> Self {
        RetryBudget { share, reserve }
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        RetryBudget::GENTLE
    }
}

/// The state of a budget.
#[derive(Debug)]
pub(crate) struct RetryTokens {
    budget: RetryBudget,
    left: f64,
}

impl RetryTokens {
    pub(crate) fn new(budget: RetryBudget) -> Self {
        RetryTokens { budget, left: budget.reserve }
    }

    pub(crate) fn pay_in(&mut self) {
        self.left = (self.left + self.budget.share).min(self.budget.reserve);
    }

    /// Takes a retry. Returns whether there was one.
    pub(crate) fn take(&mut self) -> bool {
        // Shares such as 0.2 do not add up exactly.
        let enough = self.left >= 1.0 - 1e-9;
        if enough {
            self.left -= 1.0;
        }
        enough
    }

    pub(crate) fn left(&self) -> f64 {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(error: &Error, retries: u32, random: f64) -> Failure<'_> {
        Failure { error, retries, sent: Sent::No, idempotency: Idempotency::IfUnsent, elsewhere: false, random }
    }

    #[test]
    fn waits_grow_to_the_cap_and_are_jittered() {
        let retry = Retry::GENTLE.max_retries(40);
        let error = Error::new(ErrorKind::Connect, "connect", "");
        let wait = |n, random| retry.wait(&failure(&error, n, random)).unwrap();
        assert_eq!(wait(0, 0.0), Duration::ZERO);
        assert_eq!(wait(0, 1.0), Duration::from_millis(500));
        assert_eq!(wait(1, 0.5).as_millis(), 500);
        assert_eq!(wait(39, 1.0), Duration::from_secs(8));
        assert_eq!(retry.wait(&failure(&error, 40, 0.0)), None);
        let elsewhere = Failure { elsewhere: true, ..failure(&error, 3, 1.0) };
        assert_eq!(retry.wait(&elsewhere), Some(Duration::ZERO));
    }

    #[test]
    fn the_purse_holds_a_share_of_the_calls() {
        let mut retry_tokens = RetryTokens::new(RetryBudget::new(0.2, 2.0));
        assert_eq!((0..4).filter(|_| retry_tokens.take()).count(), 2);
        let taken = (0..100).filter(|_| {
            retry_tokens.pay_in();
            retry_tokens.take()
        });
        assert_eq!(taken.count(), 20);
        (0..100).for_each(|_| retry_tokens.pay_in());
        assert_eq!(retry_tokens.left(), 2.0);
        let mut unbounded = RetryTokens::new(RetryBudget::UNBOUNDED);
        assert!((0..1000).all(|_| unbounded.take()));
    }
}
