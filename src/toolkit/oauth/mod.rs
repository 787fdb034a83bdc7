//! Keys from an OAuth 2.0 authorization server, for servers behind a gateway that requires access tokens (feature `oauth2`).
//!
//! | grant | for | start with |
//! |---|---|---|
//! | client credentials | programs without a user | [`OAuth::client_credentials`] |
//! | refresh token | programs to which a user has signed in before | [`OAuth::refresh_token`] |
//! | device code | programs without a browser: the user confirms on another device | [`OAuth::device`] |
//! | authorization code with PKCE | programs with a browser | [`Provider::login`] |
//!
//! Each returns an [`OAuth`], a key source that gets, caches and renews access tokens and sends them as `Authorization: Bearer`. Its
//! requests use a [`Transport`](crate::transport::Transport), usually a clone of the client's. Nothing runs in the background: tokens
//! are renewed when a call needs one.
//!
//! ```
//! use tabbyapi::Client;
//! use tabbyapi::oauth::{OAuth, Provider};
//! # use tabbyapi::transport::script::{Reply, Script};
//! # let transport = Script::new([
//! #     Reply::json(200, r#"{"access_token": "at-1", "token_type": "Bearer", "expires_in": 300}"#),
//! #     Reply::json(200, r#"{"id": "alpha", "object": "model"}"#),
//! # ]);
//! # let script = transport.clone();
//!
//! let provider = Provider::new("my-program", "https://login.example.org/token")?.secret("…").scope("tabby");
//! let client = Client::builder("https://example.org/tabby")
//!     .key_source(OAuth::client_credentials(provider, transport.clone()))
//!     .build_with(transport)?;
//! # futures::executor::block_on(client.models().current())?;
//! # assert_eq!(script.requests()[1].headers()["authorization"], "Bearer at-1");
//! # Ok::<(), tabbyapi::Error>(())
//! ```
//!
//! # Security
//!
//! * Addresses of the authorization server are `https`, or `http` on a loopback address. Redirects are not followed.
//! * One request for a token serves all calls that need it, so that a refresh token is not used twice. If the call that waits for it is
//!   dropped, the request is kept, and the next call that needs a token continues it. A new refresh token from the
//!   server is not lost.
//! * Errors have kind [`Credentials`](crate::ErrorKind::Credentials), with the authorization server's error as
//!   [`code`](crate::Error::code), such as `invalid_grant`. They do not contain secrets or tokens.
//!
//! The blocking client cannot use these sources with the reqwest transport, which requires its runtime.

mod grants;
mod http;
mod login;
mod source;

use std::fmt;
use std::time::Duration;

use oauth2::{ClientId, ClientSecret, Scope, TokenUrl, basic::BasicClient};

pub use login::Login;
pub use source::OAuth;

use crate::base::{Advice, Error, Remedy, Result};

/// An authorization server, and the client registration of this program.
#[derive(Clone)]
pub struct Provider {
    id: ClientId,
    secret: Option<ClientSecret>,
    secret_in_body: bool,
    token: TokenUrl,
    device: Option<oauth2::DeviceAuthorizationUrl>,
    authorize: Option<oauth2::AuthUrl>,
    scopes: Vec<Scope>,
    params: Vec<(String, String)>,
}

/// The tokens from the authorization server. `Debug` does not print them.
#[derive(Clone)]
#[non_exhaustive]
pub struct Tokens {
    /// The access token, which is sent with requests.
    pub access_token: String,
    /// The refresh token, which gets the next access token. Keep it as secret as a password.
    pub refresh_token: Option<String>,
    /// The lifetime of the access token, if known.
    pub expires_in: Option<Duration>,
}

/// What the user needs to confirm on another device.
#[derive(Clone)]
#[non_exhaustive]
pub struct Prompt {
    /// The page to open.
    pub verification_uri: String,
    /// The code to enter there.
    pub user_code: String,
    /// The page with the code filled in, suitable for a QR code, if the server has one.
    pub verification_uri_complete: Option<String>,
    /// How long the code is valid.
    pub expires_in: Duration,
}

impl Provider {
    /// Creates a provider for the client with this id, at the server with this token endpoint.
    ///
    /// # Errors
    ///
    /// Errors with code `config` unless the address is valid, and `https` or loopback.
    pub fn new(client_id: impl Into<String>, token_url: &str) -> Result<Self> {
        Ok(Provider {
            id: ClientId::new(client_id.into()),
            secret: None,
            secret_in_body: false,
            token: safe("token", token_url, TokenUrl::new)?,
            device: None,
            authorize: None,
            scopes: Vec::new(),
            params: Vec::new(),
        })
    }

    /// Sets the secret of a confidential client. Sent in an `Authorization: Basic` header.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(ClientSecret::new(secret.into()));
        self
    }

    /// Sends the secret in the body of requests, for servers that require it.
    pub fn secret_in_body(mut self) -> Self {
        self.secret_in_body = true;
        self
    }

    /// Sets the endpoint for device codes.
    ///
    /// # Errors
    ///
    /// Errors with code `config` unless the address is valid, and `https` or loopback.
    pub fn device_url(mut self, url: &str) -> Result<Self> {
        self.device = Some(safe("device authorization", url, oauth2::DeviceAuthorizationUrl::new)?);
        Ok(self)
    }

    /// Sets the page on which users sign in.
    ///
    /// # Errors
    ///
    /// Errors with code `config` unless the address is valid, and `https` or loopback.
    pub fn authorize_url(mut self, url: &str) -> Result<Self> {
        self.authorize = Some(safe("authorization", url, oauth2::AuthUrl::new)?);
        Ok(self)
    }

    /// Requests a scope.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(Scope::new(scope.into()));
        self
    }

    /// Adds a parameter to all requests, such as `resource` or `audience`.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// Starts the sign-in of a user in a browser that returns to `redirect_url`, with PKCE.
    ///
    /// ```
    /// # use tabbyapi::oauth::Provider;
    /// let login = Provider::new("my-program", "https://login.example.org/token")?
    ///     .authorize_url("https://login.example.org/authorize")?
    ///     .login("http://127.0.0.1:7777/back")?;
    /// assert!(login.url().starts_with("https://login.example.org/authorize?response_type=code&client_id=my-program"));
    /// // Open that address in a browser, receive the request on port 7777, and then
    /// # async fn f(login: tabbyapi::oauth::Login, transport: impl tabbyapi::transport::Transport) -> tabbyapi::Result<()> {
    /// let keys = login.finish(transport, "/back?code=…&state=…").await?;
    /// # Ok(())
    /// # }
    /// # Ok::<(), tabbyapi::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Errors with kind [`Config`](crate::ErrorKind::Config) without an [`authorize_url`](Provider::authorize_url), or if `redirect_url` is not
    /// valid.
    pub fn login(&self, redirect_url: &str) -> Result<Login> {
        Login::new(self, redirect_url)
    }

    fn client(&self) -> Client {
        let mut client = BasicClient::new(self.id.clone());
        if let Some(secret) = &self.secret {
            client = client.set_client_secret(secret.clone());
        }
        if self.secret_in_body {
            client = client.set_auth_type(oauth2::AuthType::RequestBody);
        }
        client.set_token_uri(self.token.clone())
    }
}

type Client = BasicClient<
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointSet,
>;

/// Checks an address to which secrets may be sent.
fn safe<U>(what: &str, text: &str, parse: fn(String) -> Result<U, oauth2::url::ParseError>) -> Result<U> {
    // The message repeats the address only after it is known not to contain a password.
    let wrong = |why: &str| Error::config(format!("the {what} address of the authorization server {why}"));
    let url = oauth2::url::Url::parse(text)
        .map_err(|_| wrong("is not valid").with_hint("write it like `https://login.example.org/token`"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("carries a user name or password")
            .with_advice(Advice::new(Remedy::Give, "give the client id and {setting:provider.secret} instead")));
    }
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<core::net::IpAddr>();
    let loopback = host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        _ => return Err(wrong("is not encrypted").with_hint("use `https`; `http` is only for loopback addresses")),
    }
    if url.fragment().is_some() {
        return Err(wrong("has a fragment").with_hint("leave out `#` and what follows"));
    }
    parse(text.to_owned()).map_err(|_| wrong("is not valid"))
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("id", &self.id.as_str())
            .field("secret", &self.secret.as_ref().map(|_| "set"))
            .field("token", &self.token.as_str())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("refresh_token", &self.refresh_token.as_ref().map(|_| "set"))
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Prompt {
    /// Omits the code, which would allow others to confirm for the user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt")
            .field("verification_uri", &self.verification_uri)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}
