//! Keys from an OAuth 2.0 authorization server, for servers behind a gateway that wants access tokens (feature `oauth2`).
//!
//! | grant | for | begin with |
//! |---|---|---|
//! | client credentials | programs on their own | [`OAuth::client_credentials`] |
//! | refresh token | programs to which a user has signed in before | [`OAuth::refresh_token`] |
//! | device code | programs without a browser: the user confirms on another device | [`OAuth::device`] |
//! | authorization code with PKCE | programs with a browser | [`Provider::login`] |
//!
//! Each gives an [`OAuth`], a source of keys that gets, keeps and renews access tokens and sends them as `Authorization: Bearer`. It
//! moves its requests with a [`Transport`](crate::transport::Transport), most simply a clone of the client's own. Nothing runs in the background: tokens
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
//! # What is safe
//!
//! * Addresses of the authorization server are `https`, or `http` on a loopback address. Redirects are not followed.
//! * However many calls need a token, one request is made for it, so that no refresh token is used twice. If the call that waits for it is
//!   dropped, the request stays, and the next call that needs a token takes it up: a new refresh token that the server has
//!   sent is not lost.
//! * Errors are of kind [`Credentials`](crate::ErrorKind::Credentials), with the authorization server's word as
//!   [`code`](crate::Error::code), such as `invalid_grant`. Secrets and tokens are in none of them.
//!
//! The blocking client cannot use these sources with the reqwest transport, which needs its runtime.

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

/// An authorization server, and who this program is to it.
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

/// What the authorization server gave. `Debug` does not show it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Tokens {
    /// The token that goes with requests.
    pub access_token: String,
    /// The token that gets the next one. Keep it as you would a password.
    pub refresh_token: Option<String>,
    /// How long the access token is good for, if that was told.
    pub expires_in: Option<Duration>,
}

/// What to tell the user, who is to confirm on another device.
#[derive(Clone)]
#[non_exhaustive]
pub struct Prompt {
    /// The page to go to.
    pub verification_uri: String,
    /// The code to type there.
    pub user_code: String,
    /// The page with the code filled in, good for a QR code, if the server has such.
    pub verification_uri_complete: Option<String>,
    /// How much time there is.
    pub expires_in: Duration,
}

impl Provider {
    /// The program of this id at the server with this token endpoint. Errors unless that is `https`, or on a loopback address.
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

    /// The secret of a program that can keep one. It goes into an `Authorization: Basic` header.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(ClientSecret::new(secret.into()));
        self
    }

    /// Sends the secret in the body of requests, for servers that want it there.
    pub fn secret_in_body(mut self) -> Self {
        self.secret_in_body = true;
        self
    }

    /// The endpoint at which device codes are asked for.
    pub fn device_url(mut self, url: &str) -> Result<Self> {
        self.device = Some(safe("device authorization", url, oauth2::DeviceAuthorizationUrl::new)?);
        Ok(self)
    }

    /// The page on which users sign in.
    pub fn authorize_url(mut self, url: &str) -> Result<Self> {
        self.authorize = Some(safe("authorization", url, oauth2::AuthUrl::new)?);
        Ok(self)
    }

    /// Asks for a scope.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(Scope::new(scope.into()));
        self
    }

    /// Adds a parameter to all requests, such as `resource` or `audience`.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// Begins to sign a user in by a browser that comes back to `redirect_url`, with PKCE. Errors without an
    /// [`authorize_url`](Provider::authorize_url), or if the address to come back to is none.
    ///
    /// ```
    /// # use tabbyapi::oauth::Provider;
    /// let login = Provider::new("my-program", "https://login.example.org/token")?
    ///     .authorize_url("https://login.example.org/authorize")?
    ///     .login("http://127.0.0.1:7777/back")?;
    /// assert!(login.url().starts_with("https://login.example.org/authorize?response_type=code&client_id=my-program"));
    /// // Open that address in a browser, take the request that comes to port 7777, and then
    /// # async fn f(login: tabbyapi::oauth::Login, transport: impl tabbyapi::transport::Transport) -> tabbyapi::Result<()> {
    /// let keys = login.finish(transport, "/back?code=…&state=…").await?;
    /// # Ok(())
    /// # }
    /// # Ok::<(), tabbyapi::Error>(())
    /// ```
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

/// An address that secrets may be sent to.
fn safe<U>(what: &str, text: &str, parse: fn(String) -> Result<U, oauth2::url::ParseError>) -> Result<U> {
    // A password in it could show, so the text is told only once there is none.
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
        _ => return Err(wrong("is not encrypted").with_hint("use `https`; `http` is for loopback addresses alone")),
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
    /// Without the code: whoever has it could confirm in the user's stead.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt")
            .field("verification_uri", &self.verification_uri)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}
