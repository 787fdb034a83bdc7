//! Changes of an answer.

use std::time::Duration;

use serde_json::Value;
use tabbyapi::transport::{Chunk, Exchange};

pub fn text(exchange: &Exchange) -> String {
    String::from_utf8_lossy(&exchange.body()).into_owned()
}

/// Replaces the body, and its length if that is announced.
pub fn set(exchange: &mut Exchange, body: impl Into<Vec<u8>>) {
    let body = body.into();
    for (name, value) in &mut exchange.headers {
        if name == "content-length" {
            *value = body.len().to_string();
        }
    }
    exchange.chunks = vec![Chunk::new(Duration::ZERO, body)];
}

pub fn replace(exchange: &mut Exchange, from: &str, to: &str) {
    let before = text(exchange);
    assert!(before.contains(from), "{from} is not in {before}");
    set(exchange, before.replace(from, to));
}

pub fn replace_first(exchange: &mut Exchange, from: &str, to: &str) {
    let before = text(exchange);
    assert!(before.contains(from), "{from} is not in {before}");
    set(exchange, before.replacen(from, to, 1));
}

/// Changes a document.
pub fn json(exchange: &mut Exchange, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&text(exchange)).unwrap();
    change(&mut value);
    set(exchange, value.to_string());
}

/// Removes a field.
pub fn remove(value: &mut Value, pointer: &str, name: &str) {
    let fields = value.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
    assert!(fields.remove(name).is_some(), "{name}");
}

pub fn rename(value: &mut Value, pointer: &str, from: &str, to: &str) {
    let fields = value.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
    let field = fields.remove(from).unwrap();
    fields.insert(to.to_owned(), field);
}

/// Changes the events of a stream. `[DONE]` is the text of that name.
pub fn events(exchange: &mut Exchange, change: impl FnOnce(&mut Vec<Value>)) {
    let data = text(exchange);
    let read = |event: &str| match event.strip_prefix("data: ").unwrap() {
        "[DONE]" => Value::from("[DONE]"),
        data => serde_json::from_str(data).unwrap(),
    };
    let mut values: Vec<Value> = data.split_terminator("\r\n\r\n").map(read).collect();
    change(&mut values);
    let written = values.iter().map(|value| match value.as_str() {
        Some(text) => format!("data: {text}\r\n\r\n"),
        None => format!("data: {value}\r\n\r\n"),
    });
    set(exchange, written.collect::<String>());
}

/// Gives each event a chunk of its own, at these times; the last one holds for the rest.
pub fn times(exchange: &mut Exchange, at: impl Fn(usize) -> u64) {
    let body = text(exchange);
    let parts = body.split_inclusive("\r\n\r\n").enumerate();
    exchange.chunks =
        parts.map(|(index, part)| Chunk::new(Duration::from_millis(at(index)), part.to_owned())).collect();
}

pub fn header(exchange: &mut Exchange, name: &str, value: &str) {
    drop_header(exchange, name);
    exchange.headers.push((name.to_owned(), value.to_owned()));
}

pub fn drop_header(exchange: &mut Exchange, name: &str) {
    exchange.headers.retain(|(one, _)| one != name);
}

pub fn answer(exchange: &mut Exchange, status: u16, kind: &str, body: &str) {
    exchange.status = Some(status);
    header(exchange, "content-type", kind);
    set(exchange, body);
}
