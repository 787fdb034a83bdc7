//! The circuit breaker: pauses calls to a server that keeps failing.

use std::time::Duration;

use crate::base::Time;

/// A circuit breaker: pauses calls to a server that keeps failing.
///
/// ```text
///   Closed ── failure rate over the window reached ──► Open ── open_for is over ──► HalfOpen
///     ▲                                                  ▲                             │
///     │                                                  └──────── a probe fails ──────┤
///     └──────────────────────────── all probes succeed ────────────────────────────────┘
/// ```
///
/// While the circuit is open, calls go to other servers. Without another server they fail at once with kind
/// [`Policy`](crate::ErrorKind::Policy) and code `circuit_open`; [`Error::retry_at`](crate::Error::retry_at) returns when it half-opens.
///
/// Failures are failed connections, responses that do not start in time or are cut, and statuses from 500 on. "No model is loaded" and errors
/// of the request are not failures. Cancelled calls count neither way.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Breaker {
    /// The time over which attempts are counted; 30 s by default.
    pub window: Duration,
    /// The minimum number of attempts in the window before the circuit can open; 5 by default, at least 1.
    pub min_attempts: u32,
    /// The share of failures that opens it, from 0 to 1; 0.5 by default.
    pub failure_rate: f64,
    /// How long it stays open; 10 s by default.
    pub open_for: Duration,
    /// The number of attempts that are let through when it is half open. All must succeed. 1 by default, at least 1.
    pub probes: u32,
}

impl Breaker {
    /// The defaults.
    pub const fn new() -> Self {
        Breaker {
            window: Duration::from_secs(30),
            min_attempts: 5,
            failure_rate: 0.5,
            open_for: Duration::from_secs(10),
            probes: 1,
        }
    }

    /// Sets the time over which attempts are counted.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Sets the minimum number of attempts in the window.
    pub fn min_attempts(mut self, attempts: u32) -> Self {
        self.min_attempts = attempts;
        self
    }

    /// Sets the share of failures that opens it.
    pub fn failure_rate(mut self, rate: f64) -> Self {
        self.failure_rate = rate;
        self
    }

    /// Sets how long it stays open.
    pub fn open_for(mut self, time: Duration) -> Self {
        self.open_for = time;
        self
    }

    /// Sets how many attempts are let through when it is half open.
    pub fn probes(mut self, probes: u32) -> Self {
        self.probes = probes;
        self
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Breaker::new()
    }
}

/// The state of a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerState {
    /// All attempts are let through.
    Closed,
    /// No attempts are let through until this time.
    Open {
        /// When probes are let through.
        until: Time,
    },
    /// A few attempts are let through to test the server.
    HalfOpen,
}

/// The state of a breaker.
#[derive(Debug)]
pub(crate) struct Circuit {
    settings: Breaker,
    state: State,
    /// Incremented by each change of state. Attempts from before a change do not count after it.
    epoch: u64,
}

#[derive(Debug)]
enum State {
    Closed(Counts),
    Open { until: Time },
    HalfOpen { running: u32, succeeded: u32 },
}

/// An attempt that was let through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    epoch: u64,
}

impl Circuit {
    pub(crate) fn new(settings: Breaker) -> Self {
        Circuit { settings, state: State::Closed(Counts::default()), epoch: 0 }
    }

    pub(crate) fn state(&self, now: Time) -> BreakerState {
        match self.state {
            State::Closed(_) => BreakerState::Closed,
            State::Open { until } if now < until => BreakerState::Open { until },
            State::Open { .. } | State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Whether an attempt may start. Errors with the time of the next check.
    pub(crate) fn allows(&self, now: Time) -> Result<(), Time> {
        match self.state {
            State::Open { until } if now < until => Err(until),
            // The end of the probes is unknown, so the check is repeated a moment later.
            State::HalfOpen { running, succeeded } if running + succeeded >= self.probes() => {
                Err(now + self.settings.open_for)
            }
            _ => Ok(()),
        }
    }

    /// Lets an attempt through, after [`allows`](Circuit::allows).
    pub(crate) fn begin(&mut self, now: Time) -> Pass {
        if matches!(self.state, State::Open { until } if now >= until) {
            self.turn(State::HalfOpen { running: 0, succeeded: 0 });
        }
        if let State::HalfOpen { running, .. } = &mut self.state {
            *running += 1;
        }
        Pass { epoch: self.epoch }
    }

    /// Whether the state has changed since this attempt was let through.
    pub(crate) fn is_stale(&self, pass: Pass) -> bool {
        pass.epoch != self.epoch
    }

    /// Counts the result of an attempt. `None` if it is unknown.
    pub(crate) fn end(&mut self, pass: Pass, succeeded: Option<bool>, now: Time) {
        if pass.epoch != self.epoch {
            return;
        }
        let probes = self.probes();
        match (&mut self.state, succeeded) {
            (State::Closed(counts), Some(succeeded)) => {
                counts.add(now, self.settings.window, succeeded);
                let (all, failed) = counts.sum();
                let enough = all >= u64::from(self.settings.min_attempts.max(1));
                if !succeeded && enough && failed as f64 >= self.settings.failure_rate * all as f64 {
                    self.turn(State::Open { until: now + self.settings.open_for });
                }
            }
            (State::HalfOpen { .. }, Some(false)) => self.turn(State::Open { until: now + self.settings.open_for }),
            (State::HalfOpen { running, succeeded }, verdict) => {
                *running = running.saturating_sub(1);
                *succeeded += u32::from(verdict.is_some());
                if *succeeded >= probes {
                    self.turn(State::Closed(Counts::default()));
                }
            }
            _ => {}
        }
    }

    fn probes(&self) -> u32 {
        self.settings.probes.max(1)
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }
}

/// The number of parts of the window. Counts expire in tenths of it.
const PARTS: usize = 10;

/// Attempts and failures per part of the window.
#[derive(Debug, Default)]
struct Counts {
    parts: [(u64, u64); PARTS],
    /// The number of the newest part, counted from the epoch.
    newest: u64,
}

impl Counts {
    fn add(&mut self, now: Time, window: Duration, succeeded: bool) {
        let length = (nanoseconds(window) / PARTS as u64).max(1);
        // The clock is monotonic, but calls may report out of order.
        let part = (nanoseconds(now.since_epoch()) / length).max(self.newest);
        for passed in 1..=(part - self.newest).min(PARTS as u64) {
            self.parts[((self.newest + passed) % PARTS as u64) as usize] = (0, 0);
        }
        self.newest = part;
        let (all, failed) = &mut self.parts[(part % PARTS as u64) as usize];
        *all += 1;
        *failed += u64::from(!succeeded);
    }

    fn sum(&self) -> (u64, u64) {
        self.parts.iter().fold((0, 0), |(all, failed), part| (all + part.0, failed + part.1))
    }
}

/// Saturates after 584 years.
fn nanoseconds(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(time.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_epoch(Duration::from_secs(seconds))
    }

    fn circuit() -> Circuit {
        Circuit::new(Breaker::new().min_attempts(4).probes(2))
    }

    fn attempt(circuit: &mut Circuit, second: u64, succeeded: bool) {
        let pass = circuit.begin(at(second));
        circuit.end(pass, Some(succeeded), at(second));
    }

    #[test]
    fn it_opens_at_its_rate_and_not_before_it_has_seen_enough() {
        let mut circuit = circuit();
        for second in 0..3 {
            attempt(&mut circuit, second, false);
            assert_eq!(circuit.state(at(second)), BreakerState::Closed);
        }
        attempt(&mut circuit, 3, true);
        attempt(&mut circuit, 4, false);
        assert_eq!(circuit.state(at(5)), BreakerState::Open { until: at(14) });
        assert_eq!(circuit.allows(at(13)), Err(at(14)));
        assert_eq!((circuit.allows(at(14)), circuit.state(at(14))), (Ok(()), BreakerState::HalfOpen));
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut circuit = circuit();
        for second in 0..3 {
            attempt(&mut circuit, second, false);
        }
        for second in 40..43 {
            attempt(&mut circuit, second, false);
            assert_eq!(circuit.state(at(second)), BreakerState::Closed);
        }
        attempt(&mut circuit, 43, false);
        assert_eq!(circuit.state(at(43)), BreakerState::Open { until: at(53) });
    }

    fn opened() -> Circuit {
        let mut circuit = circuit();
        (0..4).for_each(|_| attempt(&mut circuit, 0, false));
        circuit
    }

    #[test]
    fn probes_close_it_again() {
        let mut circuit = opened();
        let (first, second) = (circuit.begin(at(10)), circuit.begin(at(10)));
        assert!(circuit.allows(at(10)).is_err(), "two probes are enough");
        circuit.end(first, Some(true), at(11));
        assert_eq!(circuit.state(at(11)), BreakerState::HalfOpen);
        // One is cancelled, so another one may start.
        circuit.end(second, None, at(11));
        attempt(&mut circuit, 12, true);
        assert_eq!(circuit.state(at(12)), BreakerState::Closed);
    }

    #[test]
    fn a_failed_probe_opens_it_again_and_late_results_have_no_say() {
        let mut circuit = circuit();
        let old = circuit.begin(at(0));
        (0..4).for_each(|_| attempt(&mut circuit, 0, false));
        let (first, second) = (circuit.begin(at(10)), circuit.begin(at(10)));
        circuit.end(first, Some(false), at(11));
        assert_eq!(circuit.state(at(11)), BreakerState::Open { until: at(21) });
        circuit.end(second, Some(true), at(12));
        circuit.end(old, Some(true), at(12));
        assert_eq!(circuit.state(at(12)), BreakerState::Open { until: at(21) });
    }
}
