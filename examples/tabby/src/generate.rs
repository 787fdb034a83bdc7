//! Completions, embeddings, tokens.

use std::io::Read;

use serde_json::json;
use tabbyapi::Client;
use tabbyapi::api::{ChatMessage, CompletionRequest, DecodeRequest, EmbeddingsRequest, EncodeInput, EncodeRequest};
use tabbyapi::estimate::Estimator;

use crate::args::{Complete, Embed, TextArgs, Tokens, params};
use crate::failure::Failure;
use crate::output::Output;

pub async fn complete(client: &Client, what: &Complete, output: &Output) -> Result<(), Failure> {
    let prompt = text(&what.prompt)?;
    let mut request = CompletionRequest::new(prompt.as_str()).sampling(what.sampling.sampling());
    for (name, value) in params(&what.sampling.params)? {
        request.extra.insert(name, value);
    }
    let before = if what.echo { prompt.as_str() } else { "" };
    if what.no_stream {
        let answer = client.completions().create(&request).await?;
        output.print(&*answer, |answer| format!("{before}{}", answer.text()))?;
        if what.stats {
            output.stats(answer.usage.as_ref(), answer.record().elapsed(), None);
        }
        return Ok(());
    }
    if !output.is_json() {
        output.piece(before)?;
    }
    let mut stream = client.completions().stream(&request);
    while let Some(chunk) = stream.next().await {
        // The error comes again with `finish`.
        let Ok(chunk) = chunk else { break };
        match output.is_json() {
            true => output.json_line(&chunk)?,
            false => output.piece(chunk.text())?,
        }
    }
    if !output.is_json() {
        output.piece("\n")?;
    }
    let answer = stream.finish().await?;
    if what.stats {
        output.stats(answer.usage.as_ref(), answer.record().elapsed(), answer.record().time_to_first_item());
    }
    Ok(())
}

pub async fn embed(client: &Client, what: &Embed, output: &Output) -> Result<(), Failure> {
    let texts: Vec<String> = match what.texts.as_slice() {
        [one] if one == "-" => text("-")?.lines().map(str::to_owned).collect(),
        texts => texts.to_vec(),
    };
    let answer = client.embeddings().create(&EmbeddingsRequest::new(texts.clone())).await?.into_value();
    output.print(&answer, |answer| {
        let mut lines: Vec<String> = Vec::new();
        for (embedding, text) in answer.data.iter().zip(&texts) {
            let first: Vec<_> = embedding.embedding.iter().take(4).map(|number| format!("{number:.4}")).collect();
            let start: String = text.chars().take(40).collect();
            lines.push(format!("{start}: {} numbers, {} …", embedding.embedding.len(), first.join(" ")));
        }
        for pair in answer.data.windows(2).enumerate() {
            let (n, [a, b]) = pair else { continue };
            lines.push(format!("{} and {}: cosine {:.4}", n + 1, n + 2, cosine(&a.embedding, &b.embedding)));
        }
        lines.join("\n")
    })
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

pub async fn tokens(client: &Client, what: &Tokens, output: &Output) -> Result<(), Failure> {
    match what {
        Tokens::Encode(what) => {
            let encoded = client.tokens().encode(&EncodeRequest::new(input(what)?)).await?.into_value();
            output.print(&encoded, |encoded| encoded.tokens.iter().map(u32::to_string).collect::<Vec<_>>().join(" "))
        }
        Tokens::Decode { tokens } => {
            let decoded = client.tokens().decode(&DecodeRequest::new(tokens.clone())).await?.into_value();
            output.print(&decoded, |decoded| decoded.text.clone())
        }
        Tokens::Count(what) => {
            let count = client.tokens().count(&EncodeRequest::new(input(what)?)).await?.into_value();
            output.print(&json!({"length": count.length}), |_| count.length.to_string())
        }
        Tokens::Estimate(what) => estimate(what, output),
    }
}

/// It takes no server.
pub fn estimate(what: &TextArgs, output: &Output) -> Result<(), Failure> {
    let estimator = Estimator::new();
    let estimate = match input(what)? {
        EncodeInput::Messages(messages) => estimator.messages(&messages),
        EncodeInput::Text(text) => estimator.text(&text),
        _ => return Err(Failure::Usage("it can neither be read as text nor as messages".to_owned())),
    };
    let json = json!({"tokens": estimate.tokens, "low": estimate.low, "high": estimate.high});
    output.print(&json, |_| format!("about {}, {} to {}", estimate.tokens, estimate.low, estimate.high))
}

fn input(what: &TextArgs) -> Result<EncodeInput, Failure> {
    let text = text(&what.text)?;
    if !what.messages {
        return Ok(text.into());
    }
    let messages: Vec<ChatMessage> = serde_json::from_str(&text).map_err(|error| {
        Failure::Usage(format!(
            "this is no JSON list of messages: {error}; write [{{\"role\": \"user\", \"content\": \"Hi\"}}]"
        ))
    })?;
    Ok(messages.into())
}

/// The text, or standard input for `-`.
pub fn text(text: &str) -> Result<String, Failure> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    Ok(input)
}
