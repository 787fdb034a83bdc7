//! `Shared`: the state that the calls of a client share.

use std::array;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::admission::{Admission, Make};
use super::gate::{Gate, MAX_SERVERS, Want};
use super::guard::Given;
use super::keys::KeySlot;
use super::sorted::Sorted;
use crate::base::secrets::is_secret;
use crate::base::{Advice, BaseUrl, Error, Remedy, Result, Secrets, Text, Time};
use crate::protocol::auth::{Credential, Keys};
use crate::protocol::endpoint::Scope;
use crate::protocol::options::Options;
use crate::protocol::policy::{
    Balance, Breaker, Concurrency, RateLimit, RetryBudget, RetryTokens, Server, ServerStatus,
};

/// How long before its expiry a key is renewed, so that it does not expire in transit.
const KEY_SKEW: Duration = Duration::from_secs(10);

/// Separates the random sequence of ids from that of the jitter.
const IDS: u64 = 0x6964_7320_6f66_2063;

/// The state that the calls of a client share: servers, keys and the key cache, settings, policies, and the queue.
///
/// Cheap to clone. Its lock is held only during a call's poll, input and drop, never across an await.
#[derive(Clone)]
pub struct Shared(Arc<Inner>);

struct Inner {
    /// The addresses of the servers; at least one.
    bases: Vec<BaseUrl>,
    /// The fixed keys of the servers.
    fixed: Vec<Keys>,
    /// Keys come from the caller, by `Output::Authorize`.
    asks_for_keys: bool,
    key_skew: Duration,
    options: Options,
    /// The secrets of all fixed keys and of the options.
    secrets: OnceLock<Secrets>,
    limits_tokens: bool,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) places: Box<dyn Admission>,
    pub(super) keys: Sorted<(usize, Scope), KeySlot>,
    pub(super) given: Given,
    retry_tokens: RetryTokens,
    /// Incremented by each change that calls without a ticket wait for.
    pub(super) version: u64,
    pub(super) waiters: Sorted<u64, Waker>,
    pub(super) next_waiter: u64,
    random: u64,
    /// The random sequence for the ids of calls, separate so that ids do not change the jitter.
    ids: u64,
}

/// Builds a [`Shared`] for calls that are driven by hand. [`ClientBuilder`](crate::ClientBuilder) has the same settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The keys below belong to the first one.
    servers: Vec<Server>,
    asks_for_keys: bool,
    key_skew: Duration,
    options: Options,
    policies: Policies,
    places: Make,
    seed: u64,
}

/// The policies of a client.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Policies {
    pub(super) balance: Balance,
    pub(super) budget: RetryBudget,
    pub(super) breaker: Option<Breaker>,
    pub(super) rate: Option<RateLimit>,
    pub(super) concurrency: Option<Concurrency>,
}

impl Settings {
    /// Creates settings for one server.
    pub fn new(base: BaseUrl) -> Self {
        Settings {
            servers: vec![Server::from(base)],
            asks_for_keys: false,
            key_skew: KEY_SKEW,
            options: Options::new(),
            policies: Policies::default(),
            places: Make::default(),
            seed: 0,
        }
    }

    /// Sets the API key (wire: `X-API-Key`) of the first server. A blank key is unset.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the key has characters that are not valid in a header.
    pub fn api_key(self, key: &str) -> Result<Self> {
        self.first(|server| server.api_key(key))
    }

    /// Sets the admin key (wire: `X-Admin-Key`, and `X-API-Key` without an API key) of the first server. A blank key is unset.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the key has characters that are not valid in a header.
    pub fn admin_key(self, key: &str) -> Result<Self> {
        self.first(|server| server.admin_key(key))
    }

    /// Sets a key that is sent to the first server as `Authorization: Bearer` if no other key applies. A blank key is unset.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the key has characters that are not valid in a header.
    pub fn bearer(self, key: &str) -> Result<Self> {
        self.first(|server| server.bearer(key))
    }

    /// Sets the registration token of a TabbyML server (wire: `Authorization: Bearer` on ingestion) for the first server. A blank token is unset.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the token has characters that are not valid in a header.
    pub fn registration_token(self, token: &str) -> Result<Self> {
        self.first(|server| server.registration_token(token))
    }

    /// Makes calls request their keys with [`Output::Authorize`](super::Output::Authorize) instead of using the fixed ones.
    pub fn ask_for_keys(mut self) -> Self {
        self.asks_for_keys = true;
        self
    }

    /// Sets how long before its expiry a key is renewed; 10 s by default.
    pub fn key_skew(mut self, skew: Duration) -> Self {
        self.key_skew = skew;
        self
    }

    /// Adds a server.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the server was already added, or if there are 64 servers.
    pub fn server(mut self, server: Server) -> Result<Self> {
        if self.servers.iter().any(|other| other.base == server.base) {
            return Err(Error::config(format!("the server {} was added twice", server.base))
                .with_hint("add each server once, with all its keys"));
        }
        if self.servers.len() == MAX_SERVERS {
            return Err(Error::config(format!("there are more than {MAX_SERVERS} servers")));
        }
        self.servers.push(server);
        Ok(self.gated())
    }

    /// Sets how calls are distributed over the servers.
    pub fn balance(mut self, balance: Balance) -> Self {
        self.policies.balance = balance;
        self.gated()
    }

    /// Sets a circuit breaker for each server.
    pub fn breaker(mut self, breaker: Breaker) -> Self {
        self.policies.breaker = Some(breaker);
        self.gated()
    }

    /// Sets a rate limit for each server without its own.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.policies.rate = Some(limit);
        self.gated()
    }

    /// Sets a concurrency limit for each server without its own.
    pub fn concurrency(mut self, limit: Concurrency) -> Self {
        self.policies.concurrency = Some(limit);
        self.gated()
    }

    /// Sets the number of retries that all calls may make together.
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.policies.budget = budget;
        self
    }

    /// Sets headers, extra fields, deadlines, caps and retries for all calls.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Sets the seed of the retry jitter. It does not have to be secret, but should be different for each client.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Settings that need a gate.
    fn gated(mut self) -> Self {
        self.places = Make(Gate::boxed);
        self
    }

    fn first(mut self, change: impl FnOnce(Server) -> Result<Server>) -> Result<Self> {
        if let Some(server) = self.servers.first_mut() {
            *server = change(server.clone())?;
        }
        Ok(self)
    }
}

impl Shared {
    /// Creates the shared state of calls with these settings.
    pub fn new(settings: Settings) -> Self {
        let Settings { servers, asks_for_keys, key_skew, options, policies, places: Make(make), seed } = settings;
        let places = make(&servers, &policies);
        let limits_tokens = places.limits_tokens();
        let (bases, fixed) = servers.into_iter().map(|server| (server.base, server.keys)).unzip();
        let state = State {
            places,
            keys: Sorted::new(),
            given: Given::default(),
            retry_tokens: RetryTokens::new(policies.budget),
            version: 0,
            waiters: Sorted::new(),
            next_waiter: 0,
            random: seed,
            ids: seed ^ IDS,
        };
        Shared(Arc::new(Inner {
            bases,
            fixed,
            asks_for_keys,
            key_skew,
            options,
            secrets: OnceLock::new(),
            limits_tokens,
            state: Mutex::new(state),
        }))
    }

    /// Returns the address of the first server.
    pub fn base(&self) -> &BaseUrl {
        self.base_of(0)
    }

    /// Returns the default options of calls.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// Returns the state of the servers.
    pub fn servers(&self, now: Time) -> Vec<ServerStatus> {
        self.lock().places.status(now)
    }

    /// Returns the number of calls in the queue.
    pub fn waiting(&self) -> usize {
        self.lock().places.waiting()
    }

    /// Returns how many retries the budget has left.
    pub fn retries_left(&self) -> f64 {
        self.lock().retry_tokens.left()
    }

    /// Sets which model a server has loaded, `None` if it has none. Calls for that model then prefer the server. Unknown servers are
    /// ignored.
    pub fn set_model(&self, server: &BaseUrl, model: Option<&str>) {
        if let Some(server) = self.find(server) {
            self.note_model(server, model.unwrap_or_default());
        }
    }

    pub(super) fn note_model(&self, server: usize, model: &str) {
        self.with(|state| state.places.set_model(server, Text::from(model)));
    }

    pub(super) fn has_model(&self, server: usize) {
        self.with(|state| state.places.has_model(server));
    }

    pub(super) fn base_of(&self, server: usize) -> &BaseUrl {
        &self.0.bases[server]
    }

    fn find(&self, base: &BaseUrl) -> Option<usize> {
        self.0.bases.iter().position(|other| other == base)
    }

    /// The server that the options name, if any.
    pub(super) fn want(&self, options: &Options) -> Result<Want> {
        let unknown = |base: &BaseUrl| {
            Error::config([base.as_str(), " is not one of the client's servers"].concat())
                .with_advice(Advice::new(Remedy::Give, "add it with {setting:client_builder.server}"))
        };
        let find = |base| self.find(base).ok_or_else(|| unknown(base));
        Ok(Want { server: options.server.as_ref().map(find).transpose()?, ..Want::default() })
    }

    pub(super) fn limits_tokens(&self) -> bool {
        self.0.limits_tokens
    }

    pub(super) fn asks_for_keys(&self) -> bool {
        self.0.asks_for_keys
    }

    pub(super) fn key_skew(&self) -> Duration {
        self.0.key_skew
    }

    /// Pays the share of a new call into the retry budget.
    pub(super) fn pay_in(&self) {
        self.with(|state| state.retry_tokens.pay_in());
    }

    /// Takes a retry out of the budget. Returns whether there was one.
    pub(crate) fn take_retry(&self) -> bool {
        self.with(|state| state.retry_tokens.take())
    }

    /// Whether a server other than those tried could take this call at once.
    pub(super) fn elsewhere(&self, want: &Want, now: Time) -> bool {
        self.0.bases.len() > 1 && want.server.is_none() && self.with(|state| state.places.elsewhere(want, now))
    }

    /// The next random number from 0 to 1.
    pub(super) fn random(&self) -> f64 {
        self.with(|state| splitmix(&mut state.random)) as f64 / u64::MAX as f64
    }

    /// The id of a new call, unique within the client.
    pub(super) fn new_id(&self) -> Text {
        let number = self.with(|state| splitmix(&mut state.ids));
        let digits: [u8; 16] = array::from_fn(|at| b"0123456789abcdef"[(number >> (60 - 4 * at)) as usize % 16]);
        Text::from(str::from_utf8(&digits).unwrap_or_default())
    }

    /// Reads or changes the state, and then wakes calls outside the lock.
    pub(super) fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let (result, wake) = {
            let mut state = self.lock();
            let result = change(&mut state);
            (result, state.places.woken())
        };
        wake.into_iter().for_each(Waker::wake);
        result
    }

    /// Changes what calls without a ticket wait for, and wakes them.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        let waiters = self.with(|state| {
            change(state);
            state.version += 1;
            std::mem::take(&mut state.waiters)
        });
        waiters.into_values().for_each(Waker::wake);
    }

    /// The secrets of the client that do not change.
    pub(super) fn fixed_secrets(&self) -> &Secrets {
        self.0.secrets.get_or_init(|| {
            let headers = self.0.options.headers.iter().filter(|(name, value)| is_secret(name, value));
            let mut secrets = Secrets::of_values(self.0.fixed.iter().flat_map(Keys::headers).chain(headers));
            secrets.join(&self.0.options.secrets);
            secrets
        })
    }

    /// The fixed key for a scope at a server.
    pub(super) fn fixed_key(&self, server: usize, scope: Scope) -> Option<Credential> {
        self.0.fixed[server].resolve(scope)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock, so the state is valid even if the lock is poisoned.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("servers", &self.0.bases).finish_non_exhaustive()
    }
}

/// The next number of a random sequence without repetitions, by splitmix64.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
