//! `ToolRun`: drives a [`ToolLoop`] against a server. It polls and makes no decisions.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use super::{ToolFailure, ToolFuture, ToolLoop, ToolOutput, ToolResult, ToolStep, Tools};
use crate::api::{ChatChunk, ChatCompletion, ChatRequest, ModelParameters, ToolCall};
use crate::base::{BoxFuture, Error, Result, Time};
use crate::client::services::{Chat, ChatStream};
use crate::client::{Client, Outcome, StreamError};
use crate::protocol::estimate::Estimator;

/// A run with tools: a [`Stream`] of events, which runs the tools while it is polled.
///
/// It does nothing unless polled. Dropping it ends the generation and cancels running calls. Tools run inside the poll, so a tool that blocks
/// blocks the run.
#[must_use = "nothing is sent until it is polled"]
pub struct ToolRun {
    client: Client,
    tools: Tools,
    /// `None` if the run could not be set up.
    rounds: Option<ToolLoop>,
    stream: Option<ChatStream>,
    /// At most [`ToolLimits::parallel`](super::ToolLimits::parallel).
    running: Vec<Running>,
    failed: Option<Error>,
    /// The error that ended the run, if the stream has returned it: a copy for `finish`.
    ended_by: Option<(Outcome, Error)>,
    partial: Option<ChatCompletion>,
}

/// An event of a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ToolEvent {
    /// A part of a response: text, reasoning, or tool calls, which arrive whole at the end.
    Chunk(ChatChunk),
    /// A response is complete. Its calls follow, if any; otherwise the run ends.
    Answered {
        /// The round, from 1.
        round: u32,
        /// The response.
        answer: Box<ChatCompletion>,
    },
    /// A call was started.
    Started {
        /// The call.
        call: ToolCall,
    },
    /// A call has ended. Calls that were never started have no such event.
    Finished {
        /// The call.
        call: ToolCall,
        /// The result of the call.
        result: ToolResult,
        /// How long it took.
        elapsed: Duration,
    },
}

struct Running {
    index: usize,
    call: ToolCall,
    future: ToolFuture,
    started: Time,
    timer: Option<BoxFuture<()>>,
}

impl ToolRun {
    pub(crate) fn new(client: &Client, request: &ChatRequest, tools: &Tools) -> Self {
        let (rounds, failed) = match ToolLoop::new(request, tools) {
            Ok(rounds) => (Some(rounds), None),
            Err(error) => (None, Some(error)),
        };
        ToolRun {
            client: client.clone(),
            tools: tools.clone(),
            rounds,
            stream: None,
            running: Vec::new(),
            failed,
            ended_by: None,
            partial: None,
        }
    }

    /// Returns the next event. `None` at the end. An error is the last event.
    pub async fn next(&mut self) -> Option<Result<ToolEvent>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Limits each request to the turns that fit into a model with these parameters; see
    /// [`ToolLoop::fit_into`](crate::tools::ToolLoop::fit_into). `client.models().current()` returns the parameters.
    pub fn fit_into(mut self, model: &ModelParameters, estimator: &Estimator) -> Self {
        self.rounds = self.rounds.map(|rounds| rounds.fit_into(model, estimator));
        self
    }

    /// Returns the loop so far. `None` if the run could not be set up.
    pub fn rounds(&self) -> Option<&ToolLoop> {
        self.rounds.as_ref()
    }

    /// Runs to the end, and returns the result. A run that ends by its limits is not an error: see [`ToolOutput::end`].
    ///
    /// # Errors
    ///
    /// Errors with a [`StreamError`](crate::StreamError), which has the result so far and the error.
    pub async fn finish(mut self) -> Result<ToolOutput, StreamError<ToolOutput>> {
        let mut error = None;
        while let Some(event) = self.next().await {
            error = event.err();
        }
        let Some((outcome, copy)) = self.ended_by.take() else {
            return Ok(self.into_output());
        };
        let error = error.unwrap_or(copy);
        Err(StreamError { partial: self.into_output(), outcome, error })
    }

    /// Cancels the run, and returns the result so far.
    pub fn cancel(self) -> ToolOutput {
        self.into_output()
    }

    fn into_output(self) -> ToolOutput {
        ToolOutput::of(self.rounds, self.stream.map(ChatStream::cancel).or(self.partial))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ToolEvent>>> {
        if let Some(error) = self.failed.take() {
            return self.fail(Outcome::Failed, error);
        }
        if self.ended_by.is_some() {
            return Poll::Ready(None);
        }
        let Some(rounds) = &mut self.rounds else { return Poll::Ready(None) };
        loop {
            if let Some(stream) = &mut self.stream {
                return match std::task::ready!(Pin::new(&mut *stream).poll_next(cx)) {
                    Some(Ok(chunk)) => Poll::Ready(Some(Ok(ToolEvent::Chunk(chunk)))),
                    Some(Err(error)) => {
                        let outcome = stream.outcome().unwrap_or(Outcome::Failed);
                        self.partial = self.stream.take().map(ChatStream::cancel);
                        self.fail(outcome, error)
                    }
                    None => {
                        let answer = self.stream.take().map(ChatStream::cancel).unwrap_or_default();
                        if let Err(error) = rounds.answer(answer.clone()) {
                            return self.fail(Outcome::Failed, error);
                        }
                        let round = rounds.rounds();
                        Poll::Ready(Some(Ok(ToolEvent::Answered { round, answer: Box::new(answer) })))
                    }
                };
            }
            match rounds.step() {
                ToolStep::Ask(request) => self.stream = Some(self.client.chat().stream(request)),
                ToolStep::Call { index, call } => {
                    let timer = rounds.timeout().map(|timeout| self.client.sleep(timeout));
                    let future = self.tools.call(&call);
                    let started = self.client.now();
                    self.running.push(Running { index, call: call.clone(), future, started, timer });
                    return Poll::Ready(Some(Ok(ToolEvent::Started { call })));
                }
                ToolStep::Wait => {
                    let finished = self.running.iter_mut().enumerate().find_map(|(at, running)| {
                        match running.poll(cx, rounds.timeout()) {
                            Poll::Ready(result) => Some((at, result)),
                            Poll::Pending => None,
                        }
                    });
                    let Some((at, result)) = finished else { return Poll::Pending };
                    let Running { index, call, started, .. } = self.running.swap_remove(at);
                    let elapsed = self.client.now().since(started);
                    let result = rounds.capped(result);
                    if let Err(error) = rounds.result(index, result.clone()) {
                        return self.fail(Outcome::Failed, error);
                    }
                    return Poll::Ready(Some(Ok(ToolEvent::Finished { call, result, elapsed })));
                }
                ToolStep::Done(_) => {
                    self.running.clear();
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn fail(&mut self, outcome: Outcome, error: Error) -> Poll<Option<Result<ToolEvent>>> {
        self.running.clear();
        self.ended_by = Some((outcome, error.clone()));
        Poll::Ready(Some(Err(error)))
    }
}

impl Running {
    /// Polls the result first: a call that finished in time must not fail because of a timer that was not polled.
    fn poll(&mut self, cx: &mut Context<'_>, timeout: Option<Duration>) -> Poll<ToolResult> {
        if let Poll::Ready(result) = self.future.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        let Some(timer) = &mut self.timer else { return Poll::Pending };
        std::task::ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(ToolFailure::timed_out(timeout.unwrap_or_default())))
    }
}

impl Stream for ToolRun {
    type Item = Result<ToolEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

impl fmt::Debug for ToolRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolRun")
            .field("tools", &self.tools)
            .field("rounds", &self.rounds.as_ref().map(ToolLoop::rounds))
            .field("running", &self.running.len())
            .finish_non_exhaustive()
    }
}

/// Runs to the end, as [`finish`](ToolRun::finish) does.
impl IntoFuture for ToolRun {
    type Output = Result<ToolOutput, StreamError<ToolOutput>>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.finish())
    }
}

impl Chat<'_> {
    /// Runs a conversation with tools: requests a response, runs the tools that it calls, sends the results, and repeats until the model calls no
    /// tool, within the [`ToolLimits`](crate::tools::ToolLimits) of `tools`. Everything is streamed. See [`tools`](crate::tools) for what the model
    /// gets when a call fails.
    ///
    /// ```no_run
    /// # async fn run(client: tabbyapi::Client, tools: tabbyapi::tools::Tools) -> Result<(), Box<dyn std::error::Error>> {
    /// use tabbyapi::api::{ChatMessage, ChatRequest};
    /// use tabbyapi::tools::ToolEvent;
    ///
    /// let request = ChatRequest::new([ChatMessage::user("What is the weather in Oslo?")]);
    /// let mut run = client.chat().run(&request, &tools);
    /// while let Some(event) = run.next().await {
    ///     match event? {
    ///         ToolEvent::Chunk(chunk) => print!("{}", chunk.text()),
    ///         ToolEvent::Started { call } => println!("calling {}", call.function.name),
    ///         _ => {}
    ///     }
    /// }
    /// let output = run.finish().await?;
    /// println!("{} answers, {:?}", output.rounds, output.end);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run(&self, request: &ChatRequest, tools: &Tools) -> ToolRun {
        ToolRun::new(self.client, request, tools)
    }
}
