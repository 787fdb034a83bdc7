//! What each recording comes to: `tests/transcripts/outcomes.json`, checked by hand against the recordings. `UPDATE=1` writes it.

use serde_json::{Map, Value, from_str, json};

use crate::ask::{Ask, served};
use crate::play::{Fault, Player, Seen};

const FILE: &str = include_str!("../transcripts/outcomes.json");

/// What recordings come to, by their names.
pub(crate) fn all() -> Map<String, Value> {
    from_str(FILE).expect("an object")
}

#[test]
fn every_recording_comes_to_what_is_expected() {
    let mut seen = Map::new();
    for (recording, ask) in served() {
        seen.insert(recording.name.clone(), outcome(&ask, &Player::of(recording).play(&ask, recording.reply())));
    }
    #[cfg(not(target_arch = "wasm32"))]
    if std::env::var_os("UPDATE").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts/outcomes.json");
        return std::fs::write(file, written(&seen)).expect("the file can be written");
    }
    let expected = all();
    let wrong: Vec<_> = seen.iter().filter(|(name, seen)| expected.get(*name) != Some(seen)).collect();
    assert!(wrong.is_empty(), "this came of recordings: {wrong:#?}");
}

fn outcome(ask: &Ask, seen: &Seen) -> Value {
    let value = |text: &String| -> Value { from_str(text).expect("JSON") };
    let mut out = Map::new();
    out.insert("operation".into(), ask.operation().into());
    out.insert("status".into(), seen.status.into());
    if let Some(outcome) = seen.outcome {
        out.insert("outcome".into(), outcome.as_str().into());
        out.insert("items".into(), seen.items.iter().map(value).collect());
    }
    if let Some(total) = &seen.total {
        out.insert("sum".into(), value(total));
    }
    if let Some(fault) = &seen.error {
        out.insert("error".into(), error(fault));
    }
    out.into()
}

fn error(fault: &Fault) -> Value {
    let mut out = Map::new();
    out.insert("kind".into(), fault.kind.as_str().into());
    out.insert("code".into(), fault.code.as_str().into());
    if let Some(phase) = fault.phase {
        out.insert("phase".into(), phase.as_str().into());
    }
    out.insert("retryable".into(), fault.retryable.into());
    out.insert("reason".into(), fault.message.as_str().into());
    out.insert("text".into(), fault.text.as_str().into());
    for (name, text) in [("path", &fault.path), ("trace", &fault.trace)] {
        if let Some(text) = text {
            out.insert(name.into(), text.as_str().into());
        }
    }
    if !fault.issues.is_empty() {
        out.insert("validation".into(), json!(fault.issues));
    }
    out.into()
}

/// With a line for each field, and for each item.
#[cfg(not(target_arch = "wasm32"))]
fn written(all: &Map<String, Value>) -> String {
    let field = |(name, value): (&String, &Value)| match value {
        Value::Array(items) if name == "items" && !items.is_empty() => {
            let items: Vec<_> = items.iter().map(|item| format!("      {item}")).collect();
            format!("    \"{name}\": [\n{}\n    ]", items.join(",\n"))
        }
        value => format!("    \"{name}\": {value}"),
    };
    let entry = |(name, value): (&String, &Value)| {
        let fields: Vec<_> = value.as_object().into_iter().flatten().map(field).collect();
        format!("  \"{name}\": {{\n{}\n  }}", fields.join(",\n"))
    };
    let entries: Vec<_> = all.iter().map(entry).collect();
    format!("{{\n{}\n}}\n", entries.join(",\n"))
}
