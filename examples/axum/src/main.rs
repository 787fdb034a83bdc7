//! Runs the service: `cargo run -p tabbyapi-example-axum`, and then
//!
//! ```sh
//! curl -N http://127.0.0.1:3000/chat -H 'x-user: ada' -H 'content-type: application/json' \
//!     -d '{"messages": [{"role": "user", "content": "Name three rivers."}]}'
//! ```
//!
//! `TABBY_URL` and `TABBY_API_KEY` name the server; without them it starts an emulated one. `PORT` is 3000 unless it is set.

use std::env;

use tabbyapi::Client;
use tabbyapi::policy::Concurrency;
use tabbyapi::telemetry::Tracing;
use tabbyapi_emulator::Emulator;
use tabbyapi_example_axum::{Users, routes};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let (url, key, _emulator) = match env::var("TABBY_URL") {
        Ok(url) => (url, env::var("TABBY_API_KEY").unwrap_or_default(), None),
        Err(_) => {
            let emulator = Emulator::builder().start()?;
            (emulator.url(), emulator.api_key().to_owned(), Some(emulator))
        }
    };
    // For all users together: a number of concurrent generations, and a bounded queue for further ones.
    let client = Client::builder(url.as_str())
        .api_key(key)
        .concurrency(Concurrency::new(8).waiting(32))
        .hook(Tracing::new())
        .build()?;

    let port = env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(3000);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}/chat, in front of {url}", listener.local_addr()?);
    axum::serve(listener, routes(client, Users::new(2))).await?;
    Ok(())
}
