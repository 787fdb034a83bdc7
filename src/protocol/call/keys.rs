//! The key cache of a client: one call requests a key, for all.

use super::shared::Shared;
use super::wait::Changed;
use crate::base::Time;
use crate::protocol::auth::Credential;
use crate::protocol::endpoint::Scope;

/// The key of one scope at one server.
pub(super) enum KeySlot {
    /// A call is requesting it.
    Refreshing,
    Ready {
        credential: Option<Credential>,
        serial: u64,
    },
    /// The server rejected it.
    Rejected,
}

/// How a call gets its key.
pub(super) enum Access {
    Granted {
        credential: Option<Credential>,
        serial: u64,
    },
    /// This call requests it, for all.
    Lead(Lease),
    /// Another call is requesting it.
    Busy(Changed),
}

impl Shared {
    /// The key for a scope at a server, or who requests it.
    pub(super) fn credential(&self, server: usize, scope: Scope, now: Time) -> Access {
        if scope == Scope::Public {
            return Access::Granted { credential: None, serial: 0 };
        }
        if !self.asks_for_keys() {
            return Access::Granted { credential: self.fixed_key(server, scope), serial: 0 };
        }
        let mut state = self.lock();
        let place = (server, scope);
        let skew = self.key_skew();
        let rejected = match state.keys.get(&place) {
            Some(KeySlot::Ready { credential, serial }) if credential.as_ref().is_none_or(|c| c.is_good(now, skew)) => {
                return Access::Granted { credential: credential.clone(), serial: *serial };
            }
            Some(KeySlot::Refreshing) => {
                let seen = state.version;
                drop(state);
                return Access::Busy(Changed::version(self, seen));
            }
            Some(KeySlot::Rejected) => true,
            Some(KeySlot::Ready { .. }) | None => false,
        };
        state.keys.insert(place, KeySlot::Refreshing);
        Access::Lead(Lease { shared: self.clone(), server, scope, rejected, settled: false })
    }

    /// Marks the key of this serial as rejected, so that the next call requests a new one. Returns whether there can be a new one.
    pub(super) fn reject(&self, server: usize, scope: Scope, serial: u64) -> bool {
        if !self.asks_for_keys() || scope == Scope::Public {
            return false;
        }
        let mut state = self.lock();
        // If another call has replaced it, the new key is tried.
        let place = (server, scope);
        if matches!(state.keys.get(&place), Some(KeySlot::Ready { serial: current, .. }) if *current == serial) {
            state.keys.insert(place, KeySlot::Rejected);
        }
        true
    }
}

/// The duty to provide a key. If it is dropped without one, the next call takes over.
pub(super) struct Lease {
    shared: Shared,
    pub(super) server: usize,
    pub(super) scope: Scope,
    pub(super) rejected: bool,
    settled: bool,
}

impl Lease {
    /// Passes the key to all waiting calls, and returns its serial.
    pub(super) fn settle(mut self, credential: Option<Credential>) -> u64 {
        self.settled = true;
        let place = (self.server, self.scope);
        let mut serial = 0;
        self.shared.change(|state| {
            // The version is unique to this change, so it can name the key.
            serial = state.version + 1;
            if let Some(credential) = &credential {
                state.given.add(credential);
            }
            state.keys.insert(place, KeySlot::Ready { credential, serial });
        });
        serial
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.settled {
            let (place, rejected) = ((self.server, self.scope), self.rejected);
            self.shared.change(|state| {
                match rejected {
                    true => state.keys.insert(place, KeySlot::Rejected),
                    false => state.keys.remove(&place),
                };
            });
        }
    }
}
