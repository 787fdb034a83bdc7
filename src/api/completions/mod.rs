//! Text completions.

mod answer;
mod chunk;
mod events;
mod likely;
mod logprobs;
mod request;
mod resume;
mod total;

pub use answer::{Completion, CompletionChoice, CompletionLogprobs};
pub use chunk::{CompletionChunk, CompletionChunkChoice};
pub use events::CompletionEvents;
pub use likely::LikelyTokens;
pub use request::{CompletionRequest, Prompt};
pub use total::CompletionTotal;

use crate::api::operation::endpoints;
use crate::api::streamed::Streamed;

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Text completions: `client.completions()`.
            ///
            /// `cargo run --example completions` runs it against an emulated server.
            ///
            /// ```no_run
            /// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
            /// use tabbyapi::api::CompletionRequest;
            ///
            /// let request = CompletionRequest::new("Once upon a time").max_tokens(100);
            /// println!("{}", client.completions().create(&request).await?.text());
            ///
            /// let mut stream = client.completions().stream(&request);
            /// while let Some(chunk) = stream.next().await {
            ///     print!("{}", chunk?.text());
            /// }
            /// # Ok(())
            /// # }
            /// ```
            completions: Completions {
                /// Generates a continuation of the prompt, and returns it whole.
                ///
                /// Requests usage, unless the request sets `stream_options`.
                ///
                /// # Errors
                ///
                /// * `context_length_exceeded`: the prompt does not fit into the context.
                /// * `no_model_loaded`: no model is loaded.
                call create(request: &CompletionRequest) -> Completion = request =>
                    own [CompletionRequest]: POST "/v1/completions", Api, IfUnsent, generate, crate::api::common::map_generation_error;
                /// Generates a continuation of the prompt, and streams it. Dropping the stream ends the generation.
                ///
                /// Set `max_tokens`: current servers fail on streamed completions without it. The errors are those of
                /// [`create`](Completions::create). They can also occur after items.
                stream stream(request: &CompletionRequest) -> CompletionChunk => Completion = request =>
                    own [Streamed<'_, CompletionRequest>]: POST "/v1/completions", Api, IfUnsent, stream, crate::api::common::map_generation_error;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);
