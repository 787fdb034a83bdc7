//! `ToolRun`: a run with tools as an iterator. The counterpart of [`crate::tools::ToolRun`]; it makes no decisions.

use std::fmt;
use std::task::{Context, Poll};

use super::{ToolEvent, ToolFailure, ToolFuture, ToolLoop, ToolOutput, ToolResult, ToolStep, Tools};
use crate::api::{ChatCompletion, ChatRequest, ModelParameters, ToolCall};
use crate::base::{Error, Result, Time};
use crate::client::blocking::{Chat, ChatStream, Client, wait};
use crate::client::{Outcome, StreamError};
use crate::protocol::estimate::Estimator;
use crate::transport::CancelHandle;

/// A run with tools: an iterator over events, which runs the tools while it is advanced.
///
/// It does nothing before the first [`next`](Iterator::next). Dropping it ends the generation and cancels running calls. The
/// functions are polled on this thread, so they must not require a runtime.
/// [`ToolLimits::timeout`](crate::tools::ToolLimits::timeout) does not interrupt a function that blocks.
#[must_use = "nothing is sent until an event is requested"]
pub struct ToolRun {
    client: Client,
    tools: Tools,
    /// `None` if the run could not be set up.
    rounds: Option<ToolLoop>,
    stream: Option<ChatStream>,
    /// At most [`ToolLimits::parallel`](crate::tools::ToolLimits::parallel).
    running: Vec<Running>,
    failed: Option<Error>,
    /// The error that ended the run, if the iterator has returned it: a copy for `finish`.
    ended_by: Option<(Outcome, Error)>,
    partial: Option<ChatCompletion>,
    cancel: CancelHandle,
}

struct Running {
    index: usize,
    call: ToolCall,
    future: ToolFuture,
    started: Time,
    until: Option<Time>,
}

impl ToolRun {
    pub(super) fn new(client: &Client, request: &ChatRequest, tools: &Tools) -> Self {
        let (rounds, failed) = match ToolLoop::new(request, tools) {
            Ok(rounds) => (Some(rounds), None),
            Err(error) => (None, Some(error)),
        };
        let cancel = CancelHandle::new();
        ToolRun {
            client: client.cancelled_by(&cancel),
            tools: tools.clone(),
            rounds,
            stream: None,
            running: Vec::new(),
            failed,
            ended_by: None,
            partial: None,
            cancel,
        }
    }

    /// Returns a handle that cancels this run from another thread, even while it blocks in [`next`](Iterator::next).
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
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
    #[expect(clippy::result_large_err, reason = "once a run; what had come must not be lost")]
    pub fn finish(mut self) -> Result<ToolOutput, StreamError<ToolOutput>> {
        let error = self.by_ref().filter_map(Result::err).last();
        let Some((outcome, copy)) = self.ended_by.take() else {
            return Ok(self.into_output());
        };
        Err(StreamError { error: error.unwrap_or(copy), outcome, partial: self.into_output() })
    }

    /// Cancels the run, and returns the result so far.
    pub fn cancel(self) -> ToolOutput {
        self.into_output()
    }

    fn into_output(self) -> ToolOutput {
        ToolOutput::of(self.rounds, self.stream.map(ChatStream::cancel).or(self.partial))
    }

    fn fail(&mut self, outcome: Outcome, error: Error) -> Option<Result<ToolEvent>> {
        self.running.clear();
        self.ended_by = Some((outcome, error.clone()));
        Some(Err(error))
    }

    /// Blocks until one of the running calls has ended. `None` if the run was cancelled.
    fn finished(&mut self) -> Option<(Running, ToolResult)> {
        loop {
            let until = self.running.iter().filter_map(|running| running.until).min();
            let now = self.client.now();
            let timeout = self.rounds.as_ref().and_then(ToolLoop::timeout).unwrap_or_default();
            let running = &mut self.running;
            let finished = wait(&self.client.transport, &self.client.cancel.child(), until, |cx| poll_any(running, cx));
            if let Some((at, result)) = finished {
                return Some((self.running.swap_remove(at), result));
            }
            if self.client.cancel.is_cancelled() {
                return None;
            }
            let now = self.client.now().max(now);
            let late = |running: &Running| running.until.is_some_and(|until| until <= now);
            if let Some(at) = self.running.iter().position(late) {
                return Some((self.running.swap_remove(at), Err(ToolFailure::timed_out(timeout))));
            }
        }
    }
}

fn poll_any(running: &mut [Running], cx: &mut Context<'_>) -> Poll<(usize, ToolResult)> {
    for (at, running) in running.iter_mut().enumerate() {
        if let Poll::Ready(result) = running.future.as_mut().poll(cx) {
            return Poll::Ready((at, result));
        }
    }
    Poll::Pending
}

impl Iterator for ToolRun {
    type Item = Result<ToolEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            return self.fail(Outcome::Failed, error);
        }
        if self.ended_by.is_some() {
            return None;
        }
        loop {
            if let Some(mut stream) = self.stream.take() {
                match stream.next() {
                    Some(Ok(chunk)) => {
                        self.stream = Some(stream);
                        return Some(Ok(ToolEvent::Chunk(chunk)));
                    }
                    Some(Err(error)) => {
                        let outcome = stream.outcome().unwrap_or(Outcome::Failed);
                        self.partial = Some(stream.cancel());
                        return self.fail(outcome, error);
                    }
                    None => {
                        let answer = stream.cancel();
                        let rounds = self.rounds.as_mut()?;
                        let handed_in = rounds.answer(answer.clone());
                        let round = rounds.rounds();
                        return match handed_in {
                            Ok(()) => Some(Ok(ToolEvent::Answered { round, answer: Box::new(answer) })),
                            Err(error) => self.fail(Outcome::Failed, error),
                        };
                    }
                }
            }
            let rounds = self.rounds.as_mut()?;
            let timeout = rounds.timeout();
            match rounds.step() {
                ToolStep::Ask(request) => self.stream = Some(self.client.chat().stream(request)),
                ToolStep::Call { index, call } => {
                    let started = self.client.now();
                    let until = timeout.map(|timeout| started + timeout);
                    let future = self.tools.call(&call);
                    self.running.push(Running { index, call: call.clone(), future, started, until });
                    return Some(Ok(ToolEvent::Started { call }));
                }
                ToolStep::Wait => {
                    let Some((running, result)) = self.finished() else {
                        return self.fail(Outcome::Cancelled, Error::cancelled());
                    };
                    let rounds = self.rounds.as_mut()?;
                    let elapsed = self.client.now().since(running.started);
                    let result = rounds.capped(result);
                    return match rounds.result(running.index, result.clone()) {
                        Ok(()) => Some(Ok(ToolEvent::Finished { call: running.call, result, elapsed })),
                        Err(error) => self.fail(Outcome::Failed, error),
                    };
                }
                ToolStep::Done(_) => {
                    self.running.clear();
                    return None;
                }
            }
        }
    }
}

impl std::iter::FusedIterator for ToolRun {}

impl fmt::Debug for ToolRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolRun")
            .field("tools", &self.tools)
            .field("rounds", &self.rounds.as_ref().map(ToolLoop::rounds))
            .field("running", &self.running.len())
            .finish_non_exhaustive()
    }
}

impl Chat<'_> {
    /// Runs a conversation with tools, as an iterator over events.
    ///
    /// See [`run`](crate::services::Chat::run) of the async client.
    pub fn run(&self, request: &ChatRequest, tools: &Tools) -> ToolRun {
        ToolRun::new(self.client, request, tools)
    }
}
