//! `Shared`: what the calls of one client share.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Time;
use crate::auth::{Credential, Keys};
use crate::{BaseUrl, Options, Result, Scope};

/// What the calls of one client share: the server's address, keys and the key cache, settings, and who waits for whom.
///
/// Cheap to clone. Its lock is held only inside a call's poll, handle and drop, never across an await.
#[derive(Clone)]
pub struct Shared(Arc<Inner>);

struct Inner {
    base: BaseUrl,
    keys: Keys,
    /// Keys come from the caller, by `Output::Authorize`.
    asks_for_keys: bool,
    options: Options,
    state: Mutex<State>,
}

struct State {
    cache: HashMap<Scope, Slot>,
    /// Grows with each change that a waiting call may be waiting for.
    version: u64,
    waiters: HashMap<u64, Waker>,
    next_waiter: u64,
    random: u64,
}

/// The key of one scope.
enum Slot {
    /// One call asks for it; `rejected` until the server has taken a key again.
    Refreshing,
    Ready {
        credential: Option<Credential>,
        serial: u64,
    },
    Rejected,
}

/// How to build a [`Shared`] for calls that are driven by hand; [`ClientBuilder`](crate::ClientBuilder) has the same settings.
#[derive(Clone, Debug)]
pub struct Settings {
    base: BaseUrl,
    keys: Keys,
    asks_for_keys: bool,
    options: Options,
    seed: u64,
}

impl Settings {
    /// The settings for a server.
    pub fn new(base: BaseUrl) -> Self {
        Settings { base, keys: Keys::default(), asks_for_keys: false, options: Options::new(), seed: 0 }
    }

    /// The API key (wire: `X-API-Key`); a blank one is unset. Errors if no header can carry it.
    pub fn api_key(mut self, key: &str) -> Result<Self> {
        self.keys.set_api(key)?;
        Ok(self)
    }

    /// The admin key (wire: `X-Admin-Key`, and `X-API-Key` where there is no API key); a blank one is unset.
    pub fn admin_key(mut self, key: &str) -> Result<Self> {
        self.keys.set_admin(key)?;
        Ok(self)
    }

    /// A key sent as `Authorization: Bearer` where no other key fits; a blank one is unset.
    pub fn bearer(mut self, key: &str) -> Result<Self> {
        self.keys.set_bearer(key)?;
        Ok(self)
    }

    /// Calls ask for their keys with [`Output::Authorize`](super::Output::Authorize), in place of the fixed ones.
    pub fn ask_for_keys(mut self) -> Self {
        self.asks_for_keys = true;
        self
    }

    /// Headers, extra fields, deadlines, caps and retries for all calls.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Sets the seed of the jitter of retries; it need not be secret, only different for each client.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

impl Shared {
    /// What the calls with these settings share.
    pub fn new(settings: Settings) -> Self {
        let Settings { base, keys, asks_for_keys, options, seed } = settings;
        let state = State { cache: HashMap::new(), version: 0, waiters: HashMap::new(), next_waiter: 0, random: seed };
        Shared(Arc::new(Inner { base, keys, asks_for_keys, options, state: Mutex::new(state) }))
    }

    /// The server's address.
    pub fn base(&self) -> &BaseUrl {
        &self.0.base
    }

    /// The settings that calls start from.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// The key for a scope, or who is getting one.
    pub(super) fn credential(&self, scope: Scope, now: Time) -> Access {
        if scope == Scope::Public {
            return Access::Granted { credential: None, serial: 0 };
        }
        if !self.0.asks_for_keys {
            return Access::Granted { credential: self.0.keys.resolve(scope), serial: 0 };
        }
        let mut state = self.lock();
        let rejected = match state.cache.get(&scope) {
            Some(Slot::Ready { credential, serial }) if credential.as_ref().is_none_or(|c| c.is_good(now)) => {
                return Access::Granted { credential: credential.clone(), serial: *serial };
            }
            Some(Slot::Refreshing) => {
                let seen = state.version;
                drop(state);
                return Access::Busy(Changed { shared: self.clone(), seen, id: None });
            }
            Some(Slot::Rejected) => true,
            Some(Slot::Ready { .. }) | None => false,
        };
        state.cache.insert(scope, Slot::Refreshing);
        Access::Lead(Lease { shared: self.clone(), scope, rejected, settled: false })
    }

    /// The server refused the key of this serial; whoever comes next gets a new one. Whether there can be one.
    pub(super) fn reject(&self, scope: Scope, serial: u64) -> bool {
        if !self.0.asks_for_keys || scope == Scope::Public {
            return false;
        }
        let mut state = self.lock();
        // Another call may have replaced it meanwhile; then its key is tried.
        if matches!(state.cache.get(&scope), Some(Slot::Ready { serial: current, .. }) if *current == serial) {
            state.cache.insert(scope, Slot::Rejected);
        }
        true
    }

    /// The next random number, by splitmix64.
    pub(super) fn random(&self) -> u64 {
        let mut state = self.lock();
        state.random = state.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock, so a poisoned one is whole.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes whoever waits for a change, outside the lock.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let waiters = {
            let mut state = self.lock();
            change(&mut state);
            state.version += 1;
            std::mem::take(&mut state.waiters)
        };
        waiters.into_values().for_each(Waker::wake);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("base", &self.0.base).field("keys", &self.0.keys).finish_non_exhaustive()
    }
}

/// How a call gets its key.
pub(super) enum Access {
    Granted {
        credential: Option<Credential>,
        serial: u64,
    },
    /// This call asks for it, for all.
    Lead(Lease),
    /// Another call asks for it.
    Busy(Changed),
}

/// The duty to bring a key. Dropped without one, the next call takes over.
pub(super) struct Lease {
    shared: Shared,
    pub(super) scope: Scope,
    pub(super) rejected: bool,
    settled: bool,
}

impl Lease {
    pub(super) fn settle(mut self, credential: Option<Credential>) {
        self.settled = true;
        let scope = self.scope;
        self.shared.change(|state| {
            // The version is unique to this change, so it can name the key.
            let serial = state.version + 1;
            state.cache.insert(scope, Slot::Ready { credential, serial });
        });
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.settled {
            let (scope, rejected) = (self.scope, self.rejected);
            self.shared.change(|state| {
                match rejected {
                    true => state.cache.insert(scope, Slot::Rejected),
                    false => state.cache.remove(&scope),
                };
            });
        }
    }
}

/// Completes when something changed that a call waits for: a key arrived, a permit came free.
///
/// It needs no runtime: any executor can poll it, a blocking driver can park on it. After it, poll the call again.
pub struct Changed {
    shared: Shared,
    seen: u64,
    id: Option<u64>,
}

impl Future for Changed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Cloning and dropping wakers is foreign code; it does not run under the lock.
        let waker = cx.waker().clone();
        let this = &mut *self;
        let mut state = this.shared.lock();
        if state.version != this.seen {
            return Poll::Ready(());
        }
        let id = *this.id.get_or_insert_with(|| {
            state.next_waiter += 1;
            state.next_waiter
        });
        let replaced = state.waiters.insert(id, waker);
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        if let Some(id) = self.id {
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
