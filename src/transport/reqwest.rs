//! The native executor: reqwest on tokio.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::{Request, Response};
use http_body::Body as _;
use tokio::time::Instant;

use super::{Sent, Transport, TransportError};
use crate::call::Time;
use crate::{Error, Result};

/// How long a connection attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The server closes idle connections after 5.0 s; a pool that keeps them longer meets closed ones.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// The transport on reqwest. It needs a tokio runtime with its IO and time drivers while calls are polled.
#[derive(Clone, Debug)]
pub struct Reqwest {
    client: reqwest::Client,
    epoch: Instant,
}

impl Reqwest {
    /// A transport made from your builder, with proxies, certificates or pool settings of your own.
    ///
    /// It takes the builder, not a client, since it must switch redirects off: reqwest keeps `X-API-Key` across
    /// hosts. It also sets a connect timeout of 10 s and closes pooled connections after 4 s without use, one
    /// second before the server does. Errors if the TLS backend cannot be set up.
    pub fn new(builder: reqwest::ClientBuilder) -> Result<Self> {
        let client = builder
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .build()
            .map_err(|error| {
                Error::config(format!("the HTTP client could not be set up: {}", root(&error))).with_source(error)
            })?;
        Ok(Reqwest { client, epoch: Instant::now() })
    }
}

impl Transport for Reqwest {
    type Body = Body;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, TransportError>> + Send + 'static {
        let client = self.client.clone();
        async move {
            let request = reqwest::Request::try_from(request).map_err(failed)?;
            let response = client.execute(request).await.map_err(failed)?;
            Ok(Response::from(response).map(Body))
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

/// The body of an answer; dropping it closes the connection.
#[derive(Debug)]
pub struct Body(reqwest::Body);

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::task::ready!(Pin::new(&mut self.0).poll_frame(cx)) {
                // Trailers carry nothing here.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Poll::Ready(Some(Ok(data))),
                    Err(_) => continue,
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(failed(error)))),
                None => return Poll::Ready(None),
            }
        }
    }
}

fn failed(error: reqwest::Error) -> TransportError {
    let sent = if error.is_connect() || error.is_builder() { Sent::No } else { Sent::Maybe };
    // The URL stands in our own error already.
    let error = error.without_url();
    TransportError::new(sent, root(&error)).with_source(error)
}

/// The innermost cause, which is the one that tells: `Connection refused`, not `error sending request`.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
