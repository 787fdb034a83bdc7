//! Conversations.

use crate::api::{ChatCompletion, ChatEvents, ChatRequest, ChatTotal};
use crate::client::answer::Calling;
use crate::client::client::Client;
use crate::client::streaming::Streaming;
use crate::decode::{Events, Json};

/// Conversations: `client.chat()`.
#[derive(Clone, Copy, Debug)]
pub struct Chat<'a> {
    pub(crate) client: &'a Client,
}

/// A streamed conversation.
pub type ChatStream = Streaming<Events<ChatEvents>, ChatTotal>;

impl Client {
    /// Conversations.
    ///
    /// `cargo run --example chat` shows it at work, against an emulated server; `tools` and `structured` are examples too.
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
