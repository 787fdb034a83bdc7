//! What a recording holds, read without the library: the text split at `data: `, the JSON compared as JSON.

use serde_json::{Map, Value, json};

use crate::ask::Ask;
use crate::recording::Recording;

/// What the API has to yield.
pub(crate) struct Derived {
    /// The items of a stream; none for an answer in one piece.
    pub(crate) items: Vec<Value>,
    /// The whole answer.
    pub(crate) total: Value,
    pub(crate) end: End,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// With `[DONE]`, or with the end of a body that needs no more.
    Announced,
    /// With an error event of this message.
    Error(String),
    /// In the middle.
    Open,
}

pub(crate) fn derive(recording: &Recording, ask: &Ask) -> Derived {
    // Bare infinities are no JSON; the answers that are not streamed have null there.
    let text = recording.text().replace("-Infinity", "null");
    if !recording.is_stream() {
        let total: Value = serde_json::from_str(&text).unwrap();
        return Derived { items: Vec::new(), total: normal(&total), end: End::Announced };
    }
    let (mut items, mut end) = (Vec::new(), End::Open);
    for line in text.split('\n').map(|line| line.trim_end_matches('\r')) {
        let Some(data) = line.strip_prefix("data: ") else {
            assert!(line.is_empty() || line.starts_with(": ping - "), "{line:?}");
            continue;
        };
        assert_eq!(end, End::Open, "nothing follows the end");
        if data == "[DONE]" {
            end = End::Announced;
            continue;
        }
        let value: Value = serde_json::from_str(data).unwrap();
        match value.get("error") {
            Some(error) => end = End::Error(error["message"].as_str().unwrap().to_owned()),
            None => items.push(normal(&value)),
        }
    }
    let total = match ask {
        Ask::Load(_) => loaded(&items),
        _ => added(&items, matches!(ask, Ask::ChatStream(_))),
    };
    let ready = items.last().is_some_and(|last| last["model_type"] == "model" && last["status"] == "finished");
    if ready && end == End::Open && matches!(ask, Ask::Load(_)) {
        end = End::Announced;
    }
    Derived { items, total, end }
}

/// The same JSON with all numbers as floats and without members that are null.
pub(crate) fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64().unwrap()),
        Value::Array(list) => list.iter().map(normal).collect(),
        Value::Object(map) => {
            let members = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(members.map(|(name, value)| (name.clone(), normal(value))).collect())
        }
        other => other.clone(),
    }
}

/// The parts of a load, by the last event of each.
fn loaded(events: &[Value]) -> Value {
    let mut parts: Vec<Value> = Vec::new();
    for event in events {
        let finished = event["status"] == "finished";
        let new = json!({"model_type": event["model_type"], "module": event["module"], "modules": event["modules"], "finished": finished});
        match parts.iter_mut().find(|part| part["model_type"] == event["model_type"]) {
            Some(part) => *part = new,
            None => parts.push(new),
        }
    }
    json!({"parts": parts})
}

/// The answer that chunks add up to.
fn added(chunks: &[Value], chat: bool) -> Value {
    let mut choices: Vec<(u64, Map<String, Value>)> = Vec::new();
    let mut total = json!({"id": "", "model": "", "created": 0.0});
    for chunk in chunks {
        if total["id"] == "" {
            total["id"] = chunk["id"].clone();
            total["created"] = chunk["created"].clone();
            total["model"] = chunk[if chat { "model" } else { "model_name" }].clone();
        }
        if let Some(usage) = chunk.get("usage") {
            total["usage"] = usage.clone();
        }
        for piece in chunk["choices"].as_array().unwrap() {
            let index = piece["index"].as_f64().unwrap() as u64;
            let at = choices.iter().position(|(other, _)| *other == index).unwrap_or_else(|| {
                choices.push((index, Map::new()));
                choices.len() - 1
            });
            let choice = &mut choices[at].1;
            choice.insert("index".into(), piece["index"].clone());
            for reason in ["finish_reason", "eos_reason"] {
                if let Some(reason_value) = piece.get(reason) {
                    choice.insert(reason.into(), reason_value.clone());
                }
            }
            if chat {
                let message = choice.entry("message").or_insert_with(|| json!({"role": "assistant"}));
                for (name, value) in piece["delta"].as_object().unwrap() {
                    append(message, name, value);
                }
                if let Some(logprobs) = piece.get("logprobs") {
                    append(choice.entry("logprobs").or_insert_with(|| json!({})), "content", &logprobs["content"]);
                }
            } else {
                let mut whole = Value::Object(std::mem::take(choice));
                let before = whole["text"].as_str().unwrap_or_default().chars().count();
                append(&mut whole, "text", &piece["text"]);
                if let Some(logprobs) = piece.get("logprobs") {
                    if whole.get("logprobs").is_none() {
                        whole["logprobs"] = json!({});
                    }
                    for (name, list) in logprobs.as_object().unwrap() {
                        // Offsets count from the chunk's own beginning.
                        let base = if name == "text_offset" { before as f64 } else { 0.0 };
                        let moved: Value = list
                            .as_array()
                            .unwrap()
                            .iter()
                            .map(|entry| {
                                if name == "text_offset" {
                                    json!(entry.as_f64().unwrap() + base)
                                } else {
                                    entry.clone()
                                }
                            })
                            .collect();
                        append(&mut whole["logprobs"], name, &moved);
                    }
                }
                let Value::Object(whole) = whole else { unreachable!("it was made above") };
                *choice = whole;
            }
        }
    }
    choices.sort_by_key(|(index, _)| *index);
    total["choices"] = choices.into_iter().map(|(_, choice)| Value::Object(choice)).collect();
    total["object"] = json!(if chat { "chat.completion" } else { "text_completion" });
    total
}

/// Appends text to text and lists to lists.
fn append(to: &mut Value, name: &str, more: &Value) {
    match (to.get_mut(name), more) {
        (None, more) => to[name] = more.clone(),
        (Some(Value::String(text)), Value::String(more)) => text.push_str(more),
        (Some(Value::Array(list)), Value::Array(more)) => list.extend(more.iter().cloned()),
        (Some(old), new) => panic!("{name}: {old} and {new}"),
    }
}
