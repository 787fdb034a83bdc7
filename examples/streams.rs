//! Streams: multiplexed, paused, ended at a budget, continued; a hedged read.
//!
//! `cargo run --example streams`

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use tabbyapi::api::{ChatMessage, ChatRequest, CurrentModel};
use tabbyapi::errors::ErrorLog;
use tabbyapi::flow::{Budget, Mux, MuxEvent, Pausable};
use tabbyapi_emulator::Script;

fn ask(question: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(question)]).max_tokens(200)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, server) = support::connect()?;

    // A read that starts a second call if the first one is late.
    let model = client.hedged(&CurrentModel, Duration::from_millis(500)).await?;
    println!("{} is loaded", model.id);

    // Three concurrent responses, whose items are interleaved.
    let mut mux = Mux::new();
    for river in ["Rhine", "Elbe", "Oder"] {
        mux.add(river, Pausable::new(client.chat().stream(&ask(&format!("Where does the {river} rise?")))));
    }
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    while let Some((river, event)) = mux.next().await {
        match event {
            MuxEvent::Item(chunk) => texts.entry(river).or_default().push_str(chunk?.text()),
            MuxEvent::End(stream) => println!("{river}: {:?}", stream.get_ref().outcome()),
            _ => {}
        }
    }
    println!("{texts:#?}");

    // Limited to a number of tokens and to a time.
    let budget = Budget::new().tokens(5).time(Duration::from_secs(20));
    let (answer, ended) = client.chat().stream(&ask("Tell me a long story.")).limited(budget).finish().await?;
    println!("{} … ({ended:?})", answer.text());

    // A response that breaks off is continued. A directive makes the emulated server break it off.
    if let Some(server) = &server {
        server.script(Script::new().tokens(["Half", " of", " it"]).cut_after(2));
        server.script(Script::new().reply(" and the rest."));
    }
    let log = ErrorLog::new(100);
    let request = ask("Say something.");
    match client.chat().stream(&request).finish().await {
        Ok(answer) => println!("{}", answer.text()),
        Err(broken) => {
            let print = log.note(&broken.error, client.clock().now());
            println!("{:?} after `{}`: error {print}", broken.outcome, broken.partial.text());
            let continuation = broken.continuation(&request)?;
            let rest = client.chat().stream(continuation.request()).finish().await?;
            println!("{}", continuation.join(rest.into_inner()).text());
        }
    }
    println!("{}", serde_json::to_string_pretty(&log.snapshot())?);
    Ok(())
}
