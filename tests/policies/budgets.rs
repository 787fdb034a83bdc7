//! How often all calls together are tried again, and what a custom policy may decide.

use std::time::Duration;

use tabbyapi::call::{Retry, Shared};
use tabbyapi::policy::{Failure, RetryBudget, RetryPolicy};
use tabbyapi::{ErrorKind, Options, Timeouts};

use crate::common::ops::{Generate, Read};
use crate::harness::*;

#[test]
fn a_failing_server_is_not_stormed() {
    let shared = Shared::new(servers(&["a"]).retry_budget(RetryBudget::new(0.1, 5.0)));
    let mut attempts = 0;
    for n in 0..200 {
        let now = f64::from(n) * 100.0;
        let mut read = call(&shared, &Read);
        let mut later = now;
        loop {
            attempts += 1;
            sends(&mut read, later);
            read.handle_input(at(later), refused());
            if read.record().ended.is_some() {
                break;
            }
            later += 20.0;
        }
        assert_eq!(fails(&mut read, later).kind(), ErrorKind::Connect);
    }
    // Five at first, then one for every ten calls.
    assert_eq!(attempts, 200 + 5 + 19);
    assert!(shared.retries_left() < 1.0);
}

#[test]
fn the_server_says_whether_to_try_again() {
    for (status, said, again) in
        [(500, "true", true), (503, "false", false), (503, "", true), (422, "true", true), (500, "", false)]
    {
        let shared = Shared::new(servers(&["a"]));
        let mut read = call(&shared, &Read);
        sends(&mut read, 0.0);
        answers_with(&mut read, 0.0, status, &[("x-should-retry", said)], "{}");
        match again {
            true => drop(waits(&mut read, 0.0)),
            false => drop(fails(&mut read, 0.0)),
        }
    }
}

#[test]
fn another_server_need_not_be_waited_for() {
    let shared = Shared::new(servers(&["a", "b"]));
    let mut read = call(&shared, &Read);
    assert_eq!(sends(&mut read, 0.0), "a");
    answers_with(&mut read, 0.0, 429, &[("retry-after", "30")], "{}");
    assert_eq!(sends(&mut read, 0.0), "b");
    answers_with(&mut read, 0.0, 429, &[("retry-after", "7")], "{}");
    assert_eq!(waits(&mut read, 0.0).0, Some(at(7.0)));
    assert_eq!(read.record().attempts[1].retry_after, Some(Duration::from_secs(7)));
}

/// Every second, up to five times; it keeps what it saw.
#[derive(Debug, Default)]
struct Stubborn {
    replays: bool,
}

impl RetryPolicy for Stubborn {
    fn wait(&self, failure: &Failure<'_>) -> Option<Duration> {
        assert!((0.0..=1.0).contains(&failure.random));
        (failure.retries < 5).then_some(Duration::from_secs(1))
    }

    fn retries_generations(&self) -> bool {
        self.replays
    }
}

fn stubborn(replays: bool) -> Shared {
    Shared::new(servers(&["a"]).options(Options::new().retry_policy(Stubborn { replays })))
}

#[test]
fn a_policy_of_your_own_decides_where_another_attempt_is_allowed() {
    let shared = stubborn(false);
    let mut read = call(&shared, &Read);
    for second in 0..6 {
        sends(&mut read, f64::from(second));
        answers_with(&mut read, f64::from(second), 418, &[], "{}");
        if second < 5 {
            assert_eq!(waits(&mut read, f64::from(second)).0, Some(at(f64::from(second + 1))));
        }
    }
    let error = fails(&mut read, 5.0);
    assert_eq!(error.record().unwrap().attempt_count, 6);
    let reported: Vec<_> = error.record().unwrap().attempts.iter().map(|attempt| attempt.retry_after).collect();
    assert_eq!(reported[..5], [Some(Duration::from_secs(1)); 5]);

    // It is not asked whether to do twice what may have been done.
    let mut generation = call(&shared, &Generate::new(Timeouts::STREAM));
    sends(&mut generation, 0.0);
    generation.handle_input(at(0.0), reset());
    fails(&mut generation, 0.0);
    let mut generation = call(&stubborn(true), &Generate::new(Timeouts::STREAM));
    sends(&mut generation, 0.0);
    generation.handle_input(at(0.0), reset());
    assert_eq!(waits(&mut generation, 0.0).0, Some(at(1.0)));
    sends(&mut generation, 1.0);
}

#[test]
fn of_retry_and_policy_the_later_one_counts() {
    let never = Options::new().retry_policy(Stubborn::default()).retry(Retry::NEVER);
    let shared = Shared::new(servers(&["a"]).options(never));
    let mut read = call(&shared, &Read);
    sends(&mut read, 0.0);
    read.handle_input(at(0.0), refused());
    fails(&mut read, 0.0);
}
