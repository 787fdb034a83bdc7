//! The operations of TabbyML/tabby, the self-hosted coding assistant, as data: requests, which are [endpoints](crate::Endpoint), and
//! responses.

pub(crate) mod chat;
mod chat_events;
pub(crate) mod completions;
mod detect;
pub(crate) mod events;
mod failure;
pub(crate) mod graphql;
pub(crate) mod health;
pub(crate) mod ingestion;
mod operations;
mod path;
mod segments;

use std::time::Duration;

pub use chat::{ChatRequest, CollectedChat};
pub use chat_events::ChatEvents;
pub use completions::{
    CompletionChoice, CompletionMode, CompletionRequest, CompletionResponse, DebugData, DebugOptions,
};
pub use detect::ServerKind;
pub(crate) use detect::{after_health, after_tabbyapi};
pub use events::{DismissEvent, EventType, LogEvent, SelectEvent, SelectKind, ViewEvent};
pub use graphql::*;
pub use health::{
    GetHealth, GetServerSetting, HealthState, HealthVersion, ListModels, LocalModel, ModelList, ModelSource,
    ModelSources, RemoteModel, ServerSetting,
};
pub use ingestion::{DeleteDocument, DeleteSource, IngestionRequest, IngestionResponse};
pub use segments::{Declaration, EditHistory, Segments, Snippet};

/// Items that the npm package uses. They change without notice.
pub(crate) mod internal {
    pub use super::chat::{OLDER_PATH, collected_timeouts};
    pub use super::chat_events::Beginnings;
    pub use super::operations::{TABBYML_DOCUMENTS, TABBYML_OPERATIONS};
    pub use super::path::segment;

    /// The error that an answer of GraphQL reports, if it does.
    pub fn graphql_refusal(body: &str) -> Option<crate::base::Error> {
        super::graphql::refusal(body)
    }
}

/// The tables of all services, for a macro that processes each.
macro_rules! services {
    ($make:ident) => {
        crate::api::tabbyml::chat::service!($make);
        crate::api::tabbyml::completions::service!($make);
        crate::api::tabbyml::events::service!($make);
        crate::api::tabbyml::graphql::service!($make);
        crate::api::tabbyml::health::health_service!($make);
        crate::api::tabbyml::health::models_service!($make);
        crate::api::tabbyml::health::setting_service!($make);
        crate::api::tabbyml::ingestion::service!($make);
    };
}
pub(crate) use services;

use crate::protocol::policy::{RateLimit, WhenFull};

/// The rate limit of a TabbyML server: 120 requests in 60 s for each user, shared by all of the user's clients.
///
/// The server answers 429 beyond it, without `Retry-After`. A client with this limit waits instead. With
/// [`refuse`](RateLimit::refuse) it fails at once with code `rate_limited`. The server does not count `GET /v1/health`, GraphQL and
/// ingestion; this limit does. Requests of the user's other clients are not taken into account.
pub const RATE_LIMIT: RateLimit =
    RateLimit { requests: Some(120), tokens: None, interval: Duration::from_secs(60), when_full: WhenFull::Wait };
