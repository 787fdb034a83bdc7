//! `POST /v1/chat/completions`: continues a conversation.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::response::Parts;
use serde::Serialize;

use super::ChatEvents;
use super::failure::refined;
use crate::api::chat::{ChatChunk, ChatCompletion, ChatMessage, ChatTotal, Tool, ToolChoice};
use crate::api::choices::asked_for;
use crate::api::common::{ResponseFormat, StreamOptions};
use crate::api::fields::request;
use crate::api::one_or_many::OneOrMany;
use crate::api::operation::{described, endpoints};
use crate::api::streamed::Streamed;
use crate::base::{Advice, Error, ErrorCode, ErrorKind, Extra, Limits, Remedy, Result, TimeoutPolicy, Timeouts};
use crate::decode::{Decode, Events, Whole};
use crate::protocol::{Accumulate, Endpoint, StreamEndpoint, json_body};

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Conversations: `client.chat()`.
            chat: Chat {
                /// Generates the next message of a conversation, and returns it whole.
                ///
                /// Servers before 0.11 answer 404. The request is then sent to `/v1beta/chat/completions`.
                ///
                /// The server only streams; this method accumulates the stream. If it ends early, because it was cut, the connection was lost or
                /// a deadline passed, [`partial_text`](crate::Error::partial_text) of the error returns the text until then.
                ///
                /// # Errors
                ///
                /// * `no_chat_model`: the server has no model for chat.
                /// * `empty_stream`: the server's model backend rejected the request or failed. The server does not report the reason.
                /// * `stream_restarted`: the server lost its model backend and restarted the response from the beginning.
                /// * `truncated`: the stream ended without a finish reason.
                /// * `validation_failed`: a message has a role or a shape that the server does not accept.
                /// * `unauthorized`, `rate_limited`, `not_found`.
                call create(request: &ChatRequest) -> ChatCompletion = request =>
                    own [ChatRequest]: POST "/v1/chat/completions", Api, IfUnsent, generate, map_error;
                /// Generates the next message of a conversation, and streams it. Dropping the stream ends the generation.
                ///
                /// The errors are those of [`create`](Chat::create). They can also occur after items.
                stream stream(request: &ChatRequest) -> ChatChunk => ChatCompletion = request =>
                    own [Streamed<'_, ChatRequest>]: POST "/v1/chat/completions", Api, IfUnsent, stream, map_error;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

request! {
    /// A conversation to continue.
    ///
    /// The server passes these fields to its model backend, replaces `user` by the id of its own user, and drops all other fields.
    ///
    /// ```
    /// use tabbyapi::api::ChatMessage;
    /// use tabbyapi::tabbyml::ChatRequest;
    ///
    /// let request = ChatRequest::new([ChatMessage::user("Explain this function.")]).max_tokens(300);
    /// assert_eq!(request.messages.len(), 1);
    /// ```
    pub struct ChatRequest {
        required {
            /// The conversation so far. Roles are `system`, `user`, `assistant`, `tool` and `function`. The server rejects `developer`.
            messages: Vec<ChatMessage>,
        }
        optional {
            /// The model. The server uses its default for `""`, which is sent if this is unset, and for models that it does not list.
            model: String as impl Into<String>,
            /// The maximum number of tokens of the response. The server drops `max_completion_tokens`.
            max_tokens: u32,
            /// The temperature.
            temperature: f64,
            /// The probability mass of nucleus sampling.
            top_p: f64,
            /// The number of choices; 1 by default.
            n: u32,
            /// Strings that end the response.
            stop: OneOrMany<String> as impl Into<OneOrMany<String>>,
            /// The seed.
            seed: i64,
            /// The penalty for tokens that have occurred often.
            frequency_penalty: f64,
            /// The penalty for tokens that have occurred.
            presence_penalty: f64,
            /// Values to add to the logits of tokens, by id.
            logit_bias: BTreeMap<String, f64> as impl Into<BTreeMap<String, f64>>,
            /// Whether to return log probabilities.
            logprobs: bool,
            /// The number of most likely tokens to return at each position.
            top_logprobs: u32,
            /// The format of the output.
            response_format: ResponseFormat,
            /// The functions that the model may call.
            tools: Vec<Tool> as impl Into<Vec<Tool>>,
            /// Which of the functions the model should call.
            tool_choice: ToolChoice,
            /// How the response is streamed. Usage is sent only if it is requested here.
            stream_options: StreamOptions,
            /// The user. A server with accounts replaces it by the id of the user that the token belongs to.
            user: String as impl Into<String>,
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

    fn write(&self) -> Result<Option<Bytes>> {
        #[derive(Serialize)]
        struct Body<'a> {
            // The server requires it.
            #[serde(skip_serializing_if = "Option::is_none")]
            model: Option<&'a str>,
            #[serde(flatten)]
            request: &'a ChatRequest,
            // Always true: the server fails on `false`.
            stream: bool,
        }
        let numbers = [self.temperature, self.top_p, self.frequency_penalty, self.presence_penalty];
        let biases = self.logit_bias.iter().flat_map(BTreeMap::values);
        if !numbers.iter().flatten().chain(biases).all(|number| number.is_finite()) {
            return Err(Error::new(ErrorKind::Encode, "encode", "a number of the request is not finite"));
        }
        json_body(&Body { model: self.model.is_none().then_some(""), request: self, stream: true })
    }

    fn events(&self, extra: &Extra) -> Events<ChatEvents> {
        Events::new(ChatEvents::expecting(asked_for(self.n, [&self.extra, extra])))
    }
}

/// The path of chat on servers before 0.11.
pub const OLDER_PATH: &str = "/v1beta/chat/completions";

impl Endpoint for ChatRequest {
    type Decoder = CollectedChat;

    described!(own timeouts);

    fn older_path(&self) -> Option<&'static str> {
        Some(OLDER_PATH)
    }

    fn body(&self) -> Result<Option<Bytes>> {
        self.write()
    }

    fn timeouts(&self, policy: &TimeoutPolicy) -> Timeouts {
        collected_timeouts(policy)
    }

    fn decoder(&self) -> Self::Decoder {
        self.decoder_with(&Extra::new())
    }

    fn decoder_with(&self, extra: &Extra) -> Self::Decoder {
        CollectedChat { events: self.events(extra), total: None, items: 0 }
    }
}

impl Endpoint for Streamed<'_, ChatRequest> {
    type Decoder = Events<ChatEvents>;

    described!(own timeouts);

    fn older_path(&self) -> Option<&'static str> {
        Some(OLDER_PATH)
    }

    fn body(&self) -> Result<Option<Bytes>> {
        self.0.write()
    }

    fn timeouts(&self, policy: &TimeoutPolicy) -> Timeouts {
        let tools = self.0.tools.as_ref().is_some_and(|tools| !tools.is_empty());
        if tools { policy.stream_tools } else { policy.stream }
    }

    fn decoder(&self) -> Self::Decoder {
        self.decoder_with(&Extra::new())
    }

    fn decoder_with(&self, extra: &Extra) -> Self::Decoder {
        self.0.events(extra)
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
}

/// Returns the timeouts of a response that is accumulated from its stream. The head arrives at once, and the silence before the
/// first event is due to the model.
pub fn collected_timeouts(policy: &TimeoutPolicy) -> Timeouts {
    let silence = policy.generate.idle.and_then(|idle| Some(idle.max(policy.stream.first_item?)));
    policy.generate.idle(silence)
}

/// Reads a stream of chunks to its end and returns the accumulated response.
#[derive(Debug)]
pub struct CollectedChat {
    events: Events<ChatEvents>,
    /// `None` before the head, and after it was returned.
    total: Option<ChatTotal>,
    items: u64,
}

impl CollectedChat {
    /// Adds the items of `next` until there are no more.
    fn collect(&mut self, next: fn(&mut Events<ChatEvents>) -> Result<Option<ChatChunk>>) -> Result<()> {
        loop {
            let step = next(&mut self.events);
            let total = self.total.as_mut();
            match (step, total) {
                (Ok(Some(chunk)), Some(total)) => {
                    total.push(&chunk)?;
                    self.items += 1;
                }
                (Ok(_), _) => return Ok(()),
                (Err(error), _) => return Err(error),
            }
        }
    }

    fn whole(&mut self) -> Option<ChatCompletion> {
        self.total.take().map(Accumulate::into_output)
    }
}

impl Decode for CollectedChat {
    type Item = ChatCompletion;

    fn start(&mut self, head: &Parts, limits: &Limits) -> Result<()> {
        self.total = Some(ChatTotal::new(limits));
        self.items = 0;
        self.events.start(head, limits)
    }

    fn feed(&mut self, chunk: Bytes) {
        self.events.feed(chunk);
    }

    fn next(&mut self) -> Result<Option<ChatCompletion>> {
        self.collect(Events::next)?;
        Ok(if self.events.is_done() { self.whole() } else { None })
    }

    fn finish(&mut self) -> Result<Option<ChatCompletion>> {
        self.collect(Events::finish)?;
        Ok(self.whole())
    }

    fn is_done(&self) -> bool {
        self.events.is_done() && self.total.is_none()
    }

    fn is_whole(&self) -> bool {
        true
    }

    fn partial_text(&self) -> Option<&str> {
        self.total.as_ref().filter(|_| self.items > 0).map(|total| total.so_far().text())
    }

    fn progress(&self) -> u64 {
        self.events.progress() + self.items
    }
}

impl Whole for CollectedChat {}

fn map_error(error: Error) -> Error {
    let error = refined(error);
    match (error.kind(), error.status().map_or(0, |status| status.as_u16())) {
        (ErrorKind::Server, 501) => error.with_code(ErrorCode::NoChatModel).with_advice(Advice::new(
            Remedy::Configure,
            "this server has no model for chat: start it with one, such as with `--chat-model`",
        )),
        (ErrorKind::Server, 500) => error.with_advice(Advice::new(
            Remedy::Change,
            "the server fails this way if it cannot send the request to its model backend; its console shows why",
        )),
        _ => error,
    }
}
