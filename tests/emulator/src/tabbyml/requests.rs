//! The bodies that the server reads, as the types from which its error messages come.

// Some fields are only validated.
#![allow(dead_code, reason = "the server checks fields that the emulator has no use for")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::http::{Request, Response};

/// Reads a body like the server, with its responses to invalid ones.
pub(super) fn read<T: DeserializeOwned>(request: &Request) -> Result<T, Response> {
    if !is_json(request.header("content-type").unwrap_or_default()) {
        return Err(Response::text(415, "Expected request with `Content-Type: application/json`"));
    }
    let Some(body) = &request.body else {
        return Err(Response::text(413, "Failed to buffer the request body: length limit exceeded"));
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        if error.inner().is_data() {
            Response::text(422, format!("Failed to deserialize the JSON body into the target type: {error}"))
        } else {
            Response::text(400, format!("Failed to parse the request body as JSON: {}", error.inner()))
        }
    })?;
    json.end().map_err(|error| Response::text(400, format!("Failed to parse the request body as JSON: {error}")))?;
    Ok(value)
}

/// Whether it is `application/json` or `application/…+json`, with any parameters.
fn is_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

#[derive(Deserialize)]
pub(super) struct CompletionRequest {
    pub(super) language: Option<String>,
    pub(super) segments: Option<Segments>,
    pub(super) user: Option<String>,
    pub(super) debug_options: Option<DebugOptions>,
    pub(super) temperature: Option<f32>,
    pub(super) seed: Option<u64>,
    #[serde(default = "standard")]
    pub(super) mode: String,
}

fn standard() -> String {
    "standard".to_owned()
}

#[derive(Deserialize)]
pub(super) struct Segments {
    pub(super) prefix: String,
    pub(super) suffix: Option<String>,
    filepath: Option<String>,
    git_url: Option<String>,
    declarations: Option<Vec<Declaration>>,
    relevant_snippets_from_changed_files: Option<Vec<Snippet>>,
    relevant_snippets_from_recently_opened_files: Option<Vec<Snippet>>,
    clipboard: Option<String>,
    pub(super) edit_history: Option<EditHistory>,
}

#[derive(Deserialize)]
struct Declaration {
    filepath: String,
    body: String,
}

#[derive(Deserialize)]
struct Snippet {
    filepath: String,
    body: String,
    score: f32,
}

#[derive(Deserialize)]
pub(super) struct EditHistory {
    pub(super) original_code: String,
    pub(super) edits_diff: String,
    pub(super) current_version: String,
}

#[derive(Deserialize)]
pub(super) struct DebugOptions {
    pub(super) raw_prompt: Option<String>,
    #[serde(default)]
    pub(super) return_snippets: bool,
    #[serde(default)]
    pub(super) return_prompt: bool,
    #[serde(default)]
    disable_retrieval_augmented_code_completion: bool,
}

#[derive(Deserialize)]
pub(super) struct ChatRequest {
    pub(super) messages: Vec<Message>,
    pub(super) model: String,
    pub(super) stream: Option<bool>,
    pub(super) stream_options: Option<StreamOptions>,
    pub(super) tools: Option<Vec<Tool>>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    max_tokens: Option<u32>,
    n: Option<u8>,
    seed: Option<i64>,
    frequency_penalty: Option<f32>,
    presence_penalty: Option<f32>,
    logit_bias: Option<BTreeMap<String, Value>>,
    user: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: bool,
}

#[derive(Deserialize)]
pub(super) struct Tool {
    pub(super) function: Function,
}

#[derive(Deserialize)]
pub(super) struct Function {
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(super) enum Message {
    System { content: Value },
    User { content: Value },
    Assistant { content: Option<Value> },
    Tool { content: Value, tool_call_id: String },
    Function { content: Option<String>, name: String },
}

impl Message {
    /// The text of a user's message.
    pub(super) fn text(&self) -> &str {
        match self {
            Message::User { content: Value::String(text) } => text,
            Message::User { content: Value::Array(parts) } => {
                parts.iter().rev().find_map(|part| part["text"].as_str()).unwrap_or_default()
            }
            _ => "",
        }
    }
}

#[derive(Deserialize)]
pub(super) struct LogEvent {
    #[serde(rename = "type")]
    pub(super) kind: String,
    completion_id: String,
    choice_index: u32,
    view_id: Option<String>,
    elapsed: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct IngestionRequest {
    pub(super) source: String,
    pub(super) id: String,
    pub(super) title: String,
    pub(super) body: String,
    link: Option<String>,
    pub(super) ttl: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct GraphQl {
    pub(super) query: String,
    #[serde(default)]
    pub(super) variables: Value,
}
