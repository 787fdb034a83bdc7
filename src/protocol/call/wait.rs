//! What calls wait for: slots at servers, and keys.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::gate::{AdmissionResult, Slot, Want};
use super::shared::Shared;
use crate::base::{Error, Time};

impl Shared {
    /// Requests a slot for an attempt, or returns what to wait for. The call keeps the ticket over all its waits.
    pub(super) fn admit(&self, ticket: &mut Option<Ticket>, want: &Want, now: Time) -> Entry {
        let admission = self.with(|state| state.places.admit(ticket.as_ref().map(|ticket| ticket.id), want, now));
        match admission {
            AdmissionResult::Granted(grant) => {
                *ticket = None;
                Entry::Granted(Permit { shared: self.clone(), grant, ended: false })
            }
            AdmissionResult::Refused(error) => {
                *ticket = None;
                Entry::Refused(error)
            }
            AdmissionResult::Wait { ticket: id, until } => {
                // A new ticket replaces one whose slot was withdrawn.
                if ticket.as_ref().is_none_or(|ticket| ticket.id != id) {
                    *ticket = Some(Ticket { shared: self.clone(), id });
                }
                Entry::Wait { until, changed: Changed { shared: self.clone(), on: On::Ticket(id) } }
            }
        }
    }
}

/// The decision of the gate for a call.
pub(super) enum Entry {
    Granted(Permit),
    Wait { until: Option<Time>, changed: Changed },
    Refused(Error),
}

/// A position in the queue. Dropping it leaves the queue.
pub(super) struct Ticket {
    shared: Shared,
    id: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.with(|state| state.places.leave(self.id));
    }
}

/// A slot at a server. Dropping it releases the slot.
pub(super) struct Permit {
    shared: Shared,
    grant: Slot,
    ended: bool,
}

impl Permit {
    pub(super) fn server(&self) -> usize {
        self.grant.server
    }

    /// Releases the slot unused.
    pub(super) fn undo(mut self) {
        self.ended = true;
        self.shared.with(|state| state.places.undo(self.grant));
    }

    /// Releases the slot with the result of the attempt. `None` if the result does not depend on the server.
    pub(super) fn end(mut self, succeeded: Option<bool>, now: Time) {
        self.ended = true;
        self.shared.with(|state| state.places.end(self.grant, succeeded, Some(now)));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.ended {
            self.shared.with(|state| state.places.end(self.grant, None, None));
        }
    }
}

/// Completes when something that a call waits for has changed: a key arrived, or a slot became free.
///
/// Requires no runtime: any executor can poll it, and a blocking driver can park on it. After it, poll the call again.
pub struct Changed {
    shared: Shared,
    on: On,
}

enum On {
    /// Any change after this version. The id is that of the waker.
    Version {
        seen: u64,
        id: Option<u64>,
    },
    Ticket(u64),
}

impl Changed {
    pub(super) fn version(shared: &Shared, seen: u64) -> Self {
        Changed { shared: shared.clone(), on: On::Version { seen, id: None } }
    }
}

impl Future for Changed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Cloning and dropping wakers runs foreign code, so it is done outside the lock.
        let waker = cx.waker().clone();
        let Changed { shared, on } = &mut *self;
        let mut state = shared.lock();
        let (poll, old) = match on {
            On::Version { seen, .. } if state.version != *seen => (Poll::Ready(()), Some(waker)),
            On::Version { id, .. } => {
                let id = *id.get_or_insert_with(|| {
                    state.next_waiter += 1;
                    state.next_waiter
                });
                (Poll::Pending, state.waiters.insert(id, waker))
            }
            On::Ticket(ticket) => match state.places.waits(*ticket, waker) {
                Ok(old) => (Poll::Pending, old),
                Err(waker) => (Poll::Ready(()), Some(waker)),
            },
        };
        drop(state);
        drop(old);
        poll
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        // The waker of a ticket is dropped with the ticket.
        if let On::Version { id: Some(id), .. } = self.on {
            let waker = self.shared.lock().waiters.remove(&id);
            drop(waker);
        }
    }
}

impl fmt::Debug for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changed").finish_non_exhaustive()
    }
}
