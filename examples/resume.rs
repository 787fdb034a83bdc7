//! Resuming streams: a response that is cut twice and stalls once, but completes; one that cannot be resumed.
//!
//! `cargo run --example resume`

mod support;

use std::io::Write;
use std::time::Duration;

use tabbyapi::api::{ChatMessage, ChatRequest, ResponseFormat};
use tabbyapi::{Options, Resume, Timeouts};
use tabbyapi_emulator::Script;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, server) = support::connect()?;
    // A silence of a second is a stall; the default is two minutes.
    let timeouts = Timeouts::STREAM.idle(Duration::from_secs(1));
    let client = client.with(Options::new().timeouts(timeouts));

    // The emulated server follows a script: it cuts the stream, resets the connection, then stalls.
    if let Some(server) = &server {
        let words = || Script::new().tokens(["The", " Rhine", " rises", " in", " the", " Alps", "."]);
        server.script(words().cut_after(2));
        server.script(words().cut_after(1).reset());
        server.script(words().stall_after(2));
        server.script(words());
    }
    let resume = Resume::new().attempts(5).on_resume(|event| {
        eprintln!("\n[{:?} after {} items: {}]", event.action, event.items, event.error.code());
    });
    let request = ChatRequest::new([ChatMessage::user("Where does the Rhine rise?")]).max_tokens(200);
    let mut stream = client.chat().stream(&request).resume(resume.clone());
    while let Some(chunk) = stream.next().await {
        print!("{}", chunk?.text());
        std::io::stdout().flush()?;
    }
    let answer = stream.finish().await?;
    println!("\n{} items, resumed {} times:", answer.meta().record().items, answer.meta().record().resumes);
    for attempt in &answer.meta().record().attempts {
        println!(
            "  {} items from {}, then {}",
            attempt.items,
            attempt.base,
            attempt.cause.as_deref().unwrap_or("the end")
        );
    }

    // With a schema, the rest would start over in the middle of the text, so the stream is not resumed.
    if let Some(server) = &server {
        server.script(Script::new().tokens(["{", "\"city\"", ": ", "\"Oslo\"", "}"]).cut_after(2));
    }
    let request = request.response_format(ResponseFormat::json());
    match client.chat().stream(&request).resume(resume).finish().await {
        Ok(answer) => println!("{}", answer.text()),
        Err(broken) => {
            let why = broken.error.record().and_then(|record| record.not_resumed.as_deref());
            println!("{:?} after `{}`, not resumed: {}", broken.outcome, broken.partial.text(), why.unwrap_or("-"));
        }
    }
    Ok(())
}
