//! The services of a client, by accessor.
//!
//! | accessor | methods |
//! |---|---|
//! | [`client.completions()`](crate::Client::completions) | [`create`](Completions::create), [`stream`](Completions::stream) |
//! | [`client.chat()`](crate::Client::chat) | [`create`](Chat::create), [`stream`](Chat::stream), [`run`](Chat::run), `response_as` (feature `schemars`), [`response_as_with_schema`](Chat::response_as_with_schema), [`fit`](Chat::fit) |
//! | [`client.models()`](crate::Client::models) | [`list`](Models::list), [`current`](Models::current), [`props`](Models::props), [`load`](Models::load), [`reload`](Models::reload), [`unload`](Models::unload), [`drafts`](Models::drafts), [`download`](Models::download) |
//! | [`client.embeddings()`](crate::Client::embeddings) | [`create`](EmbeddingsService::create), [`many`](EmbeddingsService::many) |
//! | [`client.embedding_models()`](crate::Client::embedding_models) | [`list`](EmbeddingModels::list), [`current`](EmbeddingModels::current), [`load`](EmbeddingModels::load), [`unload`](EmbeddingModels::unload) |
//! | [`client.loras()`](crate::Client::loras) | [`list`](Loras::list), [`active`](Loras::active), [`load`](Loras::load), [`unload`](Loras::unload) |
//! | [`client.templates()`](crate::Client::templates) | [`list`](Templates::list), [`switch`](Templates::switch), [`unload`](Templates::unload) |
//! | [`client.tokens()`](crate::Client::tokens) | [`encode`](Tokens::encode), [`decode`](Tokens::decode), [`count`](Tokens::count), [`calibrate`](Tokens::calibrate) |
//! | [`client.sampling()`](crate::Client::sampling) | [`overrides`](SamplingService::overrides), [`switch_preset`](SamplingService::switch_preset), [`set_overrides`](SamplingService::set_overrides), [`unload`](SamplingService::unload) |
//! | [`client.health()`](crate::Client::health) | [`check`](HealthService::check), [`service_info`](HealthService::service_info), [`wait_until_ready`](HealthService::wait_until_ready) |
//! | [`client.auth()`](crate::Client::auth) | [`permission`](Auth::permission) |
//! | [`client.kobold()`](crate::Client::kobold) | [`generate`](Kobold::generate), [`stream`](Kobold::stream), [`abort`](Kobold::abort), [`check`](Kobold::check), [`count_tokens`](Kobold::count_tokens), … |
//!
//! Lists whose answer depends on the key are asked with the admin key if there is one, which sees all; the view of an API key
//! has a name of its own, ending in `_as_api_key`.

mod auth;
mod chat;
mod completions;
mod embedding_models;
mod embeddings;
mod health;
mod kobold;
mod loras;
mod models;
mod sampling;
mod templates;
mod tokens;

pub use auth::*;
pub use chat::*;
pub use completions::*;
pub use embedding_models::*;
pub use embeddings::*;
pub use health::*;
pub use kobold::*;
pub use loras::*;
pub use models::*;
pub use sampling::*;
pub use templates::*;
pub use tokens::*;
