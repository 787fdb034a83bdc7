//! `ResponseStream`: a streamed response as an iterator that keeps the received part.

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

/// A streamed response: an iterator over items that also accumulates them.
///
/// Nothing is sent before the first [`next`](Iterator::next), which blocks until an item arrives. Not calling it applies back-pressure to
/// the server. Dropping the stream cancels the request. The stream ends after its first error. The received part is kept: see
/// [`so_far`](ResponseStream::so_far), [`outcome`](ResponseStream::outcome) and [`finish`](ResponseStream::finish).
#[must_use = "nothing is sent until an item is requested"]
pub struct ResponseStream<T, O> {
    call: Running<T>,
    state: StreamState<T, O>,
    cancel: CancelHandle,
    joins: Joins<T>,
}

enum Running<T> {
    /// The stream could not be set up. Holds the error until it is returned.
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

    /// Returns a handle that cancels this stream from another thread, even while it blocks in [`next`](Iterator::next).
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    /// Returns the accumulated response so far.
    pub fn so_far(&self) -> &O {
        self.state.so_far()
    }

    /// Returns how the stream ended. `None` while it continues.
    pub fn outcome(&self) -> Option<Outcome> {
        self.state.outcome()
    }

    /// Returns the HTTP status, the headers and the record of the call so far. `None` before the head of the response has
    /// arrived.
    pub fn meta(&self) -> Option<ResponseMeta> {
        let call = self.call.get()?;
        call.head().map(|_| ResponseMeta::of(call))
    }

    /// Returns the history of the call so far. `None` if the call could not be set up.
    pub fn record(&self) -> Option<&Record> {
        self.call.get().map(|call| call.record())
    }

    /// Reads the rest of the stream and returns the whole response.
    ///
    /// # Errors
    ///
    /// Errors with a [`StreamError`], which has the partial response, if the stream did not end successfully.
    pub fn finish(mut self) -> Result<Response<O>, StreamError<O>> {
        let mut error = None;
        for item in &mut self {
            error = item.err();
        }
        let ResponseStream { call, state, .. } = self;
        state.finish(error, call.get())
    }

    /// Cancels the stream, and returns the response so far.
    pub fn cancel(self) -> O {
        self.state.into_output()
    }

    /// Stops the stream because of this error.
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

/// For conversations.
impl ResponseStream<ChatChunk, ChatCompletion> {
    /// Resumes the stream when it stalls or breaks. Off by default.
    ///
    /// See [`resume`](crate::ResponseStream::resume) of the async client.
    pub fn resume(self, resume: Resume) -> Self {
        self.resumed(resume)
    }
}

/// For completions.
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
        let mut item = None;
        let result = match &mut self.call {
            Running::Driver(driver) => driver.next(&mut item),
            Running::Failed(error) => error.take().map(Err),
        };
        let failed = self.state.take(result, item.as_ref(), |error| match &mut self.call {
            Running::Driver(driver) => driver.abort(error),
            Running::Failed(_) => error,
        });
        match failed {
            Some(error) => Some(Err(error)),
            None => item.map(Ok),
        }
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
