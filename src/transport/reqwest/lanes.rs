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
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::Connection;
use reqwest::Url;
use tower_layer::Layer;
use tower_service::Service;

use super::proxy::Proxies;
use crate::base::TransportError;
use crate::transport::fault::causes;

/// The origins that a client has called.
#[derive(Debug)]
pub(super) struct Lanes {
    /// Requests have no lanes, because HTTP/2 is used without negotiation.
    off: bool,
    proxies: Proxies,
    origins: Mutex<HashMap<String, Arc<Origin>>>,
}

/// An origin and its lanes.
pub(super) struct Origin {
    uri: Uri,
    /// A connection may turn out not to be a lane: one over TLS may negotiate HTTP/2, and one that is not encrypted may be proxied.
    may_refuse: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Lanes {
        /// Unused lanes. The last one was used last.
        idle: Vec<Numbered>,
        /// The number of lanes created.
        count: u64,
    },
    /// The origin uses no lanes.
    Shared,
}

impl Lanes {
    pub(super) fn new(off: bool, proxies: Proxies) -> Self {
        Lanes { off, proxies, origins: Mutex::default() }
    }

    /// The origin of this URL, given in both forms.
    pub(super) fn origin(&self, url: &Url, uri: &Uri) -> Arc<Origin> {
        let name = url.origin().ascii_serialization();
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        origins.entry(name).or_insert_with(|| Arc::new(self.new_origin(uri.clone()))).clone()
    }

    fn new_origin(&self, uri: Uri) -> Origin {
        let may_refuse = uri.scheme_str() != Some("http") || self.proxies.may_apply(&uri);
        let state = if self.off { State::Shared } else { State::Lanes { idle: Vec::new(), count: 0 } };
        Origin { uri, may_refuse, state: Mutex::new(state) }
    }

    /// Converts a failure to connect to this origin into one of the proxy, if there is one.
    pub(super) fn blamed(&self, failure: TransportError, origin: &Origin) -> TransportError {
        self.proxies.blamed(failure, &origin.uri)
    }
}

impl Origin {
    /// Takes a lane for a request, if the origin uses lanes.
    pub(super) fn enter(self: Arc<Origin>) -> Lane {
        let numbered = match &mut *self.state() {
            State::Shared => None,
            State::Lanes { idle, count } => Some(idle.pop().unwrap_or_else(|| {
                *count += 1;
                Numbered { number: *count, marked: None }
            })),
        };
        Lane { origin: self, numbered }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is valid at each point where code could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// Without the URL, which may contain keys.
impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin")
            .field("may_refuse", &self.may_refuse)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The lane of one request and its response. Dropping it releases the lane.
#[derive(Debug)]
pub(super) struct Lane {
    origin: Arc<Origin>,
    numbered: Option<Numbered>,
}

/// A lane, and the last URL that it marked.
struct Numbered {
    number: u64,
    /// The URL before and after. Boxed, since lanes are part of bodies.
    marked: Option<Box<(Arc<Url>, Url)>>,
}

// Without the URLs, which may contain keys.
impl fmt::Debug for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Numbered").field(&self.number).finish()
    }
}

impl Lane {
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether the request may not be sent because its connection cannot be a lane.
    pub(super) fn may_be_refused(&self) -> bool {
        self.numbered.is_some() && self.origin.may_refuse
    }

    /// Returns the URL with the lane as its user name.
    pub(super) fn marked(&mut self, url: &Arc<Url>) -> Url {
        let Some(Numbered { number, marked }) = &mut self.numbered else { return (**url).clone() };
        if let Some((_, marked)) = marked.as_deref().filter(|(plain, _)| Arc::ptr_eq(plain, url)) {
            return marked.clone();
        }
        let mut url_of_lane = (**url).clone();
        // Only URLs without a host cannot have a user name, and sending those fails.
        let _ = url_of_lane.set_username(&number.to_string());
        *marked = Some(Box::new((url.clone(), url_of_lane.clone())));
        url_of_lane
    }

    /// The connection must not be used again.
    pub(super) fn abandon(&mut self) {
        self.numbered = None;
    }

    /// Stops using lanes for this origin.
    pub(super) fn share(&mut self) {
        self.numbered = None;
        *self.origin.state() = State::Shared;
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(numbered) = self.numbered.take()
            && let State::Lanes { idle, .. } = &mut *self.origin.state()
        {
            idle.push(numbered);
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
        Refusing(Arc::new(inner))
    }
}

/// The connector is shared, because reqwest clones it six times for each request, and calls it only to connect.
#[derive(Debug)]
pub(super) struct Refusing<S>(Arc<S>);

impl<S> Clone for Refusing<S> {
    fn clone(&self) -> Self {
        Refusing(self.0.clone())
    }
}

type BoxError = Box<dyn StdError + Send + Sync>;

impl<S, R> Service<R> for Refusing<S>
where
    S: Service<R, Error = BoxError> + Clone + Send + 'static,
    S::Response: Connection,
    S::Future: Send,
    R: fmt::Debug + Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Each call waits for its own clone.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, destination: R) -> Self::Future {
        // The type exposes the URL only in its `Debug`.
        let is_lane = format!("{destination:?}").contains('@');
        let mut connector = S::clone(&self.0);
        Box::pin(async move {
            poll_fn(|cx| connector.poll_ready(cx)).await?;
            let connection = connector.call(destination).await?;
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
