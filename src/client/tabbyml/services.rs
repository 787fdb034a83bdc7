//! The services of a TabbyML client, by accessor.
//!
//! | accessor | methods |
//! |---|---|
//! | [`client.completions()`](crate::tabbyml::Client::completions) | [`create`](Completions::create) |
//! | [`client.chat()`](crate::tabbyml::Client::chat) | [`create`](Chat::create), [`stream`](Chat::stream) |
//! | [`client.events()`](crate::tabbyml::Client::events) | [`view`](Events::view), [`select`](Events::select), [`dismiss`](Events::dismiss), [`log`](Events::log) |
//! | [`client.health()`](crate::tabbyml::Client::health) | [`check`](Health::check) |
//! | [`client.models()`](crate::tabbyml::Client::models) | [`list`](Models::list) |
//! | [`client.server_setting()`](crate::tabbyml::Client::server_setting) | [`get`](ServerSettings::get) |
//! | [`client.ingestion()`](crate::tabbyml::Client::ingestion) | [`add`](Ingestion::add), [`delete`](Ingestion::delete), [`delete_source`](Ingestion::delete_source) |
//! | [`client.graphql()`](crate::tabbyml::Client::graphql) | [`query`](GraphQl::query), [`me`](GraphQl::me), [`repositories`](GraphQl::repositories), [`search_files`](GraphQl::search_files), [`grep`](GraphQl::grep), … |

use serde::de::DeserializeOwned;

use super::Client;
use crate::api::chat::{ChatChunk, ChatCompletion};
use crate::api::tabbyml::*;
use crate::base::MaybeSend;
use crate::client::response::ResponseFuture;
use crate::client::response_stream::ResponseStream;
use crate::client::services::method;
use crate::client::tables::service;
use crate::decode::Empty;

/// A streamed conversation.
pub type ChatStream = ResponseStream<ChatChunk, ChatCompletion>;

crate::api::tabbyml::services!(service);

impl GraphQl<'_> {
    /// Sends a custom document and returns its `data`.
    ///
    /// Wire: `POST /graphql`.
    pub fn query<T: DeserializeOwned + MaybeSend + 'static>(&self, query: &GraphQlQuery<T>) -> ResponseFuture<T> {
        self.client.call(query)
    }
}
