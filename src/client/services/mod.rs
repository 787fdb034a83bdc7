//! The services of a client, by accessor.
//!
//! | accessor | methods |
//! |---|---|
//! | [`client.completions()`](crate::Client::completions) | [`create`](Completions::create), [`stream`](Completions::stream) |
//! | [`client.chat()`](crate::Client::chat) | [`create`](Chat::create), [`stream`](Chat::stream), [`run`](Chat::run), `response_as` (feature `schemars`), [`response_as_with_schema`](Chat::response_as_with_schema), [`fit`](Chat::fit) |
//! | [`client.models()`](crate::Client::models) | [`list`](Models::list), [`current`](Models::current), [`props`](Models::props), [`load`](Models::load), [`reload`](Models::reload), [`unload`](Models::unload), [`drafts`](Models::drafts), [`download`](Models::download) |
//! | [`client.embeddings()`](crate::Client::embeddings) | [`create`](Embeddings::create), [`many`](Embeddings::many) |
//! | [`client.embedding_models()`](crate::Client::embedding_models) | [`list`](EmbeddingModels::list), [`current`](EmbeddingModels::current), [`load`](EmbeddingModels::load), [`unload`](EmbeddingModels::unload) |
//! | [`client.loras()`](crate::Client::loras) | [`list`](Loras::list), [`active`](Loras::active), [`load`](Loras::load), [`unload`](Loras::unload) |
//! | [`client.templates()`](crate::Client::templates) | [`list`](Templates::list), [`switch`](Templates::switch), [`unload`](Templates::unload) |
//! | [`client.tokens()`](crate::Client::tokens) | [`encode`](Tokens::encode), [`decode`](Tokens::decode), [`count`](Tokens::count), [`calibrate`](Tokens::calibrate) |
//! | [`client.sampling()`](crate::Client::sampling) | [`overrides`](Sampling::overrides), [`switch_preset`](Sampling::switch_preset), [`set_overrides`](Sampling::set_overrides), [`unload`](Sampling::unload) |
//! | [`client.health()`](crate::Client::health) | [`check`](Health::check), [`service_info`](Health::service_info), [`wait_until_ready`](Health::wait_until_ready) |
//! | [`client.auth()`](crate::Client::auth) | [`permission`](Auth::permission) |
//! | [`client.kobold()`](crate::Client::kobold) | [`generate`](Kobold::generate), [`stream`](Kobold::stream), [`abort`](Kobold::abort), [`check`](Kobold::check), [`count_tokens`](Kobold::count_tokens), … |
//!
//! Lists whose content depends on the key use the admin key if it is set, which returns everything.
//! [`Options::prefer_admin_key(false)`](crate::Options::prefer_admin_key) selects the API key.

mod embeddings;
mod health;
mod models;
mod tokens;

use crate::api::*;
use crate::client::client::Client;
use crate::client::response::ResponseFuture;
use crate::client::response_stream::ResponseStream;
use crate::client::tables::{service, stream_types};
use crate::decode::Empty;

stream_types!();

/// The return type of a method.
macro_rules! method {
    (@ $answer:ty) => { ResponseFuture<$answer> };
    (@ $item:ty => $total:ty) => { ResponseStream<$item, $total> };
}

// For the client of the other dialect.
#[cfg(feature = "tabbyml")]
pub(crate) use method;

macro_rules! all {
    ($($name:ident)*) => { $(crate::api::$name::service!(service);)* };
}

crate::api::services!(all);
