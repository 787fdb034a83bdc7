//! The grants: how each one requests tokens from the token endpoint.

use std::time::Duration;

use oauth2::basic::{BasicTokenResponse, BasicTokenType};
use oauth2::{
    AuthorizationCode, PkceCodeVerifier, RedirectUrl, RefreshToken, StandardDeviceAuthorizationResponse, TokenResponse,
};

use super::http::{Fault, Http};
use super::{Prompt, Provider, Tokens};
use crate::base::Time;

/// The bounds of a server's polling interval for a device code.
const SLOWEST: Duration = Duration::from_secs(60 * 60);

/// Tokens, and the expiry of the access token on the transport's clock.
#[derive(Clone)]
pub(super) struct Granted {
    pub(super) tokens: Tokens,
    pub(super) expires: Option<Time>,
}

/// Adds the common parameters of all requests.
macro_rules! with_params {
    ($provider:expr, $request:expr) => {
        $provider.params.iter().fold($request, |request, (name, value)| request.add_extra_param(name, value))
    };
}

pub(super) async fn client_credentials(provider: &Provider, http: &Http) -> Result<Granted, Fault> {
    let (client, asked) = (provider.client(), http.now());
    let request = client.exchange_client_credentials().add_scopes(provider.scopes.iter().cloned());
    let answer = with_params!(provider, request).request_async(http).await;
    let answer = answer.map_err(|error| http.failed("client credentials", provider.token.as_str(), error))?;
    granted(provider, http, &answer, asked)
}

/// Names no scopes, which keeps those of the first grant.
pub(super) async fn refresh(provider: &Provider, http: &Http, token: &str) -> Result<Granted, Fault> {
    http.guard(token);
    let (client, asked, token) = (provider.client(), http.now(), RefreshToken::new(token.to_owned()));
    let request = client.exchange_refresh_token(&token);
    let answer = with_params!(provider, request).request_async(http).await;
    let answer = answer.map_err(|error| http.failed("refresh token", provider.token.as_str(), error))?;
    let mut granted = granted(provider, http, &answer, asked)?;
    // A server without rotation sends none, and the old one stays valid.
    granted.tokens.refresh_token.get_or_insert_with(|| token.into_secret());
    Ok(granted)
}

pub(super) async fn code(
    provider: &Provider,
    http: &Http,
    redirect: &RedirectUrl,
    code: &str,
    verifier: &str,
) -> Result<Granted, Fault> {
    http.guard(code);
    http.guard(verifier);
    let (client, asked) = (provider.client().set_redirect_uri(redirect.clone()), http.now());
    let request = client
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()));
    let answer = with_params!(provider, request).request_async(http).await;
    let answer = answer.map_err(|error| http.failed("authorization code", provider.token.as_str(), error))?;
    granted(provider, http, &answer, asked)
}

/// Requests a code, passes it to the user, and polls for the result at the server's interval.
pub(super) async fn device(provider: &Provider, http: &Http, show: impl FnOnce(&Prompt)) -> Result<Granted, Fault> {
    let Some(url) = &provider.device else {
        return Err(http.fault(
            "oauth_setup",
            "there is no address for device codes".to_owned(),
            Some("set {setting:provider.device_url}"),
        ));
    };
    let client = provider.client().set_device_authorization_url(url.clone());
    let request = client.exchange_device_code().add_scopes(provider.scopes.iter().cloned());
    let details = with_params!(provider, request).request_async(http).await;
    let details: StandardDeviceAuthorizationResponse =
        details.map_err(|error| http.failed("device code", url.as_str(), error))?;
    if details.interval() > SLOWEST {
        // A longer interval is a mistake, and a sum of them could overflow.
        let message =
            format!("the authorization server at {} allows one request per {:?}", url.as_str(), details.interval());
        return Err(http.fault("oauth_answer", message, Some("report it to the operator of that server")));
    }
    http.guard(details.device_code().secret());
    show(&Prompt {
        verification_uri: details.verification_uri().to_string(),
        user_code: details.user_code().secret().clone(),
        verification_uri_complete: details.verification_uri_complete().map(|uri| uri.secret().clone()),
        expires_in: details.expires_in(),
    });
    // The server counts from here. An immediate request would be too early.
    http.clone().sleep(details.interval()).await;
    let request = client.exchange_device_access_token(&details).set_time_fn(http.time());
    let sleeper = http.clone();
    let sleep = move |wait| sleeper.clone().sleep(wait);
    let polling = with_params!(provider, request).request_async(http, sleep, None);
    let answer = polling.await.map_err(|error| http.failed("device code", provider.token.as_str(), error))?;
    granted(provider, http, &answer, http.now())
}

fn granted(provider: &Provider, http: &Http, answer: &BasicTokenResponse, asked: Time) -> Result<Granted, Fault> {
    let (kind, access_token) = (answer.token_type(), answer.access_token().secret().clone());
    http.guard(&access_token);
    if *kind != BasicTokenType::Bearer {
        let message = format!(
            "the authorization server at {} returned a token that is not a bearer token",
            provider.token.as_str()
        );
        return Err(http.fault(
            "oauth_token_type",
            message,
            Some("configure it to issue bearer tokens to this client"),
        ));
    }
    if crate::protocol::auth::Credential::bearer(&access_token).is_err() {
        let message = format!(
            "the authorization server at {} returned a token with characters that are not valid in a header",
            provider.token.as_str()
        );
        return Err(http.fault("oauth_answer", message, Some("report it to the operator of that server")));
    }
    Ok(Granted {
        tokens: Tokens {
            access_token,
            refresh_token: answer.refresh_token().map(|token| token.secret().clone()),
            expires_in: answer.expires_in(),
        },
        expires: answer.expires_in().map(|life| asked + life),
    })
}
