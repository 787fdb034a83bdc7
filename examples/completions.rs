//! Text completion: several prompts in one request, then a stream with log probabilities.
//!
//! `cargo run --example completions`

mod support;

use tabbyapi::api::CompletionRequest;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _server) = support::connect()?;

    let request = CompletionRequest::new(["Once upon a time", "In the beginning"]).max_tokens(40).stop("\n");
    let completion = client.completions().create(&request).await?;
    for choice in &completion.choices {
        println!("{}: {:?} ({})", choice.index, choice.text, choice.finish_reason.as_ref().map_or("?", |r| r.as_str()));
    }

    // This server fails on streamed completions without `max_tokens`.
    let request = CompletionRequest::new("To be or not to be").max_tokens(12).logprobs(1);
    let mut stream = client.completions().stream(&request);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        for choice in &chunk.choices {
            if let Some(logprobs) = &choice.logprobs {
                println!("{:?} {:?}", choice.text, logprobs.token_logprobs);
            }
        }
    }
    let completion = stream.finish().await?;
    println!(
        "whole: {:?}, usage: {:?} tokens",
        completion.choices[0].text,
        completion.usage.as_ref().map(|u| u.total_tokens)
    );
    Ok(())
}
