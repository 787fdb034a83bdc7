//! The native executor: reqwest on tokio.

mod lanes;
mod proxy;
mod targets;

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::{Request, Response};
use http_body::Body as _;
use tokio::time::Instant;

use crate::base::{Error, Result, Sent, Time, TransportError};
use crate::transport::fault::{ambiguous, causes};
use crate::transport::seam::Transport;
use lanes::{Lane, Lanes};
use proxy::Proxies;
use targets::Targets;

/// The default connect timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The server closes idle connections after 5.0 s, so the pool closes them earlier.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// A transport on reqwest. Requires a tokio runtime with IO and time drivers while calls are polled.
#[derive(Clone, Debug)]
pub struct Reqwest {
    client: reqwest::Client,
    targets: Arc<Targets>,
    epoch: Instant,
}

impl Reqwest {
    /// Creates a transport from a reqwest builder, which can set proxies, certificates and the pool.
    ///
    /// Takes the builder instead of a client, because it disables redirects: reqwest keeps `X-API-Key` across
    /// hosts. It also sets a connect timeout of 10 s and closes pooled connections after 4 s without use, one
    /// second before the server does.
    ///
    /// A connection that answered with a status of 500 or more is not reused, because the server closes it soon after, without
    /// announcing it. For this, each connection serves one request at a time, and pool limits of the builder apply to each
    /// connection instead of all. Over HTTP/2 and through plain HTTP proxies, connections are pooled as usual for reqwest.
    ///
    /// Only requests that were never written are sent again automatically: if a pooled connection turned out to
    /// be closed, and over HTTP/2 if the server reports that it did not start.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the TLS backend cannot be set up.
    pub fn new(builder: reqwest::ClientBuilder) -> Result<Self> {
        Reqwest::with_idle_timeout(builder, POOL_IDLE_TIMEOUT)
    }

    /// Like [`new`](Reqwest::new), with this idle timeout of pooled connections.
    ///
    /// It must be well below the time after which the server, or a proxy in between, closes them. A request that is sent while
    /// its connection is being closed is lost: reads are retried, generations end with an error of kind
    /// [`Transport`](crate::ErrorKind::Transport), because it is unknown whether they were started. On a multi-threaded runtime
    /// hyper may even lose such a request, which then ends by its deadline for the head. Zero disables pooling.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the TLS backend cannot be set up.
    pub fn with_idle_timeout(builder: reqwest::ClientBuilder, timeout: Duration) -> Result<Self> {
        Reqwest::with_timeouts(builder, CONNECT_TIMEOUT, timeout)
    }

    /// Like [`new`](Reqwest::new), with this connect timeout.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the TLS backend cannot be set up.
    pub fn with_connect_timeout(builder: reqwest::ClientBuilder, timeout: Duration) -> Result<Self> {
        Reqwest::with_timeouts(builder, timeout, POOL_IDLE_TIMEOUT)
    }

    fn with_timeouts(builder: reqwest::ClientBuilder, connect: Duration, timeout: Duration) -> Result<Self> {
        let builder = if timeout.is_zero() { builder.pool_max_idle_per_host(0) } else { builder };
        // Whether HTTP/2 is used without negotiation is only visible in the builder's `Debug`.
        let shown = format!("{builder:?}");
        let has_no_lanes = shown.contains("http2_prior_knowledge");
        let client = builder
            .connector_layer(lanes::Refuse)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(connect)
            .pool_idle_timeout(timeout)
            .build()
            .map_err(|error| {
                Error::config(format!("the HTTP client could not be set up: {}", root(&error))).with_source(error)
            })?;
        let lanes = Lanes::new(has_no_lanes, Proxies::of(&shown, &client));
        Ok(Reqwest { client, targets: Arc::new(Targets::new(lanes)), epoch: Instant::now() })
    }
}

impl Transport for Reqwest {
    type Body = Body;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, TransportError>> + Send + 'static {
        let (client, targets) = (self.client.clone(), self.targets.clone());
        let prepared = targets.prepare(request);
        async move {
            // Lets the runtime poll its sockets first, so that closed connections are not taken from the pool.
            tokio::task::yield_now().await;
            // Not before, since the future has room for all that it holds while it waits.
            let prepared = prepared.map_err(failed)?;
            let (url, mut lane) = (prepared.url(), prepared.origin().enter());
            let request = prepared.into_request(&mut lane);
            let again = if lane.may_be_refused() { request.try_clone().map(Box::new) } else { None };
            let response = match (client.execute(request).await, again) {
                (Err(error), Some(mut again)) if lanes::is_refused(&error) => {
                    lane.share();
                    *again.url_mut() = (*url).clone();
                    client.execute(*again).await
                }
                (result, _) => result,
            };
            let response = response.map_err(|error| match error.is_connect() {
                true => targets.lanes().blamed(failed(error), lane.origin()),
                false => failed(error),
            })?;
            if response.status().is_server_error() {
                lane.abandon();
            }
            if let Some(error) = ambiguous(response.headers()) {
                lane.abandon();
                return Err(error);
            }
            Ok(Response::from(response).map(|body| Body { body, lane: Some(lane) }))
        }
    }

    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + Send + 'static {
        let at = self.epoch.checked_add(until.since_epoch());
        async move {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }

    fn now(&self) -> Time {
        Time::from_epoch(self.epoch.elapsed())
    }

    fn seed(&self) -> u64 {
        RandomState::new().hash_one(0)
    }
}

/// The body of a response. Dropping it closes the connection.
#[derive(Debug)]
pub struct Body {
    body: reqwest::Body,
    /// Held until the end of the body.
    lane: Option<Lane>,
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                // Trailers are ignored.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Poll::Ready(Some(Ok(data))),
                    Err(_) => continue,
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(failed(error)))),
                None => {
                    self.lane = None;
                    return Poll::Ready(None);
                }
            }
        }
    }
}

fn failed(error: reqwest::Error) -> TransportError {
    // The URL is part of our own error.
    let error = error.without_url();
    if was_never_written(&error) {
        let what = "the connection was closed before the request was written";
        return TransportError::new(Sent::No, what).with_source(error);
    }
    let sent = if error.is_connect() || error.is_builder() { Sent::No } else { Sent::Maybe };
    let cause = root(&error);
    let failure = match error.is_connect() && cause.to_ascii_lowercase().contains("certificate") {
        // TLS libraries share no error type, but all of them name the certificate.
        true => TransportError::new(sent, cause).about_certificate(),
        false => TransportError::new(sent, cause),
    };
    failure.with_source(error)
}

/// Whether the request did not leave the queue of its connection.
fn was_never_written(error: &reqwest::Error) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref::<hyper::Error>()).any(hyper::Error::is_canceled)
}

/// The innermost cause, which is the most specific: `Connection refused`, not `error sending request`.
fn root(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}
