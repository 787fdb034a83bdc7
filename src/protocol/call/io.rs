//! The output and input of a call.

use bytes::Bytes;
use http::Request;
use http::response::Parts;

use super::Changed;
use crate::base::{BaseUrl, Error, Result, Time, TransportError};
use crate::protocol::auth::Credential;
use crate::protocol::endpoint::Scope;

/// What the driver has to do next. `Debug` prints neither keys nor bodies.
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "an output lives for one match; boxing would cost an allocation each")]
pub enum Output<T> {
    /// Send this request, and wait for the head of the response until the deadline.
    Send {
        /// The request, including the key.
        request: Request<Bytes>,
        /// When to poll again without input.
        deadline: Option<Time>,
    },
    /// Wait for the next input of the exchange in flight until the deadline.
    Read {
        /// When to poll again without input.
        deadline: Option<Time>,
    },
    /// Wait for whichever comes first. With neither, wait for the key that was requested before.
    Wait {
        /// When to poll again.
        until: Option<Time>,
        /// Poll again when this future completes.
        changed: Option<Changed>,
    },
    /// Get a key, and pass it as [`Input::Key`]. Returned again until the key arrives.
    Authorize {
        /// The server that the key is for.
        server: BaseUrl,
        /// The scope that the key needs.
        scope: Scope,
        /// Whether the server rejected the last key.
        rejected: bool,
        /// When to poll again without input.
        deadline: Option<Time>,
    },
    /// An item of the response.
    Item(T),
    /// The call has ended.
    Done(Result<()>),
}

impl Output<()> {
    /// The output of a step that put its item into this place.
    pub(super) fn with<T>(self, item: Option<T>) -> Output<T> {
        match self {
            Output::Send { request, deadline } => Output::Send { request, deadline },
            Output::Read { deadline } => Output::Read { deadline },
            Output::Wait { until, changed } => Output::Wait { until, changed },
            Output::Authorize { server, scope, rejected, deadline } => {
                Output::Authorize { server, scope, rejected, deadline }
            }
            Output::Item(()) => match item {
                Some(item) => Output::Item(item),
                None => Output::Done(Err(Error::misuse("a step had no item"))),
            },
            Output::Done(result) => Output::Done(result),
        }
    }
}

/// An event that the driver reports. `Debug` does not print bodies.
#[non_exhaustive]
pub enum Input {
    /// The head of the response arrived.
    Head(Parts),
    /// A part of the response body arrived.
    Chunk(Bytes),
    /// The body ended.
    End,
    /// The exchange failed.
    Failed(TransportError),
    /// The requested key, `None` to send no key, or why there is none.
    Key(Result<Option<Credential>>),
}
