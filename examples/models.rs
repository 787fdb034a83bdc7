//! Models: list, load with progress, current, reload with other parameters, unload.
//!
//! `cargo run --example models`. With a real server (`TABBY_URL`), it loads and unloads models there.

mod support;

use tabbyapi::api::LoadRequest;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _server) = support::connect()?;
    let models = client.models().list().await?;
    for model in &models.data {
        println!("{}", model.id);
    }
    let Some(first) = models.data.first() else { return Err("no model is available".into()) };

    // Unloads the current model first, so that the parameters apply even if this model is already loaded.
    let request = LoadRequest::new(first.id.as_str()).max_seq_len(2048).cache_mode("Q8");
    let mut load = client.models().reload(&request).await?;
    while let Some(progress) = load.next().await {
        let progress = progress?;
        println!("{}: {}/{} {}", progress.model_type, progress.module, progress.modules, progress.status);
    }
    // The model can be used from here on.
    let report = load.finish().await?;
    println!("loaded in {:?}", report.meta().record().elapsed().unwrap_or_default());

    let current = client.models().current().await?;
    let parameters = current.parameters.as_deref();
    println!("{} with a context of {:?} tokens", current.id, parameters.and_then(|p| p.max_seq_len));
    println!("slots: {:?}", client.models().props().await?.total_slots);

    client.models().unload().await?;
    match client.models().current().await {
        Err(error) if error.code() == "no_model_loaded" => println!("unloaded"),
        other => println!("{other:?}"),
    }
    Ok(())
}
