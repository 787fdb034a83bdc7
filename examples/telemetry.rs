//! Telemetry: calls as spans of `tracing`, printed as they close.
//!
//! `cargo run --example telemetry --features tracing`
//!
//! With the feature `opentelemetry` in place of it, `telemetry::OpenTelemetry` goes where `Tracing` stands here, and exports
//! through the SDK that the program has set up.

mod support;

use tabbyapi::Options;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::telemetry::Tracing;
use tracing_subscriber::fmt::format::FmtSpan;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_span_events(FmtSpan::CLOSE).init();
    let (client, _server) = support::connect()?;
    let client = client.with(Options::new().hook(Tracing::new()));

    let request = ChatRequest::new([ChatMessage::user("Name three rivers.")]).max_tokens(60).temperature(0.7);
    let answer = client.chat().stream(&request).finish().await?;
    println!("{} bytes of an answer that no span tells", answer.text().len());

    // A stream that is dropped before its end is told as cancelled.
    let mut stream = client.chat().stream(&request);
    stream.next().await;
    drop(stream);
    Ok(())
}
