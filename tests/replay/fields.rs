//! Fields that nobody knows survive, in every place of every answer.

use serde_json::{Map, Value, json};
use tabbyapi::transport::script::Reply;

use crate::ask::{Ask, served};
use crate::naive::normal;
use crate::play::Player;

/// Adds a field to every object whose members have fixed names.
fn enriched(value: &Value, name: &str) -> Value {
    match value {
        Value::Array(list) => list.iter().map(|value| enriched(value, name)).collect(),
        Value::Object(map) => {
            let mut new: Map<_, _> = map.iter().map(|(name, value)| (name.clone(), enriched(value, name))).collect();
            // APIs by name, and tokens by text.
            if name != "api" && !(name == "top_logprobs" && map.get("token").is_none()) {
                new.insert("x_new".into(), json!({"deep": [1, {"er": "x"}]}));
            }
            Value::Object(new)
        }
        other => other.clone(),
    }
}

#[test]
fn unknown_fields_are_kept_in_answers_and_in_items() {
    let mut documents = 0;
    for (recording, ask) in served() {
        if recording.status() != 200 && recording.name != "health-unhealthy" || matches!(ask, Ask::Unload) {
            continue;
        }
        let name = recording.name.as_str();
        // No answer: the model was unloaded.
        if name == "chat-unload-cut" {
            continue;
        }
        let text = recording.text().replace("-Infinity", "null");
        let mut reply =
            Reply::status(recording.status()).header("content-type", recording.header("content-type").unwrap());
        let mut expected = Vec::new();
        if recording.is_stream() {
            for event in text.split("\r\n\r\n") {
                let data = event.strip_prefix("data: ").and_then(|data| serde_json::from_str::<Value>(data).ok());
                match data.filter(|data| data.get("error").is_none()) {
                    Some(data) => {
                        let data = enriched(&data, "");
                        reply = reply.chunk(format!("data: {data}\r\n\r\n"));
                        expected.push(normal(&data));
                    }
                    None => reply = reply.chunk(format!("{event}\r\n\r\n")),
                }
            }
        } else {
            let body = enriched(&serde_json::from_str(&text).unwrap(), "");
            reply = reply.chunk(body.to_string());
            expected.push(normal(&body));
        }
        let seen = Player::of(recording).play(&ask, reply);
        let items = if recording.is_stream() { seen.items } else { vec![seen.total.unwrap()] };
        let items: Vec<Value> = items.iter().map(|item| normal(&serde_json::from_str(item).unwrap())).collect();
        assert_eq!(items, expected, "{name}");
        documents += expected.len();
    }
    println!("{documents} documents");
}
