//! `Client`: the way in. It makes calls of endpoints and hands them to the driver.

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
    /// A builder for the server at this base URL, such as `http://127.0.0.1:5000`; a path prefix or a trailing `/v1` is fine.
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

    /// Makes one call. Nothing is sent until it is awaited; dropping it cancels.
    pub fn call<E>(&self, endpoint: &E) -> ResponseFuture<<E::Decoder as Decode>::Item>
    where
        E: Endpoint,
        E::Decoder: Whole,
    {
        ResponseFuture::new(&self.io, Call::with(&self.shared, endpoint, &self.options))
    }

    /// Makes one streamed call. Nothing is sent until it is polled; dropping it cancels.
    pub fn stream<R: StreamEndpoint>(
        &self,
        request: &R,
    ) -> ResponseStream<<R::Decoder as Decode>::Item, <R::Total as Accumulate>::Output> {
        let limits = self.options.limits.clone().unwrap_or_default();
        let call = Call::with(&self.shared, &request.streamed(), &self.options);
        ResponseStream::new(&self.io, call, request.total(&limits))
    }

    /// The same client with other options for the calls made through it; connections and keys stay shared.
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

    /// The same client for calls to this one of its servers and no other.
    pub fn at(&self, server: &BaseUrl) -> Client {
        self.with(Options::new().server(server.clone()))
    }

    /// How its servers are doing.
    pub fn servers(&self) -> Vec<ServerStatus> {
        self.shared.servers(self.now())
    }

    /// Asks each server which model it has loaded (`GET /v1/model`), all at once, and gives their cards or errors in their order.
    ///
    /// What they tell is noted: calls for a model then prefer a server that has it, and a server that fails comes after others
    /// and counts in its breaker. It also opens a connection to each. `/health` is not asked: it goes on telling 503 long after
    /// a server is well again. Nothing is probed by itself; see [`probes`](Client::probes).
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

    /// Probes now, and again each time that `every` is over, for as long as it is polled: run it in a task of your own, or beside
    /// your calls. It never ends.
    pub async fn probes(&self, every: Duration) -> std::convert::Infallible {
        loop {
            let next = self.now() + every;
            self.probe().await;
            self.io.transport.sleep_until(next).await;
        }
    }

    /// Opens so many connections to each server, so that the first calls need not wait for them. Failures are no matter: the
    /// calls will tell. Connections stay open for as long as the transport and the server keep idle ones, with reqwest 4 s.
    pub async fn warm(&self, connections: usize) {
        let once = self.with(Options::new().retry(Retry::NEVER));
        let servers = self.servers();
        let each = servers.iter().flat_map(|server| std::iter::repeat_n(&server.base, connections));
        crate::client::response::all(each.map(|server| once.at(server).call(&CheckHealth)).collect()).await;
    }

    /// The address of its server, of several the first one's.
    pub fn base_url(&self) -> &BaseUrl {
        self.shared.base()
    }

    /// What the calls of this client share, for calls driven by hand.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The options that its calls start from.
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

    /// The clock that its calls go by.
    pub fn clock(&self) -> Clock {
        Clock::new(self.transport().clone())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// What a client is made of beside its transport, for both drivers.
pub(crate) struct ClientParts {
    pub(crate) shared: Shared,
    pub(crate) options: Arc<Options>,
    pub(crate) keys: Option<Arc<dyn KeySource>>,
}

/// Builds a [`Client`]. Mistakes are reported by `build` or [`build_with`](ClientBuilder::build_with).
#[must_use]
pub struct ClientBuilder {
    settings: Result<Settings>,
    keys: Option<Arc<dyn KeySource>>,
    options: Options,
    /// For the transport that `build` makes.
    #[allow(dead_code, reason = "not every set of features has such a transport")]
    connect: Option<Duration>,
}

impl ClientBuilder {
    /// The API key (wire: `X-API-Key`). A blank one is unset.
    pub fn api_key(self, key: impl AsRef<str>) -> Self {
        self.set(|settings| settings.api_key(key.as_ref()))
    }

    /// The admin key (wire: `X-Admin-Key` on admin operations, `X-API-Key` on lists and where there is no API key).
    /// A blank one is unset.
    pub fn admin_key(self, key: impl AsRef<str>) -> Self {
        self.set(|settings| settings.admin_key(key.as_ref()))
    }

    /// A key sent as `Authorization: Bearer` where no other key fits. A blank one is unset.
    pub fn bearer(self, key: impl AsRef<str>) -> Self {
        self.set(|settings| settings.bearer(key.as_ref()))
    }

    /// Keys from elsewhere, in place of fixed ones: asked once for all calls, kept until they expire, and asked again after a
    /// 401, upon which the request is sent once more.
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

    /// Adds a header that carries a secret, such as a gateway's `Authorization`, to every request; it is redacted like a key.
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

    /// The deadlines, by kind of work.
    pub fn timeout_policy(mut self, timeout_policy: TimeoutPolicy) -> Self {
        self.options.timeout_policy = Some(timeout_policy);
        self
    }

    /// How long a whole call may take, with its retries and waits; the other deadlines stay. See [`Options::total`]; no limit but those of the
    /// timeout policy by default.
    pub fn total(mut self, limit: Duration) -> Self {
        self.options.total = Some(limit);
        self
    }

    /// How long a call may keep its caller waiting: until its first item, connecting and retries included, and then in each silence of a stream;
    /// of whole answers and downloads until their end. It does not bound a whole stream. See [`Options::timeout`]; the timeout policy applies by default.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.options.timeout = Some(limit);
        self
    }

    /// How long opening a connection may take, name and TLS included; 10 s by default. It holds for the transport that `build` makes; others
    /// have a setting of their own, and a browser's `fetch` has none.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect = Some(limit);
        self
    }

    /// The caps on what is accepted.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options.limits = Some(limits);
        self
    }

    /// When a failed call is tried again; [`Retry::GENTLE`] by default.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options = self.options.retry(retry);
        self
    }

    /// What decides that in its place.
    pub fn retry_policy(mut self, policy: impl RetryPolicy + 'static) -> Self {
        self.options = self.options.retry_policy(policy);
        self
    }

    /// How many retries all calls may make together; [`RetryBudget::GENTLE`] by default.
    pub fn retry_budget(self, budget: RetryBudget) -> Self {
        self.set(|settings| Ok(settings.retry_budget(budget)))
    }

    /// Adds a server, to which calls go when it suits better, or when another one fails; see [`policy`](crate::policy).
    pub fn server(self, server: Server) -> Self {
        self.set(|settings| settings.server(server))
    }

    /// How calls are spread over several servers; [`Balance::LeastInFlight`] by default.
    pub fn balance(self, balance: Balance) -> Self {
        self.set(|settings| Ok(settings.balance(balance)))
    }

    /// Leaves a server alone that keeps failing; off by default.
    pub fn breaker(self, breaker: Breaker) -> Self {
        self.set(|settings| Ok(settings.breaker(breaker)))
    }

    /// Bounds how much is sent to each server in a time; off by default.
    pub fn rate_limit(self, limit: RateLimit) -> Self {
        self.set(|settings| Ok(settings.rate_limit(limit)))
    }

    /// Bounds how many calls run at each server at a time; off by default.
    pub fn concurrency(self, limit: Concurrency) -> Self {
        self.set(|settings| Ok(settings.concurrency(limit)))
    }

    /// How long before it expires a key is asked for again; 10 s by default.
    pub fn key_skew(self, skew: Duration) -> Self {
        self.set(|settings| Ok(settings.key_skew(skew)))
    }

    /// Adds a hook to all calls, after those that are there; see [`hooks`](crate::hooks).
    pub fn hook(mut self, hook: impl Hook + Clone + MaybeSync) -> Self {
        self.options = self.options.hook(hook);
        self
    }

    /// Sets whatever these options set.
    pub fn options(mut self, options: Options) -> Self {
        self.options = self.options.overridden(options);
        self
    }

    /// The client, on reqwest. Errors of kind [`Config`](crate::ErrorKind::Config) say what cannot work.
    #[cfg(all(feature = "reqwest", not(target_arch = "wasm32")))]
    pub fn build(self) -> Result<Client> {
        let builder = reqwest::Client::builder();
        let transport = match self.connect {
            Some(limit) => crate::transport::Reqwest::with_connect_timeout(builder, limit)?,
            None => crate::transport::Reqwest::new(builder)?,
        };
        self.build_with(transport)
    }

    /// The client, on the host's `fetch`. Errors of kind [`Config`](crate::ErrorKind::Config) say what cannot work.
    #[cfg(all(feature = "fetch", target_arch = "wasm32"))]
    pub fn build(self) -> Result<Client> {
        let transport = crate::transport::Fetch::new()?;
        self.build_with(transport)
    }

    /// The client, on a transport of your choice.
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

    /// Keeps the first mistake.
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
