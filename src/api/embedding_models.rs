//! The routes of embedding models: what there is, what is loaded, loading and unloading.

use crate::api::fields::{plain, posts, request};
use crate::api::models::{LoadProgress, ModelCard, ModelList};
use crate::decode::Empty;

request! {
    /// Which embedding model to load, and where.
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
    /// Loads this directory.
    pub fn new(embedding_model_name: impl Into<String>) -> Self {
        EmbeddingLoadRequest::blank(embedding_model_name.into())
    }
}

// No head comes before the model is loaded, which `Pace::LOAD` would not wait for.
posts!(EmbeddingLoadRequest: "/v1/model/embedding/load", Admin, IfUnsent, LoadProgress, load_whole);

plain! {
    /// The operation of [`EmbeddingModels::list`](crate::services::EmbeddingModels::list).
    ListEmbeddingModels: GET "/v1/model/embedding/list", List, Safe, ModelList, read
}

plain! {
    /// The operation of [`EmbeddingModels::list_as_api_key`](crate::services::EmbeddingModels::list_as_api_key).
    ListEmbeddingModelsAsApiKey: GET "/v1/model/embedding/list", Api, Safe, ModelList, read
}

plain! {
    /// The operation of [`EmbeddingModels::current`](crate::services::EmbeddingModels::current).
    CurrentEmbeddingModel: GET "/v1/model/embedding", Api, Safe, ModelCard, read
}

plain! {
    /// The operation of [`EmbeddingModels::unload`](crate::services::EmbeddingModels::unload).
    UnloadEmbeddingModel: POST "/v1/model/embedding/unload", Admin, IfUnsent, Empty, read
}
