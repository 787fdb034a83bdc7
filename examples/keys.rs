//! Keys that are not fixed: from the environment, else from a file like the server's own, which changes while the program runs.
//!
//! `cargo run --example keys`, or with `TABBY_API_KEY` set to the emulator's or your server's key.

use std::fs;

use tabbyapi::Client;
use tabbyapi::auth::{Chain, Environment, KeyFile};
use tabbyapi_emulator::Emulator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Emulator::builder().start()?;
    let path = std::env::temp_dir().join(format!("tabbyapi-example-{}.yml", std::process::id()));
    fs::write(&path, "api_key: the-key-of-yesterday\n")?;

    let keys = Chain::new().then(Environment::new()).then(KeyFile::tokens(&path));
    let client = Client::builder(server.url()).key_source(keys).build()?;

    // The server refuses this key. The source is asked for another one, has none, and so the refusal is the error.
    let refused = client.auth().permission().await;
    println!("with yesterday's key: {}", refused.err().map_or("welcome".to_owned(), |error| error.to_string()));

    // Someone puts the new key there.
    fs::write(&path, format!("api_key: {}\nadmin_key: {}\n", server.api_key(), server.admin_key()))?;
    let permission = client.auth().permission().await?;
    println!("with today's: {}, after {} refresh", permission.permission, permission.record().key_refreshes);
    println!("models: {}", client.models().list().await?.data.len());

    fs::remove_file(&path)?;
    Ok(())
}
