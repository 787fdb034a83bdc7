//! The loaded model: whether several routes report it consistently, and whether it can be used.

use serde_json::Value;

use super::check::*;
use super::examine::Examination;
use super::plan::TEXT;
use super::report::{Notes, quote};
use crate::transport::Chunk;

/// The cache is allocated in pages of this many tokens.
const PAGE: u64 = 256;

/// Whether the loaded model can chat.
pub(super) fn has_template(examination: &Examination) -> bool {
    examination.good("model").is_some_and(|model| !model["parameters"]["prompt_template"].is_null())
}

pub(super) fn judge(examination: &Examination, facts: &mut Vec<(String, String)>, notes: &mut Notes) {
    health(examination, notes);
    let Some(seen) = examination.of("model") else { return };
    notes.at = "GET /v1/model".to_owned();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    match seen.exchange.status {
        Some(200) => {}
        Some(503) => {
            fact("model", "none loaded".to_owned());
            return notes.add(NO_MODEL, "no model is loaded");
        }
        _ => return,
    }
    let model = &seen.json;
    if !model.is_object() {
        return;
    }
    let name = model["id"].as_str().unwrap_or_default();
    fact("model", quote(name).replace('`', ""));
    usable(examination, name, notes);
    context(examination, model, &mut fact, notes);
    if model["parameters"].is_object() && !has_template(examination) {
        notes.add(NO_TEMPLATE, "`parameters.prompt_template` is null");
    }
    let list = examination.good("models").and_then(|list| list["data"].as_array());
    if let Some(list) = list
        && !name.is_empty()
        && !list.iter().any(|one| one["id"] == name)
    {
        notes.add(MODEL_NOT_LISTED, format!("{} is not among {} models", quote(name), list.len()));
    }
    tokens(examination, notes);
    answers(examination, name, notes);
    if let Some(seen) = examination.of("chat-stream").or(examination.of("completion-stream")) {
        let at = |chunk: Option<&Chunk>| chunk.map_or(0, |chunk| chunk.at_ms);
        let (first, last) = (at(seen.exchange.chunks.first()), at(seen.exchange.chunks.last()));
        fact("stream", format!("the first part after {first} ms, the last one after {last} ms"));
    }
    if let Some(version) = examination.good("kobold") {
        fact("kobold", quote(version["result"].as_str().unwrap_or_default()).replace('`', ""));
    }
}

fn health(examination: &Examination, notes: &mut Notes) {
    let Some(seen) = examination.of("health") else { return };
    if seen.json["status"] == "unhealthy" {
        notes.at = "GET /health".to_owned();
        let issues = seen.json["issues"].as_array().map(Vec::as_slice).unwrap_or_default();
        if issues.is_empty() {
            return notes.add(UNHEALTHY, "no issues are listed");
        }
        let last = issues.last().and_then(|issue| issue["description"].as_str()).unwrap_or_default();
        let first_line = last.lines().next().unwrap_or_default();
        notes.add(UNHEALTHY, format!("{} issues, the last one {}", issues.len(), quote(first_line)));
    }
}

/// A model that is loaded must not be rejected as missing.
fn usable(examination: &Examination, name: &str, notes: &mut Notes) {
    for other in ["props", "encode", "lora"] {
        let Some(seen) = examination.of(other).filter(|seen| seen.exchange.status == Some(503)) else { continue };
        let at = format!("{} {}", seen.ask.method, seen.ask.path);
        notes.add(LOAD_LIES, format!("{} is loaded, and {at} is 503", quote(name)));
    }
}

/// Context and cache.
fn context(examination: &Examination, model: &Value, fact: &mut impl FnMut(&str, String), notes: &mut Notes) {
    let parameters = &model["parameters"];
    let number = |name: &str| parameters[name].as_i64();
    let Some(context) = number("max_seq_len").filter(|context| *context > 0) else {
        notes.add(CONTEXT_UNKNOWN, format!("`parameters.max_seq_len` is {}", parameters["max_seq_len"]));
        return;
    };
    fact("context", format!("{context} tokens"));
    if let Some(props) = examination.good("props")
        && let Some(other) = props["default_generation_settings"]["n_ctx"].as_i64()
        && other != context
    {
        notes.add(CONTEXT_DISAGREES, format!("`max_seq_len` is {context}, and `n_ctx` is {other}"));
    }
    let (Some(cache), Some(chunk)) = (number("cache_size"), number("chunk_size")) else { return };
    fact("cache", format!("{cache} tokens, chunks of {chunk}"));
    let (Ok(cache), Ok(chunk), Ok(context)) = (u64::try_from(cache), u64::try_from(chunk), u64::try_from(context))
    else {
        return;
    };
    // Prompts with ceil((prompt - 1 + chunk) / 256) * 256 <= cache are accepted.
    let longest = (cache / PAGE * PAGE + 1).saturating_sub(chunk);
    if cache > 0 && chunk > 0 && longest < context {
        notes.add(CACHE_SMALL, format!("the longest prompt is {longest} of {context} tokens"));
    }
}

fn tokens(examination: &Examination, notes: &mut Notes) {
    let Some(decoded) = examination.good("decode") else { return };
    if let Some(text) = decoded["text"].as_str()
        && text.trim() != TEXT
    {
        notes.at = "POST /v1/token/decode".to_owned();
        notes.add(TOKENS_WRONG, format!("{} came back for {}", quote(text), quote(TEXT)));
    }
}

/// All responses must name the loaded model.
fn answers(examination: &Examination, name: &str, notes: &mut Notes) {
    for seen in examination.seen().iter().filter(|seen| seen.ask.generates && seen.ask.name != "embeddings") {
        let body = seen.exchange.body();
        let text = String::from_utf8_lossy(&body);
        let first = text.lines().find_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
        let answer = first.as_ref().unwrap_or(&seen.json);
        let said = answer["model"].as_str().or(answer["model_name"].as_str());
        if let Some(said) = said
            && !name.is_empty()
            && said != name
        {
            notes.at = format!("{} {}", seen.ask.method, seen.ask.path);
            notes.add(MODEL_NAME, format!("{}, and {} is loaded", quote(said), quote(name)));
        }
    }
}
