//! Tokens: from text and back, counted and estimated.

use serde_json::json;
use tabbyapi::Client;
use tabbyapi::api::{ChatMessage, DecodeRequest, EncodeInput, EncodeRequest};
use tabbyapi::estimate::Estimator;

use super::text;
use crate::args::{TextArgs, Tokens};
use crate::failure::Failure;
use crate::output::Output;

pub async fn tokens(client: &Client, what: &Tokens, output: &Output) -> Result<(), Failure> {
    match what {
        Tokens::Encode(what) => {
            let encoded = client.tokens().encode(&request(what).await?).await?.into_inner();
            output.print(&encoded, |encoded| encoded.tokens.iter().map(u32::to_string).collect::<Vec<_>>().join(" "))
        }
        Tokens::Decode { tokens } => {
            let decoded = client.tokens().decode(&DecodeRequest::new(tokens.clone())).await?.into_inner();
            match output.is_json() {
                true => output.print(&decoded, |_| String::new()),
                // Unchanged, for files and pipes.
                false => output.line().piece(&decoded.text),
            }
        }
        Tokens::Count(what) => {
            let count = client.tokens().count(&request(what).await?).await?.into_inner();
            output.print(&count, |count| count.length.to_string())
        }
        Tokens::Estimate(what) => estimate(what, output).await,
    }
}

/// Needs no server.
pub async fn estimate(what: &TextArgs, output: &Output) -> Result<(), Failure> {
    let estimator = Estimator::new();
    let estimate = match input(what).await? {
        EncodeInput::Messages(messages) => estimator.messages(&messages),
        EncodeInput::Text(text) => estimator.text(&text),
        _ => return Err(Failure::Usage("it can neither be read as text nor as messages".to_owned())),
    };
    let json = json!({"tokens": estimate.tokens, "low": estimate.low, "high": estimate.high});
    output.print(&json, |_| format!("about {} tokens, {} to {}", estimate.tokens, estimate.low, estimate.high))
}

async fn request(what: &TextArgs) -> Result<EncodeRequest, Failure> {
    let request = EncodeRequest::new(input(what).await?);
    Ok(if what.no_bos { request.add_bos_token(false) } else { request })
}

async fn input(what: &TextArgs) -> Result<EncodeInput, Failure> {
    let text = text(&what.text).await?;
    if !what.messages {
        return Ok(text.into());
    }
    let messages: Vec<ChatMessage> = serde_json::from_str(&text).map_err(|error| {
        Failure::Usage(format!(
            "this is not a JSON list of messages: {error}; write [{{\"role\": \"user\", \"content\": \"Hi\"}}]"
        ))
    })?;
    Ok(messages.into())
}
