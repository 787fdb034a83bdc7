//! Chat templates: what there is, switching, what chat says without one.
//!
//! `cargo run --example templates`. Against a real server (`TABBY_URL`) it changes the template for all of its clients.

mod support;

use tabbyapi::api::{ChatMessage, ChatRequest};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _server) = support::connect()?;
    let templates = client.templates();

    let list = templates.list().await?;
    println!("templates: {:?}", list.data);
    let Some(first) = list.data.first() else { return Err("there is no template".into()) };
    if let Err(error) = templates.switch("no-such-template").await {
        println!("{}: {error}", error.code());
    }

    let request = ChatRequest::new([ChatMessage::user("Are you there?")]).max_tokens(50);
    templates.unload().await?;
    if let Err(error) = client.chat().create(&request).await {
        println!("{}: {error}", error.code());
    }
    templates.switch(first.as_str()).await?;
    println!("with {first}: {}", client.chat().create(&request).await?.text());
    Ok(())
}
