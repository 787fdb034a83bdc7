//! Without an async runtime: calls block, streams are iterators, another thread can cancel.
//!
//! `cargo run --example blocking --features blocking`

use std::io::Write;

use tabbyapi::api::{ChatMessage, ChatRequest, LoadRequest};
use tabbyapi::blocking::Client;
use tabbyapi_emulator::{Emulator, Script};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Emulator::builder().no_model_loaded().start()?;
    let client = Client::builder(server.url()).api_key(server.api_key()).admin_key(server.admin_key()).build()?;

    for model in &client.models().list()?.data {
        println!("on disk: {}", model.id);
    }
    let mut load = client.models().load(&LoadRequest::new("alpha-7B-exl3"));
    for progress in &mut load {
        println!("loading: {:3.0} %", progress?.fraction() * 100.0);
    }
    load.finish()?;

    let request = ChatRequest::new([ChatMessage::user("What do you hear?")]).max_tokens(200);
    let mut stream = client.chat().stream(&request);
    for chunk in &mut stream {
        print!("{}", chunk?.text());
        std::io::stdout().flush()?;
    }
    let answer = stream.finish()?;
    println!("\n{} tokens", answer.usage.as_ref().map_or(0, |usage| usage.completion_tokens));

    // A long stream, cancelled by another thread.
    server.script(Script::new().tokens(["And", " so", " on", " and"]).stall_after(4));
    let mut stream = client.chat().stream(&request);
    let handle = stream.cancel_handle();
    std::thread::scope(|scope| {
        for chunk in stream.by_ref().take(4) {
            print!("{}", chunk?.text());
        }
        scope.spawn(|| handle.cancel());
        let broken = stream.finish().err();
        println!(" … {:?}", broken.map(|broken| broken.outcome));
        Ok(())
    })
}
