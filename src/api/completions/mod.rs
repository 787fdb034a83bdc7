//! Text completions.

mod answer;
mod chunk;
mod events;
mod request;
mod total;

pub use answer::{Completion, CompletionChoice, CompletionLogprobs};
pub use chunk::{CompletionChunk, CompletionChunkChoice};
pub use events::CompletionEvents;
pub use request::{CompletionRequest, Prompt};
pub use total::CompletionTotal;
