//! `Time`: a point on the caller's clock.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in time: a duration since an epoch that the executor chooses and uses for all calls of a client.
///
/// The core does not read a clock. `std::time::Instant` is not usable because it panics on wasm32-unknown-unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(Duration);

impl Time {
    /// Creates the point at this duration after the epoch.
    pub const fn from_epoch(since: Duration) -> Self {
        Time(since)
    }

    /// Returns the time since the epoch.
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// Returns the time since an earlier point. Zero if that point is later, because clocks can step back.
    pub const fn since(self, earlier: Time) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, duration: Duration) -> Time {
        Time(self.0.saturating_add(duration))
    }
}

/// Returns the time from the other point to this one. Zero if the other one is later.
impl Sub<Time> for Time {
    type Output = Duration;
    fn sub(self, earlier: Time) -> Duration {
        self.since(earlier)
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, duration: Duration) -> Time {
        Time(self.0.saturating_sub(duration))
    }
}

/// The delay before a retry, with full jitter: a random share of the exponential ceiling. `retries` counts from 0.
pub(crate) fn jittered(base: Duration, cap: Duration, retries: u32, random: f64) -> Duration {
    let ceiling = base.saturating_mul(1u32.checked_shl(retries).unwrap_or(u32::MAX)).min(cap);
    Duration::from_nanos((ceiling.as_secs_f64() * random * 1e9) as u64)
}
