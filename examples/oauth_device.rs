//! Signs a user in with a device code, stores the refresh token, and uses the tokens as keys.
//!
//! ```console
//! $ OAUTH_CLIENT=my-program OAUTH_TOKEN_URL=https://login.example.org/token \
//!   OAUTH_DEVICE_URL=https://login.example.org/device/auth TABBY_URL=https://example.org/tabby \
//!   cargo run --features oauth2 --example oauth_device
//! ```
//!
//! Without these variables, it uses a scripted authorization server and a scripted TabbyAPI server.

use std::env;
use std::time::Duration;

use tabbyapi::oauth::{OAuth, Provider};
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::transport::{Reqwest, Transport};
use tabbyapi::{Client, Result, TimeoutPolicy, Timeouts};

/// The variable with the file for the refresh token, if it is set. Everyone who can read the file can sign in as the user.
const KEPT: &str = "OAUTH_REFRESH_FILE";

#[tokio::main]
async fn main() -> Result<()> {
    let (Ok(client), Ok(token_url), Ok(device_url), Ok(server)) =
        (env::var("OAUTH_CLIENT"), env::var("OAUTH_TOKEN_URL"), env::var("OAUTH_DEVICE_URL"), env::var("TABBY_URL"))
    else {
        let provider = Provider::new("my-program", "https://login.example.org/token")?
            .device_url("https://login.example.org/device/auth")?;
        return show(provider, "https://example.org/tabby", scripted()).await;
    };
    let provider = Provider::new(client, &token_url)?.device_url(&device_url)?.scope("offline_access");
    show(provider, &server, Reqwest::new(reqwest::Client::builder())?).await
}

async fn show(provider: Provider, server: &str, transport: impl Transport + Clone) -> Result<()> {
    let mut keys = OAuth::device(provider, transport.clone(), |prompt| {
        println!("Go to {} and type {}", prompt.verification_uri, prompt.user_code);
    })
    .on_tokens(|tokens| {
        if let (Ok(path), Some(token)) = (env::var(KEPT), &tokens.refresh_token)
            && let Err(error) = std::fs::write(&path, token)
        {
            eprintln!("cannot store the refresh token: {error}");
        }
    });
    if let Some(kept) = env::var(KEPT).ok().and_then(|path| std::fs::read_to_string(path).ok()) {
        keys = keys.with_refresh_token(kept.trim());
    }

    // Before the first call, whose deadline is too short for a user.
    keys.sign_in().await?;

    let client = Client::builder(server.to_owned())
        .key_source(keys)
        .timeout_policy(TimeoutPolicy::DEFAULT.read(Timeouts::READ.total(Duration::from_secs(30))))
        .build_with(transport)?;
    let model = client.models().current().await?;
    println!("signed in; the server has loaded {}", model.id);
    println!("keys replaced during the call: {}", model.meta().record().key_refreshes);
    Ok(())
}

/// A user who confirms after the first poll, and a server that has already revoked the first token.
fn scripted() -> Script {
    Script::new([
        Reply::json(
            200,
            r#"{"device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": "https://login.example.org/device",
                "expires_in": 600, "interval": 5}"#,
        ),
        Reply::json(400, r#"{"error": "authorization_pending"}"#),
        Reply::json(200, r#"{"access_token": "a1", "token_type": "Bearer", "expires_in": 300, "refresh_token": "r1"}"#),
        Reply::status(401),
        Reply::json(200, r#"{"access_token": "a2", "token_type": "Bearer", "expires_in": 300, "refresh_token": "r2"}"#),
        Reply::json(200, r#"{"id": "alpha-7B-exl3", "object": "model"}"#),
    ])
}
