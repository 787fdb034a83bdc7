//! Text completions.

mod answer;
mod chunk;
mod events;
mod likely;
mod request;
mod total;

pub use answer::{Completion, CompletionChoice, CompletionLogprobs};
pub use chunk::{CompletionChunk, CompletionChunkChoice};
pub use events::CompletionEvents;
pub use likely::LikelyTokens;
pub use request::{CompletionRequest, Prompt};
pub use total::CompletionTotal;
