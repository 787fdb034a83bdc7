//! The KoboldAI API: a streamed generation, and the other routes.
//!
//! `cargo run --example kobold`. A real server (`TABBY_URL`) must have `Kobold` in its `api_servers`; servers of 2026 fail on
//! generation.

mod support;

use tabbyapi::api::KoboldRequest;
use tabbyapi_emulator::Emulator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _server) = support::connect_or(Emulator::builder().kobold_fixed(true))?;
    let kobold = client.kobold();
    println!("{}, API {}", kobold.model().await?.result, kobold.version().await?.result);
    println!("a context of {:?} tokens", kobold.max_context_length().await?.value);
    println!("{} tokens", kobold.count_tokens("Once upon a time").await?.value);

    // The key identifies the generation for `abort` and `check`.
    let request = KoboldRequest::new("Once upon a time").genkey("tale").max_tokens(20);
    let mut stream = kobold.stream(&request);
    while let Some(piece) = stream.next().await {
        print!("{}", piece?.token);
    }
    println!("\n{:?}", stream.outcome());
    Ok(())
}
