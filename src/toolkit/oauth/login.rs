//! `Login`: signs a user in with a browser (authorization code with PKCE).

use std::fmt;
use std::sync::Arc;

use oauth2::url::Url;
use oauth2::{CsrfToken, PkceCodeChallenge, RedirectUrl};

use super::http::Http;
use super::source::TIMEOUT;
use super::{OAuth, Provider, grants};
use crate::base::{Advice, Error, ErrorKind, Remedy, Result};
use crate::transport::Transport;

/// A sign-in that was started: the address for the browser, and the values for verifying its return.
pub struct Login {
    provider: Provider,
    redirect: RedirectUrl,
    url: String,
    state: String,
    verifier: String,
}

impl Login {
    pub(super) fn new(provider: &Provider, redirect_url: &str) -> Result<Self> {
        let authorize = provider.authorize.clone().ok_or_else(|| {
            Error::config("there is no address for sign-in")
                .with_advice(Advice::new(Remedy::Give, "set {setting:provider.authorize_url}"))
        })?;
        let redirect = RedirectUrl::new(redirect_url.to_owned()).map_err(|_| {
            Error::config("the redirect address is not valid").with_hint("write it like `http://127.0.0.1:7777/back`")
        })?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = provider.client().set_auth_uri(authorize).set_redirect_uri(redirect.clone());
        let request = client
            .authorize_url(CsrfToken::new_random)
            .set_pkce_challenge(challenge)
            .add_scopes(provider.scopes.iter().cloned());
        let request =
            provider.params.iter().fold(request, |request, (name, value)| request.add_extra_param(name, value));
        let (url, state) = request.url();
        Ok(Login {
            provider: provider.clone(),
            redirect,
            url: url.into(),
            state: state.into_secret(),
            verifier: verifier.into_secret(),
        })
    }

    /// Returns the address to open in the user's browser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes the address to which the browser was redirected, whole or from its path on, and exchanges the code in it for tokens.
    /// If the address belongs to another sign-in, it is not used, and this sign-in still waits for its own.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Credentials`](crate::ErrorKind::Credentials): code `access_denied` if the user declined,
    /// `state_mismatch` if the address belongs to another sign-in, or a code of the token endpoint.
    pub async fn finish(&self, transport: impl Transport, redirected: &str) -> Result<OAuth> {
        let code = self.code_in(redirected)?;
        let transport = Arc::new(transport);
        let http = Http::new(&self.provider, transport.clone(), TIMEOUT);
        let granted = grants::code(&self.provider, &http, &self.redirect, &code, &self.verifier).await;
        Ok(OAuth::granted(self.provider.clone(), transport, granted.map_err(|fault| fault.error())?))
    }

    fn code_in(&self, redirected: &str) -> Result<String> {
        let refused = |code: &str, message: &str, hint: &str| {
            Error::custom(ErrorKind::Credentials, code, message).with_hint(hint)
        };
        let url = self.redirect.url().join(redirected.trim());
        let url: Url = url.map_err(|_| {
            refused("oauth_answer", "the address that the browser returned to is not valid", "pass it unchanged")
        })?;
        let find = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        // The rest of an address that belongs to another sign-in is not trusted.
        if find("state").as_deref() != Some(&self.state) {
            return Err(refused(
                "state_mismatch",
                "the browser returned from another sign-in",
                "start again, and do not let other pages redirect the browser",
            ));
        }
        if let Some(error) = find("error") {
            let clean = |text: String| text.chars().filter(|c| !c.is_control()).take(300).collect::<String>();
            let words = find("error_description").map(|words| format!(" ({})", clean(words))).unwrap_or_default();
            let error = clean(error);
            let message = format!("the authorization server did not sign the user in: {error}{words}");
            return Err(refused(&error, &message, "start again"));
        }
        find("code")
            .ok_or_else(|| refused("oauth_answer", "the browser returned without a code", "pass its address unchanged"))
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("provider", &self.provider)
            .field("redirect", &self.redirect.as_str())
            .finish_non_exhaustive()
    }
}
