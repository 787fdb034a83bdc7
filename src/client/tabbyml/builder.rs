//! The builders: they wrap those of the crate's clients and take the tokens of this server instead of keys.

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

    /// Sets the registration token, which is sent only for ingestion, which requires it. A blank one is unset.
    pub fn registration_token(self, token: impl AsRef<str>) -> Self {
        ClientBuilder(self.0.registration_token(token.as_ref()))
    }

    /// Sets the name and version of the client in the server's logs, such as `my-editor/1.2` (wire: `User-Agent`). Browsers send
    /// their own.
    pub fn user_agent(self, agent: &str) -> Self {
        self.header("user-agent", agent)
    }

    /// Sets a source of tokens, instead of fixed ones. One call of the source serves all calls of the client. Tokens are cached
    /// until they expire. After a 401 the source is called again, and the request is repeated once.
    /// [`Scope::Api`](crate::Scope::Api) is the token of a user, [`Scope::Admin`](crate::Scope::Admin) the registration token.
    /// Both are [`Credential::bearer`](crate::auth::Credential::bearer).
    pub fn key_source(self, source: impl KeySource + 'static) -> Self {
        ClientBuilder(self.0.key_source(source))
    }

    setters!(all);

    /// Builds the client, on reqwest.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) if a setting is invalid or the HTTP stack cannot be set up.
    #[cfg(all(feature = "reqwest", not(target_arch = "wasm32")))]
    pub fn build(self) -> Result<Client> {
        self.0.build().map(|inner| Client { inner })
    }

    /// Builds the client, on the host's `fetch`.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) if a setting is invalid or the HTTP stack cannot be set up.
    #[cfg(all(feature = "fetch", target_arch = "wasm32"))]
    pub fn build(self) -> Result<Client> {
        self.0.build().map(|inner| Client { inner })
    }

    /// Builds the client, on this transport.
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
