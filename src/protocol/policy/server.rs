//! One of several servers.

use std::fmt;

use super::{BreakerState, Concurrency, RateLimit};
use crate::base::{BaseUrl, Error, Result, Text};
use crate::protocol::auth::Keys;

/// One of several servers of a client, with its own keys and limits.
///
/// Its keys are sent to this server only.
///
/// ```
/// # #[cfg(feature = "reqwest")] {
/// use tabbyapi::Client;
/// use tabbyapi::policy::{Concurrency, Server};
///
/// let second = Server::new("http://10.0.0.2:5000")?.api_key("second")?.concurrency(Concurrency::new(2));
/// let client = Client::builder("http://10.0.0.1:5000").api_key("first").server(second).build()?;
/// assert_eq!(client.servers().len(), 2);
/// # }
/// # Ok::<(), tabbyapi::Error>(())
/// ```
#[derive(Clone)]
pub struct Server {
    pub(crate) base: BaseUrl,
    pub(crate) keys: Keys,
    pub(crate) rate: Option<RateLimit>,
    pub(crate) concurrency: Option<Concurrency>,
}

impl Server {
    /// Creates a server with this base URL.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the base URL is invalid.
    pub fn new<U>(base_url: U) -> Result<Self>
    where
        U: TryInto<BaseUrl>,
        U::Error: Into<Error>,
    {
        base_url.try_into().map(Server::from).map_err(Into::into)
    }

    /// Sets the API key (wire: `X-API-Key`). A blank key is unset.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the key has characters that are not valid in a header.
    pub fn api_key(mut self, key: impl AsRef<str>) -> Result<Self> {
        self.keys.set_api(key.as_ref())?;
        Ok(self)
    }

    /// Sets the admin key (wire: `X-Admin-Key`, and `X-API-Key` without an API key). A blank key is unset.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the key has characters that are not valid in a header.
    pub fn admin_key(mut self, key: impl AsRef<str>) -> Result<Self> {
        self.keys.set_admin(key.as_ref())?;
        Ok(self)
    }

    /// Sets a key that is sent as `Authorization: Bearer` if no other key applies. A blank key is unset.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the key has characters that are not valid in a header.
    pub fn bearer(mut self, key: impl AsRef<str>) -> Result<Self> {
        self.keys.set_bearer(key.as_ref())?;
        Ok(self)
    }

    /// Sets the registration token of a TabbyML server (wire: `Authorization: Bearer` on ingestion). A blank token is unset.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the token has characters that are not valid in a header.
    pub fn registration_token(mut self, token: impl AsRef<str>) -> Result<Self> {
        self.keys.set_registration(token.as_ref())?;
        Ok(self)
    }

    /// Sets the rate limit of this server, instead of the client's.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate = Some(limit);
        self
    }

    /// Sets the concurrency limit of this server, instead of the client's. The queue length is that of the client.
    pub fn concurrency(mut self, concurrency: Concurrency) -> Self {
        self.concurrency = Some(concurrency);
        self
    }

    /// Returns the address of the server.
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

/// The state of a server, as seen by the calls of the client.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ServerStatus {
    /// The address of the server.
    pub base: BaseUrl,
    /// The state of its circuit; [`Closed`](BreakerState::Closed) without a breaker.
    pub breaker: BreakerState,
    /// The number of attempts in flight.
    pub in_flight: u32,
    /// The number of attempts so far.
    pub attempts: u64,
    /// The number of attempts that failed because of the server.
    pub failures: u64,
    /// Whether the last finished attempt failed.
    pub failing: bool,
    /// The loaded model, if a [probe](crate::Client::probe) has returned it; empty if no model is loaded.
    pub model: Option<Text>,
}
