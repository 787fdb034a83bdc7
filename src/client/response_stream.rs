//! `ResponseStream`: a streamed response that keeps the part that has arrived.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::api::{ChatChunk, ChatCompletion, Completion, CompletionChunk};
use crate::base::{BoxFuture, Error, ErrorCode, ErrorKind, MaybeSend, Record, Result};
use crate::client::clock::Clock;
use crate::client::driver::{ClientIo, Driver};
use crate::client::dyn_call::{DynCall, ResponseMeta};
use crate::client::response::Response;
use crate::client::stream_state::{Outcome, StreamError, StreamState};
use crate::decode::Decode;
use crate::protocol::Accumulate;
use crate::protocol::call::Call;
use crate::protocol::resume::Resume;
use crate::protocol::resume::joint::Joins;

/// A streamed response: a [`Stream`] of items `T` that accumulate to an `O`.
///
/// Nothing is sent before it is first polled. Not polling applies back-pressure. Dropping it cancels the request. It ends after
/// its first error. The part that arrived before is kept: see [`so_far`](ResponseStream::so_far),
/// [`outcome`](ResponseStream::outcome) and [`finish`](ResponseStream::finish).
///
/// ```no_run
/// # use tabbyapi::api::{ChatMessage, ChatRequest};
/// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
/// let request = ChatRequest::new([ChatMessage::user("Why is the sky blue?")]);
/// let mut stream = client.chat().stream(&request);
/// while let Some(chunk) = stream.next().await {
///     print!("{}", chunk?.text());
/// }
/// let completion = stream.finish().await?;
/// println!("\n{:?}", completion.usage);
/// # Ok(())
/// # }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct ResponseStream<T, O> {
    call: Running<T>,
    state: StreamState<T, O>,
    joins: Joins<T>,
}

enum Running<T> {
    /// The stream could not be set up. Holds the error until it is returned.
    Failed(Option<Error>),
    Driver(Driver<ClientIo, T>),
}

impl<T, O> ResponseStream<T, O> {
    pub(crate) fn new<D, A>(io: &ClientIo, call: Result<Call<D>>, total: A, joins: Joins<T>) -> Self
    where
        D: Decode<Item = T>,
        A: Accumulate<Item = T, Output = O>,
    {
        let call = match call {
            Ok(call) => Running::Driver(Driver::new(io.clone(), Box::new(call))),
            Err(error) => Running::Failed(Some(error)),
        };
        ResponseStream { call, state: StreamState::new(total), joins }
    }

    /// Returns the next item. `None` at the end. An error is the last item.
    ///
    /// # Errors
    ///
    /// Errors if the call fails, if the stream breaks, if an item cannot be read, or if a cap of [`Limits`](crate::Limits) is reached.
    pub async fn next(&mut self) -> Option<Result<T>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
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

    /// Reads the stream to its end and returns the whole response.
    ///
    /// # Errors
    ///
    /// Errors with a [`StreamError`], which has the partial response, the outcome and the error.
    pub async fn finish(mut self) -> Result<Response<O>, StreamError<O>> {
        let mut error = None;
        while let Some(item) = self.next().await {
            error = item.err();
        }
        let ResponseStream { call, state, .. } = self;
        state.finish(error, call.get())
    }

    /// Stops the stream and cancels its request. [`finish`](ResponseStream::finish) then returns the part that arrived as a
    /// response. Does nothing once the stream has ended.
    pub fn stop(&mut self) {
        if self.state.outcome().is_none() {
            self.state.stop();
            if let Running::Driver(driver) = &mut self.call {
                driver.abort(Error::new(ErrorKind::Cancelled, ErrorCode::Stopped, "the stream was stopped"));
            }
        }
    }

    /// Cancels the stream and returns the response so far.
    pub fn cancel(self) -> O {
        self.state.into_output()
    }

    /// Aborts the stream because of this error.
    pub(crate) fn fail(self, error: Error) -> StreamError<O> {
        self.state.fail(error)
    }

    /// The clock of the client. `None` if the call could not be set up.
    pub(crate) fn clock(&self) -> Option<Clock> {
        match &self.call {
            Running::Driver(driver) => Some(Clock::new(driver.io().transport.clone())),
            Running::Failed(_) => None,
        }
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

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        if self.state.outcome().is_some() {
            return Poll::Ready(None);
        }
        let mut item = None;
        let result = match &mut self.call {
            Running::Driver(driver) => std::task::ready!(driver.poll_item(cx, &mut item)),
            Running::Failed(error) => error.take().map(Err),
        };
        let failed = self.state.take(result, item.as_ref(), |error| match &mut self.call {
            Running::Driver(driver) => driver.abort(error),
            Running::Failed(_) => error,
        });
        if let Some(error) = failed {
            return Poll::Ready(Some(Err(error)));
        }
        Poll::Ready(item.map(Ok))
    }
}

/// For conversations.
impl ResponseStream<ChatChunk, ChatCompletion> {
    /// Resumes the stream when it stalls or breaks: another request generates the rest, on another server if there is one, and
    /// the stream continues. Off by default.
    ///
    /// ```
    /// use tabbyapi::api::{ChatMessage, ChatRequest};
    /// use tabbyapi::policy::Resume;
    /// use tabbyapi::transport::script::{Reply, Script};
    /// # futures::executor::block_on(async {
    ///
    /// let chunk = |text: &str| format!("data: {{\"choices\": [{{\"delta\": {{\"content\": \"{text}\"}}}}]}}\n\n");
    /// let script = Script::new([
    ///     Reply::events().chunk(chunk("The Rhi")).fail("connection reset"),
    ///     Reply::events().chunk(chunk("ne.")).chunk("data: [DONE]\n\n"),
    /// ]);
    /// let client = tabbyapi::Client::builder("http://tabby.test").build_with(script)?;
    ///
    /// let request = ChatRequest::new([ChatMessage::user("Name a river.")]);
    /// let answer = client.chat().stream(&request).resume(Resume::new().attempts(3)).finish().await?;
    /// assert_eq!(answer.text(), "The Rhine.");
    /// assert_eq!(answer.meta().record().resumes, 1);
    /// # Ok::<(), tabbyapi::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// A stall is a silence longer than [`Timeouts::idle`](crate::Timeouts::idle), or a first item that does not arrive within
    /// [`Timeouts::first_item`](crate::Timeouts::first_item). Resuming costs a request that processes the prompt again and
    /// generates the rest of the text. Streams of several choices, of tool calls, in the middle of reasoning or under a grammar
    /// are not resumed; see the guide [`streaming`](crate::guide::streaming). [`Record::resumes`](crate::call::Record::resumes)
    /// and [`Record::not_resumed`](crate::call::Record::not_resumed) report what was done.
    ///
    /// Call it before the stream is first polled. Otherwise the stream ends with an error of kind
    /// [`Misuse`](crate::ErrorKind::Misuse).
    pub fn resume(self, resume: Resume) -> Self {
        self.resumed(resume)
    }
}

/// For completions.
impl ResponseStream<CompletionChunk, Completion> {
    /// Resumes the stream when it stalls or breaks: another request generates the rest, on another server if there is one, and
    /// the stream continues. Off by default.
    ///
    /// A stall is a silence longer than [`Timeouts::idle`](crate::Timeouts::idle), or a first item that does not arrive within
    /// [`Timeouts::first_item`](crate::Timeouts::first_item). Resuming costs a request that processes the prompt again and
    /// generates the rest of the text. Streams of several choices, of tool calls, in the middle of reasoning or under a grammar
    /// are not resumed; see the guide [`streaming`](crate::guide::streaming). [`Record::resumes`](crate::call::Record::resumes)
    /// and [`Record::not_resumed`](crate::call::Record::not_resumed) report what was done.
    ///
    /// Call it before the stream is first polled. Otherwise the stream ends with an error of kind
    /// [`Misuse`](crate::ErrorKind::Misuse).
    pub fn resume(self, resume: Resume) -> Self {
        self.resumed(resume)
    }
}

impl<T> Running<T> {
    fn get(&self) -> Option<&dyn DynCall<T>> {
        match self {
            Running::Driver(driver) => Some(driver.call()),
            Running::Failed(_) => None,
        }
    }
}

/// Reads the stream to its end, as [`finish`](ResponseStream::finish) does.
impl<T: MaybeSend + 'static, O: MaybeSend + 'static> IntoFuture for ResponseStream<T, O> {
    type Output = Result<Response<O>, StreamError<O>>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.finish())
    }
}

// The driver is `Unpin`, and the rest is boxed.
impl<T, O> Unpin for ResponseStream<T, O> {}

impl<T, O> Stream for ResponseStream<T, O> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
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
