//! Conversations.

mod answer;
mod chunk;
mod estimate;
pub(crate) mod events;
mod extras;
mod image;
#[cfg(not(target_arch = "wasm32"))]
mod image_file;
mod logprobs;
mod message;
mod request;
mod resume;
mod tools;
mod total;
mod whole;
mod written;

pub use answer::{ChatChoice, ChatCompletion, ChatLogprobs, TokenLogprob, TopLogprob};
pub use chunk::{ChatChunk, ChunkChoice, Delta, FunctionDelta, ToolCallDelta};
pub use events::ChatEvents;
pub use message::{ChatMessage, Content, ContentPart, ImageUrl, Role};
pub use request::{ChatRequest, ReasoningOptions};
pub use tools::{Function, FunctionCall, Tool, ToolCall, ToolChoice, ToolKind};
pub use total::ChatTotal;

use crate::api::operation::endpoints;
use crate::api::streamed::Streamed;

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Conversations: `client.chat()`.
            ///
            /// `cargo run --example chat` runs it against an emulated server; `tools` and `structured` are examples, too.
            ///
            /// ```no_run
            /// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
            /// use tabbyapi::api::{ChatMessage, ChatRequest};
            ///
            /// let request = ChatRequest::new([ChatMessage::user("Name a river.")]).max_tokens(100);
            /// println!("{}", client.chat().create(&request).await?.text());
            ///
            /// let mut stream = client.chat().stream(&request);
            /// while let Some(chunk) = stream.next().await {
            ///     print!("{}", chunk?.text());
            /// }
            /// # Ok(())
            /// # }
            /// ```
            chat: Chat {
                /// Generates the next message of a conversation, and returns it whole.
                ///
                /// Requests usage, unless the request sets `stream_options`.
                ///
                /// # Errors
                ///
                /// * `no_template`: the model has no chat template.
                /// * `context_length_exceeded`: the conversation does not fit into the context.
                /// * `no_model_loaded`: no model is loaded.
                call create(request: &ChatRequest) -> ChatCompletion = request =>
                    own [ChatRequest]: POST "/v1/chat/completions", Api, IfUnsent, generate, crate::api::common::map_generation_error;
                /// Generates the next message of a conversation, and streams it. Dropping the stream ends the generation.
                ///
                /// The errors are those of [`create`](Chat::create). They can also occur after items.
                stream stream(request: &ChatRequest) -> ChatChunk => ChatCompletion = request =>
                    own [Streamed<'_, ChatRequest>]: POST "/v1/chat/completions", Api, IfUnsent, stream, crate::api::common::map_generation_error;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);
