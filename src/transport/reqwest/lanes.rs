//! Lanes: each pooled connection carries one request at a time, and is not reused after a 5xx.
//!
//! TabbyAPI closes a connection some 50 ms after a response with status 500, without announcing it, so that a request on it is lost.
//! reqwest cannot drop a single connection, and its pool gives it to the next request before code outside sees the status. But
//! the pool is keyed by the authority of the URL, including the user name, which HTTP/1.1 does not send. So each request
//! takes a lane, which is a user name, and other requests cannot get its connection at the same time. A lane that
//! answered 5xx is not used again. Its connection ends with the pool's idle timeout, unless the server closes it first.
//!
//! HTTP/2 and plain HTTP proxies do receive the authority. [`Refuse`] rejects a lane that would connect to one, before
//! anything is written, and the request is sent without a lane. A server that closes an HTTP/2 connection reports which requests it has
//! processed. A proxy has its own connections to the server.

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
    /// Requests have no lanes, because HTTP/2 is used without negotiation.
    off: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    origins: HashMap<Arc<str>, Origin>,
    /// The number of lanes created.
    count: u64,
}

#[derive(Debug)]
enum Origin {
    /// Unused lanes. The last one was used last.
    Lanes(Vec<u64>),
    /// The origin uses no lanes.
    Shared,
}

impl Lanes {
    pub(super) fn new(off: bool) -> Arc<Lanes> {
        Arc::new(Lanes { off, state: Mutex::default() })
    }

    /// Takes a lane for a request to this origin, if it uses lanes.
    pub(super) fn enter(self: &Arc<Lanes>, origin: Arc<str>) -> Lane {
        let number = if self.off { None } else { self.state().take(&origin) };
        Lane { lanes: self.clone(), origin, number }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is valid at each point where code could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, origin: &Arc<str>) -> Option<u64> {
        match self.origins.entry(origin.clone()).or_insert(Origin::Lanes(Vec::new())) {
            Origin::Shared => None,
            Origin::Lanes(idle) => Some(idle.pop().unwrap_or_else(|| {
                self.count += 1;
                self.count
            })),
        }
    }
}

/// The lane of one request and its response. Dropping it releases the lane.
#[derive(Debug)]
pub(super) struct Lane {
    lanes: Arc<Lanes>,
    origin: Arc<str>,
    number: Option<u64>,
}

impl Lane {
    /// Sets the lane as the user name of the request's URL.
    pub(super) fn mark(&self, url: &mut Url) {
        if let Some(number) = self.number {
            // Only URLs without a host cannot have a user name, and sending those fails.
            let _ = url.set_username(&number.to_string());
        }
    }

    /// The connection must not be used again.
    pub(super) fn abandon(&mut self) {
        self.number = None;
    }

    /// Stops using lanes for this origin.
    pub(super) fn share(&mut self) {
        self.number = None;
        self.lanes.state().origins.insert(self.origin.clone(), Origin::Shared);
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

/// A layer around reqwest's connector that rejects connections that cannot be lanes.
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
        // The type exposes the URL only in its `Debug`.
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
