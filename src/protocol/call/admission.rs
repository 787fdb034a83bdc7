//! `Admission`: which call may send to which server, and when.
//!
//! A client of one server without limits and breaker admits every attempt at once: [`Open`]. All others have a
//! [`Gate`](super::gate::Gate), which is linked only if a setting needs it.

use std::fmt;
use std::task::Waker;

use super::gate::{AdmissionResult, Slot, Want};
use super::shared::Policies;
use crate::base::{BaseUrl, Text, Time};
use crate::protocol::policy::{BreakerState, Server, ServerStatus};

/// Admits the attempts of a client.
pub(super) trait Admission: Send {
    /// Requests a slot for an attempt. A call that has waited passes its ticket.
    fn admit(&mut self, ticket: Option<u64>, want: &Want, now: Time) -> AdmissionResult;
    /// Releases a slot, with the result of the attempt if it is known.
    fn end(&mut self, grant: Slot, succeeded: Option<bool>, now: Option<Time>);
    /// Releases a slot that was not used, without counting it.
    fn undo(&mut self, grant: Slot);
    /// Releases a ticket, and the slot that it may have been given.
    fn leave(&mut self, ticket: u64);
    /// Stores the waker of a waiting ticket and returns the previous one, or returns it at once.
    fn waits(&mut self, ticket: u64, waker: Waker) -> Result<Option<Waker>, Waker>;
    /// Whether a server other than those tried could take this call at once.
    fn elsewhere(&mut self, want: &Want, now: Time) -> bool;
    fn status(&self, now: Time) -> Vec<ServerStatus>;
    /// The number of waiting tickets.
    fn waiting(&self) -> usize;
    /// Whether tokens are limited.
    fn limits_tokens(&self) -> bool;
    /// Sets which model a server has loaded.
    fn set_model(&mut self, server: usize, model: Text);
    /// Marks that a server has a model, because it served a call that requires one or loaded one.
    fn has_model(&mut self, server: usize);
    /// Returns the calls to wake after the lock is released.
    fn woken(&mut self) -> Vec<Waker>;
}

/// Creates the admission from the settings.
#[derive(Clone, Copy)]
pub(super) struct Make(pub(super) fn(&[Server], &Policies) -> Box<dyn Admission>);

impl Default for Make {
    fn default() -> Self {
        Make(Open::boxed)
    }
}

impl fmt::Debug for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Make").finish_non_exhaustive()
    }
}

/// The slots of one server, without a limit.
struct Open(Vec<ServerLoad>);

/// What is known about a server from its calls.
pub(super) struct ServerLoad {
    pub(super) base: BaseUrl,
    pub(super) in_flight: u32,
    pub(super) begun: u64,
    pub(super) failures: u64,
    /// When the last finished attempt failed. `None` if it succeeded.
    pub(super) failed: Option<Time>,
    pub(super) model: Option<Text>,
}

impl Open {
    fn boxed(servers: &[Server], _: &Policies) -> Box<dyn Admission> {
        Box::new(Open(servers.iter().map(|server| ServerLoad::new(server.base.clone())).collect()))
    }
}

impl Admission for Open {
    fn admit(&mut self, _: Option<u64>, want: &Want, now: Time) -> AdmissionResult {
        self.0.iter_mut().for_each(ServerLoad::begin);
        AdmissionResult::Granted(Slot { server: 0, pass: None, taken: Some(now), tokens: want.tokens })
    }

    fn end(&mut self, _: Slot, succeeded: Option<bool>, now: Option<Time>) {
        self.0.iter_mut().for_each(|load| load.end(succeeded, now.unwrap_or_default()));
    }

    fn undo(&mut self, _: Slot) {
        self.0.iter_mut().for_each(ServerLoad::undo);
    }

    fn leave(&mut self, _: u64) {}

    fn waits(&mut self, _: u64, waker: Waker) -> Result<Option<Waker>, Waker> {
        Err(waker)
    }

    fn elsewhere(&mut self, _: &Want, _: Time) -> bool {
        false
    }

    fn status(&self, _: Time) -> Vec<ServerStatus> {
        self.0.iter().map(|load| load.status(BreakerState::Closed)).collect()
    }

    fn waiting(&self) -> usize {
        0
    }

    fn limits_tokens(&self) -> bool {
        false
    }

    fn set_model(&mut self, _: usize, model: Text) {
        self.0.iter_mut().for_each(|load| load.model = Some(model.clone()));
    }

    fn has_model(&mut self, _: usize) {
        self.0.iter_mut().for_each(ServerLoad::has_model);
    }

    fn woken(&mut self) -> Vec<Waker> {
        Vec::new()
    }
}

impl ServerLoad {
    pub(super) fn new(base: BaseUrl) -> Self {
        ServerLoad { base, in_flight: 0, begun: 0, failures: 0, failed: None, model: None }
    }

    pub(super) fn begin(&mut self) {
        self.in_flight += 1;
        self.begun += 1;
    }

    pub(super) fn end(&mut self, succeeded: Option<bool>, now: Time) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match succeeded {
            Some(true) => self.failed = None,
            Some(false) => {
                self.failures += 1;
                self.failed = Some(now);
            }
            None => {}
        }
    }

    /// Whether it is known to have no model loaded.
    pub(super) fn is_empty(&self) -> bool {
        self.model.as_ref().is_some_and(|model| model.is_empty())
    }

    pub(super) fn has_model(&mut self) {
        if self.is_empty() {
            self.model = None;
        }
    }

    /// Reverts the start of an attempt.
    pub(super) fn undo(&mut self) {
        self.begun = self.begun.saturating_sub(1);
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    pub(super) fn status(&self, breaker: BreakerState) -> ServerStatus {
        ServerStatus {
            base: self.base.clone(),
            breaker,
            in_flight: self.in_flight,
            attempts: self.begun,
            failures: self.failures,
            failing: self.failed.is_some(),
            model: self.model.clone(),
        }
    }
}
