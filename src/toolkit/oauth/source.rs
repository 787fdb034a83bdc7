//! `OAuth`: a key source that gets, caches and renews access tokens.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::Shared;

use super::grants::Granted;
use super::http::{Fault, Http};
use super::{Prompt, Provider, Tokens, grants};
use crate::base::{BaseUrl, BoxFuture, MaybeSend, MaybeSync, Result, Time};
use crate::protocol::Scope;
use crate::protocol::auth::{Credential, KeySource};
use crate::transport::{Erased, Transport};

/// The default of `skew`.
const SKEW: Duration = Duration::from_secs(10);
/// The default timeout of the authorization server.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// Access tokens as keys. Clones share tokens.
///
/// A token is requested when a call needs one, cached until shortly before it expires, and renewed then or after a 401. All scopes
/// and servers of a client get the same token. Use [`PerServer`](crate::auth::PerServer) to separate servers.
#[derive(Clone)]
pub struct OAuth {
    provider: Arc<Provider>,
    transport: Arc<dyn Erased>,
    grant: Grant,
    skew: Duration,
    timeout: Duration,
    notify: Option<Arc<dyn Notify>>,
    state: Arc<Mutex<State>>,
}

/// How to start without a refresh token.
#[derive(Clone)]
enum Grant {
    ClientCredentials,
    Device(Arc<dyn Show>),
    /// Not possible without the user.
    Given,
}

trait Show: MaybeSend + MaybeSync {
    fn show(&self, prompt: &Prompt);
}

impl<F: Fn(&Prompt) + MaybeSend + MaybeSync> Show for F {
    fn show(&self, prompt: &Prompt) {
        self(prompt);
    }
}

trait Notify: MaybeSend + MaybeSync {
    fn notify(&self, tokens: &Tokens);
}

impl<F: Fn(&Tokens) + MaybeSend + MaybeSync> Notify for F {
    fn notify(&self, tokens: &Tokens) {
        self(tokens);
    }
}

#[derive(Default)]
struct State {
    current: Option<(Granted, u64)>,
    refresh: Option<String>,
    /// The current request, which any call can poll. It does not hold the state, to avoid a reference cycle.
    flight: Option<(u64, Flight)>,
    /// Counts requests, to name their tokens.
    serial: u64,
    /// The token that was returned last. Only this one can have been rejected.
    given: HashMap<(Option<BaseUrl>, Scope), u64>,
}

type Flight = Shared<BoxFuture<Result<Granted, Fault>>>;

impl OAuth {
    /// Gets tokens for the program itself.
    pub fn client_credentials(provider: Provider, transport: impl Transport) -> Self {
        OAuth::new(provider, Arc::new(transport), Grant::ClientCredentials)
    }

    /// Gets tokens for a user who has signed in before, from a stored refresh token. Store the next one with
    /// [`on_tokens`](OAuth::on_tokens), because servers may allow each to be used only once.
    pub fn refresh_token(provider: Provider, transport: impl Transport, refresh_token: impl Into<String>) -> Self {
        let source = OAuth::new(provider, Arc::new(transport), Grant::Given);
        source.lock().refresh = Some(refresh_token.into());
        source
    }

    /// Gets tokens for a user who confirms on another device. `show` is called with the address and the code that the user needs.
    ///
    /// This starts when the first call needs a key, or with [`sign_in`](OAuth::sign_in), and again when the refresh token is no longer
    /// valid. A call waits for the user until its own deadline. The next one continues the sign-in.
    pub fn device(
        provider: Provider,
        transport: impl Transport,
        show: impl Fn(&Prompt) + MaybeSend + MaybeSync + 'static,
    ) -> Self {
        OAuth::new(provider, Arc::new(transport), Grant::Device(Arc::new(show)))
    }

    /// Sets a stored refresh token to start with, so that the user does not have to confirm.
    pub fn with_refresh_token(self, refresh_token: impl Into<String>) -> Self {
        self.lock().refresh = Some(refresh_token.into());
        self
    }

    /// Sets a function that is called with each new set of tokens, for example to store the refresh token. It must not block for long.
    pub fn on_tokens(mut self, notify: impl Fn(&Tokens) + MaybeSend + MaybeSync + 'static) -> Self {
        self.notify = Some(Arc::new(notify));
        self
    }

    /// Sets how long before its expiry a token is renewed; 10 s by default, and at most half of the token's lifetime.
    pub fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Sets the timeout of each request to the authorization server; 30 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Gets a token now, unless there is a valid one, for a sign-in before the first call.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Credentials`](crate::ErrorKind::Credentials) if no token can be obtained.
    pub async fn sign_in(&self) -> Result<()> {
        self.ask(None, Scope::Api, false).await.map(|_| ())
    }

    /// The result of a sign-in.
    pub(super) fn granted(provider: Provider, transport: Arc<dyn Erased>, granted: Granted) -> Self {
        let source = OAuth::new(provider, transport, Grant::Given);
        let mut state = source.lock();
        state.refresh.clone_from(&granted.tokens.refresh_token);
        state.current = Some((granted, 0));
        drop(state);
        source
    }

    /// Returns the current refresh token, to be stored after a [`Login`](super::Login).
    pub fn current_refresh_token(&self) -> Option<String> {
        self.lock().refresh.clone()
    }

    fn new(provider: Provider, transport: Arc<dyn Erased>, grant: Grant) -> Self {
        OAuth {
            provider: Arc::new(provider),
            transport,
            grant,
            skew: SKEW,
            timeout: TIMEOUT,
            notify: None,
            state: Arc::default(),
        }
    }

    fn ask(
        &self,
        server: Option<BaseUrl>,
        scope: Scope,
        rejected: bool,
    ) -> impl Future<Output = Result<Option<Credential>>> + MaybeSend + use<> {
        let source = self.clone();
        async move {
            let place = (server, scope);
            let (serial, flight) = match source.look(&place, rejected) {
                Ok(credential) => return credential.map(Some),
                Err(flight) => flight,
            };
            let result = flight.await;
            let mut state = source.lock();
            if state.flight.as_ref().is_some_and(|(current, _)| *current == serial) {
                state.flight = None;
                match &result {
                    Ok(granted) => {
                        state.refresh.clone_from(&granted.tokens.refresh_token);
                        state.current = Some((granted.clone(), serial));
                    }
                    // It will not be valid again.
                    Err(fault) if fault.code == "invalid_grant" => state.refresh = None,
                    Err(_) => {}
                }
            }
            let granted = result.map_err(|fault| fault.error())?;
            state.given.insert(place, serial);
            drop(state);
            credential(&granted, source.transport.now()).map(Some)
        }
    }

    /// Returns the current token, or the request for one: the running request, or a new one.
    fn look(&self, place: &(Option<BaseUrl>, Scope), rejected: bool) -> Result<Result<Credential>, (u64, Flight)> {
        let now = self.transport.now();
        let mut state = self.lock();
        let good = state.current.as_ref().filter(|(granted, serial)| {
            let refused = rejected && state.given.get(place) == Some(serial);
            !refused && is_good(granted, now, self.skew)
        });
        if let Some((granted, serial)) = good {
            let (credential, serial) = (credential(granted, now), *serial);
            state.given.insert(place.clone(), serial);
            return Ok(credential);
        }
        if let Some((serial, flight)) = &state.flight {
            return Err((*serial, flight.clone()));
        }
        state.serial += 1;
        let flight = (state.serial, self.renewal(state.refresh.clone()).shared());
        state.flight = Some(flight.clone());
        Err(flight)
    }

    fn renewal(&self, refresh: Option<String>) -> BoxFuture<Result<Granted, Fault>> {
        let (provider, grant, notify) = (self.provider.clone(), self.grant.clone(), self.notify.clone());
        let http = Http::new(&self.provider, self.transport.clone(), self.timeout);
        Box::pin(async move {
            let granted = renew(&provider, &http, &grant, refresh).await?;
            if let Some(notify) = notify {
                notify.notify(&granted.tokens);
            }
            Ok(granted)
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No foreign code runs under the lock, so the state is valid even if the lock is poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeySource for OAuth {
    fn key(&self, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        Box::pin(self.ask(None, scope, rejected))
    }

    fn key_for(&self, server: &BaseUrl, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        Box::pin(self.ask(Some(server.clone()), scope, rejected))
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth").field("provider", &self.provider).finish_non_exhaustive()
    }
}

async fn renew(provider: &Provider, http: &Http, grant: &Grant, refresh: Option<String>) -> Result<Granted, Fault> {
    if let Some(token) = refresh {
        match (grants::refresh(provider, http, &token).await, grant) {
            // The user has to confirm once more.
            (Err(fault), Grant::Device(_)) if fault.code == "invalid_grant" => {}
            (result, _) => return result,
        }
    }
    match grant {
        Grant::ClientCredentials => {
            let mut granted = grants::client_credentials(provider, http).await?;
            // RFC 6749 has no refresh token here; the credentials get the next token.
            granted.tokens.refresh_token = None;
            Ok(granted)
        }
        Grant::Device(show) => grants::device(provider, http, |prompt| show.show(prompt)).await,
        Grant::Given => {
            let message = "the access token has expired, and there is no refresh token to get another one".to_owned();
            Err(http.fault(
                "sign_in_needed",
                message,
                Some("sign in again; servers give refresh tokens for the scope `offline_access`"),
            ))
        }
    }
}

fn is_good(granted: &Granted, now: Time, skew: Duration) -> bool {
    let skew = granted.tokens.expires_in.map_or(skew, |life| skew.min(life / 2));
    granted.expires.is_none_or(|at| now + skew < at)
}

/// The token as a key for the rest of its lifetime.
fn credential(granted: &Granted, now: Time) -> Result<Credential> {
    let credential = Credential::bearer(&granted.tokens.access_token)?;
    Ok(match granted.expires {
        Some(at) => credential.lasts(at.since(now)),
        None => credential,
    })
}
