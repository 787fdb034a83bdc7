//! Embedding models: list, current, load, unload.
//!
//! `cargo run --example embedding_models`. With a real server (`TABBY_URL`), it loads and unloads models there.

mod support;

use tabbyapi::api::{EmbeddingLoadRequest, EmbeddingsRequest};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _server) = support::connect()?;
    let models = client.embedding_models();

    let list = models.list().await?;
    for model in &list.data {
        println!("{}", model.id);
    }
    let Some(first) = list.data.first() else { return Err("no embedding model is available".into()) };

    // A loaded model must be unloaded before another one, or the same one again, is loaded.
    match models.unload().await {
        Ok(_) => println!("unloaded the loaded model"),
        Err(error) if error.code() == "no_embedding_model_loaded" => println!("none was loaded"),
        Err(error) => return Err(error.into()),
    }
    if let Err(error) = client.embeddings().create(&EmbeddingsRequest::new("hello")).await {
        println!("{}: {error}", error.code());
    }
    let loaded = models.load(&EmbeddingLoadRequest::new(first.id.as_str()).embeddings_device("cpu")).await?;
    println!("{}: {}", loaded.model_type, loaded.status);
    println!("loaded: {}", models.current().await?.id);
    Ok(())
}
