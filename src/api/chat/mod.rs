//! Conversations.

mod answer;
mod chunk;
mod estimate;
pub(crate) mod events;
mod extras;
mod image;
#[cfg(not(target_arch = "wasm32"))]
mod image_file;
mod message;
mod request;
mod tools;
mod total;
mod whole;

pub use answer::{ChatChoice, ChatCompletion, ChatLogprobs, TokenLogprob, TopLogprob};
pub use chunk::{ChatChunk, ChunkChoice, Delta, FunctionDelta, ToolCallDelta};
pub use events::ChatEvents;
pub use message::{ChatMessage, Content, ContentPart, ImageUrl, Role};
pub use request::{ChatRequest, ReasoningOptions};
pub use tools::{Function, FunctionCall, Tool, ToolCall, ToolChoice, ToolKind};
pub use total::ChatTotal;
