//! The delay before a completion is requested.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::Time;

/// Adapts the delay before a request to the user's typing.
///
/// The delay is `rate * interval - response`, between 100 ms and 1 s. `interval` is the mean time between keystrokes, between 100
/// and 400 ms. It is 200 ms at first, and after 20 keystrokes the mean of the last 100 that were at most 400 ms apart. `rate`
/// falls from 3 to 1.5 at positions where the user is likely to stop: after a character that is not part of a word, at the end of
/// a line, at the end of the document. `response` is the mean time of the last 10 responses, so requests to slow servers are sent
/// sooner.
#[derive(Clone, Debug)]
pub struct Debounce {
    fixed: Option<Duration>,
    intervals: VecDeque<Duration>,
    responses: VecDeque<Duration>,
    last: Option<Time>,
}

/// The properties of a position that the delay depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DebounceContext {
    /// The character typed last is not a letter, digit or underscore.
    pub after_symbol: bool,
    /// Only symbols follow in the line.
    pub at_line_end: bool,
    /// Nothing follows in the document.
    pub at_document_end: bool,
}

const FIRST_INTERVAL: f64 = 0.2;
const SHORTEST_INTERVAL: f64 = 0.1;
const LONGEST_INTERVAL: Duration = Duration::from_millis(400);
const MOST_INTERVALS: usize = 100;
const ENOUGH_INTERVALS: usize = 20;
const MOST_RESPONSES: usize = 10;
const SLOWEST_RATE: f64 = 3.0;
const FASTEST_RATE: f64 = 1.5;
const SHORTEST: f64 = 0.1;
const LONGEST: f64 = 1.0;

impl Debounce {
    /// Creates a delay that adapts to the user.
    pub fn adaptive() -> Self {
        Debounce { fixed: None, intervals: VecDeque::new(), responses: VecDeque::new(), last: None }
    }

    /// Creates a constant delay.
    pub fn fixed(delay: Duration) -> Self {
        Debounce { fixed: Some(delay), ..Debounce::adaptive() }
    }

    /// Records a keystroke, and returns the delay after it.
    pub fn typed(&mut self, now: Time, context: DebounceContext) -> Duration {
        if let Some(last) = self.last.replace(now) {
            let interval = now.since(last);
            if interval <= LONGEST_INTERVAL {
                push(&mut self.intervals, interval, MOST_INTERVALS);
            }
        }
        self.delay(context)
    }

    /// Records how long a response took.
    pub fn responded(&mut self, after: Duration) {
        push(&mut self.responses, after, MOST_RESPONSES);
    }

    /// Returns the delay at this position.
    pub fn delay(&self, context: DebounceContext) -> Duration {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let weights = [(context.after_symbol, 0.5), (context.at_line_end, 0.4), (context.at_document_end, 0.1)];
        let score: f64 = weights.iter().filter(|(holds, _)| *holds).map(|(_, weight)| weight).sum();
        let rate = SLOWEST_RATE - (SLOWEST_RATE - FASTEST_RATE) * score;
        let delay = rate * self.interval() - mean(&self.responses).unwrap_or_default();
        Duration::from_secs_f64(delay.clamp(SHORTEST, LONGEST))
    }

    fn interval(&self) -> f64 {
        match mean(&self.intervals) {
            Some(mean) if self.intervals.len() > ENOUGH_INTERVALS => {
                mean.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL.as_secs_f64())
            }
            _ => FIRST_INTERVAL,
        }
    }
}

impl Default for Debounce {
    fn default() -> Self {
        Debounce::adaptive()
    }
}

fn push(list: &mut VecDeque<Duration>, value: Duration, most: usize) {
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(value);
}

fn mean(list: &VecDeque<Duration>) -> Option<f64> {
    let sum: f64 = list.iter().map(Duration::as_secs_f64).sum();
    (!list.is_empty()).then(|| sum / list.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_epoch(Duration::from_millis(millis))
    }

    #[test]
    fn the_place_and_the_server_shorten_the_delay() {
        let mut debounce = Debounce::adaptive();
        let context =
            |after_symbol, at_line_end, at_document_end| DebounceContext { after_symbol, at_line_end, at_document_end };
        let millis = |debounce: &Debounce, context| debounce.delay(context).as_millis();
        assert_eq!(millis(&debounce, context(false, false, false)), 600);
        assert_eq!(millis(&debounce, context(true, false, false)), 450);
        assert_eq!(millis(&debounce, context(true, true, true)), 300);
        debounce.responded(Duration::from_millis(250));
        assert_eq!(millis(&debounce, context(false, false, false)), 350);
        // Never below a tenth of a second.
        debounce.responded(Duration::from_secs(9));
        assert_eq!(millis(&debounce, context(true, true, true)), 100);
    }

    #[test]
    fn the_rhythm_of_typing_counts_once_it_is_known() {
        let mut debounce = Debounce::adaptive();
        for key in 0..21 {
            assert_eq!(debounce.typed(at(key * 100), DebounceContext::default()).as_millis(), 600, "{key}");
        }
        assert_eq!(debounce.typed(at(2_100), DebounceContext::default()).as_millis(), 300);
        // A pause does not affect the typing speed.
        assert_eq!(debounce.typed(at(60_000), DebounceContext::default()).as_millis(), 300);
        let fixed = Debounce::fixed(Duration::from_millis(250)).typed(at(0), DebounceContext::default());
        assert_eq!(fixed.as_millis(), 250);
    }
}
