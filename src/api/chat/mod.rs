//! Conversations.

mod answer;
mod chunk;
pub(crate) mod events;
mod message;
mod request;
mod tools;
mod total;

pub use answer::{ChatChoice, ChatCompletion, ChatLogprobs, TokenLogprob, TopLogprob};
pub use chunk::{ChatChunk, ChunkChoice, Delta, FunctionDelta, ToolCallDelta};
pub use events::ChatEvents;
pub use message::{ChatMessage, Content, ContentPart, ImageUrl, Role};
pub use request::{ChatRequest, ReasoningOptions};
pub use tools::{Function, FunctionCall, Tool, ToolCall, ToolChoice, ToolKind};
pub use total::ChatTotal;

use crate::decode::{Events, Json};
use crate::{Calling, Client, Streaming};

/// Conversations: `client.chat()`.
#[derive(Clone, Copy, Debug)]
pub struct Chat<'a> {
    client: &'a Client,
}

/// A streamed conversation.
pub type ChatStream = Streaming<Events<ChatEvents>, ChatTotal>;

impl Client {
    /// Conversations.
    pub fn chat(&self) -> Chat<'_> {
        Chat { client: self }
    }
}

impl Chat<'_> {
    /// The whole answer. Usage is asked for unless the request's `stream_options` say otherwise.
    pub fn create(&self, request: &ChatRequest) -> Calling<Json<ChatCompletion>> {
        self.client.call(request)
    }

    /// The answer as it comes. Dropping the stream ends the generation.
    pub fn stream(&self, request: &ChatRequest) -> ChatStream {
        self.client.stream(request)
    }
}
