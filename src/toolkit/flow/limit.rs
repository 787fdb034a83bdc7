//! `Limited`: a stream that ends at a budget.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use crate::api::{ChatChunk, CompletionChunk};
use crate::base::{BoxFuture, Result, Time};
use crate::client::{Clock, Response, ResponseStream, StreamError};
use crate::protocol::estimate::Estimator;

/// A limit on the tokens and the time of a stream; see [`ResponseStream::limited`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budget {
    /// The number of tokens.
    pub tokens: Option<u64>,
    /// The time from the first poll.
    pub time: Option<Duration>,
}

impl Budget {
    /// Returns a budget without limits.
    pub fn new() -> Self {
        Budget::default()
    }

    /// Sets the number of tokens. It is estimated, with at least one token for each item, because chunks do not report it. For an exact limit, set
    /// `max_tokens` of the request.
    #[must_use]
    pub fn tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Sets the time from the first poll.
    #[must_use]
    pub fn time(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }
}

/// How a [`Limited`] stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// The stream ended first, with or without an error.
    Completed,
    /// The tokens of the budget were reached.
    Tokens,
    /// The time of the budget passed.
    Time,
}

/// A stream that can be ended early. [`ResponseStream`] cancels its request, and keeps the part that arrived.
pub trait Stop {
    /// Ends the stream and drops everything in flight.
    fn stop(&mut self);
}

impl<T, O> Stop for ResponseStream<T, O> {
    fn stop(&mut self) {
        ResponseStream::stop(self);
    }
}

/// An item with an estimated number of tokens, for a [`Budget`].
pub trait Weigh {
    /// Returns the estimate.
    fn tokens(&self, estimator: &Estimator) -> u64;
}

impl Weigh for ChatChunk {
    fn tokens(&self, estimator: &Estimator) -> u64 {
        let pieces = self.choices.iter().flat_map(|choice| {
            let delta = &choice.delta;
            let arguments = delta.tool_calls.iter().map(|call| call.function.arguments.as_deref());
            [delta.content.as_deref(), delta.reasoning_content.as_deref()].into_iter().chain(arguments)
        });
        pieces.flatten().map(|text| piece(estimator, text)).sum()
    }
}

impl Weigh for CompletionChunk {
    fn tokens(&self, estimator: &Estimator) -> u64 {
        self.choices.iter().map(|choice| piece(estimator, &choice.text)).sum()
    }
}

fn piece(estimator: &Estimator, text: &str) -> u64 {
    if text.is_empty() { 0 } else { estimator.text(text).tokens.max(1) }
}

/// A stream that ends at a [`Budget`], without an error. Its request is then cancelled.
///
/// The item that reaches the budget is the last one. [`ended`](Limited::ended) returns what ended it.
pub struct Limited<S> {
    stream: S,
    budget: Budget,
    /// A stream that could not be set up has no clock, and needs none.
    clock: Option<Clock>,
    estimator: Estimator,
    tokens: u64,
    until: Option<(Time, BoxFuture<()>)>,
    begun: bool,
    ended: Option<EndReason>,
}

impl<T, O> ResponseStream<T, O> {
    /// Ends the stream at this budget, without an error, and cancels its request.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tabbyapi::flow::{Budget, EndReason};
    /// # use tabbyapi::api::{ChatMessage, ChatRequest};
    /// # async fn ask(client: &tabbyapi::Client, request: &ChatRequest) -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let budget = Budget::new().tokens(500).time(Duration::from_secs(20));
    /// let (answer, ended) = client.chat().stream(request).limited(budget).finish().await?;
    /// println!("{}{}", answer.text(), if ended == EndReason::Completed { "" } else { " …" });
    /// # Ok(())
    /// # }
    /// ```
    pub fn limited(self, budget: Budget) -> Limited<Self>
    where
        T: Weigh,
    {
        let clock = self.clock();
        Limited::with(self, budget, clock)
    }
}

impl<S> Limited<S> {
    /// Ends a custom stream at this budget, by this clock.
    pub fn new(stream: S, budget: Budget, clock: Clock) -> Self {
        Limited::with(stream, budget, Some(clock))
    }

    fn with(stream: S, budget: Budget, clock: Option<Clock>) -> Self {
        Limited {
            stream,
            budget,
            clock,
            estimator: Estimator::new(),
            tokens: 0,
            until: None,
            begun: false,
            ended: None,
        }
    }

    /// Estimates tokens with this estimator, such as one that is calibrated to the loaded model.
    #[must_use]
    pub fn estimator(mut self, estimator: Estimator) -> Self {
        self.estimator = estimator;
        self
    }

    /// Returns the estimated number of tokens so far.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Returns what ended the stream. `None` while it continues.
    pub fn ended(&self) -> Option<EndReason> {
        self.ended
    }

    /// Returns the stream itself.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Returns the stream, without the budget if that was not reached.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S, T> Limited<S>
where
    S: Stream<Item = Result<T>> + Stop + Unpin,
    T: Weigh,
{
    /// Returns the next item. `None` at the end.
    pub async fn next(&mut self) -> Option<Result<T>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        if self.ended.is_some() {
            return Poll::Ready(None);
        }
        if !self.begun {
            self.begun = true;
            self.until = self.clock.as_ref().zip(self.budget.time).map(|(clock, time)| {
                let until = clock.now() + time;
                (until, clock.sleep_until(until))
            });
        }
        // Checked before the stream is polled, because a stream that is always ready must not outrun the clock.
        let late = |(until, _): &(Time, _)| self.clock.as_ref().is_some_and(|clock| clock.now() >= *until);
        if self.until.as_ref().is_some_and(late) {
            return self.end(EndReason::Time);
        }
        if self.budget.tokens.is_some_and(|most| self.tokens >= most) {
            return self.end(EndReason::Tokens);
        }
        if let Poll::Ready(item) = Pin::new(&mut self.stream).poll_next(cx) {
            match &item {
                Some(Ok(item)) => self.tokens = self.tokens.saturating_add(item.tokens(&self.estimator)),
                Some(Err(_)) => {}
                None => self.ended = Some(EndReason::Completed),
            }
            // Ends at once, and not when the next item is requested.
            if self.budget.tokens.is_some_and(|most| self.tokens >= most) && self.ended.is_none() {
                self.stream.stop();
            }
            return Poll::Ready(item);
        }
        match &mut self.until {
            Some((_, sleep)) => {
                std::task::ready!(sleep.as_mut().poll(cx));
                self.end(EndReason::Time)
            }
            None => Poll::Pending,
        }
    }

    fn end(&mut self, ended: EndReason) -> Poll<Option<Result<T>>> {
        self.stream.stop();
        self.until = None;
        self.ended = Some(ended);
        Poll::Ready(None)
    }
}

impl<T: Weigh, O> Limited<ResponseStream<T, O>> {
    /// Reads the stream to its end or to the budget, and returns the response so far with what ended it.
    ///
    /// # Errors
    ///
    /// Errors with a [`StreamError`](crate::StreamError), which has the partial response and the error.
    pub async fn finish(mut self) -> Result<(Response<O>, EndReason), StreamError<O>> {
        let mut error = None;
        while let Some(item) = self.next().await {
            error = item.err();
        }
        let ended = self.ended.unwrap_or(EndReason::Completed);
        match error {
            Some(error) => Err(self.stream.fail(error)),
            None => self.stream.finish().await.map(|answer| (answer, ended)),
        }
    }
}

impl<S, T> Stream for Limited<S>
where
    S: Stream<Item = Result<T>> + Stop + Unpin,
    T: Weigh,
{
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.poll(cx)
    }
}

// Its fields are `Unpin` or boxed.
impl<S: Unpin> Unpin for Limited<S> {}

impl<S: fmt::Debug> fmt::Debug for Limited<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limited")
            .field("stream", &self.stream)
            .field("budget", &self.budget)
            .field("tokens", &self.tokens)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
