//! Keys: which header an operation carries, and where keys come from.

use std::fmt;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::call::Time;
use crate::transport::{BoxFuture, MaybeSend, MaybeSync};
use crate::{BaseUrl, Error, Result, Scope};

/// The header of an API key.
pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The header of the admin key.
pub(crate) const X_ADMIN_KEY: HeaderName = HeaderName::from_static("x-admin-key");

/// One key, as the header that carries it. Its value never shows.
#[derive(Clone)]
pub struct Credential {
    name: HeaderName,
    value: HeaderValue,
    expires: Option<Time>,
}

impl Credential {
    /// `X-API-Key: KEY`, good for [`Scope::Api`] and [`Scope::List`]. A blank key is an error: the server chokes on
    /// empty key headers.
    pub fn api_key(key: &str) -> Result<Self> {
        Ok(Credential { name: X_API_KEY, value: key_value("API key", key, "")?, expires: None })
    }

    /// `X-Admin-Key: KEY`, good for [`Scope::Admin`] alone.
    pub fn admin_key(key: &str) -> Result<Self> {
        Ok(Credential { name: X_ADMIN_KEY, value: key_value("admin key", key, "")?, expires: None })
    }

    /// `Authorization: Bearer KEY`, good for every scope the key is good for.
    pub fn bearer(key: &str) -> Result<Self> {
        Ok(Credential { name: AUTHORIZATION, value: key_value("bearer key", key, "Bearer ")?, expires: None })
    }

    /// When the key stops being good, on the transport's clock; it is asked for anew from then on.
    pub fn expires(mut self, at: Time) -> Self {
        self.expires = Some(at);
        self
    }

    pub(crate) fn is_good(&self, now: Time) -> bool {
        self.expires.is_none_or(|at| now < at)
    }

    /// Puts the key into a request's head, as its only key header.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        headers.insert(self.name.clone(), self.value.clone());
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("header", &self.name).field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Where keys come from when they are not fixed: a vault, a token service, a prompt.
///
/// The client asks once for all the calls that need a key, keeps the key until it expires, and asks again after
/// a 401, upon which it sends the request once more. A closure that returns a boxed future is one, see
/// [`ClientBuilder::key_source`](crate::ClientBuilder::key_source).
pub trait KeySource: MaybeSend + MaybeSync {
    /// A key for the scope, or `None` to send no key. `rejected` tells that the server refused the last one.
    fn key(&self, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>>;

    /// The same for one of several servers; what [`key`](KeySource::key) gives, unless it is overridden. Keys are kept for
    /// each server apart.
    fn key_for(&self, server: &BaseUrl, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        let _ = server;
        self.key(scope, rejected)
    }
}

impl<F> KeySource for F
where
    F: Fn(Scope, bool) -> BoxFuture<Result<Option<Credential>>> + MaybeSend + MaybeSync,
{
    fn key(&self, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        self(scope, rejected)
    }
}

/// The fixed keys of a client, and the rules by which an operation's scope picks one.
#[derive(Clone, Default)]
pub(crate) struct Keys {
    api: Option<HeaderValue>,
    admin: Option<HeaderValue>,
    bearer: Option<HeaderValue>,
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

    /// The one key header for a scope; `None` if no key fits, which servers without authentication accept.
    pub(crate) fn resolve(&self, scope: Scope) -> Option<Credential> {
        let (name, key) = match scope {
            Scope::Public => return None,
            Scope::Api => (X_API_KEY, self.api.as_ref().or(self.admin.as_ref())),
            Scope::List => (X_API_KEY, self.admin.as_ref().or(self.api.as_ref())),
            Scope::Admin => (X_ADMIN_KEY, self.admin.as_ref()),
        };
        let (name, value) = match key {
            Some(key) => (name, key),
            None => (AUTHORIZATION, self.bearer.as_ref()?),
        };
        Some(Credential { name, value: value.clone(), expires: None })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |key: &Option<HeaderValue>| if key.is_some() { "set" } else { "unset" };
        f.debug_struct("Keys")
            .field("api", &set(&self.api))
            .field("admin", &set(&self.admin))
            .field("bearer", &set(&self.bearer))
            .finish()
    }
}

/// Whether a header carries a secret: what must not show in recordings and logs.
pub(crate) fn is_secret(name: &HeaderName, value: &HeaderValue) -> bool {
    const NAMES: [&str; 5] = ["authorization", "proxy-authorization", "x-api-key", "x-admin-key", "cookie"];
    value.is_sensitive() || NAMES.contains(&name.as_str()) || name.as_str() == "set-cookie"
}

fn optional(what: &str, key: &str, prefix: &str) -> Result<Option<HeaderValue>> {
    if key.trim().is_empty() { Ok(None) } else { key_value(what, key, prefix).map(Some) }
}

fn key_value(what: &str, key: &str, prefix: &str) -> Result<HeaderValue> {
    let key = key.trim();
    if key.is_empty() {
        return Err(Error::config(format!("the {what} is blank")).with_hint("leave it out if there is none"));
    }
    // The source error is left out: nothing of the key may show.
    let mut value = HeaderValue::from_str(&format!("{prefix}{key}")).map_err(|_| {
        Error::config(format!("the {what} has characters that no header can carry"))
            .with_hint("look for line breaks or control characters in it")
    })?;
    value.set_sensitive(true);
    Ok(value)
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
        assert_sends(&keys, Scope::List, "x-api-key", "adm");
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
