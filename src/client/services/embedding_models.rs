//! Embedding models.

use crate::api::{
    CurrentEmbeddingModel, EmbeddingLoadRequest, ListEmbeddingModels, ListEmbeddingModelsAsApiKey, LoadProgress,
    ModelCard, ModelList, UnloadEmbeddingModel,
};
use crate::client::answer::Calling;
use crate::client::client::Client;
use crate::decode::{Empty, Json};

/// Embedding models: `client.embedding_models()`. One can be loaded beside the model that generates.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingModels<'a> {
    pub(crate) client: &'a Client,
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
