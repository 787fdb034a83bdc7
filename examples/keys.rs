//! Key sources: the environment, or else a file like the server's own, which changes while the program runs.
//!
//! `cargo run --example keys` uses an emulated server, or the server in `TABBY_URL` with the key in `TABBY_API_KEY`. The
//! keys of the client come from variables of this example (`EXAMPLE_API_KEY`, which takes precedence if it is set) and from a
//! file.

use std::{env, fs};

use tabbyapi::Client;
use tabbyapi::auth::{Chain, Environment, KeyFile};
use tabbyapi_emulator::Emulator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (url, key, _server) = match env::var("TABBY_URL") {
        Ok(url) => (url, env::var("TABBY_API_KEY").map_err(|_| "set TABBY_API_KEY to the server's key")?, None),
        Err(_) => {
            let server = Emulator::builder().start()?;
            (server.url(), server.api_key().to_owned(), Some(server))
        }
    };
    let path = env::temp_dir().join(format!("tabbyapi-example-{}.yml", std::process::id()));
    fs::write(&path, "api_key: the-key-of-yesterday\n")?;
    let result = run(&url, &key, &path).await;
    fs::remove_file(&path)?;
    result
}

async fn run(url: &str, key: &str, path: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    let environment = Environment::named("EXAMPLE_API_KEY", "EXAMPLE_ADMIN_KEY", "EXAMPLE_BEARER");
    let keys = Chain::new().then(environment).then(KeyFile::tokens(path));
    let client = Client::builder(url).key_source(keys).build()?;

    // The server rejects this key. The source has no other key, so the call fails.
    let refused = client.auth().permission().await;
    println!("with yesterday's key: {}", refused.err().map_or("welcome".to_owned(), |error| error.to_string()));

    // The file gets the new key.
    fs::write(path, format!("api_key: {key}\n"))?;
    let permission = client.auth().permission().await?;
    println!("with today's: {}, after {} refresh", permission.permission, permission.meta().record().key_refreshes);
    println!("models: {}", client.models().list().await?.data.len());
    Ok(())
}
