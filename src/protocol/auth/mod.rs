//! Keys: which header an operation sends, and where keys come from.
//!
//! Each request has at most one key header. Fixed keys are set on the builder, or on each
//! [`Server`](crate::policy::Server). Other keys come from a [`KeySource`]:
//!
//! | source | keys |
//! |---|---|
//! | a closure | anything: a vault, a prompt, a service |
//! | `Environment` | environment variables (native targets) |
//! | `KeyFile` | a file, or TabbyAPI's own `api_tokens.yml` (native targets) |
//! | [`Chain`] | the first of several sources that has a key |
//! | [`PerServer`] | one source per server |
//! | `oauth::OAuth` (feature `oauth2`) | an OAuth 2.0 authorization server |
//!
//! # How a client uses a key source
//!
//! * The source is called when a call needs a key that is not cached, once for all calls. The others wait. If the call that asks is dropped,
//!   another one takes over.
//! * The key is cached per server and [`Scope`] until shortly before it expires. The margin is
//!   [`key_skew`](crate::ClientBuilder::key_skew).
//! * After a 401 the source is called again with `rejected`, and the request is sent once more. A second 401 is the error of the call. A
//!   server that rejects a key has not started the operation, so a generation cannot run twice.
//! * An error of the source fails the call that used it, with kind [`Credentials`](crate::ErrorKind::Credentials) for all sources
//!   here. Nothing is sent, and the next call uses the source again.
//!
//! Nothing runs in the background.
//!
//! # Redaction of keys
//!
//! All keys of a client (for each scope and server, those that sources returned, sensitive headers, the token of a download) are
//! removed from everything that the library prints or records: `Debug` and `Display`, errors and their causes, records, hooks,
//! telemetry, recordings. They are removed even if the server repeats them, verbatim or encoded: escaped as in JSON, URLs or
//! HTML, in Base64, as Latin-1 or UTF-8. Parts of header values are removed, too: cookies, fields of `Digest`, user and password
//! of `Basic`. Texts are truncated after that, so the start of a key does not remain. Responses themselves are not changed. Keys
//! shorter than six bytes are not removed, since that would damage ordinary words.
//!
//! The library wipes its copies of keys when they are dropped. It cannot wipe memory that it does not own: your own strings, the
//! environment, the bodies of requests, the buffers of the HTTP stack and of TLS, and the tokens of OAuth.

mod choose;
#[cfg(not(target_arch = "wasm32"))]
mod environment;
#[cfg(not(target_arch = "wasm32"))]
mod file;

use std::fmt;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::base::secrets::{X_ADMIN_KEY, X_API_KEY, secret_value};
use crate::base::{BaseUrl, BoxFuture, Error, MaybeSend, MaybeSync, Result, Time};
use crate::protocol::endpoint::Scope;

pub use choose::{Chain, PerServer};
#[cfg(not(target_arch = "wasm32"))]
pub use environment::Environment;
#[cfg(not(target_arch = "wasm32"))]
pub use file::KeyFile;

/// One key, with the header that carries it. `Debug` does not print the value.
///
/// ```
/// use std::time::Duration;
/// use tabbyapi::auth::Credential;
///
/// let credential = Credential::api_key("sesame")?.lasts(Duration::from_secs(600));
/// assert!(!format!("{credential:?}").contains("sesame"));
/// # Ok::<(), tabbyapi::Error>(())
/// ```
#[derive(Clone)]
pub struct Credential {
    name: HeaderName,
    value: HeaderValue,
    expires: Option<Time>,
    lasts: Option<Duration>,
    which: Which,
}

/// Which of a client's keys a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Api,
    Admin,
    Bearer,
    Registration,
}

impl Which {
    /// The name of the key in messages.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Which::Api => "API key",
            Which::Admin => "admin key",
            Which::Bearer => "bearer key",
            Which::Registration => "registration token",
        }
    }
}

impl Credential {
    /// Creates a credential for `X-API-Key: KEY`, valid for [`Scope::Api`] and [`Scope::PreferAdmin`].
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the key is blank or has characters that are not valid in a header.
    pub fn api_key(key: &str) -> Result<Self> {
        Ok(Credential::of(X_API_KEY, key_value("API key", key, "")?, Which::Api))
    }

    /// Creates a credential for `X-Admin-Key: KEY`, valid for [`Scope::Admin`] only.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the key is blank or has characters that are not valid in a header.
    pub fn admin_key(key: &str) -> Result<Self> {
        Ok(Credential::of(X_ADMIN_KEY, key_value("admin key", key, "")?, Which::Admin))
    }

    /// Creates a credential for `Authorization: Bearer KEY`, valid for every scope that the key has on the server.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the key is blank or has characters that are not valid in a header.
    pub fn bearer(key: &str) -> Result<Self> {
        Ok(Credential::of(AUTHORIZATION, key_value("bearer key", key, "Bearer ")?, Which::Bearer))
    }

    fn of(name: HeaderName, value: HeaderValue, which: Which) -> Self {
        Credential { name, value, expires: None, lasts: None, which }
    }

    /// Which key it is, for messages.
    pub(crate) fn which(&self) -> Which {
        self.which
    }

    /// Sets when the key expires, on the transport's clock. From then on a new key is requested.
    pub fn expires(mut self, at: Time) -> Self {
        self.expires = Some(at);
        self
    }

    /// Sets how long the key is valid, from when the client receives it. For sources without access to the transport's clock.
    ///
    /// The expiry margin of the client is at most half of this, so a short-lived key is used, too.
    pub fn lasts(mut self, duration: Duration) -> Self {
        self.lasts = Some(duration);
        self
    }

    /// The credential as received at this time.
    pub(crate) fn received(mut self, now: Time) -> Self {
        if let Some(lasts) = self.lasts {
            let end = now + lasts;
            self.expires = Some(self.expires.map_or(end, |at| at.min(end)));
        }
        self
    }

    /// Whether the key is valid now and for the margin.
    pub(crate) fn is_good(&self, now: Time, skew: Duration) -> bool {
        let skew = self.lasts.map_or(skew, |lasts| skew.min(lasts / 2));
        self.expires.is_none_or(|at| now + skew < at)
    }

    /// Whether it is the same key, regardless of its expiry.
    pub(crate) fn is_same(&self, other: &Credential) -> bool {
        self.name == other.name && self.value == other.value
    }

    /// The header that carries the key.
    pub(crate) fn header(&self) -> (&HeaderName, &HeaderValue) {
        (&self.name, &self.value)
    }

    /// Sets the key as the only key header of a request.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        headers.insert(self.name.clone(), self.value.clone());
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("header", &self.name).field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// A source of keys that are not fixed: a vault, a token service, a prompt.
///
/// The client calls the source once for all calls that need a key, and caches the key until it expires. After a 401 it calls the source
/// again and repeats the request once. Async closures implement this trait, see
/// [`ClientBuilder::key_source`](crate::ClientBuilder::key_source).
pub trait KeySource: MaybeSend + MaybeSync {
    /// Returns a key for the scope, or `None` to send no key. `rejected` is set if the server rejected the last one.
    fn key(&self, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>>;

    /// Returns a key for one of several servers. Calls [`key`](KeySource::key) unless it is overridden. Keys are cached per server.
    fn key_for(&self, server: &BaseUrl, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        let _ = server;
        self.key(scope, rejected)
    }
}

/// Async closures, and functions that return any future.
impl<F, R> KeySource for F
where
    F: Fn(Scope, bool) -> R + MaybeSend + MaybeSync,
    R: Future<Output = Result<Option<Credential>>> + MaybeSend + 'static,
{
    fn key(&self, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        Box::pin(self(scope, rejected))
    }
}

/// The fixed keys of a client, and the rules by which a scope selects one.
#[derive(Clone, Default)]
pub(crate) struct Keys {
    api: Option<HeaderValue>,
    admin: Option<HeaderValue>,
    bearer: Option<HeaderValue>,
    registration: Option<HeaderValue>,
}

impl Keys {
    /// Sets the API key; a blank one is unset.
    pub(crate) fn set_api(&mut self, key: &str) -> Result<()> {
        self.api = optional("API key", key, "")?;
        Ok(())
    }

    pub(crate) fn set_admin(&mut self, key: &str) -> Result<()> {
        self.admin = optional("admin key", key, "")?;
        Ok(())
    }

    pub(crate) fn set_bearer(&mut self, key: &str) -> Result<()> {
        self.bearer = optional("bearer key", key, "Bearer ")?;
        Ok(())
    }

    pub(crate) fn set_registration(&mut self, token: &str) -> Result<()> {
        self.registration = optional("registration token", token, "Bearer ")?;
        Ok(())
    }

    /// The key for a scope. `None` if there is none, which servers without authentication accept.
    pub(crate) fn resolve(&self, scope: Scope) -> Option<Credential> {
        let api = || Some((self.api.as_ref()?, Which::Api));
        let admin = || Some((self.admin.as_ref()?, Which::Admin));
        if let (Scope::Admin, Some(token)) = (scope, &self.registration) {
            return Some(Credential::of(AUTHORIZATION, token.clone(), Which::Registration));
        }
        let (name, key) = match scope {
            Scope::Public => return None,
            Scope::Api => (X_API_KEY, api().or_else(admin)),
            Scope::PreferAdmin => (X_API_KEY, admin().or_else(api)),
            Scope::Admin => (X_ADMIN_KEY, admin()),
        };
        let (name, (value, which)) = match key {
            Some(key) => (name, key),
            None => (AUTHORIZATION, (self.bearer.as_ref()?, Which::Bearer)),
        };
        Some(Credential::of(name, value.clone(), which))
    }
}

impl Keys {
    /// All keys, as the headers that may carry them.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        static NAMES: [HeaderName; 4] = [X_API_KEY, X_ADMIN_KEY, AUTHORIZATION, AUTHORIZATION];
        let keys = [&self.api, &self.admin, &self.bearer, &self.registration];
        NAMES.iter().zip(keys).filter_map(|(name, key)| Some((name, key.as_ref()?)))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |key: &Option<HeaderValue>| if key.is_some() { "set" } else { "unset" };
        f.debug_struct("Keys")
            .field("api", &set(&self.api))
            .field("admin", &set(&self.admin))
            .field("bearer", &set(&self.bearer))
            .field("registration", &set(&self.registration))
            .finish()
    }
}

fn optional(what: &str, key: &str, prefix: &str) -> Result<Option<HeaderValue>> {
    if key.trim_ascii().is_empty() { Ok(None) } else { key_value(what, key, prefix).map(Some) }
}

fn key_value(what: &str, key: &str, prefix: &str) -> Result<HeaderValue> {
    let key = key.trim_ascii();
    if key.is_empty() {
        return Err(Error::config(["the ", what, " is blank"].concat()).with_hint("leave it out if there is none"));
    }
    // The message omits the source error, which may repeat a part of the key.
    secret_value(prefix, key).ok_or_else(|| {
        Error::config(["the ", what, " has characters that are not valid in a header"].concat())
            .with_hint("look for line breaks or control characters in it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(keys: &Keys, scope: Scope) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        keys.resolve(scope)?.apply(&mut headers);
        let (name, value) = headers.iter().next()?;
        Some((name.to_string(), value.to_str().ok()?.to_owned()))
    }

    #[track_caller]
    fn assert_sends(keys: &Keys, scope: Scope, name: &str, value: &str) {
        assert_eq!(header(keys, scope), Some((name.to_owned(), value.to_owned())), "{scope:?}");
    }

    #[test]
    fn each_scope_picks_one_header() {
        let mut keys = Keys::default();
        assert_eq!(header(&keys, Scope::Api), None);
        keys.set_bearer("b").unwrap();
        assert_sends(&keys, Scope::Api, "authorization", "Bearer b");
        assert_sends(&keys, Scope::Admin, "authorization", "Bearer b");
        keys.set_admin("adm").unwrap();
        assert_sends(&keys, Scope::Api, "x-api-key", "adm");
        assert_sends(&keys, Scope::Admin, "x-admin-key", "adm");
        keys.set_api(" api\n").unwrap();
        assert_sends(&keys, Scope::Api, "x-api-key", "api");
        assert_sends(&keys, Scope::PreferAdmin, "x-api-key", "adm");
        assert_sends(&keys, Scope::Admin, "x-admin-key", "adm");
        assert_eq!(header(&keys, Scope::Public), None);
    }

    #[test]
    fn blank_keys_are_unset_and_bad_ones_do_not_show() {
        let mut keys = Keys::default();
        keys.set_api("  ").unwrap();
        assert!(keys.resolve(Scope::Api).is_none());
        let error = keys.set_api("secret\u{7}key").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
        keys.set_api("hidden").unwrap();
        assert!(!format!("{keys:?} {:?}", keys.resolve(Scope::Api)).contains("hidden"));
    }
}
