//! The gate: which server an attempt goes to, and whether it may go there now.
//!
//! All attempts of a client pass it. It is pure: given the time, it grants a place at a server, or says what to wait for, or
//! refuses. Waiting calls hold a ticket and are served in the order of their tickets, each as soon as a server that it wants
//! has room; a ticket that waits at a server holds back later ones there, so that no call starves.

use std::collections::VecDeque;
use std::task::Waker;

use super::admission::{Admission, ServerLoad};
use super::failures::refused;
use super::shared::Policies;
use super::sorted::Sorted;
use crate::base::{Error, Text, Time};
use crate::protocol::policy::{
    Balance, BreakerState, Candidate, Circuit, Pass, Server, ServerStatus, WhenFull, Window, best,
};

/// How long after a failure a server comes after others.
const LATELY: std::time::Duration = std::time::Duration::from_secs(10);

/// Sets of servers are bits of a `u64`.
pub(super) const MAX_SERVERS: usize = 64;

pub(super) struct Gate {
    members: Vec<Member>,
    balance: Balance,
    /// Most tickets that may wait.
    room: usize,
    queue: VecDeque<Waiting>,
    /// Admission that were given to tickets whose calls have not come for them yet.
    granted: Sorted<u64, Slot>,
    next_ticket: u64,
    /// The latest time that was given: dropping a place gives none.
    now: Time,
    /// Calls to be woken once the lock is released.
    wake: Vec<Waker>,
}

/// A server at work.
struct Member {
    load: ServerLoad,
    circuit: Option<Circuit>,
    requests: Option<Window>,
    tokens: Option<Window>,
    when_full: WhenFull,
    places: Option<u32>,
}

/// What a call wants of a server.
#[derive(Clone, Debug, Default)]
pub(super) struct Want {
    /// This one and no other.
    pub(super) server: Option<usize>,
    /// This one next: it asked for another key.
    pub(super) back: Option<usize>,
    /// One that has this model loaded, if any is known to.
    pub(super) model: Option<Text>,
    /// Not one that is known to have no model loaded, if there is another.
    pub(super) needs_model: bool,
    /// Rather one that is not among these.
    pub(super) tried: u64,
    /// What it weighs against the rate limit.
    pub(super) tokens: u64,
}

struct Waiting {
    ticket: u64,
    want: Want,
    waker: Option<Waker>,
    /// Its call is to come: it has something to hear.
    called: bool,
    /// When there may be room for it, if that is known, and when its call was told to come.
    until: Option<Time>,
    told: Option<Time>,
    refusal: Option<Refusal>,
}

/// A place at a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) server: usize,
    pub(super) pass: Option<Pass>,
    /// Since when its call has it, and what it weighs.
    pub(super) taken: Option<Time>,
    pub(super) tokens: u64,
}

/// What the gate says.
#[derive(Debug)]
pub(super) enum AdmissionResult {
    Granted(Slot),
    /// Come again at that time, or when the ticket is called.
    Wait {
        ticket: u64,
        until: Option<Time>,
    },
    Refused(Error),
}

/// Why no attempt may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Open { until: Time },
    Full { until: Time },
    Queue { waiting: usize },
}

enum Pick {
    Take(usize),
    /// These servers have no room yet; one of them will by then, if it is known.
    Wait {
        at: u64,
        until: Option<Time>,
    },
    Refuse(Refusal),
}

enum Room {
    Now,
    At(Time),
    /// When a call ends.
    Later,
    Never(Refusal),
}

impl Gate {
    pub(super) fn boxed(servers: &[Server], policies: &Policies) -> Box<dyn Admission> {
        Box::new(Gate {
            members: servers.iter().map(|server| Member::new(server, policies)).collect(),
            balance: policies.balance,
            room: policies.concurrency.map_or(usize::MAX, |limit| limit.waiting),
            queue: VecDeque::new(),
            granted: Sorted::new(),
            next_ticket: 0,
            now: Time::default(),
            wake: Vec::new(),
        })
    }
}

impl Admission for Gate {
    fn admit(&mut self, ticket: Option<u64>, want: &Want, now: Time) -> AdmissionResult {
        self.now = self.now.max(now);
        match ticket.and_then(|ticket| self.granted.remove(&ticket)) {
            // The breaker has opened since: the call looks for another place.
            Some(grant) if self.is_stale(grant) => self.undo(grant),
            Some(grant) => return AdmissionResult::Granted(self.take(grant)),
            None => {}
        }
        let taken = self.serve();
        if let Some(grant) = ticket.and_then(|ticket| self.granted.remove(&ticket)) {
            return AdmissionResult::Granted(self.take(grant));
        }
        if let Some(at) = ticket.and_then(|ticket| self.find(ticket)) {
            return self.answer_waiting(at);
        }
        match self.pick(want, taken, false) {
            Pick::Take(server) => {
                let grant = self.begin(server, want);
                AdmissionResult::Granted(self.take(grant))
            }
            Pick::Wait { .. } if self.queue.len() >= self.room => {
                self.refuse(Refusal::Queue { waiting: self.queue.len() })
            }
            Pick::Wait { until, .. } => {
                self.next_ticket += 1;
                let ticket = self.next_ticket;
                let want = want.clone();
                let waiting = Waiting { ticket, want, waker: None, called: false, until, told: until, refusal: None };
                self.queue.push_back(waiting);
                AdmissionResult::Wait { ticket, until }
            }
            Pick::Refuse(refusal) => self.refuse(refusal),
        }
    }

    fn end(&mut self, grant: Slot, succeeded: Option<bool>, now: Option<Time>) {
        self.now = self.now.max(now.unwrap_or_default());
        let now = self.now;
        let Some(member) = self.members.get_mut(grant.server) else { return };
        member.load.end(succeeded, now);
        if let (Some(circuit), Some(pass)) = (&mut member.circuit, grant.pass) {
            circuit.end(pass, succeeded, now);
        }
        self.serve();
    }

    fn undo(&mut self, grant: Slot) {
        if let Some(member) = self.members.get_mut(grant.server) {
            member.load.begun = member.load.begun.saturating_sub(1);
            let weights = [(&mut member.requests, 1), (&mut member.tokens, grant.tokens)];
            for (window, amount) in weights.into_iter().filter_map(|(window, amount)| Some((window.as_mut()?, amount)))
            {
                match grant.taken {
                    Some(at) => window.untake(amount, at),
                    None => window.unreserve(amount),
                }
            }
        }
        self.end(grant, None, None);
    }

    fn leave(&mut self, ticket: u64) {
        if let Some(at) = self.find(ticket) {
            let waiting = self.queue.remove(at);
            // Dropped with the others, outside the lock.
            self.wake.extend(waiting.and_then(|waiting| waiting.waker));
            self.serve();
        } else if let Some(grant) = self.granted.remove(&ticket) {
            self.undo(grant);
        }
    }

    fn waits(&mut self, ticket: u64, waker: Waker) -> Result<Option<Waker>, Waker> {
        match self.find(ticket) {
            Some(at) if !self.queue[at].called => Ok(self.queue[at].waker.replace(waker)),
            _ => Err(waker),
        }
    }

    fn elsewhere(&mut self, want: &Want, now: Time) -> bool {
        self.now = self.now.max(now);
        matches!(self.pick(want, want.tried, false), Pick::Take(_))
    }

    fn status(&self, now: Time) -> Vec<ServerStatus> {
        let breaker = |circuit: &Circuit| circuit.state(now);
        let status =
            |member: &Member| member.load.status(member.circuit.as_ref().map_or(BreakerState::Closed, breaker));
        self.members.iter().map(status).collect()
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn limits_tokens(&self) -> bool {
        self.members.iter().any(|member| member.tokens.is_some())
    }

    fn set_model(&mut self, server: usize, model: Text) {
        if let Some(member) = self.members.get_mut(server) {
            member.load.model = Some(model);
        }
    }

    fn has_model(&mut self, server: usize) {
        if let Some(member) = self.members.get_mut(server) {
            member.load.has_model();
        }
    }

    fn woken(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.wake)
    }
}

impl Gate {
    /// What a ticket is told that was not served just now. It gets an alarm of its own even if earlier ones stand before it,
    /// since their calls may not be polled; the one that comes first has all served.
    fn answer_waiting(&mut self, at: usize) -> AdmissionResult {
        let now = self.now;
        let want = std::mem::take(&mut self.queue[at].want);
        let own = match self.pick(&want, 0, true) {
            Pick::Wait { until, .. } => until,
            Pick::Take(_) | Pick::Refuse(_) => None,
        };
        let first = self.queue.front().and_then(|first| first.until);
        let waiting = &mut self.queue[at];
        waiting.want = want;
        waiting.until = [own, first, waiting.until].into_iter().flatten().filter(|until| now < *until).min();
        (waiting.called, waiting.told) = (false, waiting.until);
        let (ticket, until) = (waiting.ticket, waiting.until);
        match waiting.refusal {
            Some(refusal) => {
                self.leave(ticket);
                self.refuse(refusal)
            }
            None => AdmissionResult::Wait { ticket, until },
        }
    }

    /// Gives places to tickets, in their order, and tells at which servers tickets are left waiting.
    fn serve(&mut self) -> u64 {
        let all = u64::MAX >> (MAX_SERVERS - self.members.len().clamp(1, MAX_SERVERS));
        let mut taken = 0;
        let mut at = 0;
        while at < self.queue.len() && taken != all {
            let want = std::mem::take(&mut self.queue[at].want);
            match self.pick(&want, taken, true) {
                Pick::Take(server) => {
                    let grant = self.begin(server, &want);
                    if let Some(waiting) = self.queue.remove(at) {
                        self.granted.insert(waiting.ticket, grant);
                        self.wake.extend(waiting.waker);
                    }
                    continue;
                }
                Pick::Wait { at: servers, until } => {
                    taken |= servers;
                    let waiting = &mut self.queue[at];
                    (waiting.until, waiting.refusal) = (until, None);
                    // Its call is to set its alarm.
                    if until.is_some_and(|until| waiting.told.is_none_or(|told| until < told)) {
                        self.summon(at);
                    }
                }
                Pick::Refuse(refusal) => {
                    self.queue[at].refusal = Some(refusal);
                    self.summon(at);
                }
            }
            self.queue[at].want = want;
            at += 1;
        }
        taken
    }

    /// Has the call of a waiting ticket come.
    fn summon(&mut self, at: usize) {
        self.queue[at].called = true;
        let waker = self.queue[at].waker.take();
        self.wake.extend(waker);
    }

    /// Where an attempt can go, other than to the servers that are taken. What has `queued` is not refused for the rate any more.
    fn pick(&mut self, want: &Want, taken: u64, queued: bool) -> Pick {
        let now = self.now;
        let known = want.model.is_some() && self.members.iter().any(|member| member.load.model == want.model);
        let mut ready: Vec<Candidate> = Vec::new();
        // Some server that may have a model will have room.
        let mut better_later = false;
        let (mut waits, mut until, mut refusal): (u64, Option<Time>, Option<Refusal>) = (0, None, None);
        for (index, member) in self.members.iter_mut().enumerate() {
            if want.back.or(want.server).is_some_and(|server| server != index) {
                continue;
            }
            let no_model = want.needs_model && member.load.is_empty();
            let room = member.room(want.tokens, now, queued);
            better_later |= !no_model && matches!(room, Room::At(_) | Room::Later);
            match room {
                Room::Now if taken & (1 << index) != 0 => waits |= 1 << index,
                Room::Now => ready.push(Candidate {
                    index,
                    tried: want.tried & (1 << index) != 0,
                    no_model,
                    lacks_model: known && member.load.model != want.model,
                    failed_lately: member.load.failed.is_some_and(|at| now < at + LATELY),
                    in_flight: member.load.in_flight,
                    begun: member.load.begun,
                }),
                Room::At(at) => {
                    waits |= 1 << index;
                    until = Some(until.map_or(at, |until| until.min(at)));
                }
                Room::Later => waits |= 1 << index,
                Room::Never(other) => {
                    refusal = Some(refusal.filter(|refusal| refusal.until() <= other.until()).unwrap_or(other));
                }
            }
        }
        let best = best(self.balance, ready.into_iter());
        // A call is not sent where it is bound to fail while it can wait for a place elsewhere.
        let best = best.filter(|server| {
            !(better_later
                && want.needs_model
                && self.members.get(*server).is_some_and(|member| member.load.is_empty()))
        });
        match (best, refusal) {
            (Some(server), _) => Pick::Take(server),
            (None, Some(refusal)) if waits == 0 => Pick::Refuse(refusal),
            (None, refusal) => {
                let until = [until, refusal.and_then(Refusal::until)].into_iter().flatten().min();
                Pick::Wait { at: waits, until }
            }
        }
    }

    fn begin(&mut self, server: usize, want: &Want) -> Slot {
        let now = self.now;
        let member = &mut self.members[server];
        member.load.begin();
        if let Some(window) = &mut member.requests {
            window.reserve(1);
        }
        if let Some(window) = &mut member.tokens {
            window.reserve(want.tokens);
        }
        let pass = member.circuit.as_mut().map(|circuit| circuit.begin(now));
        Slot { server, pass, taken: None, tokens: want.tokens }
    }

    fn is_stale(&self, grant: Slot) -> bool {
        let circuit = self.members.get(grant.server).and_then(|member| member.circuit.as_ref());
        circuit.zip(grant.pass).is_some_and(|(circuit, pass)| circuit.is_stale(pass))
    }

    /// The call comes for its place, and sends now.
    fn take(&mut self, grant: Slot) -> Slot {
        let now = self.now;
        if let Some(member) = self.members.get_mut(grant.server) {
            if let Some(window) = &mut member.requests {
                window.take(1, now);
            }
            if let Some(window) = &mut member.tokens {
                window.take(grant.tokens, now);
            }
        }
        // Now it is known when there will be room for the next.
        self.serve();
        Slot { taken: Some(now), ..grant }
    }

    fn refuse(&self, refusal: Refusal) -> AdmissionResult {
        AdmissionResult::Refused(refused(refusal, self.now))
    }

    fn find(&self, ticket: u64) -> Option<usize> {
        self.queue.binary_search_by_key(&ticket, |waiting| waiting.ticket).ok()
    }
}

impl Member {
    /// A server with the client's settings, where it has none of its own.
    fn new(server: &Server, defaults: &Policies) -> Self {
        let Server { base, rate, concurrency, .. } = server;
        let rate = rate.or(defaults.rate);
        let window = |limit: Option<u64>| Some(Window::new(limit?, rate?.interval));
        Member {
            load: ServerLoad::new(base.clone()),
            circuit: defaults.breaker.map(Circuit::new),
            requests: window(rate.and_then(|rate| rate.requests.map(u64::from))),
            tokens: window(rate.and_then(|rate| rate.tokens)),
            when_full: rate.map(|rate| rate.when_full).unwrap_or_default(),
            places: concurrency.or(defaults.concurrency).map(|limit| limit.running.max(1)),
        }
    }

    fn room(&mut self, tokens: u64, now: Time, queued: bool) -> Room {
        if let Some(Err(until)) = self.circuit.as_ref().map(|circuit| circuit.allows(now)) {
            return Room::Never(Refusal::Open { until });
        }
        let requests = self.requests.as_mut().map_or(Some(now), |window| window.available(1, now));
        let tokens = self.tokens.as_mut().map_or(Some(now), |window| window.available(tokens, now));
        let (Some(requests), Some(tokens)) = (requests, tokens) else { return Room::Later };
        let at = requests.max(tokens);
        if at > now {
            return match self.when_full {
                WhenFull::Refuse if !queued => Room::Never(Refusal::Full { until: at }),
                _ => Room::At(at),
            };
        }
        match self.places {
            Some(places) if self.load.in_flight >= places => Room::Later,
            _ => Room::Now,
        }
    }
}

impl Refusal {
    pub(super) fn until(self) -> Option<Time> {
        match self {
            Refusal::Open { until } | Refusal::Full { until } => Some(until),
            Refusal::Queue { .. } => None,
        }
    }
}
