//! Chat templates: what there is, switching, what chat says without one.
//!
//! `cargo run --example templates`. Against a real server (`TABBY_URL`) it changes the template for all of its clients. At the end
//! the template is the one from before, if the server lists it; a model's own template comes back when the model is loaded again.

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
