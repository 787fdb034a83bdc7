//! Concurrent requests: generations, embeddings of many texts, and a file of requests that can be interrupted and resumed.
//!
//! `cargo run --example batch`

mod support;

use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::batch::jsonl::{Journal, Plan, Rerun, ResultLine};
use tabbyapi::batch::{PartJournal, PartRecord};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _server) = support::connect()?;

    // Four at a time, in the order of the questions.
    let questions =
        (1..=10).map(|n| ChatRequest::new([ChatMessage::user(format!("What is {n} squared?"))]).max_tokens(20));
    let mut batch = client.batch(questions).concurrency(4).ordered();
    while let Some(done) = batch.next().await {
        let progress = batch.progress();
        match done.result {
            Ok(answer) => println!("{} of {:?}: {}", progress.finished, progress.total, answer.text()),
            Err(error) => println!("{} of {:?}: {error}", progress.finished, progress.total),
        }
    }

    // One vector per text, over as many requests as needed.
    let vectors = client.embeddings().many((0..100).map(|n| format!("text {n}"))).per_request(16).await?;
    println!("{} vectors of {} numbers", vectors.data.len(), vectors.dimension());

    // The same in recorded parts. The second run requests only the texts without a record.
    let texts: Vec<String> = (0..100).map(|n| format!("text {n}")).collect();
    let mut records = String::new();
    for requests in [3, usize::MAX] {
        let mut journal = PartJournal::new();
        journal.feed(records.as_bytes());
        journal.end();
        let mut parts = client.embeddings().many(&texts).per_request(16).resume(journal).parts();
        let before = parts.progress().0;
        for _ in 0..requests {
            let Some(part) = parts.next().await else { break };
            match PartRecord::of(&part) {
                Some(record) => records += &record.to_line(),
                None => println!("{part:?}"),
            }
        }
        println!("{before} texts had vectors before, {:?} have them now", parts.progress());
    }

    // Lines of requests. Here the file is a string. The second run starts with the results of an interrupted one.
    let input: Vec<String> = (0..5)
        .map(|n| {
            let body = serde_json::json!({"messages": [{"role": "user", "content": format!("line {n}")}], "max_tokens": 9});
            let line = serde_json::json!({"custom_id": n.to_string(), "method": "POST", "url": "/v1/chat/completions", "body": body});
            line.to_string()
        })
        .collect();
    let mut results = String::new();
    for keep in [0, 700] {
        results.truncate(keep);
        let mut journal = Journal::new();
        journal.feed(results.as_bytes());
        journal.end();
        println!("{journal:?}");
        results.truncate(usize::try_from(journal.whole_bytes())?);
        results += journal.glue();
        let mut batch = client.batch(Plan::new(input.iter(), journal, Rerun::Never));
        while let Some(done) = batch.next().await {
            results += &ResultLine::of(&done).to_line();
        }
        println!("{} results, {} of them new", results.lines().count(), batch.progress().finished);
    }
    Ok(())
}
