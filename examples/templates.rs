//! Chat templates: list, switch, and the error of a chat without one.
//!
//! `cargo run --example templates`. With a real server (`TABBY_URL`), it changes the template for all its clients. At the end,
//! the original template is restored, if the server lists it. A model's own template is restored when the model is loaded again.

mod support;

use tabbyapi::api::{ChatMessage, ChatRequest};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _server) = support::connect()?;
    let templates = client.templates();

    let list = templates.list().await?;
    println!("templates: {:?}", list.data);
    let card = client.models().current().await?;
    let before = card.parameters.as_ref().and_then(|parameters| parameters.prompt_template.as_deref());
    println!("before: {}", before.unwrap_or("none"));
    let known = list.data.iter().find(|name| Some(name.as_str()) == before);
    let Some(name) = known.or(list.data.first()) else {
        println!("no template is available, so the model keeps its own");
        return Ok(());
    };
    if let Err(error) = templates.switch("no-such-template").await {
        println!("{}: {error}", error.code());
    }

    let request = ChatRequest::new([ChatMessage::user("Are you there?")]).max_tokens(50);
    templates.unload().await?;
    if let Err(error) = client.chat().create(&request).await {
        println!("{}: {error}", error.code());
    }
    templates.switch(name.as_str()).await?;
    println!("with {name}: {}", client.chat().create(&request).await?.text());
    Ok(())
}
