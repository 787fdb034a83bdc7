//! Vectors of texts.

use crate::api::{Embeddings, EmbeddingsRequest};
use crate::client::answer::{Answer, Calling};
use crate::client::client::Client;
use crate::decode::Json;

/// Vectors of texts: `client.embeddings()`. An embedding model must be loaded, by the server's configuration or by
/// [`client.embedding_models()`](Client::embedding_models).
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingsService<'a> {
    pub(crate) client: &'a Client,
}

impl Client {
    /// Vectors of texts.
    ///
    /// `cargo run --example embeddings` shows it at work, against an emulated server.
    pub fn embeddings(&self) -> EmbeddingsService<'_> {
        EmbeddingsService { client: self }
    }
}

impl EmbeddingsService<'_> {
    pub(crate) fn client(&self) -> &Client {
        self.client
    }

    /// One vector per text, in the order of the texts. Errors with code `no_embedding_model_loaded` if there is no model for it.
    ///
    /// An answer that has not one vector for each text, or whose vectors differ in dimension, is an error of kind
    /// [`Decode`](crate::ErrorKind::Decode).
    pub fn create(&self, request: &EmbeddingsRequest) -> Calling<Json<Embeddings>> {
        self.client.call(request)
    }
}

impl Answer<Embeddings> {
    /// The vectors alone, in the order of the texts: [`Embeddings::into_vectors`].
    pub fn into_vectors(self) -> Vec<Vec<f32>> {
        self.into_value().into_vectors()
    }
}
