//! `Endpoint`: one HTTP operation as data. Implemented by every request type, and by your own types.

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;

use crate::base::{Error, ErrorCode, ErrorKind, Extra, Limits, MaybeSend, Result, TimeoutPolicy, Timeouts};
use crate::decode::Decode;
use crate::protocol::resume::joint::Joins;

/// One operation of the server: method, path, body, scope of the key, and how its response is read.
///
/// The library's request types implement it, so `client.call(&request)` and a hand-driven
/// [`Call`](crate::call::Call) take the same values. Implement it for a custom route:
///
/// ```
/// use std::borrow::Cow;
/// use tabbyapi::decode::Json;
/// use tabbyapi::{Endpoint, Method, Idempotency, Scope};
///
/// #[derive(serde::Deserialize)]
/// struct Version {
///     result: String,
/// }
///
/// struct GetVersion;
///
/// impl Endpoint for GetVersion {
///     type Decoder = Json<Version>;
///     const METHOD: Method = Method::GET;
///     const SCOPE: Scope = Scope::Public;
///     const IDEMPOTENCY: Idempotency = Idempotency::Idempotent;
///     fn path(&self) -> Cow<'_, str> {
///         "/api/v1/info/version".into()
///     }
///     fn decoder(&self) -> Json<Version> {
///         Json::new()
///     }
/// }
/// # assert_eq!(GetVersion.path(), "/api/v1/info/version");
/// ```
pub trait Endpoint {
    /// Reads the response.
    type Decoder: Decode;
    /// The HTTP method.
    const METHOD: Method;
    /// Which key the operation needs.
    const SCOPE: Scope;
    /// Whether it may be sent again.
    const IDEMPOTENCY: Idempotency;

    /// Returns the path under the base URL, with its leading slash.
    fn path(&self) -> Cow<'_, str>;

    /// Returns the path of the same operation on older servers, if it was different there. If the server answers 404, the request
    /// is sent once to this path. If that also fails with 404, the error is that of the first request.
    #[cfg(feature = "tabbyml")]
    fn older_path(&self) -> Option<&'static str> {
        None
    }

    /// Returns the JSON body, if there is one. See [`json_body`].
    ///
    /// # Errors
    ///
    /// Errors with kind [`Encode`](crate::ErrorKind::Encode) if the body cannot be serialized.
    fn body(&self) -> Result<Option<Bytes>> {
        Ok(None)
    }

    /// Returns the timeouts of this kind of work from the client's policy.
    fn timeouts(&self, timeout_policy: &TimeoutPolicy) -> Timeouts {
        timeout_policy.read
    }

    /// Returns a new decoder for one call.
    fn decoder(&self) -> Self::Decoder;

    /// Returns a decoder for a request that is sent with these [extra fields](crate::Options::extra).
    fn decoder_with(&self, extra: &Extra) -> Self::Decoder {
        _ = extra;
        self.decoder()
    }

    /// Returns the requested model. A client with several servers prefers one that has it loaded.
    fn model(&self) -> Option<&str> {
        None
    }

    /// Returns the estimated number of tokens of the request, prompt and response, for a [`RateLimit`](crate::policy::RateLimit) on
    /// tokens. Called only if there is such a limit.
    fn tokens(&self) -> u64 {
        0
    }

    /// Refines a server error with what is known about this endpoint. For example, a 500 of one route means an unknown name, and a 404 of
    /// another means that a part of the server is disabled. Called with the error that ends the call.
    fn map_error(error: Error) -> Error {
        error
    }
}

impl<E: Endpoint + ?Sized> Endpoint for &E {
    type Decoder = E::Decoder;
    const METHOD: Method = E::METHOD;
    const SCOPE: Scope = E::SCOPE;
    const IDEMPOTENCY: Idempotency = E::IDEMPOTENCY;

    fn path(&self) -> Cow<'_, str> {
        (**self).path()
    }

    #[cfg(feature = "tabbyml")]
    fn older_path(&self) -> Option<&'static str> {
        (**self).older_path()
    }

    fn body(&self) -> Result<Option<Bytes>> {
        (**self).body()
    }

    fn timeouts(&self, timeout_policy: &TimeoutPolicy) -> Timeouts {
        (**self).timeouts(timeout_policy)
    }

    fn decoder(&self) -> Self::Decoder {
        (**self).decoder()
    }

    fn decoder_with(&self, extra: &Extra) -> Self::Decoder {
        (**self).decoder_with(extra)
    }

    fn model(&self) -> Option<&str> {
        (**self).model()
    }

    fn tokens(&self) -> u64 {
        (**self).tokens()
    }

    fn map_error(error: Error) -> Error {
        E::map_error(error)
    }
}

/// A request whose response can be streamed.
pub trait StreamEndpoint {
    /// The decoder of the stream.
    type Decoder: Decode;
    /// The streaming operation.
    type Streamed<'a>: Endpoint<Decoder = Self::Decoder>
    where
        Self: 'a;
    /// Accumulates the items into the whole response.
    type Total: Accumulate<Item = <Self::Decoder as Decode>::Item>;

    /// Returns the streaming form of this request.
    fn streamed(&self) -> Self::Streamed<'_>;

    /// Creates an empty accumulator for one stream, bounded by `limits`.
    fn total(&self, limits: &Limits) -> Self::Total;

    /// How the parts of a resumed stream are joined. For the library's own requests.
    #[doc(hidden)]
    fn joins() -> Joins<<Self::Decoder as Decode>::Item> {
        Joins::NONE
    }
}

/// Accumulates the items of a stream.
pub trait Accumulate: MaybeSend + 'static {
    /// The type of the items.
    type Item;
    /// The type of the accumulated response.
    type Output;

    /// Adds one item.
    ///
    /// # Errors
    ///
    /// Errors with kind [`TooLarge`](crate::ErrorKind::TooLarge) if a cap of [`Limits`] is reached.
    fn push(&mut self, item: &Self::Item) -> Result<()>;

    /// Returns the response so far.
    fn so_far(&self) -> &Self::Output;

    /// Returns the response at the end.
    fn into_output(self) -> Self::Output;
}

/// Which key an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// No key.
    Public,
    /// An API key, or the admin key in its place.
    Api,
    /// Like `Api`, but prefers the admin key, because the server returns more for it.
    PreferAdmin,
    /// The admin key.
    Admin,
}

/// Whether an operation may be sent again after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Idempotency {
    /// Sending it twice has the same effect as sending it once.
    Idempotent,
    /// Only if the server cannot have started it.
    IfUnsent,
    /// Never automatically.
    Never,
}

/// Serializes a request as JSON, for [`Endpoint::body`].
///
/// # Errors
///
/// Errors with code `encode` if the request cannot be serialized.
pub fn json_body<T: serde::Serialize + ?Sized>(request: &T) -> Result<Option<Bytes>> {
    // Enough for a short conversation.
    json_body_of(request, 256)
}

/// The same for a request whose text has about this length.
pub(crate) fn json_body_of<T: serde::Serialize + ?Sized>(request: &T, length: usize) -> Result<Option<Bytes>> {
    let mut body = Vec::with_capacity(length);
    serde_json::to_writer(&mut body, request).map(|()| Some(body.into())).map_err(|error| {
        Error::new(ErrorKind::Encode, ErrorCode::Encode, format!("the request could not be written as JSON: {error}"))
    })
}
