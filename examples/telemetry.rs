//! Telemetry: calls as spans of `tracing`, printed as they close.
//!
//! `cargo run --example telemetry --features tracing`
//!
//! With the feature `opentelemetry` instead, use `telemetry::OpenTelemetry` in place of `Tracing`. It exports
//! through the SDK that the program has configured.

mod support;

use tabbyapi::Options;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::telemetry::Tracing;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Without the connection events of the HTTP stack.
    let ours = Targets::new().with_target("tabbyapi", tracing::Level::DEBUG);
    let printed = tracing_subscriber::fmt::layer().with_span_events(FmtSpan::CLOSE);
    tracing_subscriber::registry().with(printed).with(ours).init();
    let (client, _server) = support::connect()?;
    let client = client.with(Options::new().hook(Tracing::new()));

    let request = ChatRequest::new([ChatMessage::user("Name three rivers.")]).max_tokens(60).temperature(0.7);
    let answer = client.chat().stream(&request).finish().await?;
    println!("{} bytes in a response that is not in any span", answer.text().len());

    // A stream that is dropped before its end is reported as cancelled.
    let mut stream = client.chat().stream(&request);
    stream.next().await;
    drop(stream);
    Ok(())
}
