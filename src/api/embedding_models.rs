//! The routes of embedding models: listing, loading and unloading.

use crate::api::fields::request;
use crate::api::models::{LoadProgress, ModelCard, ModelList};
use crate::api::operation::endpoints;
use crate::decode::Empty;

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Embedding models: `client.embedding_models()`. One can be loaded in addition to the model that generates text.
            ///
            /// `cargo run --example embedding_models` runs them against an emulated server.
            ///
            /// ```no_run
            /// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
            /// use tabbyapi::api::EmbeddingLoadRequest;
            ///
            /// for model in &client.embedding_models().list().await?.data {
            ///     println!("{}", model.id);
            /// }
            /// client.embedding_models().load(&EmbeddingLoadRequest::new("bge-small")).await?;
            /// println!("loaded: {}", client.embedding_models().current().await?.id);
            /// client.embedding_models().unload().await?;
            /// # Ok(())
            /// # }
            /// ```
            embedding_models: EmbeddingModels {
                /// Returns the available embedding models.
                ///
                /// Uses the admin key if it is set. With an API key the server lists only the loaded one.
                call list() -> ModelList = &ListEmbeddingModels =>
                    unit [ListEmbeddingModels]: GET "/v1/model/embedding/list", PreferAdmin, Idempotent, read;
                /// Returns the loaded embedding model.
                ///
                /// # Errors
                ///
                /// `no_embedding_model_loaded`: no embedding model is loaded.
                call current() -> ModelCard = &CurrentEmbeddingModel =>
                    unit [CurrentEmbeddingModel]: GET "/v1/model/embedding", Api, Idempotent, read;
                /// Loads an embedding model. Requires the admin key.
                ///
                /// There are no progress events. The response arrives when the model is loaded, which by default may take up to 10 minutes.
                ///
                /// # Errors
                ///
                /// * `already_loaded`: this model is already loaded. Unload it first.
                /// * `unknown_model`: the directory does not exist.
                /// * `nothing_named`: the name is empty.
                /// * `bad_request`: the directory does not contain an embedding model.
                call load(request: &EmbeddingLoadRequest) -> LoadProgress = request =>
                    json [EmbeddingLoadRequest]: POST "/v1/model/embedding/load", Admin, IfUnsent, load_whole;
                /// Unloads the embedding model. Requires the admin key.
                ///
                /// # Errors
                ///
                /// `no_embedding_model_loaded`: no embedding model is loaded.
                call unload() -> Empty = &UnloadEmbeddingModel =>
                    unit [UnloadEmbeddingModel]: POST "/v1/model/embedding/unload", Admin, IfUnsent, read;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

request! {
    /// Which embedding model to load, and on which device.
    ///
    /// ```
    /// use tabbyapi::api::EmbeddingLoadRequest;
    ///
    /// let request = EmbeddingLoadRequest::new("bge-small").embeddings_device("cuda");
    /// assert_eq!(request.embeddings_device.as_deref(), Some("cuda"));
    /// ```
    pub struct EmbeddingLoadRequest {
        required {
            /// The directory under the server's directory of embedding models.
            embedding_model_name: String,
        }
        optional {
            /// The device: `cpu` (default), `auto`, or one of torch's, such as `cuda`.
            embeddings_device: String as impl Into<String>,
        }
    }
}

impl EmbeddingLoadRequest {
    /// Creates a request to load this directory.
    pub fn new(embedding_model_name: impl Into<String>) -> Self {
        EmbeddingLoadRequest::blank(embedding_model_name.into())
    }
}
