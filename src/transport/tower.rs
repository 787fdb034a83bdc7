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

/// A [`tower_service::Service`] over HTTP as a transport: whatever tower's ecosystem has, below this client.
///
/// The service sends; time and randomness come from another transport, its clock. To put layers around that transport, make a
/// service of it with [`Wire`]:
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
/// Retries, deadlines and the rest of the [policies](crate::policy) go on working above it; a layer that retries by itself might
/// send a generation twice. A request that the service was not ready for counts as not sent. An error of the call counts as
/// [`Sent::Maybe`], unless a [`TransportError`] is among its causes and knows better. That a layer's permit is given back when the
/// head is there, not at the end of the body, is how tower's limits work; [`Concurrency`](crate::policy::Concurrency) counts
/// whole calls.
///
/// A service must not use a connection again that answered with a status of 500 or more: TabbyAPI closes it soon after, without saying so,
/// and a request that is sent on it meanwhile is lost. `Reqwest` under a [`Wire`] sees to that; of a pool of your own you do.
pub struct Tower<S, T> {
    /// Cloned for each request; the lock is never held for longer.
    service: Mutex<S>,
    clock: T,
}

impl<S, T> Tower<S, T> {
    /// A transport that sends with this service, and takes the time from this transport.
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
        // A clone is whole even if another one panicked.
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

/// The data of a body, piece by piece; dropping it drops the body.
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
                // Trailers carry nothing here.
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

/// A transport as a [`tower_service::Service`], to be layered and then used by [`Tower`].
#[derive(Clone, Debug)]
pub struct Wire<T>(T);

impl<T: Transport> Wire<T> {
    /// The service that sends with this transport.
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

/// The body of a transport's answer as an [`http_body::Body`].
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

/// The service's error as ours. One of ours that layers have wrapped knows best what was sent.
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
