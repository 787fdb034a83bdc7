//! Tower: services as transports, and transports as services.

use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::{Request, Response};
use http_body::{Body, Frame};
use tower_service::Service;

use crate::base::{BoxFuture, MaybeSend, Sent, Time, TransportError};
use crate::transport::fault::causes;
use crate::transport::seam::Transport;

/// A transport on a [`tower_service::Service`] over HTTP, for tower's middleware below this client.
///
/// The service sends requests. Time and randomness come from another transport, `clock`. To put layers around that transport, convert it to a
/// service with [`Wire`]:
///
/// ```
/// use tabbyapi::transport::script::{Reply, Script};
/// use tabbyapi::transport::{Tower, Wire};
/// use tower::ServiceBuilder;
///
/// # futures::executor::block_on(async {
/// let script = Script::new([Reply::json(200, r#"{"permission": "api"}"#)]);
/// let service = ServiceBuilder::new().concurrency_limit(4).service(Wire::new(script.clone()));
/// let client = tabbyapi::Client::builder("http://tabby.test").build_with(Tower::new(service, script))?;
/// assert_eq!(client.auth().permission().await?.permission, "api");
/// # Ok::<(), tabbyapi::Error>(())
/// # }).unwrap();
/// ```
///
/// Retries, deadlines and the other [policies](crate::policy) still apply above it. A layer that retries by itself may
/// send a generation twice. A request that fails before the service is ready counts as not sent. An error of the call counts as
/// [`Sent::Maybe`], unless a [`TransportError`] among its causes is more precise. Tower's limits release a permit at the
/// head of the response, not at the end of the body. [`Concurrency`](crate::policy::Concurrency) counts whole
/// calls.
///
/// A service must not reuse a connection that answered with a status of 500 or more: TabbyAPI closes it soon after, without announcing it,
/// and a request on it is lost. `Reqwest` under a [`Wire`] ensures this. A custom pool has to do the same.
pub struct Tower<S, T> {
    /// Cloned for each request. The lock is held only for the clone.
    service: Mutex<S>,
    clock: T,
}

impl<S, T> Tower<S, T> {
    /// Creates a transport that sends with this service, and takes the time from `clock`.
    pub fn new(service: S, clock: T) -> Self {
        Tower { service: Mutex::new(service), clock }
    }
}

impl<S, B, T> Transport for Tower<S, T>
where
    S: Service<Request<Bytes>, Response = Response<B>> + Clone + MaybeSend + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    S::Future: MaybeSend,
    B: Body + MaybeSend + 'static,
    B::Data: Into<Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    T: Transport,
{
    type Body = Frames<B>;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Frames<B>>, TransportError>> + MaybeSend + 'static {
        // A clone is valid even if another one panicked.
        let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner).clone();
        async move {
            poll_fn(|cx| service.poll_ready(cx)).await.map_err(|error| failed(Sent::No, error.into()))?;
            let calling = service.call(request);
            let response = calling.await.map_err(|error| failed(Sent::Maybe, error.into()))?;
            Ok(response.map(|body| Frames(Box::pin(body))))
        }
    }

    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + MaybeSend + 'static {
        self.clock.sleep_until(until)
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn seed(&self) -> u64 {
        self.clock.seed()
    }
}

impl<S, T: fmt::Debug> fmt::Debug for Tower<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tower").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// The data of a body, frame by frame. Dropping it drops the body.
pub struct Frames<B>(Pin<Box<B>>);

impl<B> Stream for Frames<B>
where
    B: Body,
    B::Data: Into<Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::task::ready!(self.0.as_mut().poll_frame(cx)) {
                // Trailers are ignored.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Poll::Ready(Some(Ok(data.into()))),
                    Err(_) => continue,
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(failed(Sent::Maybe, error.into())))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<B> fmt::Debug for Frames<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames").finish_non_exhaustive()
    }
}

/// A transport as a [`tower_service::Service`], to add layers to it and pass it to [`Tower`].
#[derive(Clone, Debug)]
pub struct Wire<T>(T);

impl<T: Transport> Wire<T> {
    /// Creates a service that sends with this transport.
    pub fn new(transport: T) -> Self {
        Wire(transport)
    }
}

impl<T: Transport> Service<Request<Bytes>> for Wire<T> {
    type Response = Response<WireBody<T::Body>>;
    type Error = TransportError;
    type Future = BoxFuture<Result<Self::Response, TransportError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let sending = self.0.send(request);
        Box::pin(async move { Ok(sending.await?.map(|body| WireBody(Box::pin(body)))) })
    }
}

/// The body of a transport's response as an [`http_body::Body`].
pub struct WireBody<B>(Pin<Box<B>>);

impl<B: Stream<Item = Result<Bytes, TransportError>>> Body for WireBody<B> {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        self.0.as_mut().poll_next(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}

impl<B> fmt::Debug for WireBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireBody").finish_non_exhaustive()
    }
}

/// Converts the service's error. A wrapped [`TransportError`] is the most precise about what was sent.
fn failed(sent: Sent, error: Box<dyn StdError + Send + Sync>) -> TransportError {
    let error = match error.downcast::<TransportError>() {
        Ok(own) => return *own,
        Err(error) => error,
    };
    let own = causes(&*error).find_map(|cause| cause.downcast_ref::<TransportError>());
    let sent = own.map_or(sent, TransportError::sent);
    let failure = match own.is_some_and(TransportError::is_about_certificate) {
        true => TransportError::new(sent, &error).about_certificate(),
        false => TransportError::new(sent, &error),
    };
    failure.with_source(error)
}
