//! `ToolLoop`: the state machine of the loop. It does no IO.

mod output;

pub use output::{ToolEnd, ToolOutput};

use super::{ToolFailure, ToolFailureKind, ToolLimits, ToolResult, Tools};
use crate::api::common::add_usage;
use crate::api::{
    ChatCompletion, ChatMessage, ChatRequest, FinishReason, ModelParameters, ResponseFormat, ResponseFormatType,
    ToolCall, ToolChoice, Usage,
};
use crate::base::text::floor_boundary;
use crate::base::{Error, OrderedJson, Result};
use crate::protocol::estimate::Estimator;

/// The loop of requesting a response, running the tools that it calls, and sending the results.
///
/// [`step`](ToolLoop::step) returns what to do next; [`answer`](ToolLoop::answer) and [`result`](ToolLoop::result) take the results.
/// [`Chat::run`](crate::services::Chat::run) drives it, async and blocking.
///
/// ```
/// use serde_json::json;
/// use tabbyapi::api::{ChatCompletion, ChatMessage, ChatRequest};
/// use tabbyapi::tools::{ToolEnd, ToolLoop, ToolStep, Tools};
///
/// let answer = |message| -> ChatCompletion {
///     serde_json::from_value(json!({"choices": [{"finish_reason": "stop", "message": message}]})).unwrap()
/// };
/// let tools = Tools::new().add("now", "Tells the time.", json!({"type": "object"}), |_: serde_json::Value| async {
///     Ok::<_, String>("12:30")
/// });
/// let mut rounds = ToolLoop::new(&ChatRequest::new([ChatMessage::user("How late is it?")]), &tools)?;
///
/// let ToolStep::Ask(request) = rounds.step() else { panic!() };
/// assert_eq!(request.tools.as_ref().unwrap().len(), 1);
/// let call = json!({"id": "call_1", "function": {"name": "now", "arguments": "{}"}});
/// rounds.answer(answer(json!({"role": "assistant", "tool_calls": [call]})))?;
///
/// let ToolStep::Call { index: 0, call } = rounds.step() else { panic!() };
/// assert_eq!(call.function.name, "now");
/// assert!(matches!(rounds.step(), ToolStep::Wait));
/// rounds.result(0, Ok("12:30".into()))?;
///
/// let ToolStep::Ask(request) = rounds.step() else { panic!() };
/// assert_eq!(request.messages.len(), 3);
/// rounds.answer(answer(json!({"role": "assistant", "content": "Half past twelve."})))?;
/// assert!(matches!(rounds.step(), ToolStep::Done(ToolEnd::Answered)));
/// assert_eq!(rounds.into_output().text(), "Half past twelve.");
/// # Ok::<(), tabbyapi::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ToolLoop {
    /// Its messages are whole rounds: each call in them is followed by its result.
    request: ChatRequest,
    limits: ToolLimits,
    state: State,
    output: Totals,
    /// The constraint of the response after the last tool call.
    form: Option<Form>,
    fit: Option<(ModelParameters, Estimator)>,
    /// The request of this round, with the turns that fit.
    fitted: Option<Box<ChatRequest>>,
}

/// Constraints of a request. A model that is constrained cannot write a tool call.
#[derive(Clone, Debug)]
struct Form {
    format: Option<ResponseFormat>,
    schema: Option<OrderedJson>,
    regex: Option<String>,
    grammar: Option<String>,
}

impl Form {
    fn take(request: &mut ChatRequest) -> Option<Form> {
        let format = request.response_format.take_if(|format| format.kind != ResponseFormatType::Text);
        let sampling = &mut request.sampling;
        let (schema, regex) = (sampling.json_schema.take(), sampling.regex_pattern.take());
        let grammar = sampling.grammar_string.take();
        let any = format.is_some() || schema.is_some() || regex.is_some() || grammar.is_some();
        any.then_some(Form { format, schema, regex, grammar })
    }

    fn put_back(self, request: &mut ChatRequest) {
        request.response_format = self.format.or(request.response_format.take());
        let sampling = &mut request.sampling;
        (sampling.json_schema, sampling.regex_pattern) = (self.schema, self.regex);
        sampling.grammar_string = self.grammar;
    }
}

#[derive(Clone, Debug)]
enum State {
    Asking,
    /// At least one slot has no result.
    Calling {
        message: ChatMessage,
        slots: Vec<Slot>,
    },
    Ended(ToolEnd),
}

#[derive(Clone, Debug)]
enum Slot {
    Waiting,
    Running,
    Done(ToolResult),
}

#[derive(Clone, Debug, Default)]
struct Totals {
    answer: ChatCompletion,
    rounds: u32,
    calls: u32,
    failures: u32,
    usage: Option<Usage>,
}

/// The minimum limit of a failure's message, in bytes, so that it stays useful to the model.
const MESSAGE: usize = 512;

/// The next step of a [`ToolLoop`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ToolStep<'a> {
    /// Send this request, and pass its response to [`answer`](ToolLoop::answer).
    Ask(&'a ChatRequest),
    /// Run this call, and pass its result to [`result`](ToolLoop::result) with this index. More calls may follow before that.
    Call {
        /// The index of the call in the response.
        index: usize,
        /// The call.
        call: ToolCall,
    },
    /// Wait for the results of running calls.
    Wait,
    /// The loop has ended.
    Done(ToolEnd),
}

impl ToolLoop {
    /// Creates the loop for this request. The tools are added to those of the request and replace those of the same name. Other
    /// tools of the request are not run: the model receives an error that they are unknown.
    ///
    /// A model whose output is constrained (`response_format`, a schema, a regex, a grammar) cannot call tools. So rounds are sent without
    /// the constraint. When the model stops calling tools, one more request is sent with the constraint and without tools. It does not
    /// count against [`ToolLimits::rounds`], and the unconstrained response before it is not added to the conversation.
    ///
    /// # Errors
    ///
    /// Errors with code `misuse` if the request asks for several choices.
    pub fn new(request: &ChatRequest, tools: &Tools) -> Result<Self> {
        if request.n.is_some_and(|n| n > 1) {
            return Err(Error::misuse("a run with tools requires a single choice; leave `n` unset"));
        }
        let mut request = request.clone();
        let mut definitions = request.tools.take().unwrap_or_default();
        definitions.retain(|tool| tools.names().all(|name| name != tool.function.name));
        definitions.extend(tools.definitions());
        request.tools = Some(definitions).filter(|tools| !tools.is_empty());
        let form = if request.tools.is_some() { Form::take(&mut request) } else { None };
        let limits = tools.get_limits().clone();
        let (state, output) = (State::Asking, Totals::default());
        Ok(ToolLoop { request, limits, state, output, form, fit: None, fitted: None })
    }

    /// Limits each request to the turns that fit into a model with these parameters; see [`ChatRequest::fit_into`]. The
    /// conversation is kept whole. If the last turn alone, with its calls and results, does not fit, the request is sent whole,
    /// and the server returns an error.
    #[must_use]
    pub fn fit_into(mut self, model: &ModelParameters, estimator: &Estimator) -> Self {
        self.fit = Some((model.clone(), estimator.clone()));
        self
    }

    /// Returns the next step. Each call is returned once. Other steps are returned until their input was passed.
    pub fn step(&mut self) -> ToolStep<'_> {
        match &mut self.state {
            State::Asking => {
                if let (Some((model, estimator)), None) = (&self.fit, &self.fitted)
                    && let Ok(fitted) = self.request.fit_into(model, estimator)
                    && fitted.dropped > 0
                {
                    let mut request = self.request.clone();
                    request.messages = fitted.messages;
                    self.fitted = Some(Box::new(request));
                }
                ToolStep::Ask(self.fitted.as_deref().unwrap_or(&self.request))
            }
            State::Ended(end) => ToolStep::Done(*end),
            State::Calling { message, slots } => {
                let running = slots.iter().filter(|slot| matches!(slot, Slot::Running)).count();
                let next = slots.iter().position(|slot| matches!(slot, Slot::Waiting));
                match next.and_then(|index| Some((index, message.tool_calls.get(index)?))) {
                    Some((index, call)) if running < self.limits.parallel.max(1) => {
                        slots[index] = Slot::Running;
                        ToolStep::Call { index, call: call.clone() }
                    }
                    _ => ToolStep::Wait,
                }
            }
        }
    }

    /// Passes the response to the request of [`ToolStep::Ask`].
    ///
    /// # Errors
    ///
    /// Errors with code `misuse` if there was no such step.
    pub fn answer(&mut self, answer: ChatCompletion) -> Result<()> {
        if !matches!(self.state, State::Asking) {
            return Err(Error::misuse("an answer was passed that was not requested"));
        }
        self.fitted = None;
        self.output.rounds += 1;
        if let Some(usage) = &answer.usage {
            add_usage(self.output.usage.get_or_insert_default(), usage);
        }
        // The next round does not have to call a tool, even if this one had to.
        if matches!(self.request.tool_choice, Some(ToolChoice::Required | ToolChoice::Function(_))) {
            self.request.tool_choice = Some(ToolChoice::Auto);
        }
        let choice = answer.choices.first();
        let mut message = choice.map(|choice| choice.message.clone()).unwrap_or_default();
        message.role = crate::api::Role::Assistant;
        let wanted = choice.and_then(|choice| choice.finish_reason.as_ref()) == Some(&FinishReason::ToolCalls);
        self.output.answer = answer;
        if message.tool_calls.is_empty() {
            if let Some(form) = self.form.take_if(|_| !wanted) {
                form.put_back(&mut self.request);
                self.request.tool_choice = Some(ToolChoice::None);
                return Ok(());
            }
            if !wanted || message.text().is_some_and(|text| !text.is_empty()) {
                self.request.messages.push(message);
            }
            self.state = State::Ended(if wanted { ToolEnd::Unreadable } else { ToolEnd::Answered });
            return Ok(());
        }
        self.begin(message);
        Ok(())
    }

    /// Passes the result of the call with this index.
    ///
    /// # Errors
    ///
    /// Errors with code `misuse` if the call is not running.
    pub fn result(&mut self, index: usize, result: ToolResult) -> Result<()> {
        let State::Calling { slots, .. } = &mut self.state else {
            return Err(Error::misuse("a result was passed while no call was running"));
        };
        let Some(slot @ Slot::Running) = slots.get_mut(index) else {
            return Err(Error::misuse("a result was passed for a call that was not running"));
        };
        let result = capped(result, self.limits.result_bytes);
        let failed = result.is_err();
        *slot = Slot::Done(result);
        if failed && self.limits.stop_on_failure {
            self.complete(Some(ToolEnd::ToolFailed));
        } else if slots.iter().all(|slot| matches!(slot, Slot::Done(_))) {
            self.complete(None);
        }
        Ok(())
    }

    /// Returns the conversation so far: whole rounds only.
    pub fn messages(&self) -> &[ChatMessage] {
        &self.request.messages
    }

    /// Returns the number of responses so far.
    pub fn rounds(&self) -> u32 {
        self.output.rounds
    }

    pub(crate) fn capped(&self, result: ToolResult) -> ToolResult {
        capped(result, self.limits.result_bytes)
    }

    /// Returns the time limit of one call.
    pub fn timeout(&self) -> Option<std::time::Duration> {
        self.limits.timeout
    }

    /// Returns the result of the run so far.
    pub fn into_output(self) -> ToolOutput {
        let end = match self.state {
            State::Ended(end) => end,
            _ => ToolEnd::Unfinished,
        };
        let Totals { answer, rounds, calls, failures, usage } = self.output;
        ToolOutput { end, answer, messages: self.request.messages, rounds, calls, failures, usage }
    }

    /// Starts the calls of a response.
    fn begin(&mut self, mut message: ChatMessage) {
        let round = self.output.rounds;
        // Results refer to calls by id, so each needs a unique one.
        for index in 0..message.tool_calls.len() {
            let (before, rest) = message.tool_calls.split_at_mut(index);
            if let Some(call) = rest.first_mut()
                && (call.id.is_empty() || before.iter().any(|other| other.id == call.id))
            {
                call.id = format!("call_{round}_{index}").into();
            }
        }
        let last = round >= self.limits.rounds.max(1);
        let cap = self.limits.calls;
        let slots: Vec<_> = (0..message.tool_calls.len())
            .map(|index| if index < cap { Slot::Waiting } else { Slot::Done(Err(too_many(cap))) })
            .collect();
        let all_done = slots.iter().all(|slot| matches!(slot, Slot::Done(_)));
        let stop = self.limits.stop_on_failure && slots.len() > cap;
        self.state = State::Calling { message, slots };
        if last {
            self.complete(Some(ToolEnd::RoundLimit));
        } else if stop {
            self.complete(Some(ToolEnd::ToolFailed));
        } else if all_done {
            self.complete(None);
        }
    }

    /// Appends the calls and their results, and continues or ends. Calls without a result get the failure `not_run`.
    fn complete(&mut self, end: Option<ToolEnd>) {
        let next = end.map_or(State::Asking, State::Ended);
        let State::Calling { message, slots } = std::mem::replace(&mut self.state, next) else { return };
        let ids: Vec<_> = message.tool_calls.iter().map(|call| call.id.clone()).collect();
        self.request.messages.push(message);
        for (id, slot) in ids.into_iter().zip(slots) {
            let result = match slot {
                Slot::Done(result) => result,
                Slot::Waiting | Slot::Running => Err(ToolFailure::new(
                    ToolFailureKind::NotRun,
                    "the conversation was ended before this call was run",
                )),
            };
            self.output.calls += 1;
            self.output.failures += u32::from(result.is_err());
            let text = result.unwrap_or_else(|failure| failure.to_string());
            self.request.messages.push(ChatMessage::tool(id, text));
        }
    }
}

/// Returns a result in the form that is sent to the model.
fn capped(result: ToolResult, cap: usize) -> ToolResult {
    match result {
        Ok(text) if text.len() > cap => {
            let message = format!("the result has {} bytes, more than the cap of {cap}; ask for less", text.len());
            Err(ToolFailure::new(ToolFailureKind::TooLarge, message))
        }
        Err(mut failure) if failure.message.len() > cap.max(MESSAGE) => {
            failure.message.truncate(floor_boundary(&failure.message, cap.max(MESSAGE)));
            Err(failure)
        }
        other => other,
    }
}

fn too_many(cap: usize) -> ToolFailure {
    ToolFailure::new(ToolFailureKind::TooManyCalls, format!("only the first {cap} calls of an answer are run"))
}

#[cfg(test)]
mod tests;
