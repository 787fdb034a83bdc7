//! `Streaming`: a streamed answer as an iterator that keeps what has arrived.

use std::fmt;

use http::{HeaderMap, StatusCode};

use super::driver::Driver;
use crate::base::{Error, Record, Result};
use crate::client::answer::Answer;
use crate::client::streaming::{Broken, Outcome, Tally};
use crate::decode::Decode;
use crate::protocol::Accumulate;
use crate::protocol::call::Call;
use crate::transport::CancelHandle;

/// A streamed answer: an iterator over items that also adds them up.
///
/// Nothing is sent before the first [`next`](Iterator::next), which blocks until an item is there. Not asking for more holds
/// the server back; dropping it cancels on the wire. It ends after its first error. What arrived before is kept: see
/// [`so_far`](Streaming::so_far), [`outcome`](Streaming::outcome) and [`finish`](Streaming::finish).
#[must_use = "nothing is sent until it is asked for an item"]
pub struct Streaming<D: Decode, A> {
    state: State<D>,
    tally: Tally<A>,
    cancel: CancelHandle,
}

enum State<D: Decode> {
    Failed(Option<Error>),
    Running(Box<Driver<D>>),
}

impl<D: Decode, A: Accumulate<Item = D::Item>> Streaming<D, A> {
    pub(crate) fn new(driver: Result<Driver<D>>, tally: Tally<A>, cancel: CancelHandle) -> Self {
        let state = match driver {
            Ok(driver) => State::Running(Box::new(driver)),
            Err(error) => State::Failed(Some(error)),
        };
        Streaming { state, tally, cancel }
    }

    /// A handle that ends this stream from another thread, although it is blocked in [`next`](Iterator::next).
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
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
        self.state.call()?.status()
    }

    /// The headers of the answer, once its head is there.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.state.call()?.headers()
    }

    /// What the call did so far; `None` if it could not be set up.
    pub fn record(&self) -> Option<&Record> {
        self.state.call().map(Call::record)
    }

    /// Reads the rest, and gives the whole answer, or what had arrived of it with the error.
    pub fn finish(mut self) -> Result<Answer<A::Output>, Broken<A::Output>> {
        let mut error = None;
        for item in &mut self {
            error = item.err();
        }
        self.tally.finish(error, self.state.call())
    }

    /// Gives the stream up: cancels it on the wire, and gives what had arrived.
    pub fn cancel(self) -> A::Output {
        self.tally.into_output()
    }

    /// The stream, given up because of this error.
    pub(crate) fn broken(self, error: Error) -> Broken<A::Output> {
        self.tally.broken(error)
    }
}

impl<D: Decode, A: Accumulate<Item = D::Item>> Iterator for Streaming<D, A> {
    type Item = Result<D::Item>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.tally.outcome().is_some() {
            return None;
        }
        let item = match &mut self.state {
            State::Running(driver) => driver.next(),
            State::Failed(error) => error.take().map(Err),
        };
        self.tally.take(item, |error| match &mut self.state {
            State::Running(driver) => driver.give_up(error),
            State::Failed(_) => error,
        })
    }
}

impl<D: Decode, A: Accumulate<Item = D::Item>> std::iter::FusedIterator for Streaming<D, A> {}

impl<D: Decode> State<D> {
    fn call(&self) -> Option<&Call<D>> {
        match self {
            State::Running(driver) => Some(driver.call()),
            State::Failed(_) => None,
        }
    }
}

impl<D: Decode, A: Accumulate<Item = D::Item>> fmt::Debug for Streaming<D, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Streaming");
        match &self.state {
            State::Running(driver) => out.field("call", driver.call()),
            State::Failed(error) => out.field("error", error),
        };
        out.field("outcome", &self.tally.outcome()).finish_non_exhaustive()
    }
}
