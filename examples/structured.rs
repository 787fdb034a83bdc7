//! Structured output: a response as a value of a type.
//!
//! `cargo run --example structured --features schemars`

mod support;

use schemars::JsonSchema;
use serde::Deserialize;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::structured::StructuredError;
use tabbyapi_emulator::Script;

#[derive(Debug, Deserialize, JsonSchema)]
struct City {
    /// Its name in English.
    name: String,
    people: u64,
    rivers: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, server) = support::connect()?;
    let request = ChatRequest::new([ChatMessage::user("Tell me about the capital of Norway.")]).max_tokens(300);
    if let Some(server) = &server {
        server.script(Script::new().reply(r#"{"name": "Oslo", "people": 717710, "rivers": ["Akerselva", "Alna"]}"#));
    }
    let city = client.chat().response_as::<City>(&request).await?;
    println!("{} has {} people and {} rivers", city.value.name, city.value.people, city.value.rivers.len());
    println!("raw: {}", city.raw);

    // The error has the text if the response is cut off or does not match the schema.
    if let Some(server) = &server {
        server.script(Script::new().reply(r#"{"name": "Oslo", "people": 717710, "rivers": []}"#));
    }
    match client.chat().response_as::<City>(&request.max_tokens(6)).await {
        Ok(city) => println!("{:?}", city.value),
        Err(StructuredError::Unparsed(unparsed)) => println!("{unparsed}\nraw: {}", unparsed.raw),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
