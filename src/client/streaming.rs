//! `Streaming`: a streamed answer, item by item, that keeps what has arrived.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use http::{HeaderMap, StatusCode};

use crate::base::{BoxFuture, Error, ErrorKind, MaybeSend, Record, Result};
use crate::client::answer::Answer;
use crate::client::clock::Clock;
use crate::client::driver::{ClientIo, Driver};
use crate::decode::Decode;
use crate::protocol::Accumulate;
use crate::protocol::call::Call;

/// A streamed answer: a [`Stream`] of items that also adds them up.
///
/// Nothing is sent before it is first polled. Not polling it holds the server back; dropping it cancels on the wire.
/// It ends after its first error. What arrived before is kept: see [`so_far`](Streaming::so_far),
/// [`outcome`](Streaming::outcome) and [`finish`](Streaming::finish).
#[must_use = "nothing is sent until it is polled"]
pub struct Streaming<D: Decode, A> {
    state: State<D>,
    tally: Tally<A>,
}

enum State<D: Decode> {
    Failed(Option<Error>),
    Running(Box<Driver<ClientIo, D>>),
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It came to its announced end.
    Complete,
    /// The connection was cut, or the body ended before the announced end.
    Truncated,
    /// The server reported an error, by its status or inside the stream.
    ServerError,
    /// No data came for longer than the pace allows.
    Stalled,
    /// The time for the whole call was over, although data came.
    TimedOut,
    /// It was given up before its end.
    Cancelled,
    /// It was ended on this side, by [`stop`](Streaming::stop) or a [`Budget`](crate::flow::Budget): what had come is all that was
    /// wanted.
    Stopped,
    /// It failed on this side: no connection, an answer that cannot be read, a cap that was reached.
    Failed,
}

/// A stream that did not come to its end, with what had arrived.
pub struct Broken<T> {
    /// What had arrived, added up.
    pub partial: T,
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub error: Error,
}

impl<D: Decode, A: Accumulate<Item = D::Item>> Streaming<D, A> {
    pub(crate) fn new(io: &ClientIo, call: Result<Call<D>>, total: A) -> Self {
        let state = match call {
            Ok(call) => State::Running(Box::new(Driver::new(io.clone(), call))),
            Err(error) => State::Failed(Some(error)),
        };
        Streaming { state, tally: Tally::new(total) }
    }

    /// The next item, `None` at the end, an error at most once.
    pub async fn next(&mut self) -> Option<Result<D::Item>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// What has arrived so far, added up.
    pub fn so_far(&self) -> &A::Output {
        self.tally.so_far()
    }

    /// How the stream ended, `None` while it goes on.
    pub fn outcome(&self) -> Option<Outcome> {
        self.tally.outcome()
    }

    /// The status of the answer, once its head is there.
    pub fn status(&self) -> Option<StatusCode> {
        self.call()?.status()
    }

    /// The headers of the answer, once its head is there.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.call()?.headers()
    }

    /// What the call did so far; `None` if it could not be set up.
    pub fn record(&self) -> Option<&Record> {
        self.call().map(Call::record)
    }

    /// Reads the rest, and gives the whole answer, or what had arrived of it with the error.
    pub async fn finish(mut self) -> Result<Answer<A::Output>, Broken<A::Output>> {
        let mut error = None;
        while let Some(item) = self.next().await {
            error = item.err();
        }
        let Streaming { state, tally } = self;
        tally.finish(error, state.call())
    }

    /// Ends the stream here, if it goes on: cancels it on the wire, and keeps what had arrived, which
    /// [`finish`](Streaming::finish) then gives as an answer.
    pub fn stop(&mut self) {
        if self.tally.outcome().is_none() {
            self.tally.stop();
            if let State::Running(driver) = &mut self.state {
                driver.give_up(Error::new(ErrorKind::Cancelled, "stopped", "the stream was stopped"));
            }
        }
    }

    /// Gives the stream up: cancels it on the wire, and gives what had arrived.
    pub fn cancel(self) -> A::Output {
        self.tally.into_output()
    }

    /// The stream, given up because of this error.
    pub(crate) fn broken(self, error: Error) -> Broken<A::Output> {
        self.tally.broken(error)
    }

    /// The call that was not begun yet, for another driver.
    #[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
    pub(crate) fn into_parts(self) -> (Result<Call<D>>, Tally<A>) {
        let call = match self.state {
            State::Running(driver) => Ok(driver.into_call()),
            State::Failed(error) => Err(error.unwrap_or_else(|| Error::misuse("the stream was polled before"))),
        };
        (call, self.tally)
    }

    /// The clock of its client; none if it could not be set up.
    pub(crate) fn clock(&self) -> Option<Clock> {
        match &self.state {
            State::Running(driver) => Some(Clock::new(driver.io().transport.clone())),
            State::Failed(_) => None,
        }
    }

    fn call(&self) -> Option<&Call<D>> {
        self.state.call()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<D::Item>>> {
        if self.tally.outcome().is_some() {
            return Poll::Ready(None);
        }
        let item = match &mut self.state {
            State::Running(driver) => std::task::ready!(driver.poll_item(cx)),
            State::Failed(error) => error.take().map(Err),
        };
        Poll::Ready(self.tally.take(item, |error| match &mut self.state {
            State::Running(driver) => driver.give_up(error),
            State::Failed(_) => error,
        }))
    }
}

impl<D: Decode> State<D> {
    fn call(&self) -> Option<&Call<D>> {
        match self {
            State::Running(driver) => Some(driver.call()),
            State::Failed(_) => None,
        }
    }
}

/// What a stream adds up to and how it ended, for both drivers.
pub(crate) struct Tally<A> {
    total: A,
    outcome: Option<Outcome>,
    /// The error that ended the stream, if the stream face has handed it out: a copy for `finish`.
    ended_by: Option<Error>,
}

impl<A: Accumulate> Tally<A> {
    pub(crate) fn new(total: A) -> Self {
        Tally { total, outcome: None, ended_by: None }
    }

    pub(crate) fn so_far(&self) -> &A::Output {
        self.total.so_far()
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    pub(crate) fn stop(&mut self) {
        self.outcome = Some(Outcome::Stopped);
    }

    /// Takes in what came next, `None` at the end, and gives it on. If a cap is reached, the call is to be given up.
    pub(crate) fn take(
        &mut self,
        item: Option<Result<A::Item>>,
        give_up: impl FnOnce(Error) -> Error,
    ) -> Option<Result<A::Item>> {
        let error = match item {
            None => {
                self.outcome = Some(Outcome::Complete);
                return None;
            }
            Some(Ok(item)) => match self.total.push(&item) {
                Ok(()) => return Some(Ok(item)),
                // Nothing more is wanted of the server.
                Err(error) => give_up(error),
            },
            Some(Err(error)) => error,
        };
        self.outcome = Some(Outcome::of(&error));
        self.ended_by = Some(error.clone());
        Some(Err(error))
    }

    /// The whole answer, or what had arrived of it with the error: this one, or the one that was handed out before.
    pub(crate) fn finish<D: Decode>(
        self,
        error: Option<Error>,
        call: Option<&Call<D>>,
    ) -> Result<Answer<A::Output>, Broken<A::Output>> {
        let outcome = self.outcome.unwrap_or(Outcome::Cancelled);
        if let (None, Outcome::Complete | Outcome::Stopped, Some(call)) = (&error, outcome, call) {
            return Ok(Answer::new(self.total.into_output(), call));
        }
        let error = error.or(self.ended_by).unwrap_or_else(|| Error::misuse("the stream was given up"));
        Err(Broken { partial: self.total.into_output(), outcome, error })
    }

    pub(crate) fn broken(self, error: Error) -> Broken<A::Output> {
        Broken { partial: self.total.into_output(), outcome: Outcome::of(&error), error }
    }

    pub(crate) fn into_output(self) -> A::Output {
        self.total.into_output()
    }
}

impl Outcome {
    /// The outcome as a word, such as `complete` or `timed_out`.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Complete => "complete",
            Outcome::Truncated => "truncated",
            Outcome::ServerError => "server_error",
            Outcome::Stalled => "stalled",
            Outcome::TimedOut => "timed_out",
            Outcome::Cancelled => "cancelled",
            Outcome::Stopped => "stopped",
            Outcome::Failed => "failed",
        }
    }

    fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Truncated => Outcome::Truncated,
            ErrorKind::Server => Outcome::ServerError,
            ErrorKind::Timeout if error.phase() == Some(crate::base::error::Phase::Total) => Outcome::TimedOut,
            ErrorKind::Timeout => Outcome::Stalled,
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

/// Reads the stream to its end, as [`finish`](Streaming::finish) does.
impl<D, A> IntoFuture for Streaming<D, A>
where
    D: Decode + MaybeSend + 'static,
    D::Item: MaybeSend,
    A: Accumulate<Item = D::Item> + MaybeSend + 'static,
{
    type Output = Result<Answer<A::Output>, Broken<A::Output>>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.finish())
    }
}

// The driver is, and the accumulator is only moved.
impl<D: Decode, A> Unpin for Streaming<D, A> {}

impl<D: Decode, A: Accumulate<Item = D::Item>> Stream for Streaming<D, A> {
    type Item = Result<D::Item>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

impl<D: Decode, A> fmt::Debug for Streaming<D, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Streaming");
        match &self.state {
            State::Running(driver) => out.field("call", driver.call()),
            State::Failed(error) => out.field("error", error),
        };
        out.field("outcome", &self.tally.outcome).finish_non_exhaustive()
    }
}

/// The error alone; what had arrived is dropped.
impl<T> From<Broken<T>> for Error {
    fn from(broken: Broken<T>) -> Self {
        broken.error
    }
}

impl<T> fmt::Display for Broken<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl<T> std::error::Error for Broken<T> {
    /// What lies beneath the error, whose own text is this one's.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.error)
    }
}

impl<T> fmt::Debug for Broken<T> {
    // The partial answer is left out: it is the model's text, which logs need not hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broken").field("outcome", &self.outcome).field("error", &self.error).finish_non_exhaustive()
    }
}
