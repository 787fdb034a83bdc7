//! `ToolLoop`: the state machine of the loop. It does no IO.

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
    /// What the answer is to be held to once no tool is called any more.
    form: Option<Form>,
    fit: Option<(ModelParameters, Estimator)>,
    /// The request of this round, with the turns that fit.
    fitted: Option<Box<ChatRequest>>,
}

/// Constraints of a request. A model that is held to them cannot write a tool call.
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
    ResponseFuture {
        message: ChatMessage,
        slots: Vec<Slot>,
    },
    EndReason(ToolEnd),
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

/// How long a failure's message may always be, in bytes, so that the model can make something of it.
const MESSAGE: usize = 512;

/// The next step of a [`ToolLoop`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ToolStep<'a> {
    /// Send this request, and hand in its response.
    Ask(&'a ChatRequest),
    /// Run this call, and hand in its result under this index. More calls may follow before that.
    Call {
        /// The call's place in the answer.
        index: usize,
        /// The call.
        call: ToolCall,
    },
    /// Wait for the results of running calls.
    Wait,
    /// The loop has ended.
    Done(ToolEnd),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ToolEnd {
    /// The model responded without calling tools. The response's `finish_reason` has the reason of its end.
    Answered,
    /// The model began to call tools, but the server could not read what it wrote, or it was cut off by
    /// `max_tokens`: the answer says `tool_calls` and has none. Its text, if any, is in the answer; asking again may help.
    Unreadable,
    /// The model still called tools after [`ToolLimits::rounds`] responses. The calls of the last one were not run.
    RoundLimit,
    /// A call failed, and [`ToolLimits::stop_on_failure`] is set.
    ToolFailed,
    /// The run did not end, as in the [`partial`](crate::StreamError::partial) of a run that failed.
    Unfinished,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ToolOutput {
    /// How it ended.
    pub end: ToolEnd,
    /// The last response; of a run that failed, what had arrived of it.
    pub answer: ChatCompletion,
    /// The whole conversation, from the request's first message to the answer, reasoning included. Every call in it is
    /// followed by its result, so it can be gone on with; an answer that broke or was [`Unreadable`](ToolEnd::Unreadable)
    /// without any text is not in it.
    pub messages: Vec<ChatMessage>,
    /// The number of responses.
    pub rounds: u32,
    /// The number of calls.
    pub calls: u32,
    /// The number of failed calls, including those that were not run.
    pub failures: u32,
    /// Tokens and times of all rounds, added up; a prompt counts in each round that sent it. Rates are left out. `None`
    /// if the server reported none.
    pub usage: Option<Usage>,
}

impl ToolOutput {
    /// What has come of a run: of its rounds, unless it could not be set up, and of an answer that is not whole.
    pub(crate) fn of(rounds: Option<ToolLoop>, partial: Option<ChatCompletion>) -> Self {
        let mut output = rounds.map(ToolLoop::into_output).unwrap_or_else(|| ToolOutput {
            end: ToolEnd::Unfinished,
            answer: ChatCompletion::default(),
            messages: Vec::new(),
            rounds: 0,
            calls: 0,
            failures: 0,
            usage: None,
        });
        if let Some(partial) = partial {
            output.answer = partial;
        }
        output
    }

    /// The text of the last answer; empty if it has none.
    pub fn text(&self) -> &str {
        self.answer.text()
    }

    /// The reasoning of the last answer; empty if it has none.
    pub fn reasoning(&self) -> &str {
        self.answer.message().and_then(|message| message.reasoning_content.as_deref()).unwrap_or_default()
    }
}

impl ToolLoop {
    /// The rounds for this request. The tools are added to those of the request, in place of those of the same name,
    /// which then nobody runs: the model is told that they are unknown.
    ///
    /// A model that is held to a form (`response_format`, a schema, a regex, a grammar) cannot call tools. So rounds are asked without it,
    /// and when the model calls no tool any more, it is asked once more with the form and without a choice of tools. That answer is
    /// beyond [`ToolLimits::rounds`], and the free one before it is left out of the conversation.
    ///
    /// Errors if the request asks for several choices, since a conversation has one course.
    pub fn new(request: &ChatRequest, tools: &Tools) -> Result<Self> {
        if request.n.is_some_and(|n| n > 1) {
            return Err(Error::misuse("a run with tools takes one choice; leave `n` unset"));
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

    /// Has each round ask with the turns alone that fit into a model that is loaded like this; see
    /// [`ChatRequest::fit_into`]. The conversation is kept whole. If the last turn alone, with its calls and results, does not fit, the request goes
    /// out whole, and the server says so.
    #[must_use]
    pub fn fit_into(mut self, model: &ModelParameters, estimator: &Estimator) -> Self {
        self.fit = Some((model.clone(), estimator.clone()));
        self
    }

    /// Returns what to do next. Each call is returned once; other steps are returned until their input was handed in.
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
            State::EndReason(end) => ToolStep::Done(*end),
            State::ResponseFuture { message, slots } => {
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

    /// Hands in the response to the request of [`ToolStep::Ask`]. Errors if there was no such step.
    pub fn answer(&mut self, answer: ChatCompletion) -> Result<()> {
        if !matches!(self.state, State::Asking) {
            return Err(Error::misuse("an answer was handed in where none was asked for"));
        }
        self.fitted = None;
        self.output.rounds += 1;
        if let Some(usage) = &answer.usage {
            add_usage(self.output.usage.get_or_insert_default(), usage);
        }
        // The next round is free to answer, even if this one had to call a tool.
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
            self.state = State::EndReason(if wanted { ToolEnd::Unreadable } else { ToolEnd::Answered });
            return Ok(());
        }
        self.begin(message);
        Ok(())
    }

    /// Hands in the result of the call with this index. Errors if it is not running.
    pub fn result(&mut self, index: usize, result: ToolResult) -> Result<()> {
        let State::ResponseFuture { slots, .. } = &mut self.state else {
            return Err(Error::misuse("a result was handed in where no call was under way"));
        };
        let Some(slot @ Slot::Running) = slots.get_mut(index) else {
            return Err(Error::misuse("a result was handed in for a call that was not under way"));
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
            State::EndReason(end) => end,
            _ => ToolEnd::Unfinished,
        };
        let Totals { answer, rounds, calls, failures, usage } = self.output;
        ToolOutput { end, answer, messages: self.request.messages, rounds, calls, failures, usage }
    }

    /// Takes up the calls of an answer.
    fn begin(&mut self, mut message: ChatMessage) {
        let round = self.output.rounds;
        // Results refer to calls by id, so each needs one of its own.
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
        self.state = State::ResponseFuture { message, slots };
        if last {
            self.complete(Some(ToolEnd::RoundLimit));
        } else if stop {
            self.complete(Some(ToolEnd::ToolFailed));
        } else if all_done {
            self.complete(None);
        }
    }

    /// Appends the calls and their results, and goes on or ends. Calls without a result are told not to have been run.
    fn complete(&mut self, end: Option<ToolEnd>) {
        let next = end.map_or(State::Asking, State::EndReason);
        let State::ResponseFuture { message, slots } = std::mem::replace(&mut self.state, next) else { return };
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

/// What the model is told of a result.
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
mod tests {
    use super::*;
    use crate::base::ErrorKind;
    use serde_json::{Value, json};

    fn rounds(limits: ToolLimits) -> ToolLoop {
        let tools = Tools::new().add("f", "", json!({}), |_: Value| async { Ok::<_, String>(1) }).limits(limits);
        ToolLoop::new(&ChatRequest::new([ChatMessage::user("go")]), &tools).unwrap()
    }

    fn answer(finish: &str, message: Value) -> ChatCompletion {
        let usage = json!({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "total_time": 0.5});
        let choice = json!({"finish_reason": finish, "message": message});
        serde_json::from_value(json!({"choices": [choice], "usage": usage})).unwrap()
    }

    fn calls(ids: &[&str]) -> ChatCompletion {
        let calls: Vec<_> =
            ids.iter().map(|id| json!({"id": id, "function": {"name": "f", "arguments": "{}"}})).collect();
        answer("tool_calls", json!({"role": "assistant", "reasoning_content": "hm", "tool_calls": calls}))
    }

    fn started(rounds: &mut ToolLoop) -> Vec<usize> {
        let mut started = Vec::new();
        while let ToolStep::Call { index, .. } = rounds.step() {
            started.push(index);
        }
        started
    }

    fn told(rounds: &ToolLoop) -> Vec<(String, String)> {
        let tool = |message: &&ChatMessage| message.role == "tool";
        let pair = |message: &ChatMessage| {
            (message.tool_call_id.as_deref().unwrap().to_owned(), message.text().unwrap().to_owned())
        };
        rounds.messages().iter().filter(tool).map(pair).collect()
    }

    #[test]
    fn results_stand_in_the_order_of_the_calls_however_they_come() {
        let mut rounds = rounds(ToolLimits::new().parallel(2));
        rounds.answer(calls(&["a", "b", "c"])).unwrap();
        assert_eq!(started(&mut rounds), [0, 1]);
        rounds.result(1, Ok("two".into())).unwrap();
        assert_eq!(started(&mut rounds), [2]);
        assert_eq!(rounds.messages().len(), 1, "half a round does not stand in the conversation");
        rounds.result(2, Ok("three".into())).unwrap();
        rounds.result(0, Ok("one".into())).unwrap();
        let expected = [("a", "one"), ("b", "two"), ("c", "three")];
        assert_eq!(told(&rounds), expected.map(|(id, text)| (id.to_owned(), text.to_owned())));
        assert_eq!(rounds.messages()[1].reasoning_content.as_deref(), Some("hm"));
        rounds.answer(answer("stop", json!({"content": "done"}))).unwrap();
        let output = rounds.into_output();
        assert_eq!((output.end, output.rounds, output.calls, output.failures), (ToolEnd::Answered, 2, 3, 0));
        assert_eq!(output.messages.last().unwrap().role, "assistant");
        let usage = output.usage.unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (20, 4, 24));
        assert_eq!((usage.total_time, usage.prompt_time), (Some(1.0), None));
    }

    #[test]
    fn calls_get_ids_of_their_own() {
        let mut rounds = rounds(ToolLimits::new());
        rounds.answer(calls(&["", "x", "x"])).unwrap();
        for index in started(&mut rounds) {
            rounds.result(index, Ok(index.to_string())).unwrap();
        }
        let ids: Vec<_> = told(&rounds).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["call_1_0", "x", "call_1_2"]);
        assert_eq!(rounds.messages()[1].tool_calls[2].id, "call_1_2");
    }

    #[test]
    fn too_many_calls_and_too_many_rounds_are_told() {
        let mut rounds = rounds(ToolLimits::new().calls(1).rounds(2));
        rounds.answer(calls(&["a", "b"])).unwrap();
        assert_eq!(started(&mut rounds), [0]);
        rounds.result(0, Ok("1".into())).unwrap();
        assert_eq!(
            told(&rounds)[1].1,
            r#"{"error":"too_many_calls","message":"only the first 1 calls of an answer are run"}"#
        );
        rounds.answer(calls(&["c"])).unwrap();
        assert!(matches!(rounds.step(), ToolStep::Done(ToolEnd::RoundLimit)));
        assert!(told(&rounds)[2].1.starts_with(r#"{"error":"not_run""#));
        assert_eq!(rounds.into_output().failures, 2);
    }

    #[test]
    fn a_failure_ends_the_run_only_if_asked_to() {
        let failure = || Err(ToolFailure::new(ToolFailureKind::Failed, "no"));
        for stop in [false, true] {
            let mut rounds = rounds(ToolLimits::new().stop_on_failure(stop));
            rounds.answer(calls(&["a", "b"])).unwrap();
            assert_eq!(started(&mut rounds), [0, 1]);
            rounds.result(0, failure()).unwrap();
            assert_eq!(matches!(rounds.step(), ToolStep::Done(ToolEnd::ToolFailed)), stop);
            assert_eq!(told(&rounds).len(), if stop { 2 } else { 0 });
        }
    }

    #[test]
    fn results_are_capped() {
        let mut rounds = rounds(ToolLimits::new().result_bytes(8));
        rounds.answer(calls(&["a", "b", "c"])).unwrap();
        assert_eq!(started(&mut rounds), [0, 1, 2]);
        rounds.result(0, Ok("12345678".into())).unwrap();
        rounds.result(1, Ok("123456789".into())).unwrap();
        let long = "é".repeat(300);
        rounds.result(2, Err(ToolFailure::new(ToolFailureKind::Failed, format!("x{long}")))).unwrap();
        let told = told(&rounds);
        assert_eq!(told[0].1, "12345678");
        assert_eq!(
            told[1].1,
            r#"{"error":"too_large","message":"the result has 9 bytes, more than the cap of 8; ask for less"}"#
        );
        assert_eq!(told[2].1, format!(r#"{{"error":"failed","message":"x{}"}}"#, "é".repeat(255)));
    }

    #[test]
    fn unreadable_calls_are_an_end_of_their_own() {
        for (message, kept) in [(json!({"content": "before"}), 2), (json!({"content": null}), 1)] {
            let mut rounds = rounds(ToolLimits::new());
            rounds.answer(answer("tool_calls", message)).unwrap();
            assert!(matches!(rounds.step(), ToolStep::Done(ToolEnd::Unreadable)));
            assert_eq!(rounds.messages().len(), kept);
        }
    }

    #[test]
    fn only_the_first_round_has_to_call() {
        let tools = Tools::new().add("f", "", json!({}), |_: Value| async { Ok::<_, String>(1) });
        let request = ChatRequest::new([]).tool_choice(ToolChoice::Required);
        let mut rounds = ToolLoop::new(&request, &tools).unwrap();
        rounds.answer(calls(&["a"])).unwrap();
        assert_eq!(started(&mut rounds), [0]);
        rounds.result(0, Ok(String::new())).unwrap();
        let ToolStep::Ask(request) = rounds.step() else { panic!("{rounds:?}") };
        assert_eq!(request.tool_choice, Some(ToolChoice::Auto));
    }

    #[test]
    fn a_form_is_for_the_answer_after_the_calls() {
        let tools = Tools::new().add("f", "", json!({}), |_: Value| async { Ok::<_, String>(1) });
        let schema = json!({"type": "object"});
        let request = ChatRequest::new([ChatMessage::user("go")])
            .response_format(ResponseFormat::json_schema(schema.clone()))
            .grammar_string("g");
        let mut rounds = ToolLoop::new(&request, &tools).unwrap();
        let free = |rounds: &mut ToolLoop| match rounds.step() {
            ToolStep::Ask(request) => request.response_format.is_none() && request.sampling.grammar_string.is_none(),
            other => panic!("{other:?}"),
        };
        assert!(free(&mut rounds));
        rounds.answer(calls(&["a"])).unwrap();
        assert_eq!(started(&mut rounds), [0]);
        rounds.result(0, Ok("1".into())).unwrap();
        assert!(free(&mut rounds));
        rounds.answer(answer("stop", json!({"content": "It is one."}))).unwrap();
        let ToolStep::Ask(asked) = rounds.step() else { panic!("{rounds:?}") };
        assert_eq!((&asked.response_format, &asked.tool_choice), (&request.response_format, &Some(ToolChoice::None)));
        assert_eq!((asked.sampling.grammar_string.as_deref(), asked.messages.len()), (Some("g"), 3));
        rounds.answer(answer("stop", json!({"content": "{}"}))).unwrap();
        assert!(matches!(rounds.step(), ToolStep::Done(ToolEnd::Answered)));
        let output = rounds.into_output();
        assert_eq!((output.text(), output.rounds, output.messages.len()), ("{}", 3, 4));
        // Without tools it is in force from the start.
        let mut plain = ToolLoop::new(&request, &Tools::new()).unwrap();
        assert!(!free(&mut plain));
    }

    #[test]
    fn rounds_ask_with_what_fits_and_keep_the_rest() {
        let tools = Tools::new().add("f", "", json!({}), |_: Value| async { Ok::<_, String>(1) });
        let long = "It rained on and off. ".repeat(40);
        let old = [ChatMessage::user(long.as_str()), ChatMessage::assistant("I see.")];
        let messages = old.into_iter().chain([ChatMessage::user("go")]);
        let request = ChatRequest::new(messages.collect::<Vec<_>>()).max_tokens(10);
        let model: ModelParameters =
            serde_json::from_value(json!({"max_seq_len": 100_000, "cache_size": 2816, "chunk_size": 2048})).unwrap();
        let mut rounds = ToolLoop::new(&request, &tools).unwrap().fit_into(&model, &Estimator::new());
        let asked = |rounds: &mut ToolLoop| match rounds.step() {
            ToolStep::Ask(request) => request.messages.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(asked(&mut rounds), 3);
        rounds.answer(calls(&["a"])).unwrap();
        assert_eq!(started(&mut rounds), [0]);
        rounds.result(0, Ok("and on ".repeat(60))).unwrap();
        assert_eq!(asked(&mut rounds), 3, "the question, the call and its result");
        rounds.answer(answer("stop", json!({"content": "done"}))).unwrap();
        assert_eq!(rounds.into_output().messages.len(), 6);
    }

    #[test]
    fn misuse_is_an_error() {
        let mut rounds = rounds(ToolLimits::new());
        assert_eq!(rounds.result(0, Ok(String::new())).unwrap_err().kind(), ErrorKind::Misuse);
        rounds.answer(calls(&["a"])).unwrap();
        assert!(rounds.answer(calls(&["a"])).is_err());
        assert!(rounds.result(0, Ok(String::new())).is_err(), "it was not given out yet");
        assert!(rounds.result(7, Ok(String::new())).is_err());
        let error = ToolLoop::new(&ChatRequest::new([]).n(2), &Tools::new()).unwrap_err();
        assert_eq!(error.to_string(), "a run with tools takes one choice; leave `n` unset");
    }

    #[test]
    fn usage_is_summed_with_its_details() {
        let usage = |cached: u64| -> Usage {
            serde_json::from_value(json!({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12,
                "prompt_tokens_details": {"cached_tokens": cached},
                "completion_tokens_details": {"accepted_prediction_tokens": 1, "rejected_prediction_tokens": 2}}))
            .unwrap()
        };
        let mut total = Usage::default();
        super::add_usage(&mut total, &usage(3));
        super::add_usage(&mut total, &Usage::default());
        super::add_usage(&mut total, &usage(4));
        assert_eq!((total.total_tokens, total.prompt_tokens_details.unwrap().cached_tokens), (24, Some(7)));
        let details = total.completion_tokens_details.unwrap();
        assert_eq!((details.accepted_prediction_tokens, details.rejected_prediction_tokens), (Some(2), Some(4)));
    }
}
