//! Transports: what moves the bytes. Bring your own by implementing [`Transport`].
//!
//! | | moves bytes with |
//! |---|---|
//! | `Reqwest` (feature `reqwest`) | reqwest on tokio, on native targets |
//! | `Ureq` (feature `blocking`) | ureq, on native targets; for blocking clients alone |
//! | `Fetch` (feature `fetch`) | the `fetch` of browsers, Node, Deno and workers, on wasm32 |
//! | `Tower` (feature `tower`) | any `tower_service::Service` over HTTP |
//! | [`script::Script`] | nothing: replays recorded exchanges, for tests and docs |
//! | [`record::Recorder`] | another transport, whose exchanges it records |

mod exchange;
#[cfg(all(feature = "fetch", target_arch = "wasm32"))]
mod fetch;
pub mod record;
#[cfg(all(feature = "reqwest", not(target_arch = "wasm32")))]
mod reqwest;
pub mod script;
#[cfg(feature = "tower")]
mod tower;
#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
pub(crate) mod ureq;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;
use http::{Request, Response};

use crate::call::Time;
use crate::error::{Texts, texts_of_any};

#[cfg(all(feature = "fetch", target_arch = "wasm32"))]
pub use self::fetch::{Fetch, FetchFault};
#[cfg(all(feature = "reqwest", not(target_arch = "wasm32")))]
pub use self::reqwest::Reqwest;
#[cfg(feature = "tower")]
pub use self::tower::{Frames, Tower, Wire, WireBody};
#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
pub use self::ureq::Ureq;
pub use exchange::{Chunk, Data, End, Exchange};

/// Moves the bytes of one exchange at a time, and tells the time. It decides nothing: no redirects, no retries,
/// no deadlines of its own.
///
/// Natively its futures and bodies are `Send`; on wasm32 they need not be. For native executors whose futures are
/// not `Send`, implement [`LocalTransport`] and use [`drive_local`](crate::driver::drive_local).
///
/// Dropping the future of [`send`](Transport::send) or the body must cancel the exchange on the wire.
pub trait Transport: MaybeSend + MaybeSync + 'static {
    /// The body of an answer, as its chunks arrive. It is polled only for what the caller takes: not polling it
    /// must hold the server back.
    type Body: Stream<Item = Result<Bytes, TransportError>> + MaybeSend + 'static;

    /// Sends a request and waits for the head of the answer.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Self::Body>, TransportError>> + MaybeSend + 'static;

    /// Waits until a point in time.
    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + MaybeSend + 'static;

    /// The time now, on a clock that does not step back.
    fn now(&self) -> Time;

    /// A seed for the jitter of retries, different for each client.
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

/// Why an exchange failed below HTTP.
pub struct TransportError {
    message: String,
    sent: Sent,
    certificate: bool,
    /// It was to go through a proxy, and whether a variable of the environment says so.
    proxy: Option<bool>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// What tells the texts of this and of the source.
    texts: Texts,
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

// Not derived: what quotes texts has large tables of characters, which browsers would load.
impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = if self.sent == Sent::No { "not sent" } else { "maybe sent" };
        write!(f, "TransportError({}, {sent}", self.message)?;
        match &self.source {
            Some(source) => write!(f, ", {source:?})"),
            None => f.write_str(")"),
        }
    }
}

/// Whether the server can have seen the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// Certainly not: no connection was made, or it was lost before the first byte.
    No,
    /// It cannot be ruled out.
    Maybe,
}

impl TransportError {
    /// An error with a message for people; it must hold neither keys nor bodies.
    pub fn new(sent: Sent, message: impl fmt::Display) -> Self {
        let texts: Texts = |error| {
            let failure = error.downcast_ref::<TransportError>();
            [failure.map(|failure| failure.message.clone()).unwrap_or_default(), String::new()]
        };
        TransportError { message: message.to_string(), sent, certificate: false, proxy: None, source: None, texts }
    }

    /// Adds the cause.
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self.texts = texts_of_any;
        self
    }

    /// Says that the connection was given up because of a certificate: it is not tried again, since that would not help.
    pub fn about_certificate(mut self) -> Self {
        self.certificate = true;
        self
    }

    /// Whether the connection was given up because of a certificate.
    pub fn is_about_certificate(&self) -> bool {
        self.certificate
    }

    /// Says that no connection could be made through this proxy, such as `http://127.0.0.1:3128`, which the environment variable of this
    /// name sets, if one does: the message then blames the proxy, and not the server behind it. The address must not hold a password.
    pub fn through_proxy(mut self, proxy: impl fmt::Display, variable: Option<&str>) -> Self {
        let from = variable.map(|name| format!(" (from {name})")).unwrap_or_default();
        self.message = format!("connecting through the proxy {proxy}{from} failed: {}", self.message);
        self.proxy = Some(variable.is_some());
        self
    }

    /// Whether no connection could be made through a proxy.
    pub fn is_about_proxy(&self) -> bool {
        self.proxy.is_some()
    }

    pub(crate) fn is_about_variable(&self) -> bool {
        self.proxy == Some(true)
    }

    /// Whether the server can have seen the request.
    pub fn sent(&self) -> Sent {
        self.sent
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn texts(&self) -> Texts {
        self.texts
    }
}

/// The error and what caused it, outermost first.
#[cfg(any(feature = "tower", all(feature = "reqwest", not(target_arch = "wasm32"))))]
pub(crate) fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |cause| cause.source())
}

/// Refuses an answer that states its length twice, by `content-length` and by `transfer-encoding`: server, proxies and client may differ
/// about where it ends, and so about whose answer comes next on the connection.
#[cfg(all(any(feature = "reqwest", feature = "blocking"), not(target_arch = "wasm32")))]
pub(crate) fn ambiguous(headers: &http::HeaderMap) -> Option<TransportError> {
    use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
    let both = headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING);
    both.then(|| {
        let what = "the answer has both `content-length` and `transfer-encoding`, so its end is not certain; look at the server, or at the proxy in front of it";
        TransportError::new(Sent::Maybe, what)
    })
}

/// `Send` off wasm32, nothing on it.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send + ?Sized> MaybeSend for T {}

/// `Send` off wasm32, nothing on it.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSend {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> MaybeSend for T {}

/// `Sync` off wasm32, nothing on it.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSync: Sync {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Sync + ?Sized> MaybeSync for T {}

/// `Sync` off wasm32, nothing on it.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSync {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> MaybeSync for T {}

/// A boxed future, `Send` off wasm32.
#[cfg(not(target_arch = "wasm32"))]
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;
/// A boxed future, `Send` off wasm32.
#[cfg(target_arch = "wasm32")]
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + 'static>>;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) type BoxBody = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send + 'static>>;
#[cfg(target_arch = "wasm32")]
pub(crate) type BoxBody = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + 'static>>;

/// A transport without its type, so that `Client` has no type parameter; one dynamic call per chunk.
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
