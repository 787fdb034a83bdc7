//! `Environment`: keys from environment variables.

use std::env::{self, VarError};

use zeroize::Zeroizing;

use super::{Credential, KeySource, Keys};
use crate::base::{BoxFuture, Error, ErrorCode, ErrorKind, Result};
use crate::protocol::endpoint::Scope;

/// Keys from environment variables. The variables are read on each request for a key, so a changed value is used after a 401.
///
/// An unset or blank variable is ignored. If several keys are set, each operation gets the one that its scope requires, as with fixed keys.
///
/// ```
/// use tabbyapi::auth::Environment;
///
/// let builder = tabbyapi::Client::builder("http://127.0.0.1:5000").key_source(Environment::new());
/// # let _ = builder;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    api_key: String,
    admin_key: String,
    bearer: String,
}

impl Environment {
    /// Reads `TABBY_API_KEY`, `TABBY_ADMIN_KEY` and `TABBY_BEARER`.
    pub fn new() -> Self {
        Environment::named("TABBY_API_KEY", "TABBY_ADMIN_KEY", "TABBY_BEARER")
    }

    /// Reads variables of these names.
    pub fn named(api_key: impl Into<String>, admin_key: impl Into<String>, bearer: impl Into<String>) -> Self {
        Environment { api_key: api_key.into(), admin_key: admin_key.into(), bearer: bearer.into() }
    }

    fn read(&self, scope: Scope) -> Result<Option<Credential>> {
        let mut keys = Keys::default();
        let named = [
            (&self.api_key, Keys::set_api as Set),
            (&self.admin_key, Keys::set_admin),
            (&self.bearer, Keys::set_bearer),
        ];
        for (name, set) in named {
            let found = variable(name).and_then(|value| set(&mut keys, &value).map_err(|_| unfit(name)));
            found?;
        }
        Ok(keys.resolve(scope))
    }
}

type Set = fn(&mut Keys, &str) -> Result<()>;

impl Default for Environment {
    fn default() -> Self {
        Environment::new()
    }
}

impl KeySource for Environment {
    fn key(&self, scope: Scope, _: bool) -> BoxFuture<Result<Option<Credential>>> {
        Box::pin(std::future::ready(self.read(scope)))
    }
}

/// The value of a variable, empty if it is unset.
fn variable(name: &str) -> Result<Zeroizing<String>> {
    // The standard library may panic on these names on some systems. Such variables cannot be set.
    if name.is_empty() || name.contains(['=', '\0']) {
        return Ok(Zeroizing::default());
    }
    match env::var(name) {
        Ok(value) => Ok(Zeroizing::new(value)),
        Err(VarError::NotPresent) => Ok(Zeroizing::default()),
        Err(VarError::NotUnicode(_)) => Err(unfit(name)),
    }
}

/// The message omits the value, which may be part of a key.
fn unfit(name: &str) -> Error {
    let message = format!("the environment variable `{name}` has characters that are not valid in a key");
    Error::custom(ErrorKind::Credentials, ErrorCode::KeyInvalid, message)
        .with_hint("set it to the key only, without line breaks")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_read_and_a_missing_one_is_no_key() {
        // Cargo sets the first of these for tests; setting one here would be unsafe.
        let source = Environment::named("CARGO_PKG_NAME", "TABBY_TEST_SURELY_UNSET", "");
        let mut headers = http::HeaderMap::new();
        source.read(Scope::Api).unwrap().unwrap().apply(&mut headers);
        assert_eq!(headers["x-api-key"], env!("CARGO_PKG_NAME"));
        assert!(source.read(Scope::Admin).unwrap().is_none());
        assert!(source.read(Scope::Public).unwrap().is_none());
        assert!(Environment::named("TABBY_TEST_SURELY_UNSET", "a=b", "\0").read(Scope::Admin).unwrap().is_none());
    }
}
