//! Keys: their permissions, the models that each of them sees, a wrong key, and a key source.
//!
//! `cargo run --example auth`. It starts its own emulated server, since it needs both keys of a server.

use tabbyapi::Client;
use tabbyapi::auth::Credential;
use tabbyapi_emulator::Emulator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Emulator::builder().start()?;
    let builder = || Client::builder(server.url());

    let user = builder().api_key(server.api_key()).build()?;
    let admin = builder().admin_key(server.admin_key()).build()?;
    for (name, client) in [("API key", &user), ("admin key", &admin)] {
        let permission = client.auth().permission().await?.into_inner().permission;
        println!("{name}: {permission}, sees {} models", client.models().list().await?.data.len());
    }

    // With both keys, each request carries the one that it needs. Lists can be requested with either key.
    let both = builder().api_key(server.api_key()).admin_key(server.admin_key()).build()?;
    println!("as admin: {} models", both.models().list().await?.data.len());
    println!(
        "as user: {} models",
        both.with(tabbyapi::Options::new().prefer_admin_key(false)).models().list().await?.data.len()
    );

    if let Err(error) = builder().api_key("mistyped").build()?.auth().permission().await {
        println!("{}: {error}", error.code());
    }
    if let Err(error) = user.models().unload().await {
        println!("{}: {error}", error.code());
    }

    // A vault, a file or a login: called once, and again when the server rejects the key.
    let key = server.api_key().to_owned();
    let client = builder()
        .key_source(move |_scope, _rejected| {
            let credential = Credential::bearer(&key);
            async move { Ok(Some(credential?)) }
        })
        .build()?;
    println!("from a source: {}", client.auth().permission().await?.permission);
    Ok(())
}
