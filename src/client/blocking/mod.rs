//! A client without an async runtime: calls block, streams are iterators.
//!
//! The same core as the async [`Client`](crate::Client) with the same services, settings, deadlines, retries and
//! errors, on ureq instead of reqwest. Starts threads only for name resolution.
//!
//! ```
//! use tabbyapi::api::{ChatMessage, ChatRequest};
//! use tabbyapi::blocking::Client;
//! # let server = tabbyapi_emulator::Emulator::builder().start()?;
//! # let (url, key) = (server.url(), server.api_key());
//!
//! let client = Client::builder(url).api_key(key).build()?;
//! println!("{} is loaded", client.models().current()?.id);
//!
//! let request = ChatRequest::new([ChatMessage::user("Why is the sky blue?")]).max_tokens(300);
//! let mut stream = client.chat().stream(&request);
//! for chunk in &mut stream {
//!     print!("{}", chunk?.text());
//! }
//! let answer = stream.finish()?;
//! println!("\n{} tokens", answer.usage.as_ref().map_or(0, |usage| usage.completion_tokens));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A stream is not sent before its first item is requested. Not reading it applies back-pressure to the server.
//! Dropping it cancels the request.
//!
//! # Cancelling
//!
//! Cancel a blocked call from another thread with a [`CancelHandle`]. Each stream
//! [has one](ResponseStream::cancel_handle). For other calls, create a client with a handle:
//!
//! ```
//! use std::time::Duration;
//! use tabbyapi::blocking::{CancelHandle, Client};
//! use tabbyapi::{ErrorKind, Outcome};
//! # use tabbyapi::api::{ChatMessage, ChatRequest};
//! # use tabbyapi_emulator::{Emulator, Script};
//! # let server = Emulator::builder().script(Script::new().reply("Because …").gate()).start()?;
//! # let client = Client::builder(server.url()).api_key(server.api_key()).build()?;
//! # let request = ChatRequest::new([ChatMessage::user("Why is the sky blue?")]);
//!
//! let stop = CancelHandle::new();
//! let client = client.cancelled_by(&stop);
//! std::thread::spawn(move || {
//!     std::thread::sleep(Duration::from_millis(10));
//!     stop.cancel();
//! });
//! let error = client.chat().create(&request).unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Cancelled);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod driver;
mod response_stream;
pub(crate) mod services;

use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::api::{CurrentModel, ModelCard};
use crate::base::{BaseUrl, BoxFuture, Error, ErrorCode, Result, Time};
use crate::client::client::ClientParts;
use crate::client::response::{Response, whole};
use crate::client::setters::setters;
use crate::client::stream_state::StreamState;
use crate::decode::{Decode, Whole};
use crate::protocol::auth::{Credential, KeySource};
use crate::protocol::call::{Call, Shared};
use crate::protocol::policy::{Retry, ServerStatus};
use crate::protocol::{Accumulate, Endpoint, Options, Scope, StreamEndpoint};
use crate::transport::Ureq;

pub use crate::transport::CancelHandle;
use driver::Driver;
pub(crate) use driver::wait;
pub use response_stream::ResponseStream;
pub use services::*;

/// A blocking client of one server. Cheap to clone. Clones share connections, keys and settings, and can be used from any
/// number of threads.
#[derive(Clone)]
pub struct Client {
    shared: Shared,
    options: Arc<Options>,
    keys: Option<Arc<dyn KeySource>>,
    pub(crate) transport: Ureq,
    pub(crate) cancel: CancelHandle,
}

impl Client {
    /// Returns a builder for the server at this base URL, such as `http://127.0.0.1:5000`. A path prefix or a trailing `/v1` is accepted.
    pub fn builder<U>(base_url: U) -> ClientBuilder
    where
        U: TryInto<BaseUrl>,
        U::Error: Into<Error>,
    {
        ClientBuilder(crate::client::client::Client::builder(base_url))
    }

    /// Calls an endpoint, and blocks until the response is complete.
    ///
    /// # Errors
    ///
    /// Errors with the error of the call: see [`ErrorKind`](crate::ErrorKind) for its kinds.
    pub fn call<E>(&self, endpoint: &E) -> Result<Response<<E::Decoder as Decode>::Item>>
    where
        E: Endpoint,
        E::Decoder: Whole,
    {
        let call = Call::with(&self.shared, endpoint, &self.options)?;
        let mut driver = self.driver(call, self.cancel.child());
        let (mut value, mut item) = (None, None);
        while let Some(result) = driver.next(&mut item) {
            result?;
            value = item.take();
        }
        whole(value, driver.call())
    }

    /// Calls an endpoint that streams. Nothing is sent until the first item is requested. Dropping the stream cancels the call.
    pub fn stream<R: StreamEndpoint>(
        &self,
        request: &R,
    ) -> ResponseStream<<R::Decoder as Decode>::Item, <R::Total as Accumulate>::Output> {
        let limits = self.options.limits.clone().unwrap_or_default();
        let cancel = self.cancel.child();
        let call = Call::with(&self.shared, &request.streamed(), &self.options);
        let driver = call.map(|call| self.driver(call, cancel.clone()));
        ResponseStream::new(driver, StreamState::new(request.total(&limits)), cancel, R::joins())
    }

    /// Returns a client with other options for its calls. It shares connections, keys and servers with this one.
    pub fn with(&self, options: Options) -> Client {
        Client { options: Arc::new(self.options.overridden(options)), ..self.clone() }
    }

    /// Returns a client whose calls this handle cancels, too. It shares connections, keys and servers with this one.
    pub fn cancelled_by(&self, handle: &CancelHandle) -> Client {
        let cancel = handle.child();
        self.cancel.adopt(&cancel);
        Client { cancel, ..self.clone() }
    }

    /// Returns a client whose calls go to this one of its servers only.
    pub fn at(&self, server: &BaseUrl) -> Client {
        self.with(Options::new().server(server.clone()))
    }

    /// Returns the state of each server: requests in flight, failures, circuit, loaded model.
    pub fn servers(&self) -> Vec<ServerStatus> {
        self.shared.servers(self.now())
    }

    /// Requests the loaded model of each server (`GET /v1/model`), one after the other. Returns their cards or errors, in the order of the
    /// servers.
    ///
    /// The results are recorded, as by [`probe`](crate::Client::probe) of the async client.
    pub fn probe(&self) -> Vec<(BaseUrl, Result<Response<ModelCard>>)> {
        let once = self.with(Options::new().retry(Retry::NEVER));
        let probe = |server: ServerStatus| {
            let card = once.at(&server.base).call(&CurrentModel);
            match &card {
                Ok(card) => self.shared.set_model(&server.base, Some(&card.id)),
                Err(error) if error.code() == &ErrorCode::NoModelLoaded => self.shared.set_model(&server.base, None),
                Err(_) => {}
            }
            (server.base, card)
        };
        self.servers().into_iter().map(probe).collect()
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

    fn driver<D: Decode>(&self, call: Call<D>, cancel: CancelHandle) -> Driver<D::Item> {
        Driver::new(self.transport.clone(), self.keys.clone(), Box::new(call), cancel)
    }

    pub(crate) fn now(&self) -> Time {
        self.transport.now()
    }

    /// Blocks for this long, or until the client's handle is cancelled.
    fn sleep(&self, duration: Duration) {
        let until = self.now() + duration;
        let _: Option<()> = wait(&self.transport, &self.cancel.child(), Some(until), |_| Poll::Pending);
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("shared", self.shared()).finish_non_exhaustive()
    }
}

/// Builds a [`Client`]. Mistakes are reported by [`build`](ClientBuilder::build).
///
/// It has the settings of the async [`ClientBuilder`](crate::ClientBuilder), and can be made from one.
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder(crate::client::client::ClientBuilder);

impl ClientBuilder {
    setters! {
        /// Sets the API key (wire: `X-API-Key`). A blank key is unset.
        api_key(key: impl AsRef<str>);
        /// Sets the admin key (wire: `X-Admin-Key` on admin operations, `X-API-Key` on lists and where there is no API key).
        /// A blank key is unset.
        admin_key(key: impl AsRef<str>);
        /// Sets a key that is sent as `Authorization: Bearer` if no other key applies. A blank key is unset.
        bearer(key: impl AsRef<str>);
    }

    setters!(all);

    /// Sets a source of keys that are not fixed. One call of the source serves all calls of the client. Its keys are cached until
    /// they expire. After a 401 it is called again, and the request is repeated once.
    ///
    /// The source runs on the thread of a call that needs a key, while others that need it wait. It receives the scope
    /// and whether the server rejected the last key. It cannot be interrupted, so it should have its own timeout.
    ///
    /// ```
    /// use tabbyapi::auth::Credential;
    /// use tabbyapi::blocking::Client;
    ///
    /// # let server = tabbyapi_emulator::Emulator::builder().start()?;
    /// # let (url, key) = (server.url(), server.api_key().to_owned());
    /// let client = Client::builder(url)
    ///     .key_source(move |_scope, _rejected| Ok(Some(Credential::api_key(&key)?)))
    ///     .build()?;
    /// assert_eq!(client.auth().permission()?.permission, "api");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key_source<F>(self, source: F) -> Self
    where
        F: Fn(Scope, bool) -> Result<Option<Credential>> + Send + Sync + 'static,
    {
        ClientBuilder(self.0.key_source(move |scope, rejected| -> BoxFuture<Result<Option<Credential>>> {
            Box::pin(ready(source(scope, rejected)))
        }))
    }

    /// Builds the client on ureq with its defaults.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) if a setting is invalid or the HTTP stack cannot be set up.
    pub fn build(self) -> Result<Client> {
        let transport = match self.0.connect() {
            Some(limit) => Ureq::connecting_within(limit)?,
            None => Ureq::with_defaults()?,
        };
        self.build_with(transport)
    }

    /// Builds the client on a transport with custom proxies or certificates.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) if a setting is invalid or the HTTP stack cannot be set up.
    pub fn build_with(self, transport: Ureq) -> Result<Client> {
        let ClientParts { shared, options, keys } = self.0.into_parts(Ureq::seed())?;
        Ok(Client { shared, options, keys, transport, cancel: CancelHandle::new() })
    }
}

impl From<crate::client::client::ClientBuilder> for ClientBuilder {
    /// Converts an async builder. An async key source is polled on the blocked thread, so it must not
    /// require a runtime. Deadlines and cancellation interrupt it.
    fn from(builder: crate::client::client::ClientBuilder) -> Self {
        ClientBuilder(builder)
    }
}
