//! The routes of embedding models: what there is, what is loaded, loading and unloading.

use super::fields::{plain, posts, request};
use super::{LoadProgress, ModelCard, ModelList};
use crate::decode::{Empty, Json};
use crate::{Calling, Client};

/// Embedding models: `client.embedding_models()`. One can be loaded beside the model that generates.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingModels<'a> {
    client: &'a Client,
}

impl Client {
    /// What embedding models there are, what is loaded, loading and unloading.
    ///
    /// `cargo run --example embedding_models` shows it at work, against an emulated server.
    pub fn embedding_models(&self) -> EmbeddingModels<'_> {
        EmbeddingModels { client: self }
    }
}

impl EmbeddingModels<'_> {
    /// The embedding models that can be loaded. It is asked with the admin key if there is one, since with an API key the
    /// server shows the loaded one alone.
    pub fn list(&self) -> Calling<Json<ModelList>> {
        self.client.call(&ListEmbeddingModels)
    }

    /// The list as an API key sees it: the loaded embedding model, or nothing. With an admin key alone it is the whole list.
    pub fn list_as_api_key(&self) -> Calling<Json<ModelList>> {
        self.client.call(&ListEmbeddingModelsAsApiKey)
    }

    /// The loaded embedding model. Errors with code `no_embedding_model_loaded` if there is none.
    pub fn current(&self) -> Calling<Json<ModelCard>> {
        self.client.call(&CurrentEmbeddingModel)
    }

    /// Loads an embedding model; needs the admin key. Other than with [`Models::load`](super::Models::load) there are no
    /// events: the one answer comes when it is loaded, which may take up to 10 minutes by default.
    ///
    /// Errors have the codes `already_loaded` (this one; unload it first), `unknown_model`, `nothing_named`, or
    /// `bad_request` if the directory holds no embedding model.
    pub fn load(&self, request: &EmbeddingLoadRequest) -> Calling<Json<LoadProgress>> {
        self.client.call(request)
    }

    /// Unloads the embedding model; needs the admin key. Errors with code `no_embedding_model_loaded` if there is none.
    pub fn unload(&self) -> Calling<Json<Empty>> {
        self.client.call(&UnloadEmbeddingModel)
    }
}

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
    /// The operation of [`EmbeddingModels::list`].
    ListEmbeddingModels: GET "/v1/model/embedding/list", List, Safe, ModelList, read
}

plain! {
    /// The operation of [`EmbeddingModels::list_as_api_key`].
    ListEmbeddingModelsAsApiKey: GET "/v1/model/embedding/list", Api, Safe, ModelList, read
}

plain! {
    /// The operation of [`EmbeddingModels::current`].
    CurrentEmbeddingModel: GET "/v1/model/embedding", Api, Safe, ModelCard, read
}

plain! {
    /// The operation of [`EmbeddingModels::unload`].
    UnloadEmbeddingModel: POST "/v1/model/embedding/unload", Admin, IfUnsent, Empty, read
}
