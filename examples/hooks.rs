//! Hooks: one that logs every call, one that redacts requests and restores responses.
//!
//! `cargo run --example hooks`

mod support;

use tabbyapi::api::{ChatChunk, ChatMessage, ChatRequest};
use tabbyapi::call::Attempt;
use tabbyapi::hooks::{self, Hook, View};
use tabbyapi::{Error, Options, Result};
use tabbyapi_emulator::Script;

/// Logs calls.
#[derive(Clone)]
struct Log;

impl Hook for Log {
    fn attempt(&mut self, call: &View<'_>, attempt: &Attempt, _: Option<&Error>) -> Result<()> {
        let status = attempt.status.map_or("no answer".to_owned(), |status| status.to_string());
        println!("[log] {} {}{}: {status}", call.method, attempt.base, call.path);
        Ok(())
    }

    fn outcome(&mut self, call: &View<'_>, error: Option<&mut Error>) -> Result<()> {
        let word = error.map_or("done".to_owned(), |error| error.code().to_string());
        let record = call.record;
        println!("[log] {word} after {:?}, {} items", record.elapsed().unwrap_or_default(), record.items);
        Ok(())
    }
}

/// Hides a name from the server, and restores it in the response.
fn pseudonym(name: &'static str, stand_in: &'static str) -> Options {
    let out = hooks::on_request(move |_, request| {
        request.edit(|body| {
            for message in body.get_mut("messages").and_then(|messages| messages.as_array_mut()).into_iter().flatten() {
                if let Some(text) = message["content"].as_str() {
                    message["content"] = text.replace(name, stand_in).into();
                }
            }
        })
    });
    // A name that is split between two chunks would be missed. This one is a single token.
    let back = hooks::on_item(move |_, chunk: &mut ChatChunk| {
        for choice in chunk.choices.iter_mut() {
            choice.delta.content = choice.delta.content.take().map(|text| text.replace(stand_in, name).into());
        }
        Ok(())
    });
    Options::new().hook(out).hook(back)
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (client, server) = support::connect()?;
    if let Some(server) = &server {
        server.script(Script::new().reply("Dear X, thank you for your letter."));
    }
    let client = client.with(Options::new().hook(Log)).with(pseudonym("Ada", "X"));

    let request = ChatRequest::new([ChatMessage::user("Begin a letter to Ada.")]).max_tokens(40);
    let answer = client.chat().stream(&request).finish().await?;
    println!("{}", answer.text());
    Ok(())
}
