//! Embeddings: the embedding models, vectors of texts, and their similarity.
//!
//! `cargo run --example embeddings`. A real server (`TABBY_URL`) must have an embedding model loaded.

mod support;

use tabbyapi::api::{EmbeddingsRequest, EncodingFormat};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _server) = support::connect()?;
    for model in &client.embedding_models().list().await?.data {
        println!("{}", model.id);
    }
    println!("loaded: {}", client.embedding_models().current().await?.id);

    let texts = ["the cat sat on the mat", "a cat lay on a rug", "stock prices fell"];
    // Base64 takes a quarter of the bytes; the vectors are the same.
    let request = EmbeddingsRequest::new(texts).encoding_format(EncodingFormat::Base64);
    let answer = client.embeddings().create(&request).await?;
    println!("{} vectors of {} numbers by {}", answer.data.len(), answer.dimension(), answer.model);

    // One vector per text, in the order of the texts. The library checks this.
    let vectors = answer.into_inner().into_vectors();
    let Some((first, others)) = vectors.split_first() else { return Err("the response has no vectors".into()) };
    for (text, other) in texts[1..].iter().zip(others) {
        println!("{:.3} {text}", cosine(first, other));
    }
    Ok(())
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
