//! `ResponseStream`: a streamed answer as an iterator that keeps what has arrived.

use std::fmt;

use super::driver::Driver;
use crate::api::{ChatChunk, ChatCompletion, Completion, CompletionChunk};
use crate::base::{Error, Record, Result};
use crate::client::dyn_call::{DynCall, ResponseMeta};
use crate::client::response::Response;
use crate::client::stream_state::{Outcome, StreamError, StreamState};
use crate::protocol::resume::Resume;
use crate::protocol::resume::joint::Joins;
use crate::transport::CancelHandle;

/// A streamed answer: an iterator over items that also adds them up.
///
/// Nothing is sent before the first [`next`](Iterator::next), which blocks until an item is there. Not asking for more holds
/// the server back; dropping it cancels on the wire. It ends after its first error. What arrived before is kept: see
/// [`so_far`](ResponseStream::so_far), [`outcome`](ResponseStream::outcome) and [`finish`](ResponseStream::finish).
#[must_use = "nothing is sent until it is asked for an item"]
pub struct ResponseStream<T, O> {
    call: Running<T>,
    state: StreamState<T, O>,
    cancel: CancelHandle,
    joins: Joins<T>,
}

enum Running<T> {
    /// It could not be set up; the error until it was handed out.
    Failed(Option<Error>),
    Driver(Box<Driver<T>>),
}

impl<T, O> ResponseStream<T, O> {
    pub(crate) fn new(
        driver: Result<Driver<T>>,
        state: StreamState<T, O>,
        cancel: CancelHandle,
        joins: Joins<T>,
    ) -> Self {
        let call = match driver {
            Ok(driver) => Running::Driver(Box::new(driver)),
            Err(error) => Running::Failed(Some(error)),
        };
        ResponseStream { call, state, cancel, joins }
    }

    /// A handle that ends this stream from another thread, although it is blocked in [`next`](Iterator::next).
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    /// What has arrived so far, added up.
    pub fn so_far(&self) -> &O {
        self.state.so_far()
    }

    /// How the stream ended, `None` while it goes on.
    pub fn outcome(&self) -> Option<Outcome> {
        self.state.outcome()
    }

    /// Returns HTTP status, headers and the record of the call as it is now; none before the head of the response has arrived.
    pub fn meta(&self) -> Option<ResponseMeta> {
        let call = self.call.get()?;
        call.head().map(|_| ResponseMeta::of(call))
    }

    /// What the call did so far; `None` if it could not be set up.
    pub fn record(&self) -> Option<&Record> {
        self.call.get().map(|call| call.record())
    }

    /// Reads the rest, and gives the whole answer, or what had arrived of it with the error.
    pub fn finish(mut self) -> Result<Response<O>, StreamError<O>> {
        let mut error = None;
        for item in &mut self {
            error = item.err();
        }
        let ResponseStream { call, state, .. } = self;
        state.finish(error, call.get())
    }

    /// Gives the stream up: cancels it on the wire, and gives what had arrived.
    pub fn cancel(self) -> O {
        self.state.into_output()
    }

    /// The stream, given up because of this error.
    pub(crate) fn fail(self, error: Error) -> StreamError<O> {
        self.state.fail(error)
    }

    fn resumed(mut self, resume: Resume) -> Self {
        if let Running::Driver(driver) = &mut self.call
            && let Err(error) = driver.call_mut().resume(resume, self.joins)
        {
            let error = driver.abort(error);
            self.call = Running::Failed(Some(error));
        }
        self
    }
}

/// Of conversations.
impl ResponseStream<ChatChunk, ChatCompletion> {
    /// Resumes the stream when it stalls or breaks. Off by default.
    ///
    /// See [`resume`](crate::ResponseStream::resume) of the async client.
    pub fn resume(self, resume: Resume) -> Self {
        self.resumed(resume)
    }
}

/// Of completions.
impl ResponseStream<CompletionChunk, Completion> {
    /// Resumes the stream when it stalls or breaks. Off by default.
    ///
    /// See [`resume`](crate::ResponseStream::resume) of the async client.
    pub fn resume(self, resume: Resume) -> Self {
        self.resumed(resume)
    }
}

impl<T, O> Iterator for ResponseStream<T, O> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state.outcome().is_some() {
            return None;
        }
        let item = match &mut self.call {
            Running::Driver(driver) => driver.next(),
            Running::Failed(error) => error.take().map(Err),
        };
        self.state.take(item, |error| match &mut self.call {
            Running::Driver(driver) => driver.abort(error),
            Running::Failed(_) => error,
        })
    }
}

impl<T, O> std::iter::FusedIterator for ResponseStream<T, O> {}

impl<T> Running<T> {
    fn get(&self) -> Option<&dyn DynCall<T>> {
        match self {
            Running::Driver(driver) => Some(driver.call()),
            Running::Failed(_) => None,
        }
    }
}

impl<T, O> fmt::Debug for ResponseStream<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ResponseStream");
        match &self.call {
            Running::Driver(driver) => out.field("call", &driver.call()),
            Running::Failed(error) => out.field("error", error),
        };
        out.field("outcome", &self.state.outcome()).finish_non_exhaustive()
    }
}
