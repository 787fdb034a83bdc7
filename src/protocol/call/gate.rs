//! The gate: selects the server of an attempt, and admits the attempt now or later.
//!
//! All attempts of a client pass the gate. It is pure: given the time, it grants a slot at a server, returns what to wait for, or
//! rejects the call. Waiting calls hold a ticket and are served in the order of their tickets, each as soon as an acceptable server
//! has room. A ticket that waits for a server holds back later ones there, so that calls do not starve.

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

/// How long a server is deprioritized after a failure.
const LATELY: std::time::Duration = std::time::Duration::from_secs(10);

/// Sets of servers are bits of a `u64`.
pub(super) const MAX_SERVERS: usize = 64;

pub(super) struct Gate {
    members: Vec<Member>,
    balance: Balance,
    /// The maximum number of waiting tickets.
    room: usize,
    queue: VecDeque<Waiting>,
    /// Slots that were granted to tickets whose calls have not taken them yet.
    granted: Sorted<u64, Slot>,
    next_ticket: u64,
    /// The latest known time, for the drop of a slot, which has no time argument.
    now: Time,
    /// Calls to wake after the lock is released.
    wake: Vec<Waker>,
}

/// The state of a server.
struct Member {
    load: ServerLoad,
    circuit: Option<Circuit>,
    requests: Option<Window>,
    tokens: Option<Window>,
    when_full: WhenFull,
    places: Option<u32>,
}

/// Which server a call needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Want {
    /// Only this server.
    pub(super) server: Option<usize>,
    /// This server next, since a new key was requested for it.
    pub(super) back: Option<usize>,
    /// A server that has this model loaded, if one is known.
    pub(super) model: Option<Text>,
    /// Not a server that is known to have no model loaded, if there is another.
    pub(super) needs_model: bool,
    /// Preferably a server that is not among these.
    pub(super) tried: u64,
    /// The number of tokens for the rate limit.
    pub(super) tokens: u64,
}

struct Waiting {
    ticket: u64,
    want: Want,
    waker: Option<Waker>,
    /// The call has been woken.
    called: bool,
    /// When there may be room, if that is known, and the time that was last reported to the call.
    until: Option<Time>,
    reported: Option<Time>,
    refusal: Option<Refusal>,
}

/// A slot at a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) server: usize,
    pub(super) pass: Option<Pass>,
    /// Since when the call has the slot, and its number of tokens.
    pub(super) taken: Option<Time>,
    pub(super) tokens: u64,
}

/// The decision of the gate.
#[derive(Debug)]
pub(super) enum AdmissionResult {
    Granted(Slot),
    /// Wait until this time, or until the ticket is called.
    Wait {
        ticket: u64,
        until: Option<Time>,
    },
    Refused(Error),
}

/// Why an attempt is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Open { until: Time },
    Full { until: Time },
    Queue { waiting: usize },
}

enum Pick {
    Take(usize),
    /// These servers have no room yet. One of them will have room at this time, if it is known.
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
            // The breaker has opened since: the call needs another slot.
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
                let waiting =
                    Waiting { ticket, want, waker: None, called: false, until, reported: until, refusal: None };
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
    /// The decision for a ticket that has to wait. It gets a timer even if earlier tickets are ahead, since their calls may not be polled.
    /// The first call that is polled serves all tickets.
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
        (waiting.called, waiting.reported) = (false, waiting.until);
        let (ticket, until) = (waiting.ticket, waiting.until);
        match waiting.refusal {
            Some(refusal) => {
                self.leave(ticket);
                self.refuse(refusal)
            }
            None => AdmissionResult::Wait { ticket, until },
        }
    }

    /// Grants slots to tickets, in order. Returns at which servers tickets are still waiting.
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
                    // The call has to set its timer.
                    if until.is_some_and(|until| waiting.reported.is_none_or(|reported| until < reported)) {
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

    /// Wakes the call of a waiting ticket.
    fn summon(&mut self, at: usize) {
        self.queue[at].called = true;
        let waker = self.queue[at].waker.take();
        self.wake.extend(waker);
    }

    /// Selects a server that is not taken. A `queued` call is no longer rejected because of the rate limit.
    fn pick(&mut self, want: &Want, taken: u64, queued: bool) -> Pick {
        let now = self.now;
        let known = want.model.is_some() && self.members.iter().any(|member| member.load.model == want.model);
        let mut ready: Vec<Candidate> = Vec::new();
        // A server that may have a model will have room.
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
        // A call that can wait for another server is not sent where it will fail.
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

    /// The call takes its slot, and sends now.
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
        // It is now known when there will be room for the next one.
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
    /// A server with its own settings, or those of the client.
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
