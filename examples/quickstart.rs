//! The first five minutes: health, models, a load with a progress bar, a streamed chat.
//!
//! `cargo run --example quickstart` starts an emulated server in this process. To use your own server:
//!
//! ```sh
//! TABBY_URL=http://127.0.0.1:5000 TABBY_API_KEY=… TABBY_ADMIN_KEY=… cargo run --example quickstart
//! ```
//!
//! `TABBY_MODEL` is the model to load; by default, the loaded model, or else the first one of the list.

use std::env;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tabbyapi::Client;
use tabbyapi::api::{ChatMessage, ChatRequest, LoadRequest};
use tabbyapi_emulator::{Emulator, ModelSpec};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let (client, _emulator) = connect()?;
    println!("server   {}", client.base_url());

    let health = client.health().check().await?;
    println!("health   {} ({} issues)", health.status, health.issues.len());

    let models = client.models().list().await?;
    let names: Vec<_> = models.data.iter().map(|model| model.id.as_str()).collect();
    println!("models   {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") });

    load(&client, &names).await?;
    chat(&client).await
}

/// The server of the environment, or an emulated one that lives as long as the returned value.
fn connect() -> Result<(Client, Option<Emulator>), Box<dyn Error>> {
    let variable = |name| env::var(name).unwrap_or_default();
    if let Ok(url) = env::var("TABBY_URL") {
        let client = Client::builder(url.as_str())
            .api_key(variable("TABBY_API_KEY"))
            .admin_key(variable("TABBY_ADMIN_KEY"))
            .build()?;
        return Ok((client, None));
    }
    println!("TABBY_URL is not set: starting an emulated server, which echoes prompts");
    let emulator = Emulator::builder()
        .model(ModelSpec::new("alpha-7B-exl3").modules(40))
        .no_model_loaded()
        .load_delay(Duration::from_millis(25))
        .token_delay(Duration::from_millis(40))
        .start()?;
    let client = Client::builder(emulator.url()).api_key(emulator.api_key()).admin_key(emulator.admin_key()).build()?;
    Ok((client, Some(emulator)))
}

/// Loads a model and shows the progress.
async fn load(client: &Client, names: &[&str]) -> Result<(), Box<dyn Error>> {
    let current = match client.models().current().await {
        Ok(card) => Some(card.id.to_string()),
        Err(error) if error.code() == "no_model_loaded" => None,
        Err(error) => return Err(error.into()),
    };
    let wanted = env::var("TABBY_MODEL").ok().or(current).or_else(|| Some(names.first()?.to_string()));
    let name = wanted.ok_or("the server has no model to load; put one into its model directory")?;

    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template("loading  {msg} [{bar:40}] {pos}/{len}")?);
    let mut load = client.models().load(&LoadRequest::new(&name));
    while let Some(progress) = load.next().await {
        let progress = progress?;
        bar.set_message(format!("{name} ({})", progress.model_type));
        bar.set_length(progress.modules);
        bar.set_position(progress.module);
    }
    let report = load.finish().await?;
    bar.finish_and_clear();
    if report.was_loaded_already() {
        println!("loaded   {name}, which was already loaded");
        return Ok(());
    }
    let parts: Vec<_> =
        report.parts.iter().map(|part| format!("{} modules of {}", part.modules, part.model_type)).collect();
    println!("loaded   {name}: {}", parts.join(", "));
    Ok(())
}

/// Streams a response as it arrives.
async fn chat(client: &Client) -> Result<(), Box<dyn Error>> {
    let request = ChatRequest::new([
        ChatMessage::system("You answer in one sentence."),
        ChatMessage::user("What is a sans-IO library good for?"),
    ])
    .max_tokens(200);
    let mut stream = client.chat().stream(&request);
    print!("answer   ");
    while let Some(chunk) = stream.next().await {
        print!("{}", chunk?.text());
        std::io::stdout().flush()?;
    }
    println!();

    let answer = stream.finish().await?;
    if let Some(usage) = &answer.usage {
        print!("usage    {} tokens in, {} tokens out", usage.prompt_tokens, usage.completion_tokens);
        // The server reports no rate for responses that were too fast to measure.
        let measured = answer.meta().record().elapsed().map(|time| usage.completion_tokens as f64 / time.as_secs_f64());
        let rate = usage.completion_tokens_per_sec.as_ref().and_then(|rate| rate.per_second()).or(measured);
        println!(", {:.1} tokens per second", rate.unwrap_or_default());
    }
    Ok(())
}
