//! `OAuth`: the source of keys that gets, keeps and renews access tokens.

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

/// How long before it expires an access token is renewed, unless that is set.
const SKEW: Duration = Duration::from_secs(10);
/// How long the authorization server may take for an answer, unless that is set.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// Access tokens as keys. Clones share tokens.
///
/// A token is asked for when a call needs one, kept until shortly before it expires, and renewed then or after a 401. All scopes
/// of all servers that the client asks for get the same one; [`PerServer`](crate::auth::PerServer) tells servers apart.
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

/// How to begin again, without a refresh token.
#[derive(Clone)]
enum Grant {
    ClientCredentials,
    Device(Arc<dyn Tell>),
    /// Not at all: it takes the user.
    Given,
}

trait Tell: MaybeSend + MaybeSync {
    fn tell(&self, prompt: &Prompt);
}

impl<F: Fn(&Prompt) + MaybeSend + MaybeSync> Tell for F {
    fn tell(&self, prompt: &Prompt) {
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
    /// The request that is under way, whichever call polls it. It does not hold the state, so that nothing holds itself.
    flight: Option<(u64, Flight)>,
    /// Counts requests; names their tokens.
    serial: u64,
    /// Which token was given out last: only that one can have been refused.
    given: HashMap<(Option<BaseUrl>, Scope), u64>,
}

type Flight = Shared<BoxFuture<Result<Granted, Fault>>>;

impl OAuth {
    /// Tokens for the program itself.
    pub fn client_credentials(provider: Provider, transport: impl Transport) -> Self {
        OAuth::new(provider, Arc::new(transport), Grant::ClientCredentials)
    }

    /// Tokens for a user who has signed in before, from a refresh token that was kept. Keep the next one with
    /// [`on_tokens`](OAuth::on_tokens): servers may make each good for one use only.
    pub fn refresh_token(provider: Provider, transport: impl Transport, refresh_token: impl Into<String>) -> Self {
        let source = OAuth::new(provider, Arc::new(transport), Grant::Given);
        source.lock().refresh = Some(refresh_token.into());
        source
    }

    /// Tokens for a user who confirms on another device. `tell` is called with the address and the code that the user needs.
    ///
    /// This begins when the first call needs a key, or with [`sign_in`](OAuth::sign_in), and again when the refresh token is no longer
    /// good. A call waits for the user no longer than its own deadline; the next one takes up where it stopped.
    pub fn device(
        provider: Provider,
        transport: impl Transport,
        tell: impl Fn(&Prompt) + MaybeSend + MaybeSync + 'static,
    ) -> Self {
        OAuth::new(provider, Arc::new(transport), Grant::Device(Arc::new(tell)))
    }

    /// Sets the refresh token to begin with, if one was kept from before: the user need not confirm then.
    pub fn with_refresh_token(self, refresh_token: impl Into<String>) -> Self {
        self.lock().refresh = Some(refresh_token.into());
        self
    }

    /// Calls this with each set of tokens as it comes, for example to keep the refresh token. It must not block for long.
    pub fn on_tokens(mut self, notify: impl Fn(&Tokens) + MaybeSend + MaybeSync + 'static) -> Self {
        self.notify = Some(Arc::new(notify));
        self
    }

    /// How long before it expires a token is renewed; 10 s by default, and half the token's life at most.
    pub fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// How long each answer of the authorization server may take; 30 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Gets a token now, unless there is a good one: a sign-in ahead of the first call.
    pub async fn sign_in(&self) -> Result<()> {
        self.ask(None, Scope::Api, false).await.map(|_| ())
    }

    /// What a sign-in gave.
    pub(super) fn granted(provider: Provider, transport: Arc<dyn Erased>, granted: Granted) -> Self {
        let source = OAuth::new(provider, transport, Grant::Given);
        let mut state = source.lock();
        state.refresh.clone_from(&granted.tokens.refresh_token);
        state.current = Some((granted, 0));
        drop(state);
        source
    }

    /// The refresh token as it is now, to be kept after a [`Login`](super::Login).
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
                    // It will not be good again.
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

    /// The token that is there, or the request for one: that under way, or a new one.
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
        // No code of others runs under the lock, so a poisoned one is whole.
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
            // The user is asked once more.
            (Err(fault), Grant::Device(_)) if fault.code == "invalid_grant" => {}
            (result, _) => return result,
        }
    }
    match grant {
        Grant::ClientCredentials => {
            let mut granted = grants::client_credentials(provider, http).await?;
            // RFC 6749 has none here; the credentials themselves get the next token.
            granted.tokens.refresh_token = None;
            Ok(granted)
        }
        Grant::Device(tell) => grants::device(provider, http, |prompt| tell.tell(prompt)).await,
        Grant::Given => {
            let message = "the access token has ended, and there is no refresh token to get another one".to_owned();
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

/// The token as a key for what is left of its life.
fn credential(granted: &Granted, now: Time) -> Result<Credential> {
    let credential = Credential::bearer(&granted.tokens.access_token)?;
    Ok(match granted.expires {
        Some(at) => credential.lasts(at.since(now)),
        None => credential,
    })
}
