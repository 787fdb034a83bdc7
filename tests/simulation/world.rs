//! One world: its clock, its servers, its calls, and what happens next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tabbyapi::auth::Credential;
use tabbyapi::call::{Call, Changed, Input, Output, Retry, Settings, Shared, Time};
use tabbyapi::policy::{Balance, Breaker, BreakerState, Concurrency, RateLimit, Resume, RetryBudget, Server};
use tabbyapi::{BaseUrl, ErrorKind, Options, Timeouts};

use crate::chance::Chance;
use crate::laws::Laws;
use crate::operations::{Ask, Generate, Heal, Read, WordJoin, Words};
use crate::server::{Mood, Seen, answer};

pub struct World {
    chance: Chance,
    now: Time,
    shared: Shared,
    moods: Vec<Mood>,
    keys: bool,
    calls: Vec<Actor>,
    events: BinaryHeap<Reverse<(Time, u64, usize)>>,
    /// By the number in `events`.
    what: BTreeMap<u64, What>,
    next: u64,
    woken: Arc<Mutex<Vec<usize>>>,
    laws: Laws,
    tally: Tally,
    course: DefaultHasher,
    loud: bool,
}

struct Actor {
    call: Option<Call<Words>>,
    ask: Ask,
    generation: bool,
    /// How often it may be resumed, and how many words it is to have.
    healing: Option<(u32, u64)>,
    started: Option<Time>,
    /// Not polled until then, as by a busy caller.
    asleep: Time,
    sleepy: bool,
    exchange: Option<Exchange>,
    /// The server whose key is asked for.
    asking: Option<usize>,
    changed: Option<Pin<Box<Changed>>>,
    sends: u32,
    items: u64,
}

struct Exchange {
    id: u64,
    server: usize,
    complete: Option<u64>,
}

enum What {
    /// It starts, or a deadline has passed.
    Poll,
    Seen {
        exchange: u64,
        seen: Seen,
    },
    Key {
        server: usize,
        fails: bool,
    },
    Cancel,
}

/// What came of a world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    pub calls: u64,
    pub attempts: u64,
    pub steps: u64,
    pub cancelled: u64,
    /// Calls by what they ended with.
    pub outcomes: BTreeMap<String, u64>,
    /// Exchanges by what the server did.
    pub answers: BTreeMap<&'static str, u64>,
    /// How often streams were resumed, and how many of those that were came to their end.
    pub resumes: u64,
    pub healed: u64,
    /// Streams by why they were not resumed.
    pub not_resumed: BTreeMap<String, u64>,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.calls += other.calls;
        self.attempts += other.attempts;
        self.steps += other.steps;
        self.cancelled += other.cancelled;
        for (name, count) in &other.outcomes {
            *self.outcomes.entry(name.clone()).or_default() += count;
        }
        self.resumes += other.resumes;
        self.healed += other.healed;
        for (name, count) in &other.not_resumed {
            *self.not_resumed.entry(name.clone()).or_default() += count;
        }
        for (name, count) in &other.answers {
            *self.answers.entry(name).or_default() += count;
        }
    }

    /// Everything that can happen has happened often.
    pub fn assert_rich(&self) {
        let share = self.calls / 2000;
        assert!(self.attempts > self.calls / 2 && self.cancelled > share, "{self:#?}");
        for outcome in [
            "ok",
            "circuit_open",
            "connect",
            "connection_lost",
            "credentials",
            "no_model_loaded",
            "queue_full",
            "rate_limited",
            "timeout_first_item",
            "timeout_head",
            "timeout_idle",
            "timeout_total",
            "transport",
            "truncated",
        ] {
            assert!(self.outcomes.get(outcome).is_some_and(|count| *count > share), "{outcome} is rare: {self:#?}");
        }
        assert!(self.resumes > 10 * share && self.healed > share, "{self:#?}");
        for code in ["attempts_used_up", "retry_budget_used_up", "timeout_total", "circuit_open", "not_found"] {
            assert!(self.not_resumed.get(code).is_some_and(|count| *count > 0), "{code} is rare: {self:#?}");
        }
        assert!(self.answers.len() == 11 && self.answers.values().all(|count| *count > share), "{self:#?}");
    }
}

struct Flag {
    call: usize,
    woken: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.woken.lock().unwrap().push(self.call);
    }
}

fn base(server: usize) -> BaseUrl {
    format!("http://s{server}.test").parse().unwrap()
}

impl World {
    pub fn new(seed: u64, loud: bool) -> World {
        let mut chance = Chance::new(seed);
        let servers = 1 + chance.below(3) as usize;
        let keys = chance.percent(40);
        let budget = *chance.of(&[RetryBudget::GENTLE, RetryBudget::new(0.5, 3.0), RetryBudget::new(1.0, 100.0)]);
        let breaker = Breaker::new().min_attempts(1 + chance.below(6) as u32).open_for(chance.millis(20_000));
        let breaker = chance.percent(60).then_some(breaker.probes(1 + chance.below(3) as u32));
        let interval = Duration::from_secs(1 + chance.below(10));
        let mut rate = RateLimit::requests(1 + chance.below(20) as u32, interval);
        if chance.percent(50) {
            rate = rate.and_tokens(50 + chance.below(500));
        }
        if chance.percent(30) {
            rate = rate.refuse();
        }
        let rate = chance.percent(40).then_some(rate);
        let waiting = if chance.percent(20) { chance.below(10) as usize } else { 10_000 };
        let concurrency = Concurrency::new(1 + chance.below(6) as u32).waiting(waiting);
        let concurrency = chance.percent(50).then_some(concurrency);

        let retry = Retry::GENTLE.max_retries(chance.below(6) as u32);
        let mut settings = Settings::new(base(0))
            .seed(chance.next())
            .retry_budget(budget)
            .balance(*chance.of(&[Balance::LeastInFlight, Balance::RoundRobin, Balance::InOrder]))
            .options(Options::new().retry(retry));
        for server in 1..servers {
            settings = settings.server(Server::new(base(server)).unwrap()).unwrap();
        }
        if keys {
            settings = settings.ask_for_keys();
        }
        if let Some(breaker) = breaker {
            settings = settings.breaker(breaker);
        }
        if let Some(rate) = rate {
            settings = settings.rate_limit(rate);
        }
        if let Some(concurrency) = concurrency {
            settings = settings.concurrency(concurrency);
        }
        let moods = (0..servers).map(|_| Mood::by(&mut chance)).collect();
        let mut world = World {
            now: Time::default(),
            shared: Shared::new(settings),
            moods,
            keys,
            calls: Vec::new(),
            events: BinaryHeap::new(),
            what: BTreeMap::new(),
            next: 0,
            woken: Arc::default(),
            laws: Laws::new(rate, concurrency, budget),
            tally: Tally::default(),
            course: DefaultHasher::new(),
            loud,
            chance,
        };
        world.populate();
        world
    }

    fn populate(&mut self) {
        let calls = 1 + self.chance.below(50) as usize;
        let crowd = *self.chance.of(&[100, 2_000, 60_000]);
        for number in 0..calls {
            let seconds = |chance: &mut Chance, most| Some(Duration::from_millis(500 + chance.below(most)));
            let mut timeouts = Timeouts::UNBOUNDED;
            timeouts.head = seconds(&mut self.chance, 20_000);
            timeouts.first_item = seconds(&mut self.chance, 30_000);
            timeouts.idle = seconds(&mut self.chance, 10_000);
            timeouts.total = if self.chance.percent(60) { seconds(&mut self.chance, 120_000) } else { None };
            let ask = Ask { number, timeouts, tokens: self.chance.below(200) };
            let generation = self.chance.percent(60);
            let healing = self.chance.percent(30).then(|| (self.chance.below(6) as u32, 1 + self.chance.below(12)));
            let call = match (healing, generation) {
                (Some((attempts, goal)), _) => Call::new(&self.shared, &Heal(ask)).map(|mut call| {
                    let resume = Resume::new().attempts(attempts).base(self.chance.millis(2_000));
                    call.resume(resume, Some(Box::new(WordJoin { goal, next: 0 })));
                    call
                }),
                (None, true) => Call::new(&self.shared, &Generate(ask)),
                (None, false) => Call::new(&self.shared, &Read(ask)),
            };
            self.calls.push(Actor {
                call: Some(call.unwrap()),
                ask,
                generation: generation && healing.is_none(),
                healing,
                started: None,
                asleep: Time::default(),
                sleepy: self.chance.percent(5),
                exchange: None,
                asking: None,
                changed: None,
                sends: 0,
                items: 0,
            });
            let start = self.chance.millis(crowd);
            self.plan(Time::default() + start, number, What::Poll);
            if self.chance.percent(8) {
                let cancel = start + self.chance.millis(20_000);
                self.plan(Time::default() + cancel, number, What::Cancel);
            }
        }
    }

    /// Goes on until nothing is left to happen.
    pub fn run(&mut self) {
        while let Some(Reverse((at, id, call))) = self.events.pop() {
            self.now = self.now.max(at);
            let what = self.what.remove(&id).unwrap();
            let asleep = self.calls[call].asleep;
            if self.now < asleep && !matches!(what, What::Cancel) {
                // Under its number, so that what was seen stays in order.
                self.what.insert(id, what);
                self.events.push(Reverse((asleep, id, call)));
                continue;
            }
            self.happen(call, what);
            self.serve_the_woken();
            self.look_for_lost_wakes();
        }
        let stuck: Vec<_> = (0..self.calls.len()).filter(|call| self.calls[*call].call.is_some()).collect();
        assert!(stuck.is_empty(), "these calls wait for ever: {stuck:?}");
        self.laws.all_over();
        assert_eq!(self.shared.waiting(), 0, "a ticket is left over");
        for server in self.shared.servers(self.now) {
            assert_eq!(server.in_flight, 0, "a place at {} was not given back", server.base);
        }
    }

    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }

    pub fn course(&self) -> u64 {
        self.course.finish()
    }

    fn plan(&mut self, at: Time, call: usize, what: What) {
        self.next += 1;
        self.what.insert(self.next, what);
        self.events.push(Reverse((at, self.next, call)));
    }

    fn happen(&mut self, call: usize, what: What) {
        match what {
            What::Poll => {}
            What::Seen { exchange, seen } => {
                let actor = &mut self.calls[call];
                if actor.exchange.as_ref().is_none_or(|current| current.id != exchange) {
                    return;
                }
                let now = self.now;
                if let Some(machine) = &mut actor.call {
                    machine.handle_input(now, seen.input());
                }
            }
            What::Key { server, fails } => {
                let actor = &mut self.calls[call];
                // It was given up meanwhile.
                let Some(machine) = actor.call.as_mut().filter(|_| actor.asking == Some(server)) else { return };
                let key = match fails {
                    true => Err(tabbyapi::Error::custom(ErrorKind::Credentials, "credentials", "the vault is closed")),
                    false => Ok(Some(Credential::api_key("k").unwrap())),
                };
                actor.asking = None;
                self.laws.asked(server);
                machine.handle_input(self.now, Input::Key(key));
            }
            What::Cancel => {
                if self.calls[call].call.is_some() && self.calls[call].started.is_some() {
                    self.tally.cancelled += 1;
                    self.note(call, "cancel");
                    self.finish(call);
                }
                return;
            }
        }
        self.step(call);
    }

    /// Polls a call until it has something to wait for.
    fn step(&mut self, call: usize) {
        loop {
            let now = self.now;
            let actor = &mut self.calls[call];
            let Some(machine) = &mut actor.call else { return };
            self.tally.steps += 1;
            if actor.started.is_none() {
                actor.started = Some(now);
                self.tally.calls += 1;
                self.laws.call_started();
            }
            match machine.poll_output(now) {
                Output::Send { request, deadline } => {
                    let server = request.uri().host().unwrap()[1..2].parse().unwrap();
                    self.supersede(call);
                    self.send(call, server, request.body());
                    return self.wake_at(deadline, call);
                }
                Output::Read { deadline } => return self.wake_at(deadline, call),
                Output::Wait { until, changed } => {
                    self.supersede(call);
                    self.wake_at(until, call);
                    let Some(changed) = changed else { return };
                    if self.wait_for(call, changed) {
                        return;
                    }
                }
                Output::Authorize { server, deadline, .. } => {
                    self.supersede(call);
                    self.ask(call, &server);
                    return self.wake_at(deadline, call);
                }
                Output::Item(item) => {
                    assert_eq!(item, actor.items, "out of order");
                    actor.items += 1;
                }
                Output::Done(result) => return self.done(call, result),
                _ => panic!("something new"),
            }
        }
    }

    fn send(&mut self, call: usize, server: usize, body: &[u8]) {
        let (now, actor) = (self.now, &mut self.calls[call]);
        actor.sends += 1;
        self.tally.attempts += 1;
        self.laws.sent(server, now, actor.ask.tokens);
        let state = self.shared.servers(now)[server].breaker;
        assert!(!matches!(state, BreakerState::Open { .. }), "sent to server {server}, whose breaker is open");
        let words = actor.healing.map(|(_, goal)| {
            let from: u64 = std::str::from_utf8(body).unwrap().parse().unwrap();
            assert_eq!(from, actor.items, "the rest begins where the stream broke");
            from..goal
        });
        let answer = answer(self.moods[server], self.keys, words, &mut self.chance);
        if answer.begun {
            self.laws.begun(call, actor.generation);
        }
        *self.tally.answers.entry(answer.kind).or_default() += 1;
        self.next += 1;
        let id = self.next;
        self.calls[call].exchange = Some(Exchange { id, server, complete: answer.complete });
        self.note(call, answer.kind);
        let mut at = now;
        for (after, seen) in answer.steps {
            at = at + after;
            self.plan(at, call, What::Seen { exchange: id, seen });
        }
    }

    fn ask(&mut self, call: usize, server: &BaseUrl) {
        let server = (0..self.moods.len()).find(|index| base(*index) == *server).unwrap();
        let actor = &mut self.calls[call];
        if actor.asking == Some(server) {
            return;
        }
        actor.asking = Some(server);
        self.laws.asks(server);
        self.note(call, "ask");
        let fails = self.chance.percent(5);
        let at = self.now + self.chance.millis(3000);
        self.plan(at, call, What::Key { server, fails });
    }

    /// Whether there is something to wait for.
    fn wait_for(&mut self, call: usize, changed: Changed) -> bool {
        let flag = Arc::new(Flag { call, woken: self.woken.clone() });
        let mut changed = Box::pin(changed);
        let poll = changed.as_mut().poll(&mut Context::from_waker(&Waker::from(flag)));
        self.calls[call].changed = Some(changed);
        poll == Poll::Pending
    }

    fn wake_at(&mut self, at: Option<Time>, call: usize) {
        if let Some(at) = at {
            self.plan(at, call, What::Poll);
        }
        let actor = &mut self.calls[call];
        if actor.sleepy && self.chance.percent(20) {
            actor.asleep = self.now + self.chance.millis(5000);
        }
    }

    fn serve_the_woken(&mut self) {
        loop {
            let woken = std::mem::take(&mut *self.woken.lock().unwrap());
            if woken.is_empty() {
                return;
            }
            for call in woken {
                match self.calls[call].asleep {
                    asleep if self.now < asleep => self.plan(asleep, call, What::Poll),
                    _ => self.step(call),
                }
            }
        }
    }

    /// A call that waits for a change and is not woken has nothing to gain from being polled.
    fn look_for_lost_wakes(&mut self) {
        let soon = self.events.peek().is_some_and(|Reverse((at, ..))| *at <= self.now);
        if soon || !self.chance.percent(3) {
            return;
        }
        // One that waits for the key of one server is not called when another one has room.
        if self.calls.iter().any(|actor| actor.asking.is_some()) {
            return;
        }
        let call = self.chance.below(self.calls.len() as u64) as usize;
        let actor = &mut self.calls[call];
        let waits = actor.changed.is_some() && actor.exchange.is_none() && actor.asking.is_none();
        let (Some(machine), true, true) = (&mut actor.call, waits, self.now >= actor.asleep) else { return };
        let before = actor.sends;
        match machine.poll_output(self.now) {
            Output::Wait { until, changed } => {
                self.wake_at(until, call);
                if let Some(changed) = changed {
                    assert!(self.wait_for(call, changed), "call {call} was not reported of a change");
                }
                assert_eq!(before, self.calls[call].sends);
            }
            Output::Send { request, .. } => panic!("call {call} could go to {} and was not woken", request.uri()),
            Output::Authorize { server, .. } => {
                panic!("call {call} could ask for the key of {server} and was not woken")
            }
            Output::Done(result) => panic!("call {call} could end with {result:?} and was not woken"),
            _ => panic!("call {call} could go on and was not woken"),
        }
    }

    fn done(&mut self, call: usize, result: tabbyapi::Result<()>) {
        let actor = &self.calls[call];
        let outcome = match &result {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.code().to_string(),
        };
        let total = actor.ask.timeouts.total.filter(|_| !actor.sleepy);
        let complete = actor.exchange.as_ref().and_then(|exchange| exchange.complete);
        let reported = result.as_ref().copied().map_err(|error| error.code().as_str());
        match actor.healing {
            Some((_, goal)) => {
                self.laws.healed(reported, actor.items, goal);
                self.laws.in_time(actor.started.unwrap(), self.now, total);
            }
            None => self.laws.done(actor.started.unwrap(), self.now, total, reported, actor.items, complete),
        }
        if let (Err(error), Some(call)) = (&result, &actor.call) {
            assert_eq!(error.record(), Some(call.record()));
        }
        *self.tally.outcomes.entry(outcome.clone()).or_default() += 1;
        self.note(call, &outcome);
        self.finish(call);
    }

    fn finish(&mut self, call: usize) {
        self.supersede(call);
        let actor = &mut self.calls[call];
        if let Some(server) = actor.asking.take() {
            self.laws.asked(server);
        }
        let Some(machine) = actor.call.take() else { return };
        let record = machine.record();
        self.laws.recorded(record, actor.sends, actor.items);
        match actor.healing {
            Some((attempts, goal)) => {
                self.laws.resumed(call, record, attempts);
                self.tally.resumes += u64::from(record.resumes);
                self.tally.healed += u64::from(record.resumes > 0 && actor.items == goal);
                if let Some(code) = &record.not_resumed {
                    *self.tally.not_resumed.entry(code.to_string()).or_default() += 1;
                }
            }
            None => assert_eq!(record.resumes, 0),
        }
        drop(machine);
    }

    /// The exchange in flight is dropped, and what was waited for.
    fn supersede(&mut self, call: usize) {
        let actor = &mut self.calls[call];
        actor.changed = None;
        if let Some(exchange) = actor.exchange.take() {
            self.laws.exchange_over(exchange.server);
        }
    }

    fn note(&mut self, call: usize, what: &str) {
        (self.now, call, what).hash(&mut self.course);
        if self.loud {
            let server = self.calls[call].exchange.as_ref().map(|exchange| exchange.server);
            println!("{:>10.3?} call {call:>2} {what} {server:?}", self.now.since_epoch());
        }
    }
}
