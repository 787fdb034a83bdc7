//! Health and keys: waiting for a server that is starting, its description, the permission of the key.
//!
//! `cargo run --example health`

mod support;

use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _server) = support::connect()?;

    // Ready is more than healthy: a model is loaded.
    let model = client.health().wait_until_ready(Duration::from_secs(60)).await?;
    println!("ready with {}", model.id);

    // Unhealthy is a response, not an error. The server may still serve requests.
    let health = client.health().check().await?;
    println!("{}, {} issues", health.status, health.issues.len());
    for issue in &health.issues {
        println!("  {} {}", issue.time, issue.description);
    }
    println!("{}", client.health().service_info().await?.software.name);
    println!("this key's permission: {}", client.auth().permission().await?.permission);
    Ok(())
}
