//! What the loaded model works with: LoRAs, its chat template, sampler overrides.
//!
//! `cargo run --example loras_templates_sampling`. Against a real server (`TABBY_URL`) it changes settings that all of its
//! clients share.

mod support;

use tabbyapi::api::{LoraLoad, LoraLoadRequest, Overrides, Sampling};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _server) = support::connect()?;

    // Current servers load no LoRA, which is told in the answer and is no error.
    let loras = client.loras().list().await?;
    let wanted = loras.data.iter().map(|card| LoraLoad::new(card.id.as_str()).scaling(0.5));
    let report = client.loras().load(&LoraLoadRequest::new(wanted)).await?;
    println!("LoRAs: {:?} loaded, {:?} failed", report.success, report.failure);

    let templates = client.templates().list().await?;
    println!("templates: {:?}", templates.data);
    if let Some(name) = templates.data.first() {
        client.templates().switch(name.as_str()).await?;
    }
    if let Err(error) = client.templates().switch("no-such-template").await {
        println!("{}: {error}", error.code());
    }

    let overrides = Overrides::new()
        .fallback(Sampling::new().temperature(0.8))
        .force(Sampling::new().top_p(0.9))
        .append(Sampling::new().stop(["User:"]));
    client.sampling().set_overrides(&overrides).await?;
    let list = client.sampling().overrides().await?;
    println!("presets: {:?}", list.presets);
    for (field, entry) in list.overrides.iter() {
        println!("{field}: {} (force {:?}, additive {:?})", entry.value, entry.force, entry.additive);
    }
    client.sampling().unload().await?;

    // All that a server would not take, before it is asked.
    if let Err(faults) = Sampling::new().temperature(11.0).min_tokens(9).max_tokens(8).validate() {
        for fault in &*faults {
            println!("{fault} ({:?})", fault.effect);
        }
    }
    Ok(())
}
