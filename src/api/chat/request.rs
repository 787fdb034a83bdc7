//! `POST /v1/chat/completions`
//!
//! Generates the next message of a conversation.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::resume::ChatJoin;
use super::written::messages;
use super::{ChatChoice, ChatChunk, ChatCompletion, ChatEvents, ChatMessage, ChatTotal, Tool, ToolChoice};
use crate::api::choices::{asked_for, whole_choices};
use crate::api::common::{ResponseFormat, StreamOptions, cut_by_unload};
use crate::api::fields::request;
use crate::api::kinds::json;
use crate::api::one_or_many::OneOrMany;
use crate::api::operation::described;
use crate::api::sampling::{SamplingParams, sampling_setters};
use crate::api::streamed::Streamed;
use crate::api::written::REST;
use crate::base::{Extra, Limits, OrderedJson, Result, TimeoutPolicy, Timeouts};
use crate::decode::{Events, Json};
use crate::protocol::estimate::Estimator;
use crate::protocol::resume::joint::Joins;
use crate::protocol::{Endpoint, StreamEndpoint, json_body_of};

request! {
    /// A conversation to continue.
    ///
    /// `client.chat().create(&request)` returns a [`ChatCompletion`]. `client.chat().stream(&request)` returns a stream of
    /// [`ChatChunk`](super::ChatChunk)s that accumulates to one.
    ///
    /// ```
    /// use tabbyapi::api::{ChatMessage, ChatRequest};
    ///
    /// let request = ChatRequest::new([ChatMessage::system("Be brief."), ChatMessage::user("Who are you?")])
    ///     .max_tokens(200)
    ///     .temperature(0.7);
    /// assert_eq!(request.sampling.max_tokens, Some(200));
    /// ```
    pub struct ChatRequest {
        required {
            /// The conversation so far. Many templates reject an empty one.
            messages: Vec<ChatMessage>,
        }
        optional {
            /// The directory of another model. Ignored unless the server loads models inline, which requires the admin key.
            /// Otherwise its only effect is that a missing model becomes an internal error.
            model: String as impl Into<String>,
            /// The number of choices; from 1, default 1, no upper limit.
            n: u32,
            /// The functions that the model may call.
            tools: Vec<Tool> as impl Into<Vec<Tool>>,
            /// Which of the functions the model should call.
            tool_choice: ToolChoice,
            /// Whether the model may call several functions at once; default true. No effect on the current backend.
            parallel_tool_calls: bool,
            /// Functions in OpenAI's older form, passed to the template.
            functions: OneOrMany<OrderedJson> as impl Into<OneOrMany<OrderedJson>>,
            /// The format of the output. `sampling.json_schema` is a shorter equivalent for schemas.
            response_format: ResponseFormat,
            /// The reasoning effort, in the template's words, such as `low`.
            reasoning_effort: String as impl Into<String>,
            /// Whether the model should reason, for templates that support it.
            enable_thinking: bool,
            /// The verbosity, for templates that support it.
            verbosity: String as impl Into<String>,
            /// All reasoning options in one object. The flat fields take precedence.
            reasoning: ReasoningOptions,
            /// The maximum number of reasoning tokens; negative is unset. No effect on the current backend.
            reasoning_budget_tokens: i64,
            /// The text to insert when the reasoning budget ends. No effect on the current backend.
            reasoning_budget_message: String as impl Into<String>,
            /// The beginning of the response. It is appended to the prompt and not repeated in the output.
            response_prefix: String as impl Into<String>,
            /// Whether to continue the last message instead of answering it; default false. Requires
            /// `add_generation_prompt(false)` and a last message with text.
            continue_final_message: bool,
            /// Whether the template ends with the start of a response; default true.
            add_generation_prompt: bool,
            /// Variables for the template. They take precedence over `reasoning` and the flat fields.
            template_vars: Extra as impl Into<Extra>,
            /// The name of another template. No effect on the current server. Switch templates with
            /// `POST /v1/template/switch`.
            prompt_template: String as impl Into<String>,
            /// How the response is delivered. Usage is requested if this is unset.
            stream_options: StreamOptions,
            /// The user. No effect on the server.
            user: String as impl Into<String>,
            /// No effect on the server.
            best_of: u32,
            /// No effect on the server.
            echo: bool,
            /// No effect on the server.
            suffix: String as impl Into<String>,
        }
        flatten {
            /// Sampler parameters, at the same level of the JSON.
            sampling: SamplingParams
        }
    }
}

impl ChatRequest {
    /// Creates a request with these messages and the server's defaults.
    pub fn new(messages: impl Into<Vec<ChatMessage>>) -> Self {
        ChatRequest::blank(messages.into())
    }

    /// Appends a message: a question, a response, the result of a tool.
    #[must_use]
    pub fn message(mut self, message: ChatMessage) -> Self {
        self.messages.push(message);
        self
    }

    /// Adds a variable for the template.
    #[must_use]
    pub fn template_var(mut self, name: impl Into<String>, value: impl Into<OrderedJson>) -> Self {
        self.template_vars.get_or_insert_default().set(name, value);
        self
    }

    sampling_setters!();

    pub(super) fn write(&self, stream: Option<bool>) -> Result<Option<Bytes>> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(flatten)]
            request: &'a ChatRequest,
            #[serde(skip_serializing_if = "Option::is_none")]
            stream_options: Option<StreamOptions>,
            #[serde(skip_serializing_if = "Option::is_none")]
            stream: Option<bool>,
        }
        self.sampling.check()?;
        let stream_options = StreamOptions::or_usage(&self.stream_options);
        let length = REST + messages(&self.messages);
        json_body_of(&Body { request: self, stream_options, stream }, length)
    }
}

/// Reasoning options. The flat fields of [`ChatRequest`] take precedence.
///
/// ```
/// use tabbyapi::api::{ChatMessage, ChatRequest, ReasoningOptions};
///
/// let request = ChatRequest::new([ChatMessage::user("Why is the sky blue?")])
///     .reasoning(ReasoningOptions::new().enabled(true).effort("low"));
/// assert_eq!(request.reasoning.unwrap().enabled, Some(true));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReasoningOptions {
    /// The reasoning effort, in the template's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// Whether the model should reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The maximum number of reasoning tokens; negative is unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<i64>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ReasoningOptions {
    /// Creates options with the server's defaults.
    pub fn new() -> Self {
        ReasoningOptions::default()
    }

    crate::api::fields::setters! {
        /// The reasoning effort, in the template's words.
        effort: String as impl Into<String>,
        /// Whether the model should reason.
        enabled: bool,
        /// The maximum number of reasoning tokens; negative is unset.
        max_tokens: i64,
    }
}

impl ChatRequest {
    /// The estimated number of tokens, prompt and responses.
    fn weight(&self) -> u64 {
        let (prompt, choices) = (Estimator::new().request(self).tokens, self.n.unwrap_or(1).max(1));
        let answer = self.sampling.max_tokens.unwrap_or_default();
        prompt.saturating_add(u64::from(choices).saturating_mul(u64::from(answer)))
    }
}

impl Endpoint for ChatRequest {
    type Decoder = Json<ChatCompletion>;

    described!();

    fn body(&self) -> Result<Option<Bytes>> {
        self.write(None)
    }

    fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn tokens(&self) -> u64 {
        self.weight()
    }

    fn decoder(&self) -> Self::Decoder {
        let check: fn(&ChatCompletion, &str) -> Result<()> = |answer, body| {
            let complete = |choice: &ChatChoice| choice.eos_reason.is_some();
            if answer.usage.is_some() || answer.choices.iter().all(complete) {
                return Ok(());
            }
            cut_by_unload(body, answer.text()).map_or(Ok(()), Err)
        };
        let decoder = json().checked(|answer: &mut ChatCompletion| {
            whole_choices(answer.choices.iter().map(|choice| (&choice.extra, &choice.finish_reason)))
        });
        decoder.text_checked(StreamOptions::wants_usage(&self.stream_options).then_some(check))
    }
}

impl Endpoint for Streamed<'_, ChatRequest> {
    type Decoder = Events<ChatEvents>;

    described!(own timeouts);

    fn body(&self) -> Result<Option<Bytes>> {
        self.0.write(Some(true))
    }

    fn timeouts(&self, timeout_policy: &TimeoutPolicy) -> Timeouts {
        let tools = self.0.tools.as_ref().is_some_and(|tools| !tools.is_empty())
            || self.0.functions.as_ref().is_some_and(|functions| !functions.is_empty());
        if tools { timeout_policy.stream_tools } else { timeout_policy.stream }
    }

    fn model(&self) -> Option<&str> {
        self.0.model.as_deref()
    }

    fn tokens(&self) -> u64 {
        self.0.weight()
    }

    fn decoder(&self) -> Self::Decoder {
        self.decoder_with(&Extra::new())
    }

    fn decoder_with(&self, extra: &Extra) -> Self::Decoder {
        let choices = asked_for(self.0.n, [&self.0.extra, extra]);
        Events::new(ChatEvents::expecting(choices, StreamOptions::wants_usage(&self.0.stream_options)))
    }
}

impl StreamEndpoint for ChatRequest {
    type Decoder = Events<ChatEvents>;
    type Streamed<'a> = Streamed<'a, ChatRequest>;
    type Total = ChatTotal;

    fn streamed(&self) -> Streamed<'_, ChatRequest> {
        Streamed(self)
    }

    fn total(&self, limits: &Limits) -> ChatTotal {
        ChatTotal::new(limits)
    }

    fn joins() -> Joins<ChatChunk> {
        Joins(Some(ChatJoin::boxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use serde_json::json;

    #[track_caller]
    fn assert_body(endpoint: &impl Endpoint, expected: Value) {
        let body = endpoint.body().unwrap().unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected, "{}", String::from_utf8_lossy(&body));
    }

    #[test]
    fn the_method_decides_streaming_and_usage_is_asked_for() {
        let request = ChatRequest::new([ChatMessage::user("hi")]).extra("stream", true);
        let messages = json!([{"role": "user", "content": "hi"}]);
        assert_body(&request, json!({"messages": messages, "stream_options": {"include_usage": true}}));
        assert_body(
            &request.streamed(),
            json!({"messages": messages, "stream_options": {"include_usage": true}, "stream": true}),
        );
        let request = request.stream_options(StreamOptions::new());
        assert_body(&request.streamed(), json!({"messages": messages, "stream_options": {}, "stream": true}));
    }

    #[test]
    fn every_field_has_its_name_on_one_level() {
        let request = ChatRequest::new([])
            .model("m")
            .n(2)
            .tools([Tool::new("f", "d", json!({}))])
            .tool_choice(ToolChoice::Required)
            .parallel_tool_calls(false)
            .functions([json!({"name": "g"})])
            .response_format(ResponseFormat::json())
            .reasoning_effort("low")
            .enable_thinking(true)
            .verbosity("high")
            .reasoning(ReasoningOptions::new().effort("low").enabled(true).max_tokens(5))
            .reasoning_budget_tokens(9)
            .reasoning_budget_message("enough")
            .response_prefix("Sure")
            .continue_final_message(true)
            .add_generation_prompt(false)
            .template_var("k", 1)
            .prompt_template("t")
            .stream_options(StreamOptions::new().include_usage(false))
            .user("u")
            .best_of(1)
            .echo(true)
            .suffix("s")
            .max_tokens(3)
            .stop("x")
            .extra("custom", json!([1]));
        let expected = json!({
            "messages": [], "model": "m", "n": 2,
            "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {}}}],
            "tool_choice": "required", "parallel_tool_calls": false, "functions": [{"name": "g"}],
            "response_format": {"type": "json"}, "reasoning_effort": "low", "enable_thinking": true, "verbosity": "high",
            "reasoning": {"effort": "low", "enabled": true, "max_tokens": 5},
            "reasoning_budget_tokens": 9, "reasoning_budget_message": "enough", "response_prefix": "Sure",
            "continue_final_message": true, "add_generation_prompt": false, "template_vars": {"k": 1},
            "prompt_template": "t", "stream_options": {"include_usage": false}, "user": "u", "best_of": 1, "echo": true,
            "suffix": "s", "max_tokens": 3, "stop": ["x"], "custom": [1],
        });
        assert_body(&request, expected.clone());
        assert_eq!(serde_json::from_value::<ChatRequest>(expected).unwrap(), request);
    }

    #[test]
    fn tools_take_a_longer_pace() {
        let request = ChatRequest::new([ChatMessage::user("hi")]);
        assert_eq!(request.streamed().timeouts(&TimeoutPolicy::DEFAULT), Timeouts::STREAM);
        assert_eq!(
            request.tools([Tool::new("f", "d", json!({}))]).streamed().timeouts(&TimeoutPolicy::DEFAULT),
            Timeouts::STREAM_TOOLS
        );
    }

    #[test]
    fn numbers_that_json_lacks_are_refused() {
        let error = ChatRequest::new([]).temperature(f64::NAN).body().unwrap_err();
        assert_eq!(error.kind(), crate::base::error::ErrorKind::Encode);
    }

    #[test]
    fn flattened_sampler_fields_are_read_back() {
        let read: ChatRequest = serde_json::from_value(json!({
            "messages": [], "logit_bias": {"7": 1}, "logprobs": true, "max_completion_tokens": 4, "temperature": null,
        }))
        .unwrap();
        assert_eq!(read.sampling, SamplingParams::new().logit_bias([(7, 1.0)]).logprobs(1));
        assert_eq!(read.extra["max_completion_tokens"], 4);
    }
}
