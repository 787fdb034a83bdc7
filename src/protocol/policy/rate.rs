//! The rate limit: how much is sent to a server per interval.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::Time;

/// A limit on the requests and tokens that are sent to each server per interval.
///
/// The limit is exact: no interval of that length exceeds it. A call over the limit waits, first in, first out, or fails with
/// code `rate_limited` and kind [`Policy`](crate::ErrorKind::Policy). Tokens are estimated before sending (see
/// [`Endpoint::tokens`](crate::Endpoint::tokens)): the prompt, and the response as far as the request limits it. A request that
/// exceeds the limit alone is sent when nothing else was sent in the interval.
///
/// ```
/// use std::time::Duration;
/// use tabbyapi::policy::RateLimit;
///
/// let limit = RateLimit::requests(60, Duration::from_secs(60)).and_tokens(100_000).refuse();
/// assert_eq!((limit.requests, limit.tokens), (Some(60), Some(100_000)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// The number of requests, including retries. `None` means no limit.
    pub requests: Option<u32>,
    /// The number of tokens. `None` means no limit.
    pub tokens: Option<u64>,
    /// The interval.
    pub interval: Duration,
    /// What happens to a call over the limit; it waits by default.
    pub when_full: WhenFull,
}

/// What happens to a call over the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenFull {
    /// It waits.
    #[default]
    Wait,
    /// It fails, unless it waits already because of a [`Concurrency`](super::Concurrency) limit.
    Refuse,
}

impl RateLimit {
    /// Allows this many requests per interval.
    pub fn requests(requests: u32, interval: Duration) -> Self {
        RateLimit { requests: Some(requests), tokens: None, interval, when_full: WhenFull::Wait }
    }

    /// Allows this many tokens per interval.
    pub fn tokens(tokens: u64, interval: Duration) -> Self {
        RateLimit { requests: None, tokens: Some(tokens), interval, when_full: WhenFull::Wait }
    }

    /// Adds a limit on tokens in the same interval.
    pub fn and_tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Makes calls over the limit fail instead of wait.
    pub fn refuse(mut self) -> Self {
        self.when_full = WhenFull::Refuse;
        self
    }
}

/// What was sent within one interval.
#[derive(Debug)]
pub(crate) struct Window {
    limit: u64,
    interval: Duration,
    /// The time and amount of each request, in order.
    sent: VecDeque<(Time, u64)>,
    sum: u64,
    /// The amount that was granted and not sent yet.
    reserved: u64,
}

impl Window {
    pub(crate) fn new(limit: u64, interval: Duration) -> Self {
        Window { limit: limit.max(1), interval, sent: VecDeque::new(), sum: 0, reserved: 0 }
    }

    /// When this amount can be sent, if nothing else is. `None` if a reserved amount has to be sent first.
    pub(crate) fn available(&mut self, amount: u64, now: Time) -> Option<Time> {
        while let Some((at, sent)) = self.sent.front().copied().filter(|(at, _)| *at + self.interval <= now) {
            self.sent.pop_front();
            self.sum -= sent;
            debug_assert!(at <= now);
        }
        let (amount, mut sum) = (amount.min(self.limit), self.sum + self.reserved);
        if sum + amount <= self.limit {
            return Some(now);
        }
        for (at, sent) in &self.sent {
            sum -= sent;
            if sum + amount <= self.limit {
                return Some(*at + self.interval);
            }
        }
        None
    }

    /// Reserves an amount.
    pub(crate) fn reserve(&mut self, amount: u64) {
        self.reserved += amount.min(self.limit);
    }

    /// Releases a reserved amount.
    pub(crate) fn unreserve(&mut self, amount: u64) {
        self.reserved = self.reserved.saturating_sub(amount.min(self.limit));
    }

    /// Marks a reserved amount as sent.
    pub(crate) fn take(&mut self, amount: u64, now: Time) {
        self.unreserve(amount);
        let amount = amount.min(self.limit);
        if amount > 0 {
            self.sent.push_back((now, amount));
            self.sum += amount;
        }
    }

    /// Reverts an amount that was counted and not sent.
    pub(crate) fn untake(&mut self, amount: u64, at: Time) {
        let taken = (at, amount.min(self.limit));
        if let Some(index) = self.sent.iter().rposition(|entry| *entry == taken) {
            self.sent.remove(index);
            self.sum -= taken.1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_epoch(Duration::from_millis(millis))
    }

    #[test]
    fn no_span_of_the_interval_sees_more() {
        let mut window = Window::new(3, Duration::from_secs(1));
        let mut sent: Vec<u64> = Vec::new();
        let mut now = at(0);
        for n in 0..50 {
            now = now + Duration::from_millis(n * 37 % 400);
            let free = window.available(1, now).unwrap();
            assert!(free >= now);
            if free > now {
                assert_eq!(window.available(1, free - Duration::from_nanos(1)), Some(free));
                now = free;
                assert_eq!(window.available(1, now), Some(now));
            }
            window.take(1, now);
            sent.push(now.since_epoch().as_millis() as u64);
        }
        for four in sent.windows(4) {
            assert!(four[3] - four[0] >= 1000, "{four:?}");
        }
    }

    #[test]
    fn amounts_wait_for_enough_room_and_giants_for_all_of_it() {
        let mut window = Window::new(100, Duration::from_secs(1));
        window.take(60, at(0));
        window.take(30, at(500));
        assert_eq!(window.available(10, at(600)), Some(at(600)));
        assert_eq!(window.available(11, at(600)), Some(at(1000)));
        assert_eq!(window.available(71, at(600)), Some(at(1500)));
        assert_eq!(window.available(5000, at(600)), Some(at(1500)));
        window.take(5000, at(1500));
        assert_eq!(window.available(1, at(2499)), Some(at(2500)));
        assert_eq!(window.available(0, at(1600)), Some(at(1600)));
        window.reserve(1);
        assert_eq!(window.available(100, at(9000)), None);
        window.unreserve(1);
        window.untake(5000, at(1500));
        assert_eq!(window.available(100, at(1600)), Some(at(1600)));
    }
}
