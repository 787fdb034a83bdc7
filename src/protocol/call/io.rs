//! What a call asks its driver for, and what it takes in.

use bytes::Bytes;
use http::Request;
use http::response::Parts;

use super::Changed;
use crate::base::{BaseUrl, Result, Time, TransportError};
use crate::protocol::auth::Credential;
use crate::protocol::endpoint::Scope;

/// What to do next. `Debug` shows neither keys nor bodies.
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "an output lives for one match; boxing would cost an allocation each")]
pub enum Output<T> {
    /// Send this request, and await the head of its answer until the deadline.
    Send {
        /// The request, with its key.
        request: Request<Bytes>,
        /// When to poll again without input.
        deadline: Option<Time>,
    },
    /// Await the next input of the exchange in flight until the deadline.
    Read {
        /// When to poll again without input.
        deadline: Option<Time>,
    },
    /// Await whichever comes first; with neither, there is nothing to await but a key asked for before.
    Wait {
        /// When to poll again.
        until: Option<Time>,
        /// Poll again when it completes.
        changed: Option<Changed>,
    },
    /// Get a key, and bring it with [`Input::Key`]. Returned again as long as it is missing.
    Authorize {
        /// The server that it is for.
        server: BaseUrl,
        /// What the key must be good for.
        scope: Scope,
        /// The server refused the key that was brought last.
        rejected: bool,
        /// When to poll again without input.
        deadline: Option<Time>,
    },
    /// An item of the answer.
    Item(T),
    /// The call is over.
    Done(Result<()>),
}

/// What happened. `Debug` does not show bodies.
#[non_exhaustive]
pub enum Input {
    /// The head of the answer is there.
    Head(Parts),
    /// Some bytes of its body.
    Chunk(Bytes),
    /// The body is at its end.
    End,
    /// The exchange failed.
    Failed(TransportError),
    /// The key that was asked for, `None` to go without; or why there is none.
    Key(Result<Option<Credential>>),
}
