//! Responses that are one document.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::check::*;
use super::super::report::{Notes, quote};
use super::shapes::{Answer, CHAT, COMPLETION};
use super::{head, header, is_html, parse, shape, usage};
use crate::transport::Exchange;

pub(super) fn check(exchange: &Exchange, body: &[u8], answer: Answer, asked: &Value, notes: &mut Notes) {
    let text = String::from_utf8_lossy(body);
    if is_html(body) && !matches!(answer, Answer::Other) {
        return notes.add(HTML, quote(&text));
    }
    if text.trim().is_empty() {
        return notes.add(EMPTY_BODY, format!("status {} without a body", exchange.status.unwrap_or_default()));
    }
    let (value, is_finite) = match parse(&text) {
        Ok(parsed) => parsed,
        Err(error) => return notes.add(JSON_INVALID, format!("{error}, in {}", quote(&text))),
    };
    if !is_finite {
        notes.add(NON_FINITE, "a bare word where a number belongs");
    }
    if !head::is_json(exchange) {
        let kind = header(exchange, "content-type").unwrap_or("none");
        notes.add(CONTENT_TYPE, format!("JSON as {}", quote(kind)));
    }
    if is_error(&value) {
        return notes.add(ERROR_IN_SUCCESS, quote(&text));
    }
    match answer {
        Answer::Json(shape) => {
            shape::check(&value, shape, notes);
            own_rules(exchange, &value, asked, notes);
        }
        Answer::Chat => {
            shape::check(&value, &CHAT, notes);
            choices(&value, asked, notes);
        }
        Answer::Completion => {
            shape::check(&value, &COMPLETION, notes);
            choices(&value, asked, notes);
        }
        // A load that was not streamed, such as by a proxy.
        Answer::Load | Answer::Kobold | Answer::Other => {}
    }
}

/// Whether a document is an error in one of the known shapes.
pub(super) fn is_error(value: &Value) -> bool {
    let Some(fields) = value.as_object() else { return false };
    let error = fields.get("error").is_some_and(|error| error.is_object() || error.is_string());
    let detail = fields.get("detail").is_some_and(|detail| detail.is_string() || detail.is_array());
    error || detail && fields.len() == 1
}

/// The number of choices that a request asks for.
pub(super) fn choices_asked(asked: &Value) -> u64 {
    let prompts = asked["prompt"].as_array().map_or(1, Vec::len);
    (asked["n"].as_u64().unwrap_or(1)).saturating_mul(prompts as u64).max(1)
}

/// Whether a finish reason is one that clients know.
pub(super) fn is_known_finish(reason: &str) -> bool {
    ["stop", "length", "tool_calls", "content_filter", "function_call"].contains(&reason)
}

/// The arguments of complete tool calls are JSON, unless they were cut.
pub(super) fn tool_arguments(calls: &Value, finish: Option<&str>, notes: &mut Notes) {
    for call in calls.as_array().into_iter().flatten() {
        if let Some(text) = call["function"]["arguments"].as_str()
            && serde_json::from_str::<Value>(text).is_err()
            && finish != Some("length")
        {
            notes.add(TOOL_ARGUMENTS, quote(text));
        }
    }
}

fn choices(value: &Value, asked: &Value, notes: &mut Notes) {
    let most = choices_asked(asked);
    let mut seen = BTreeSet::new();
    let list = value["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() && value["choices"].is_array() {
        notes.add(NO_CONTENT, "`choices` is empty");
    }
    for choice in list {
        let index = choice["index"].as_u64();
        if index.is_none_or(|index| index >= most || !seen.insert(index)) {
            notes.add(INDEX_WRONG, format!("index {} of {most} choices", choice["index"]));
        }
        match choice["finish_reason"].as_str() {
            Some(reason) if !is_known_finish(reason) => notes.add(FINISH_UNKNOWN, quote(reason)),
            Some(_) => {}
            None => notes.add(FINISH_MISSING, format!("choice {}", choice["index"])),
        }
        tool_arguments(&choice["message"]["tool_calls"], choice["finish_reason"].as_str(), notes);
    }
    let has_text = list.iter().any(|choice| {
        [&choice["text"], &choice["message"]["content"], &choice["message"]["reasoning_content"]]
            .iter()
            .any(|text| text.as_str().is_some_and(|text| !text.is_empty()))
            || choice["message"]["tool_calls"].is_array()
    });
    usage::check(&value["usage"], asked, has_text, notes);
}

/// Conditions within one response.
fn own_rules(exchange: &Exchange, value: &Value, asked: &Value, notes: &mut Notes) {
    match exchange.path.as_str() {
        "/v1/token/encode" => {
            let count = value["tokens"].as_array().map(Vec::len);
            if let (Some(count), Some(length)) = (count, value["length"].as_u64())
                && count as u64 != length
            {
                notes.add(TOKENS_WRONG, format!("`length` is {length}, and there are {count} tokens"));
            }
        }
        "/health" => {
            let (status, said) = (exchange.status.unwrap_or_default(), value["status"].as_str());
            if matches!((status, said), (200, Some("unhealthy")) | (503, Some("healthy"))) {
                notes.add(HEALTH_DISAGREES, format!("status {status} with {}", quote(said.unwrap_or_default())));
            }
        }
        "/v1/embeddings" => embeddings(value, asked, notes),
        _ => {}
    }
}

fn embeddings(value: &Value, asked: &Value, notes: &mut Notes) {
    let Some(data) = value["data"].as_array() else { return };
    let wanted = asked["input"].as_array().map_or(1, Vec::len);
    if data.len() != wanted {
        notes.add(EMBEDDINGS_WRONG, format!("{} vectors for {wanted} texts", data.len()));
    }
    if data.iter().enumerate().any(|(place, one)| one["index"].as_u64().is_some_and(|index| index != place as u64)) {
        notes.add(EMBEDDINGS_WRONG, "the indices are not in order");
    }
    let lengths: BTreeSet<usize> = data.iter().filter_map(|one| Some(one["embedding"].as_array()?.len())).collect();
    if lengths.len() > 1 || lengths.contains(&0) {
        notes.add(EMBEDDINGS_WRONG, format!("vectors of the lengths {lengths:?}"));
    }
    let (prompt, total) = (value["usage"]["prompt_tokens"].as_i64(), value["usage"]["total_tokens"].as_i64());
    if let (Some(prompt), Some(total)) = (prompt, total) {
        if prompt < 0 || total < 0 {
            notes.add(USAGE_NEGATIVE, format!("{prompt} prompt tokens, {total} in total"));
        } else if total < prompt {
            notes.add(USAGE_SUM, format!("{prompt} prompt tokens, {total} in total"));
        }
    }
}
