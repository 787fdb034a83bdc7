//! `StreamState`: the accumulated response of a stream and how it ended, for both drivers. `Outcome` and `StreamError` report it.

use std::fmt;

use crate::base::error::Phase;
use crate::base::{Error, ErrorKind, MaybeSend, Result};
use crate::client::dyn_call::{DynCall, ResponseMeta};
use crate::client::response::Response;
use crate::protocol::Accumulate;

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It reached its announced end.
    Complete,
    /// The connection was cut, or the body ended before the announced end.
    Truncated,
    /// The server reported an error, by its status or inside the stream.
    ServerError,
    /// No data arrived for longer than the timeouts allow.
    IdleTimeout,
    /// The time limit for the whole call passed, although data arrived.
    TotalTimeout,
    /// The call was cancelled.
    Cancelled,
    /// The client stopped it, by [`stop`](crate::ResponseStream::stop) or a [`Budget`](crate::flow::Budget).
    Stopped,
    /// It failed in the client: no connection, a response that cannot be read, a limit that was reached.
    Failed,
}

/// A stream that did not reach its end, with the part that arrived.
///
/// It converts into [`Error`] by `?`, which drops the partial response.
#[non_exhaustive]
pub struct StreamError<T> {
    /// The accumulated response so far.
    pub partial: T,
    /// How it ended.
    pub outcome: Outcome,
    /// The error that ended it.
    pub error: Error,
}

/// An [`Accumulate`] without its type.
trait DynAccumulate<T, O>: MaybeSend {
    fn push(&mut self, item: &T) -> Result<()>;
    fn so_far(&self) -> &O;
    fn into_output(self: Box<Self>) -> O;
}

impl<A: Accumulate> DynAccumulate<A::Item, A::Output> for A {
    fn push(&mut self, item: &A::Item) -> Result<()> {
        self.push(item)
    }

    fn so_far(&self) -> &A::Output {
        self.so_far()
    }

    fn into_output(self: Box<Self>) -> A::Output {
        (*self).into_output()
    }
}

/// The accumulated response of a stream, and how it ended.
pub(crate) struct StreamState<T, O> {
    total: Box<dyn DynAccumulate<T, O>>,
    outcome: Option<Outcome>,
    /// The error that ended the stream, if it was returned as an item: a copy for `finish`.
    ended_by: Option<Error>,
}

impl<T, O> StreamState<T, O> {
    pub(crate) fn new(total: impl Accumulate<Item = T, Output = O>) -> Self {
        StreamState { total: Box::new(total), outcome: None, ended_by: None }
    }

    pub(crate) fn so_far(&self) -> &O {
        self.total.so_far()
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    pub(crate) fn stop(&mut self) {
        self.outcome = Some(Outcome::Stopped);
    }

    /// Adds the next item, if any. Returns the error that ends the stream. If a limit is reached, `abort` is called.
    pub(crate) fn take(
        &mut self,
        result: Option<Result<()>>,
        item: Option<&T>,
        abort: impl FnOnce(Error) -> Error,
    ) -> Option<Error> {
        let error = match (result, item) {
            (Some(Err(error)), _) => error,
            (_, Some(item)) => match self.total.push(item) {
                Ok(()) => return None,
                // Nothing more is needed from the server.
                Err(error) => abort(error),
            },
            (_, None) => {
                self.outcome = Some(Outcome::Complete);
                return None;
            }
        };
        self.outcome = Some(Outcome::of(&error));
        self.ended_by = Some(error.clone());
        Some(error)
    }

    /// Returns the whole response, or the partial one with an error: this one, or the one that was returned before.
    pub(crate) fn finish(
        self,
        error: Option<Error>,
        call: Option<&dyn DynCall<T>>,
    ) -> Result<Response<O>, StreamError<O>> {
        let outcome = self.outcome.unwrap_or(Outcome::Cancelled);
        if let (None, Outcome::Complete | Outcome::Stopped, Some(call)) = (&error, outcome, call) {
            return Ok(Response::new(self.total.into_output(), ResponseMeta::of(call)));
        }
        let error = error.or(self.ended_by).unwrap_or_else(|| Error::misuse("the stream was given up"));
        Err(StreamError { partial: self.total.into_output(), outcome, error })
    }

    /// Aborts the stream because of this error.
    pub(crate) fn fail(self, error: Error) -> StreamError<O> {
        StreamError { partial: self.total.into_output(), outcome: Outcome::of(&error), error }
    }

    pub(crate) fn into_output(self) -> O {
        self.total.into_output()
    }
}

impl Outcome {
    /// Returns the outcome as a word, such as `complete` or `total_timeout`.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Complete => "complete",
            Outcome::Truncated => "truncated",
            Outcome::ServerError => "server_error",
            Outcome::IdleTimeout => "idle_timeout",
            Outcome::TotalTimeout => "total_timeout",
            Outcome::Cancelled => "cancelled",
            Outcome::Stopped => "stopped",
            Outcome::Failed => "failed",
        }
    }

    fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Truncated => Outcome::Truncated,
            ErrorKind::Server => Outcome::ServerError,
            ErrorKind::Timeout if error.phase() == Some(Phase::Total) => Outcome::TotalTimeout,
            ErrorKind::Timeout => Outcome::IdleTimeout,
            ErrorKind::Cancelled => Outcome::Cancelled,
            _ => Outcome::Failed,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Keeps the error and drops the partial response.
impl<T> From<StreamError<T>> for Error {
    fn from(failed: StreamError<T>) -> Self {
        failed.error
    }
}

impl<T> fmt::Display for StreamError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl<T> std::error::Error for StreamError<T> {
    /// The source of the error. The text of the error itself is the text of this type.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.error)
    }
}

impl<T> fmt::Debug for StreamError<T> {
    // Omits the partial response: it is the model's text, which should not be in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamError")
            .field("outcome", &self.outcome)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
