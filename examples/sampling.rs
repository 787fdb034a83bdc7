//! Sampling: presets, overrides for all clients of a server, and invalid overrides.
//!
//! `cargo run --example sampling`. With a real server (`TABBY_URL`), it changes settings of all its clients.

mod support;

use tabbyapi::api::{Overrides, SamplingParams};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _server) = support::connect()?;

    let overrides = Overrides::new()
        .fallback(SamplingParams::new().temperature(0.8))
        .force(SamplingParams::new().top_p(0.9))
        .append(SamplingParams::new().stop(["User:"]));
    client.sampling().set_overrides(&overrides).await?;
    let list = client.sampling().overrides().await?;
    println!("presets: {:?}", list.presets);
    for (field, entry) in list.overrides.iter() {
        println!("{field}: {} (force {:?}, additive {:?})", entry.value, entry.force, entry.additive);
    }
    if let Err(error) = client.sampling().switch_preset("no-such-preset").await {
        println!("{}: {error}", error.code());
    }
    client.sampling().unload().await?;

    // Finds everything that the server would reject, before the request is sent.
    if let Err(faults) = SamplingParams::new().temperature(11.0).min_tokens(9).max_tokens(8).validate() {
        for fault in &*faults {
            println!("{fault} ({:?})", fault.effect);
        }
    }
    Ok(())
}
