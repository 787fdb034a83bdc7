//! A client of TabbyML servers without an async runtime: calls block, streams are iterators.
//!
//! It has the services, settings and errors of [`tabbyml::Client`](crate::tabbyml::Client), on ureq instead of reqwest.
//!
//! ```no_run
//! use tabbyapi::tabbyml::blocking::Client;
//! use tabbyapi::tabbyml::{CompletionRequest, Segments};
//!
//! let client = Client::builder("http://127.0.0.1:8080").token("auth_…").build()?;
//! let request = CompletionRequest::new("python", Segments::new("def fib(n):\n    "));
//! println!("{}", client.completions().create(&request)?.text());
//! # Ok::<(), tabbyapi::Error>(())
//! ```

use std::fmt;

use serde::de::DeserializeOwned;

use super::{debug, delegated};
use crate::api::CheckHealth;
use crate::api::chat::{ChatChunk, ChatCompletion};
use crate::api::tabbyml::*;
use crate::base::{BaseUrl, Error, MaybeSend, Result};
use crate::client::blocking::services::method;
use crate::client::blocking::{self, CancelHandle, ResponseStream};
use crate::client::response::Response;
use crate::client::setters::setters;
use crate::client::tables::service;
use crate::decode::{Decode, Empty, Whole};
use crate::protocol::auth::Credential;
use crate::protocol::call::Shared;
use crate::protocol::policy::ServerStatus;
use crate::protocol::{Accumulate, Endpoint, Options, Scope, StreamEndpoint};
use crate::transport::Ureq;

/// A streamed conversation.
pub type ChatStream = ResponseStream<ChatChunk, ChatCompletion>;

/// A blocking client of one or several TabbyML servers. Cheap to clone. Clones share connections, tokens and settings.
#[derive(Clone)]
pub struct Client {
    inner: blocking::Client,
}

impl Client {
    /// Returns a builder for the server at this base URL, such as `http://127.0.0.1:8080`. A path prefix or a trailing `/v1` is
    /// accepted.
    pub fn builder<U>(base_url: U) -> ClientBuilder
    where
        U: TryInto<BaseUrl>,
        U::Error: Into<Error>,
    {
        ClientBuilder(super::Client::builder(base_url))
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
        self.inner.call(endpoint)
    }

    /// Calls an endpoint that streams. Nothing is sent until the first item is requested. Dropping the stream cancels the call.
    pub fn stream<R: StreamEndpoint>(
        &self,
        request: &R,
    ) -> ResponseStream<<R::Decoder as Decode>::Item, <R::Total as Accumulate>::Output> {
        self.inner.stream(request)
    }

    delegated!();

    /// Returns a client whose calls this handle cancels, too.
    pub fn cancelled_by(&self, handle: &CancelHandle) -> Client {
        Client { inner: self.inner.cancelled_by(handle) }
    }

    /// Returns which server is at the base URL; see [`detect`](crate::tabbyml::Client::detect) of the async client.
    ///
    /// # Errors
    ///
    /// Errors if there is no response.
    pub fn detect(&self) -> Result<ServerKind> {
        let health = self.health().check();
        match after_health(health.as_deref().map_err(Clone::clone))? {
            Some(kind) => Ok(kind),
            None => {
                let health = self.call(&CheckHealth);
                after_tabbyapi(health.as_deref().map_err(Clone::clone))
            }
        }
    }
}

debug!();

/// Builds a [`Client`]. Mistakes are reported by [`build`](ClientBuilder::build).
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder(super::ClientBuilder);

impl ClientBuilder {
    /// Sets the token of a user (wire: `Authorization: Bearer`), which the server's home page shows. A blank one is unset.
    pub fn token(self, token: impl AsRef<str>) -> Self {
        ClientBuilder(self.0.token(token))
    }

    /// Sets the registration token, which is sent only for ingestion, which requires it. A blank one is unset.
    pub fn registration_token(self, token: impl AsRef<str>) -> Self {
        ClientBuilder(self.0.registration_token(token))
    }

    /// Sets the name and version of the client in the server's logs, such as `my-editor/1.2` (wire: `User-Agent`).
    pub fn user_agent(self, agent: &str) -> Self {
        ClientBuilder(self.0.user_agent(agent))
    }

    /// Sets a source of tokens, instead of fixed ones; see [`key_source`](crate::tabbyml::ClientBuilder::key_source) of the async
    /// builder. The source is called on the thread of a call that needs a token, and cannot be interrupted.
    pub fn key_source<F>(self, source: F) -> Self
    where
        F: Fn(Scope, bool) -> Result<Option<Credential>> + Send + Sync + 'static,
    {
        ClientBuilder(self.0.key_source(move |scope, rejected| std::future::ready(source(scope, rejected))))
    }

    setters!(all);

    /// Builds the client, on ureq with its defaults.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) if a setting is invalid or the HTTP stack cannot be set up.
    pub fn build(self) -> Result<Client> {
        blocking::ClientBuilder::from(self.0.into_inner()).build().map(|inner| Client { inner })
    }

    /// Builds the client, on a transport with custom proxies or certificates.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) if a setting is invalid or the HTTP stack cannot be set up.
    pub fn build_with(self, transport: Ureq) -> Result<Client> {
        blocking::ClientBuilder::from(self.0.into_inner()).build_with(transport).map(|inner| Client { inner })
    }
}

impl From<super::ClientBuilder> for ClientBuilder {
    /// Converts an async builder. An async source of tokens is polled on the blocked thread, so it must not require a runtime.
    fn from(builder: super::ClientBuilder) -> Self {
        ClientBuilder(builder)
    }
}

crate::api::tabbyml::services!(service);

impl GraphQl<'_> {
    /// Sends a custom document and returns its `data`.
    ///
    /// Wire: `POST /graphql`.
    ///
    /// # Errors
    ///
    /// Errors with the error of the call: see [`ErrorKind`](crate::ErrorKind) for its kinds.
    pub fn query<T: DeserializeOwned + MaybeSend + 'static>(&self, query: &GraphQlQuery<T>) -> Result<Response<T>> {
        self.client.call(query)
    }
}
