//! The operations of the server as data: requests, which are [endpoints](crate::Endpoint), and responses.
//!
//! [`Client::call`](crate::Client::call) and a hand-driven [`Call`](crate::call::Call) take the same values as the methods of the
//! [services](crate::services).

pub(crate) mod auth;
pub(crate) mod budget;
pub(crate) mod chat;
pub(crate) mod choices;
pub(crate) mod common;
pub(crate) mod completions;
pub(crate) mod embedding_models;
pub(crate) mod embeddings;
pub(crate) mod fields;
pub(crate) mod health;
pub(crate) mod kinds;
pub(crate) mod kobold;
pub(crate) mod loras;
pub(crate) mod models;
pub(crate) mod one_or_many;
pub(crate) mod operation;
pub(crate) mod operations;
pub(crate) mod overrides;
pub(crate) mod resume;
pub(crate) mod sampling;
pub(crate) mod streamed;
#[cfg(feature = "tabbyml")]
pub(crate) mod tabbyml;
pub(crate) mod templates;
pub(crate) mod tokens;
pub(crate) mod validate;
mod written;

pub use auth::*;
pub use chat::*;
pub use common::{
    CompletionTokensDetails, EosReason, FinishReason, PromptTokensDetails, Rate, ResponseFormat, ResponseFormatType,
    StreamOptions, Usage,
};
pub use completions::*;
pub use embedding_models::*;
pub use embeddings::*;
pub use health::*;
pub use kobold::*;
pub use loras::*;
pub use models::*;
pub use one_or_many::OneOrMany;
pub use overrides::*;
pub use sampling::{SamplingParams, Stop};
pub use streamed::Streamed;
pub use templates::*;
pub use tokens::*;
pub use validate::{Effect, Fault, Faults};

/// The list of services. The table of each is in the module of this name. Passes the list to the macro `with`.
macro_rules! services {
    ($with:ident) => {
        $with! { completions chat embeddings models embedding_models loras templates tokens overrides health auth kobold }
    };
}
pub(crate) use services;
