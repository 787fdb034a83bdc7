//! `Transport`: the interface between the core and the HTTP stack.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;
use http::{Request, Response};

use crate::base::{BoxFuture, MaybeSend, MaybeSync, Time, TransportError};

/// Moves the bytes of one exchange at a time, and provides the time. Makes no decisions: no redirects, no retries,
/// no deadlines.
///
/// On native targets its futures and bodies are `Send`. On wasm32 this is not required. For native executors whose futures are
/// not `Send`, implement [`LocalTransport`] and use [`drive_local`](crate::driver::drive_local).
///
/// Dropping the future of [`send`](Transport::send) or the body must cancel the exchange on the wire.
pub trait Transport: MaybeSend + MaybeSync + 'static {
    /// The body of a response, as its chunks arrive. It is polled only on demand: not polling it must apply back-pressure
    /// to the server.
    type Body: Stream<Item = Result<Bytes, TransportError>> + MaybeSend + 'static;

    /// Sends a request and waits for the head of the response.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Self::Body>, TransportError>> + MaybeSend + 'static;

    /// Waits until a point in time.
    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + MaybeSend + 'static;

    /// Returns the current time, on a monotonic clock.
    fn now(&self) -> Time;

    /// Returns a seed for the jitter of retries, different for each client.
    fn seed(&self) -> u64;
}

/// A [`Transport`] whose futures are not `Send`, such as those of thread-per-core runtimes.
pub trait LocalTransport: 'static {
    /// See [`Transport::Body`].
    type Body: Stream<Item = Result<Bytes, TransportError>> + 'static;

    /// See [`Transport::send`].
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Self::Body>, TransportError>> + 'static;

    /// See [`Transport::sleep_until`].
    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + 'static;

    /// See [`Transport::now`].
    fn now(&self) -> Time;
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) type BoxBody = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send + 'static>>;
#[cfg(target_arch = "wasm32")]
pub(crate) type BoxBody = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + 'static>>;

/// A transport with its type erased, so that `Client` has no type parameter. Costs one dynamic call per chunk.
pub(crate) trait Erased: MaybeSend + MaybeSync {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<Result<Response<BoxBody>, TransportError>>;
    fn sleep_until(&self, until: Time) -> BoxFuture<()>;
    fn now(&self) -> Time;
}

impl<T: Transport> Erased for T {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<Result<Response<BoxBody>, TransportError>> {
        let sending = Transport::send(self, request);
        Box::pin(async move { Ok(sending.await?.map(|body| Box::pin(body) as BoxBody)) })
    }

    fn sleep_until(&self, until: Time) -> BoxFuture<()> {
        Box::pin(Transport::sleep_until(self, until))
    }

    fn now(&self) -> Time {
        Transport::now(self)
    }
}

impl fmt::Debug for dyn Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}
