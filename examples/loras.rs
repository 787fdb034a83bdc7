//! LoRAs: list, load with a scaling, active, unload.
//!
//! `cargo run --example loras`. With a real server (`TABBY_URL`), it loads and unloads LoRAs there.

mod support;

use tabbyapi::api::{LoraLoad, LoraLoadRequest};
use tabbyapi_emulator::Emulator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Works on servers of 2025. Current servers do not load LoRAs, and report this in the response instead of an error.
    let (client, _server) = support::connect_or(Emulator::builder().loras_work(true))?;
    let loras = client.loras();

    let list = loras.list().await?;
    if list.data.is_empty() {
        return Err("no LoRA is available".into());
    }
    let wanted = list.data.iter().map(|card| LoraLoad::new(card.id.as_str()).scaling(0.5));
    let report = loras.load(&LoraLoadRequest::new(wanted)).await?;
    println!("{:?} loaded, {:?} failed", report.success, report.failure);
    for card in &loras.active().await?.data {
        println!("{} works with a scaling of {:?}", card.id, card.scaling);
    }
    loras.unload().await?;
    println!("{} active", loras.active().await?.data.len());
    Ok(())
}
