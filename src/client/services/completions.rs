//! Text completions.

use crate::api::{Completion, CompletionEvents, CompletionRequest, CompletionTotal};
use crate::client::answer::Calling;
use crate::client::client::Client;
use crate::client::streaming::Streaming;
use crate::decode::{Events, Json};

/// Text completions: `client.completions()`.
#[derive(Clone, Copy, Debug)]
pub struct Completions<'a> {
    pub(crate) client: &'a Client,
}

/// A streamed completion.
pub type CompletionStream = Streaming<Events<CompletionEvents>, CompletionTotal>;

impl Client {
    /// Text completions.
    ///
    /// `cargo run --example completions` shows it at work, against an emulated server.
    pub fn completions(&self) -> Completions<'_> {
        Completions { client: self }
    }
}

impl Completions<'_> {
    /// The whole answer. Usage is asked for unless the request's `stream_options` say otherwise.
    pub fn create(&self, request: &CompletionRequest) -> Calling<Json<Completion>> {
        self.client.call(request)
    }

    /// The answer as it comes. Set `max_tokens`: the current server fails on streamed completions without it.
    /// Dropping the stream ends the generation.
    pub fn stream(&self, request: &CompletionRequest) -> CompletionStream {
        self.client.stream(request)
    }
}
