//! Lanes: a pooled connection carries one request at a time, and is left alone once it has answered 5xx.
//!
//! TabbyAPI closes a connection some 50 ms after an answer with status 500, and does not announce it, so that a request sent on it
//! meanwhile is lost. reqwest cannot be asked to drop a connection, and its pool hands it to the next request before anybody outside
//! has seen the status. But the pool is keyed by the authority of the URL, the user name included, which is not sent over HTTP/1.1.
//! So each request takes a lane, which is such a name, and no other request can get its connection meanwhile. A lane that
//! answered 5xx is not taken again; its connection ends with the pool's idle timeout, if the server does not end it first.
//!
//! HTTP/2 and plain HTTP proxies do get the authority. A lane that would connect there is refused by [`Refuse`], before
//! anything is written, and the request is sent without one. A server that closes an HTTP/2 connection says which requests it has taken; a
//! proxy has connections of its own to the server.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::Connection;
use reqwest::Url;
use tower_layer::Layer;
use tower_service::Service;

use crate::transport::fault::causes;

/// The lanes of a client, by origin.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// No request has a lane: HTTP/2 is spoken without having been negotiated.
    off: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    origins: HashMap<String, Origin>,
    /// How many lanes were made.
    count: u64,
}

#[derive(Debug)]
enum Origin {
    /// Lanes that no request uses; the last one was used last.
    Lanes(Vec<u64>),
    /// It wants none.
    Shared,
}

impl Lanes {
    pub(super) fn new(off: bool) -> Arc<Lanes> {
        Arc::new(Lanes { off, state: Mutex::default() })
    }

    /// Takes a lane for a request to this URL, if its origin has lanes.
    pub(super) fn enter(self: &Arc<Lanes>, url: &Url) -> Lane {
        let origin = url.origin().ascii_serialization();
        let number = if self.off { None } else { self.state().take(&origin) };
        Lane { lanes: self.clone(), origin, number }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole at each point where something could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, origin: &str) -> Option<u64> {
        let State { origins, count } = self;
        match origins.entry(origin.to_owned()).or_insert(Origin::Lanes(Vec::new())) {
            Origin::Shared => None,
            Origin::Lanes(idle) => Some(idle.pop().unwrap_or_else(|| {
                *count += 1;
                *count
            })),
        }
    }
}

/// The lane of one request and its answer; dropping it lets others have it.
#[derive(Debug)]
pub(super) struct Lane {
    lanes: Arc<Lanes>,
    origin: String,
    number: Option<u64>,
}

impl Lane {
    /// Puts the lane's name into the URL of its request.
    pub(super) fn mark(&self, url: &mut Url) {
        if let Some(number) = self.number {
            // Only URLs without a host take no name, and those are refused when they are sent.
            let _ = url.set_username(&number.to_string());
        }
    }

    /// Its connection is not to be used again.
    pub(super) fn abandon(&mut self) {
        self.number = None;
    }

    /// From now on, no request to this origin has a lane.
    pub(super) fn share(&mut self) {
        self.number = None;
        self.lanes.state().origins.insert(std::mem::take(&mut self.origin), Origin::Shared);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(number) = self.number
            && let Some(Origin::Lanes(idle)) = self.lanes.state().origins.get_mut(&self.origin)
        {
            idle.push(number);
        }
    }
}

/// Whether the request was not sent because its connection cannot be a lane.
pub(super) fn is_refused(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.is::<Refused>())
}

/// A layer around reqwest's connector, which refuses connections that cannot be lanes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refuse;

impl<S> Layer<S> for Refuse {
    type Service = Refusing<S>;

    fn layer(&self, inner: S) -> Refusing<S> {
        Refusing(inner)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Refusing<S>(S);

type BoxError = Box<dyn StdError + Send + Sync>;

impl<S, R> Service<R> for Refusing<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: Connection,
    S::Future: Send + 'static,
    R: fmt::Debug,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        // All that this type shows of itself is the URL in its `Debug`.
        let is_lane = format!("{destination:?}").contains('@');
        let connecting = self.0.call(destination);
        Box::pin(async move {
            let connection = connecting.await?;
            let connected = connection.connected();
            match is_lane && (connected.is_negotiated_h2() || connected.is_proxied()) {
                true => Err(Refused.into()),
                false => Ok(connection),
            }
        })
    }
}

#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this connection is to be shared")
    }
}

impl StdError for Refused {}
