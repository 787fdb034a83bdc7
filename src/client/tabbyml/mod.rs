//! The client of TabbyML/tabby: the client of this crate with other services.

#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
pub mod blocking;
mod builder;
pub mod services;

use std::fmt;

use crate::api::CheckHealth;
use crate::api::tabbyml::{ServerKind, after_health, after_tabbyapi};
use crate::base::{BaseUrl, Error, Result};
use crate::client::client;
use crate::client::response::ResponseFuture;
use crate::client::response_stream::ResponseStream;
use crate::decode::{Decode, Whole};
use crate::protocol::call::Shared;
use crate::protocol::policy::ServerStatus;
use crate::protocol::{Accumulate, Endpoint, Options, StreamEndpoint};

pub use builder::ClientBuilder;
pub use services::ChatStream;

/// Methods that call those of the inner client, for both clients.
macro_rules! delegated {
    () => {
        /// Returns a client with other options for its calls. It shares connections, tokens and servers with this one.
        pub fn with(&self, options: Options) -> Client {
            Client { inner: self.inner.with(options) }
        }

        /// Returns a client whose calls go to this one of its servers only.
        pub fn at(&self, server: &BaseUrl) -> Client {
            Client { inner: self.inner.at(server) }
        }

        /// Returns the state of each server: requests in flight, failures, circuit.
        pub fn servers(&self) -> Vec<ServerStatus> {
            self.inner.servers()
        }

        /// Returns the base URL of the server, or of the first one if there are several.
        pub fn base_url(&self) -> &BaseUrl {
            self.inner.base_url()
        }

        /// Returns what the calls of this client share, for calls driven by hand.
        pub fn shared(&self) -> &Shared {
            self.inner.shared()
        }

        /// Returns the options of the client's calls.
        pub fn options(&self) -> &Options {
            self.inner.options()
        }
    };
}
#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
use delegated;

macro_rules! debug {
    () => {
        impl fmt::Debug for Client {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("Client").field("shared", self.shared()).finish_non_exhaustive()
            }
        }
    };
}
#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
use debug;

/// A client of one or several TabbyML servers. Cheap to clone. Clones share connections, tokens and settings.
///
/// ```no_run
/// # #[cfg(feature = "reqwest")]
/// # async fn run() -> tabbyapi::Result<()> {
/// use tabbyapi::tabbyml::{Client, CompletionRequest, Segments};
///
/// let client = Client::builder("http://127.0.0.1:8080").token("auth_…").build()?;
/// let request = CompletionRequest::new("python", Segments::new("def fib(n):\n    "));
/// println!("{}", client.completions().create(&request).await?.text());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: client::Client,
}

impl Client {
    /// Returns a builder for the server at this base URL, such as `http://127.0.0.1:8080`. A path prefix or a trailing `/v1` is
    /// accepted.
    pub fn builder<U>(base_url: U) -> ClientBuilder
    where
        U: TryInto<BaseUrl>,
        U::Error: Into<Error>,
    {
        ClientBuilder::new(client::Client::builder(base_url))
    }

    /// Calls an endpoint. Nothing is sent until the future is polled. Dropping it cancels the call.
    pub fn call<E>(&self, endpoint: &E) -> ResponseFuture<<E::Decoder as Decode>::Item>
    where
        E: Endpoint,
        E::Decoder: Whole,
    {
        self.inner.call(endpoint)
    }

    /// Calls an endpoint that streams. Nothing is sent until the stream is polled. Dropping it cancels the call.
    pub fn stream<R: StreamEndpoint>(
        &self,
        request: &R,
    ) -> ResponseStream<<R::Decoder as Decode>::Item, <R::Total as Accumulate>::Output> {
        self.inner.stream(request)
    }

    delegated!();

    /// Returns which server is at the base URL: TabbyML, theroyallab/tabbyAPI, or something else.
    ///
    /// Requests `GET /v1/health`, and `GET /health` if the response is not that of this server.
    ///
    /// # Errors
    ///
    /// Errors if there is no response.
    pub async fn detect(&self) -> Result<ServerKind> {
        let health = self.health().check().await;
        match after_health(health.as_deref().map_err(Clone::clone))? {
            Some(kind) => Ok(kind),
            None => {
                let health = self.call(&CheckHealth).await;
                after_tabbyapi(health.as_deref().map_err(Clone::clone))
            }
        }
    }

    /// Returns the clock of the client's transport, which its calls use.
    pub fn clock(&self) -> crate::client::clock::Clock {
        self.inner.clock()
    }
}

debug!();
