//! One of several servers.

use std::fmt;

use super::{BreakerState, Concurrency, RateLimit};
use crate::base::{BaseUrl, Error, Result, Text};
use crate::protocol::auth::Keys;

/// A server of a client that has several, with its own keys and limits.
///
/// Its keys are sent to this server only.
#[derive(Clone)]
pub struct Server {
    pub(crate) base: BaseUrl,
    pub(crate) keys: Keys,
    pub(crate) rate: Option<RateLimit>,
    pub(crate) concurrency: Option<Concurrency>,
}

impl Server {
    /// The server at this base URL.
    pub fn new<U>(base_url: U) -> Result<Self>
    where
        U: TryInto<BaseUrl>,
        U::Error: Into<Error>,
    {
        base_url.try_into().map(Server::from).map_err(Into::into)
    }

    /// Sets its API key (wire: `X-API-Key`). A blank key is unset. Errors if the key has characters that a header cannot carry.
    pub fn api_key(mut self, key: impl AsRef<str>) -> Result<Self> {
        self.keys.set_api(key.as_ref())?;
        Ok(self)
    }

    /// Sets its admin key (wire: `X-Admin-Key`, and `X-API-Key` where there is no API key). A blank key is unset.
    pub fn admin_key(mut self, key: impl AsRef<str>) -> Result<Self> {
        self.keys.set_admin(key.as_ref())?;
        Ok(self)
    }

    /// Sets a key that is sent as `Authorization: Bearer` where no other key fits. A blank key is unset.
    pub fn bearer(mut self, key: impl AsRef<str>) -> Result<Self> {
        self.keys.set_bearer(key.as_ref())?;
        Ok(self)
    }

    /// Sets the registration token of a TabbyML server (wire: `Authorization: Bearer` on ingestion); a blank one is unset. Errors if no
    /// header can carry it.
    pub fn registration_token(mut self, token: impl AsRef<str>) -> Result<Self> {
        self.keys.set_registration(token.as_ref())?;
        Ok(self)
    }

    /// Sets a rate limit of its own, in place of the client's.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate = Some(limit);
        self
    }

    /// Sets a concurrency limit of its own, in place of the client's. The length of the queue is the client's.
    pub fn concurrency(mut self, concurrency: Concurrency) -> Self {
        self.concurrency = Some(concurrency);
        self
    }

    /// Its address.
    pub fn base_url(&self) -> &BaseUrl {
        &self.base
    }
}

impl From<BaseUrl> for Server {
    fn from(base: BaseUrl) -> Self {
        Server { base, keys: Keys::default(), rate: None, concurrency: None }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("base", &self.base)
            .field("keys", &self.keys)
            .field("rate", &self.rate)
            .field("concurrency", &self.concurrency)
            .finish()
    }
}

/// The state of a server, as its calls have seen it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ServerStatus {
    /// Its address.
    pub base: BaseUrl,
    /// The state of its circuit; [`Closed`](BreakerState::Closed) without a breaker.
    pub breaker: BreakerState,
    /// How many attempts are in flight.
    pub in_flight: u32,
    /// How many attempts were begun.
    pub attempts: u64,
    /// How many of them failed because of the server.
    pub failures: u64,
    /// Whether the last attempt that ended failed.
    pub failing: bool,
    /// The loaded model, if a [probe](crate::Client::probe) has returned it; empty if no model is loaded.
    pub model: Option<Text>,
}
