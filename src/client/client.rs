//! `Client`: creates calls of endpoints and passes them to the driver.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::api::{CheckHealth, CurrentModel, ModelCard};
use crate::base::{BaseUrl, BoxFuture, Error, ErrorCode, Limits, MaybeSync, Result, TimeoutPolicy};
use crate::client::clock::Clock;
use crate::client::driver::ClientIo;
use crate::client::response::{Response, ResponseFuture};
use crate::client::response_stream::ResponseStream;
use crate::decode::{Decode, Whole};
use crate::protocol::auth::KeySource;
use crate::protocol::call::{Call, Settings, Shared};
use crate::protocol::hooks::Hook;
use crate::protocol::policy::{
    Balance, Breaker, Concurrency, RateLimit, Retry, RetryBudget, RetryPolicy, Server, ServerStatus,
};
use crate::protocol::{Accumulate, Endpoint, Options, StreamEndpoint};
use crate::transport::Transport;

/// A client of a server, or of [several](crate::policy). Cheap to clone; clones share connections, keys and settings.
///
/// ```no_run
/// # #[cfg(feature = "reqwest")]
/// # async fn run() -> tabbyapi::Result<()> {
/// let client = tabbyapi::Client::builder("http://127.0.0.1:5000").api_key("…").build()?;
/// for model in &client.models().list().await?.data {
///     println!("{}", model.id);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Shared,
    io: ClientIo,
    options: Arc<Options>,
}

impl Client {
    /// Returns a builder for the server at this base URL, such as `http://127.0.0.1:5000`. A path prefix and a trailing `/v1` are accepted.
    pub fn builder<U>(base_url: U) -> ClientBuilder
    where
        U: TryInto<BaseUrl>,
        U::Error: Into<Error>,
    {
        ClientBuilder {
            settings: base_url.try_into().map(Settings::new).map_err(Into::into),
            keys: None,
            options: Options::new(),
            connect: None,
        }
    }

    /// Calls an endpoint. Nothing is sent until the future is polled. Dropping it cancels the call.
    pub fn call<E>(&self, endpoint: &E) -> ResponseFuture<<E::Decoder as Decode>::Item>
    where
        E: Endpoint,
        E::Decoder: Whole,
    {
        ResponseFuture::new(&self.io, Call::with(&self.shared, endpoint, &self.options))
    }

    /// Calls an endpoint that streams. Nothing is sent until the stream is polled. Dropping it cancels the call.
    pub fn stream<R: StreamEndpoint>(
        &self,
        request: &R,
    ) -> ResponseStream<<R::Decoder as Decode>::Item, <R::Total as Accumulate>::Output> {
        let limits = self.options.limits.clone().unwrap_or_default();
        let call = Call::with(&self.shared, &request.streamed(), &self.options);
        ResponseStream::new(&self.io, call, request.total(&limits), R::joins())
    }

    /// Returns a client with other options for its calls. It shares connections, keys and servers with this one.
    ///
    /// ```no_run
    /// # fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
    /// use std::time::Duration;
    /// use tabbyapi::{Options, Timeouts};
    ///
    /// let hasty = client.with(Options::new().timeouts(Timeouts::READ.total(Duration::from_secs(2))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn with(&self, options: Options) -> Client {
        Client { options: Arc::new(self.options.overridden(options)), ..self.clone() }
    }

    /// Returns a client whose calls go to this one of its servers only.
    pub fn at(&self, server: &BaseUrl) -> Client {
        self.with(Options::new().server(server.clone()))
    }

    /// Returns the state of each server: requests in flight, failures, circuit, loaded model.
    pub fn servers(&self) -> Vec<ServerStatus> {
        self.shared.servers(self.now())
    }

    /// Requests the loaded model of each server (`GET /v1/model`), all at once. Returns their cards or errors, in the order of the servers.
    ///
    /// The results are recorded. Calls that name a model then prefer a server that has loaded it. Servers that failed are used
    /// after the others, and the failure counts in their breakers. `/health` is not requested, because it stays at 503 long after
    /// a server has recovered. Servers are not probed automatically; see [`probes`](Client::probes).
    pub async fn probe(&self) -> Vec<(BaseUrl, Result<Response<ModelCard>>)> {
        let servers: Vec<BaseUrl> = self.servers().into_iter().map(|server| server.base).collect();
        let once = self.with(Options::new().retry(Retry::NEVER));
        let calls = servers.iter().map(|server| once.at(server).call(&CurrentModel)).collect();
        let cards = crate::client::response::all(calls).await;
        for (server, card) in servers.iter().zip(&cards) {
            match card {
                Ok(card) => self.shared.set_model(server, Some(&card.id)),
                Err(error) if error.code() == &ErrorCode::NoModelLoaded => self.shared.set_model(server, None),
                Err(_) => {}
            }
        }
        servers.into_iter().zip(cards).collect()
    }

    /// Probes the servers immediately and then once per interval, as long as the future is polled. The future never ends; run it
    /// in a separate task.
    pub async fn probes(&self, every: Duration) -> std::convert::Infallible {
        loop {
            let next = self.now() + every;
            self.probe().await;
            self.io.transport.sleep_until(next).await;
        }
    }

    /// Opens this many connections to each server ahead of time. Errors are ignored.
    ///
    /// Idle connections stay open as long as the transport and the server keep them: 4 s with reqwest.
    pub async fn warm(&self, connections: usize) {
        let once = self.with(Options::new().retry(Retry::NEVER));
        let servers = self.servers();
        let each = servers.iter().flat_map(|server| std::iter::repeat_n(&server.base, connections));
        crate::client::response::all(each.map(|server| once.at(server).call(&CheckHealth)).collect()).await;
    }

    /// Returns the base URL of the server, or of the first one if there are several.
    pub fn base_url(&self) -> &BaseUrl {
        self.shared.base()
    }

    /// Returns what the calls of this client share, for calls driven by hand.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Returns the options of the client's calls.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Waits on the transport's clock.
    pub(crate) fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        self.io.transport.sleep_until(self.now() + duration)
    }

    pub(crate) fn transport(&self) -> &Arc<dyn crate::transport::Erased> {
        &self.io.transport
    }

    pub(crate) fn now(&self) -> crate::base::Time {
        self.io.transport.now()
    }

    /// Returns the clock of the client's transport, which its calls use.
    pub fn clock(&self) -> Clock {
        Clock::new(self.transport().clone())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// The parts of a client other than its transport, for both drivers.
pub(crate) struct ClientParts {
    pub(crate) shared: Shared,
    pub(crate) options: Arc<Options>,
    pub(crate) keys: Option<Arc<dyn KeySource>>,
}

/// Builds a [`Client`]. Invalid values are reported by `build` or [`build_with`](ClientBuilder::build_with).
#[must_use]
pub struct ClientBuilder {
    settings: Result<Settings>,
    keys: Option<Arc<dyn KeySource>>,
    options: Options,
    /// For the transport that `build` creates.
    #[allow(dead_code, reason = "not every set of features has such a transport")]
    connect: Option<Duration>,
}

impl ClientBuilder {
    /// Sets the API key (wire: `X-API-Key`). A blank key is unset.
    pub fn api_key(self, key: impl AsRef<str>) -> Self {
        self.set(|settings| settings.api_key(key.as_ref()))
    }

    /// Sets the admin key (wire: `X-Admin-Key` on admin operations, `X-API-Key` on lists and where there is no API key).
    /// A blank key is unset.
    pub fn admin_key(self, key: impl AsRef<str>) -> Self {
        self.set(|settings| settings.admin_key(key.as_ref()))
    }

    /// Sets a key that is sent as `Authorization: Bearer` if no other key applies. A blank key is unset.
    pub fn bearer(self, key: impl AsRef<str>) -> Self {
        self.set(|settings| settings.bearer(key.as_ref()))
    }

    /// Sets a source of keys, instead of fixed keys. One call of the source serves all calls of the client. It is called again
    /// when the key expires, and after a 401, when the request is repeated once.
    ///
    /// ```
    /// use tabbyapi::auth::Credential;
    ///
    /// let builder = tabbyapi::Client::builder("http://127.0.0.1:5000").key_source(async |_scope, _rejected| {
    ///     Ok(Some(Credential::bearer("from-a-vault")?))
    /// });
    /// # let _ = builder;
    /// ```
    pub fn key_source(mut self, source: impl KeySource + 'static) -> Self {
        self.keys = Some(Arc::new(source));
        self.set(|settings| Ok(settings.ask_for_keys()))
    }

    /// Adds a header to every request.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match std::mem::take(&mut self.options).header(name, value) {
            Ok(options) => self.options = options,
            Err(error) => return self.set(|_| Err(error)),
        }
        self
    }

    /// Adds a header that carries a secret, such as a gateway's `Authorization`, to every request. It is redacted like a key.
    pub fn sensitive_header(mut self, name: &str, value: &str) -> Self {
        match std::mem::take(&mut self.options).sensitive_header(name, value) {
            Ok(options) => self.options = options,
            Err(error) => return self.set(|_| Err(error)),
        }
        self
    }

    /// Adds a field to every JSON body that does not have it already.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<crate::base::OrderedJson>) -> Self {
        self.options = self.options.extra(name, value);
        self
    }

    /// Sets the timeouts, by kind of work.
    pub fn timeout_policy(mut self, timeout_policy: TimeoutPolicy) -> Self {
        self.options.timeout_policy = Some(timeout_policy);
        self
    }

    /// Sets the time limit for a whole call, with its retries and waits. The other timeouts still apply. By default only the
    /// timeout policy applies. See [`Options::total`].
    pub fn total(mut self, limit: Duration) -> Self {
        self.options.total = Some(limit);
        self
    }

    /// Sets how long a caller waits: until the first item, connecting and retries included, and then during each silence of a
    /// stream. Whole responses and downloads are limited until their end. It does not limit a whole stream. By default the
    /// timeout policy applies. See [`Options::timeout`].
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.options.timeout = Some(limit);
        self
    }

    /// Sets the time limit for opening a connection, including name resolution and TLS; 10 s by default. It applies to the
    /// transport that `build` creates. Other transports have their own setting, and a browser's `fetch` has none.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect = Some(limit);
        self
    }

    /// Sets the caps on what is accepted.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options.limits = Some(limits);
        self
    }

    /// Sets when a failed call is retried; [`Retry::GENTLE`] by default.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options = self.options.retry(retry);
        self
    }

    /// Sets a custom retry policy, instead of [`retry`](ClientBuilder::retry).
    pub fn retry_policy(mut self, policy: impl RetryPolicy + 'static) -> Self {
        self.options = self.options.retry_policy(policy);
        self
    }

    /// Sets how many retries all calls may make together; [`RetryBudget::GENTLE`] by default.
    pub fn retry_budget(self, budget: RetryBudget) -> Self {
        self.set(|settings| Ok(settings.retry_budget(budget)))
    }

    /// Adds a server. Calls are load-balanced and fail over between servers; see [`policy`](crate::policy).
    pub fn server(self, server: Server) -> Self {
        self.set(|settings| settings.server(server))
    }

    /// Sets how calls are spread over several servers; [`Balance::LeastInFlight`] by default.
    pub fn balance(self, balance: Balance) -> Self {
        self.set(|settings| Ok(settings.balance(balance)))
    }

    /// Sets the circuit breaker, which pauses calls to a server that keeps failing; off by default.
    pub fn breaker(self, breaker: Breaker) -> Self {
        self.set(|settings| Ok(settings.breaker(breaker)))
    }

    /// Limits the rate of calls to each server; off by default.
    pub fn rate_limit(self, limit: RateLimit) -> Self {
        self.set(|settings| Ok(settings.rate_limit(limit)))
    }

    /// Limits the number of concurrent calls to each server; off by default.
    pub fn concurrency(self, limit: Concurrency) -> Self {
        self.set(|settings| Ok(settings.concurrency(limit)))
    }

    /// Sets how long before its expiry a key is renewed; 10 s by default.
    pub fn key_skew(self, skew: Duration) -> Self {
        self.set(|settings| Ok(settings.key_skew(skew)))
    }

    /// Adds a hook to all calls, after the hooks added before; see [`hooks`](crate::hooks).
    pub fn hook(mut self, hook: impl Hook + Clone + MaybeSync) -> Self {
        self.options = self.options.hook(hook);
        self
    }

    /// Applies all settings of these options.
    pub fn options(mut self, options: Options) -> Self {
        self.options = self.options.overridden(options);
        self
    }

    /// Builds the client, on reqwest.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) if a base URL, key or header is invalid, or reqwest cannot be set
    /// up.
    #[cfg(all(feature = "reqwest", not(target_arch = "wasm32")))]
    pub fn build(self) -> Result<Client> {
        let builder = reqwest::Client::builder();
        let transport = match self.connect {
            Some(limit) => crate::transport::Reqwest::with_connect_timeout(builder, limit)?,
            None => crate::transport::Reqwest::new(builder)?,
        };
        self.build_with(transport)
    }

    /// Builds the client, on the host's `fetch`.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) if a base URL, key or header is invalid, or the host has no `fetch`.
    #[cfg(all(feature = "fetch", target_arch = "wasm32"))]
    pub fn build(self) -> Result<Client> {
        let transport = crate::transport::Fetch::new()?;
        self.build_with(transport)
    }

    /// Builds the client, on this transport.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) if a base URL, key or header is invalid.
    pub fn build_with(self, transport: impl Transport) -> Result<Client> {
        let ClientParts { shared, options, keys } = self.into_parts(transport.seed())?;
        Ok(Client { shared, io: ClientIo { transport: Arc::new(transport), keys }, options })
    }

    pub(crate) fn into_parts(self, seed: u64) -> Result<ClientParts> {
        let settings = self.settings?.seed(seed).options(self.options.clone());
        Ok(ClientParts { shared: Shared::new(settings), options: Arc::new(self.options), keys: self.keys })
    }

    #[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
    pub(crate) fn connect(&self) -> Option<Duration> {
        self.connect
    }

    #[cfg(feature = "tabbyml")]
    pub(crate) fn registration_token(self, token: &str) -> Self {
        self.set(|settings| settings.registration_token(token))
    }

    /// Keeps the first error.
    fn set(mut self, change: impl FnOnce(Settings) -> Result<Settings>) -> Self {
        self.settings = self.settings.and_then(change);
        self
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
