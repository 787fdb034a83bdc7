//! A method of the response of the service.

use crate::api::EmbeddingList;
use crate::client::client::Client;
use crate::client::response::Response;

impl super::Embeddings<'_> {
    pub(crate) fn client(&self) -> &Client {
        self.client
    }
}

impl Response<EmbeddingList> {
    /// Returns the vectors, in the order of the texts: [`into_vectors`](EmbeddingList::into_vectors).
    pub fn into_vectors(self) -> Vec<Vec<f32>> {
        self.into_inner().into_vectors()
    }
}
