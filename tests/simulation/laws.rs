//! The laws of every world, checked as it goes on.

use std::collections::HashMap;
use std::time::Duration;

use tabbyapi::call::{Record, Time};
use tabbyapi::policy::{Concurrency, RateLimit, RetryBudget};

/// By these a stream breaks.
const BREAKS: [&str; 6] =
    ["connect", "connection_lost", "timeout_first_item", "timeout_idle", "transport", "truncated"];

/// What was seen so far, as far as the laws need it.
pub struct Laws {
    pub rate: Option<RateLimit>,
    pub concurrency: Option<Concurrency>,
    pub budget: RetryBudget,
    begun: HashMap<usize, u32>,
    /// Requests and tokens that were sent to each server.
    sent: HashMap<usize, Vec<(Time, u64)>>,
    in_flight: HashMap<usize, u32>,
    asking: HashMap<usize, u32>,
    calls: u32,
    retries: u32,
}

impl Laws {
    pub fn new(rate: Option<RateLimit>, concurrency: Option<Concurrency>, budget: RetryBudget) -> Self {
        Laws {
            rate,
            concurrency,
            budget,
            begun: HashMap::new(),
            sent: HashMap::new(),
            in_flight: HashMap::new(),
            asking: HashMap::new(),
            calls: 0,
            retries: 0,
        }
    }

    pub fn call_started(&mut self) {
        self.calls += 1;
    }

    /// No generation is begun twice.
    pub fn begun(&mut self, call: usize, generation: bool) {
        let times = self.begun.entry(call).or_default();
        *times += 1;
        assert!(!generation || *times == 1, "the generation of call {call} was begun {times} times");
    }

    /// A stream that is resumed is begun once, and once more each time that it is resumed, which is as often as it may at most.
    pub fn resumed(&self, call: usize, record: &Record, most: u32) {
        let begun = self.begun.get(&call).copied().unwrap_or_default();
        assert!(record.resumes <= most, "resumed {} of {most} times", record.resumes);
        assert!(begun <= 1 + record.resumes, "begun {begun} times and resumed {} times", record.resumes);
        let resuming = record.attempts.iter().filter(|attempt| attempt.resumes).count();
        assert!(record.attempt_count > 16 || resuming >= record.resumes.saturating_sub(1) as usize);
        assert!(record.attempt_count > 16 || record.attempts.iter().map(|a| a.items).sum::<u64>() == record.items);
    }

    /// It ends well with all its words, and only then.
    pub fn healed(&self, outcome: Result<(), &str>, items: u64, goal: u64) {
        match outcome {
            Ok(()) => assert_eq!(items, goal, "it ended well without its end"),
            // What the server says of it counts, and so does the time for all of it.
            Err(code) => assert!(items < goal || !BREAKS.contains(&code), "whole, and yet {code}"),
        }
    }

    /// The limits hold at each server, to the request and to the token.
    pub fn sent(&mut self, server: usize, now: Time, tokens: u64) {
        let in_flight = self.in_flight.entry(server).or_default();
        *in_flight += 1;
        if let Some(limit) = self.concurrency {
            assert!(*in_flight <= limit.running, "{in_flight} calls run at server {server}");
        }
        let Some(rate) = self.rate else { return };
        let sent = self.sent.entry(server).or_default();
        sent.retain(|(at, _)| *at + rate.interval > now);
        // What alone is too much counts as all there may be.
        let tokens = tokens.min(rate.tokens.unwrap_or_default());
        let before: u64 = sent.iter().map(|(_, tokens)| tokens).sum();
        sent.push((now, tokens));
        if let Some(most) = rate.requests {
            assert!(sent.len() <= most as usize, "{} requests went to server {server}", sent.len());
        }
        if let Some(most) = rate.tokens {
            assert!(before + tokens <= most, "{before} and {tokens} tokens went to server {server}");
        }
    }

    pub fn exchange_over(&mut self, server: usize) {
        *self.in_flight.get_mut(&server).unwrap() -= 1;
    }

    /// One call asks for a key of a server, for all.
    pub fn asks(&mut self, server: usize) {
        let asking = self.asking.entry(server).or_default();
        *asking += 1;
        assert_eq!(*asking, 1, "several calls ask for the key of server {server}");
    }

    pub fn asked(&mut self, server: usize) {
        *self.asking.get_mut(&server).unwrap() -= 1;
    }

    /// A call ends in time, with all its items or with an error.
    pub fn done(
        &self,
        started: Time,
        now: Time,
        total: Option<Duration>,
        outcome: Result<(), &str>,
        items: u64,
        complete: Option<u64>,
    ) {
        self.in_time(started, now, total);
        match outcome {
            Ok(()) => assert_eq!(Some(items), complete, "it ended well without its end"),
            // The words were there, but not yet the end of the stream.
            Err(code) => assert!(complete != Some(items) || code.starts_with("timeout"), "whole, and yet {code}"),
        }
    }

    pub fn in_time(&self, started: Time, now: Time, total: Option<Duration>) {
        if let Some(total) = total {
            assert!(now <= started + total, "it took {:?} of {total:?}", now.since(started));
        }
    }

    /// The record tells what happened; retries keep to the budget.
    pub fn recorded(&mut self, record: &Record, sends: u32, items: u64) {
        assert_eq!((record.attempt_count, record.items), (sends, items), "the record is wrong");
        self.retries += sends.saturating_sub(1 + record.key_refreshes);
        let most = self.budget.reserve + self.budget.share * f64::from(self.calls);
        assert!(f64::from(self.retries) <= most + 1e-6, "{} retries of {} calls", self.retries, self.calls);
    }

    pub fn all_over(&self) {
        assert!(self.in_flight.values().all(|count| *count == 0));
    }
}
