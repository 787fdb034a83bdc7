//! The services: their types, their operations, their accessors.
//!
//! | accessor | methods |
//! |---|---|
//! | [`client.completions()`](Client::completions) | [`create`](Completions::create), [`stream`](Completions::stream) |
//! | [`client.chat()`](Client::chat) | [`create`](Chat::create), [`stream`](Chat::stream), [`run`](Chat::run), `response_as` (feature `schemars`), [`response_as_with_schema`](Chat::response_as_with_schema), [`fit`](Chat::fit) |
//! | [`client.models()`](Client::models) | [`list`](Models::list), [`current`](Models::current), [`props`](Models::props), [`load`](Models::load), [`reload`](Models::reload), [`unload`](Models::unload), [`drafts`](Models::drafts), [`download`](Models::download) |
//! | [`client.embeddings()`](Client::embeddings) | [`create`](EmbeddingsService::create), [`many`](EmbeddingsService::many) |
//! | [`client.embedding_models()`](Client::embedding_models) | [`list`](EmbeddingModels::list), [`current`](EmbeddingModels::current), [`load`](EmbeddingModels::load), [`unload`](EmbeddingModels::unload) |
//! | [`client.loras()`](Client::loras) | [`list`](Loras::list), [`active`](Loras::active), [`load`](Loras::load), [`unload`](Loras::unload) |
//! | [`client.templates()`](Client::templates) | [`list`](Templates::list), [`switch`](Templates::switch), [`unload`](Templates::unload) |
//! | [`client.tokens()`](Client::tokens) | [`encode`](Tokens::encode), [`decode`](Tokens::decode), [`count`](Tokens::count), [`calibrate`](Tokens::calibrate) |
//! | [`client.sampling()`](Client::sampling) | [`overrides`](SamplingService::overrides), [`switch_preset`](SamplingService::switch_preset), [`set_overrides`](SamplingService::set_overrides), [`unload`](SamplingService::unload) |
//! | [`client.health()`](Client::health) | [`check`](HealthService::check), [`service_info`](HealthService::service_info), [`wait_until_ready`](HealthService::wait_until_ready) |
//! | [`client.auth()`](Client::auth) | [`permission`](Auth::permission) |
//! | [`client.kobold()`](Client::kobold) | [`generate`](Kobold::generate), [`stream`](Kobold::stream), [`abort`](Kobold::abort), [`check`](Kobold::check), [`count_tokens`](Kobold::count_tokens), … |
//!
//! Lists whose answer depends on the key are asked with the admin key if there is one, which sees all; the view of an API key
//! has a name of its own, ending in `_as_api_key`.
//!
//! Every request type is an [`Endpoint`](crate::Endpoint), so [`Client::call`] and a hand-driven
//! [`Call`](crate::call::Call) take the same values.

mod auth;
mod budget;
mod chat;
mod choices;
mod common;
mod completions;
mod embedding_models;
mod embeddings;
mod fields;
mod health;
mod kinds;
mod kobold;
mod loras;
mod models;
mod overrides;
mod sampling;
mod templates;
mod tokens;
mod validate;

use crate::Client;

pub use auth::*;
pub use chat::*;
pub use common::{
    CompletionTokensDetails, EosReason, FinishReason, OneOrMany, PromptTokensDetails, Rate, ResponseFormat,
    ResponseFormatType, StreamOptions, Usage,
};
pub use completions::*;
pub use embedding_models::*;
pub use embeddings::*;
pub use health::*;
pub use kobold::*;
pub use loras::*;
pub use models::*;
pub use overrides::*;
pub use sampling::{Sampling, Stop};
pub use templates::*;
pub use tokens::*;
pub use validate::{Effect, Fault, Faults};

/// The streaming face of a request: what [`StreamEndpoint::streamed`](crate::StreamEndpoint::streamed) gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Streamed<'a, R>(pub(crate) &'a R);

impl Client {
    /// What the client's key may do.
    ///
    /// `cargo run --example auth` shows it at work, against an emulated server.
    pub fn auth(&self) -> Auth<'_> {
        Auth { client: self }
    }

    /// Whether the server is there and ready.
    ///
    /// `cargo run --example health` shows it at work, against an emulated server.
    pub fn health(&self) -> HealthService<'_> {
        HealthService { client: self }
    }

    /// What models there are, what is loaded, loading and unloading.
    ///
    /// `cargo run --example models` shows it at work, against an emulated server.
    pub fn models(&self) -> Models<'_> {
        Models { client: self }
    }
}
