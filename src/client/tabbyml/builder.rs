//! The builders: those of the crate's clients, with the tokens of this server in place of keys.

use super::Client;
use crate::base::Result;
use crate::client::client;
use crate::client::setters::setters;
use crate::protocol::auth::KeySource;
use crate::transport::Transport;

/// Builds a [`Client`]. Mistakes are reported by `build` or [`build_with`](ClientBuilder::build_with).
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder(client::ClientBuilder);

impl ClientBuilder {
    pub(super) fn new(inner: client::ClientBuilder) -> Self {
        ClientBuilder(inner)
    }

    /// Sets the token of a user (wire: `Authorization: Bearer`), which the server's home page shows; or an access token of
    /// [`sign_in`](crate::tabbyml::services::GraphQl::sign_in). A blank one is unset. Servers without accounts ignore it.
    pub fn token(self, token: impl AsRef<str>) -> Self {
        ClientBuilder(self.0.bearer(token))
    }

    /// Sets the registration token, which ingestion requires and which is sent for nothing else. A blank one is unset.
    pub fn registration_token(self, token: impl AsRef<str>) -> Self {
        ClientBuilder(self.0.registration_token(token.as_ref()))
    }

    /// Sets what the server logs as the client, such as `my-editor/1.2` (wire: `User-Agent`). Browsers send their own.
    pub fn user_agent(self, agent: &str) -> Self {
        self.header("user-agent", agent)
    }

    /// Sets where tokens come from, in place of fixed ones: asked once for all calls, kept until they expire, and asked again after a 401,
    /// upon which the request is sent once more. [`Scope::Api`](crate::Scope::Api) is the token of a user,
    /// [`Scope::Admin`](crate::Scope::Admin) the registration token; both are [`Credential::bearer`](crate::auth::Credential::bearer).
    pub fn key_source(self, source: impl KeySource + 'static) -> Self {
        ClientBuilder(self.0.key_source(source))
    }

    setters!(all);

    /// Returns the client, on reqwest.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) if a setting is invalid or the HTTP stack cannot be set up.
    #[cfg(all(feature = "reqwest", not(target_arch = "wasm32")))]
    pub fn build(self) -> Result<Client> {
        self.0.build().map(|inner| Client { inner })
    }

    /// Returns the client, on the host's `fetch`.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) if a setting is invalid or the HTTP stack cannot be set up.
    #[cfg(all(feature = "fetch", target_arch = "wasm32"))]
    pub fn build(self) -> Result<Client> {
        self.0.build().map(|inner| Client { inner })
    }

    /// Returns the client, on a transport of your choice.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) if a setting is invalid or the HTTP stack cannot be set up.
    pub fn build_with(self, transport: impl Transport) -> Result<Client> {
        self.0.build_with(transport).map(|inner| Client { inner })
    }

    #[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
    pub(super) fn into_inner(self) -> client::ClientBuilder {
        self.0
    }
}
