//! Tokens: of a text, of a conversation, back to text, and counts.
//!
//! `cargo run --example tokens`

mod support;

use tabbyapi::api::{ChatMessage, DecodeRequest, EncodeRequest};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _server) = support::connect()?;
    let tokens = client.tokens();

    let encoded = tokens.encode(&EncodeRequest::new("Once upon a time").add_bos_token(false)).await?;
    println!("{} tokens: {:?}", encoded.length, encoded.tokens);

    let decoded = tokens.decode(&DecodeRequest::new(encoded.into_inner().tokens)).await?;
    println!("back again: {:?}", decoded.text);

    // A conversation, as formatted by the chat template.
    let chat = [ChatMessage::system("Be brief."), ChatMessage::user("Who are you?")];
    println!("the conversation has {} tokens", tokens.count(&EncodeRequest::new(chat)).await?.length);

    let context = client.models().props().await?.context_size();
    println!("the context has room for {context:?}");
    Ok(())
}
