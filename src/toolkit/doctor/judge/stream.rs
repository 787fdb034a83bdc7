//! Event streams: their framing, and the order of their chunks.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::check::*;
use super::super::report::{Notes, quote};
use super::frames::Frames;
use super::shapes::{Answer, CHAT_CHUNK, COMPLETION_CHUNK, TOKEN};
use super::whole::{choices_asked, is_known_finish, tool_arguments};
use super::{load, parse, shape, timing, usage};
use crate::transport::{End, Exchange};

const DONE: &str = "[DONE]";

pub(super) fn check(exchange: &Exchange, body: &[u8], answer: Answer, asked: &Value, notes: &mut Notes) {
    let frames = Frames::read(body);
    let is_whole = exchange.end == End::Complete;
    framing(&frames, is_whole, answer, notes);
    let chunks = chunks(&frames, notes);
    let failed = chunks.iter().any(|chunk| chunk["error"].is_object() || chunk["error"].is_string());
    let is_done = frames.events.iter().any(|event| event.data == DONE);
    timing::check(exchange, &frames, &chunks, is_done, notes);
    match answer {
        Answer::Load => {
            if is_done {
                notes.add(FIELD_VALUE, "a load has no `[DONE]`");
            }
            load::check(&chunks, is_whole, notes);
        }
        Answer::Kobold => chunks.iter().filter(|_| !failed).for_each(|chunk| shape::check(chunk, &TOKEN, notes)),
        _ => {
            if failed {
                error_event(&chunks, &frames, notes);
            } else if !is_done && is_whole {
                notes.add(DONE_MISSING, format!("the stream ends after {} events", frames.events.len()));
            }
            let shape = if matches!(answer, Answer::Chat) { &CHAT_CHUNK } else { &COMPLETION_CHUNK };
            let good: Vec<&Value> = chunks.iter().filter(|chunk| chunk["error"].is_null()).collect();
            good.iter().for_each(|chunk| shape::check(chunk, shape, notes));
            order(&good, asked, is_whole && !failed, notes);
        }
    }
}

fn framing(frames: &Frames, is_whole: bool, answer: Answer, notes: &mut Notes) {
    if frames.has_bom {
        notes.add(SSE_BOM, "the first three bytes");
    }
    if let Some(line) = frames.odd_lines.first() {
        notes.add(SSE_LINE, format!("{} lines such as {}", frames.odd_lines.len(), quote(line)));
    }
    if frames.is_unfinished && is_whole {
        notes.add(SSE_UNFINISHED, "the body ends inside an event");
    }
    // A Kobold stream has LF, and CRLF in its pings.
    let kinds = [frames.crlf, frames.lf, frames.cr].iter().filter(|count| **count > 0).count();
    if frames.cr > 0 || kinds > 1 && !matches!(answer, Answer::Kobold) {
        notes.add(SSE_LINE_ENDS, format!("{} CRLF, {} LF, {} CR", frames.crlf, frames.lf, frames.cr));
    }
    if let Some(event) = frames.events.iter().find(|event| !event.name.is_empty() && event.name != "message") {
        notes.add(SSE_NAMED, quote(&event.name));
    }
    let done = frames.events.iter().position(|event| event.data == DONE);
    if done.is_some_and(|done| done + 1 < frames.events.len()) {
        notes.add(DONE_EARLY, "events after `[DONE]`");
    }
}

/// The JSON of all events.
fn chunks(frames: &Frames, notes: &mut Notes) -> Vec<Value> {
    let mut chunks = Vec::new();
    for (place, event) in frames.events.iter().enumerate() {
        // The rest of the last event, if the stream was cut.
        let is_rest = frames.is_unfinished && place + 1 == frames.events.len();
        match parse(&event.data) {
            _ if event.data == DONE => {}
            Ok((value, is_finite)) => {
                if !is_finite {
                    notes.add(NON_FINITE, quote(&event.data));
                }
                if !value.is_object() {
                    notes.add(EVENT_JSON, format!("event {place} is {}", shape::kind(&value)));
                }
                chunks.push(value);
            }
            Err(_) if event.lines > 1 && event.data.lines().all(|line| line == DONE || parse(line).is_ok()) => {
                notes.add(SSE_JOINED, format!("event {place} has {} documents", event.lines));
                chunks.extend(event.data.lines().filter_map(|line| Some(parse(line).ok()?.0)));
            }
            Err(_) if is_rest => {}
            Err(error) => notes.add(EVENT_JSON, format!("event {place}: {error}, in {}", quote(&event.data))),
        }
    }
    chunks
}

fn error_event(chunks: &[Value], frames: &Frames, notes: &mut Notes) {
    let error = chunks.iter().find(|chunk| !chunk["error"].is_null()).map(|chunk| &chunk["error"]);
    match error.and_then(|error| error["message"].as_str()) {
        Some(message) => notes.add(STREAM_ERROR, quote(message)),
        None => notes.add(ERROR_SHAPE, "the `error` of the event has no `message`"),
    }
    if frames.events.last().is_some_and(|event| event.data == DONE) {
        notes.add(DONE_EARLY, "`[DONE]` follows an error event");
    }
}

#[derive(Default)]
struct Choice {
    has_content: bool,
    finish: Option<String>,
    finishes: usize,
}

/// The rules over all chunks of a stream.
fn order(chunks: &[&Value], asked: &Value, is_whole: bool, notes: &mut Notes) {
    let most = choices_asked(asked);
    let mut choices: BTreeMap<u64, Choice> = BTreeMap::new();
    let mut last_usage: Option<&Value> = None;
    let first_id = chunks.first().and_then(|chunk| chunk["id"].as_str());
    for chunk in chunks {
        if let (Some(first), Some(id)) = (first_id, chunk["id"].as_str())
            && first != id
        {
            notes.add(ID_CHANGES, format!("{} after {}", quote(id), quote(first)));
        }
        for choice in chunk["choices"].as_array().into_iter().flatten() {
            let Some(index) = choice["index"].as_u64() else { continue };
            if index >= most {
                notes.add(INDEX_WRONG, format!("index {index} of {most} choices"));
                continue;
            }
            let has_content = one(choice, choices.entry(index).or_default(), notes);
            if has_content && last_usage.is_some() {
                notes.add(USAGE_ORDER, "content after the chunk with usage");
            }
        }
        if chunk["usage"].is_object() && last_usage.replace(&chunk["usage"]).is_some() {
            notes.add(USAGE_ORDER, "usage comes twice");
        }
    }
    if !is_whole {
        return;
    }
    for (index, choice) in &choices {
        if choice.finish.is_none() {
            notes.add(FINISH_MISSING, format!("choice {index}"));
        }
    }
    if choices.is_empty() && !chunks.is_empty() && !notes.has(FIELD_MISSING) && !notes.has(FIELD_TYPE) {
        notes.add(NO_CONTENT, "no chunk has a choice");
    }
    let has_text = choices.values().any(|choice| choice.has_content);
    usage::check(last_usage.unwrap_or(&Value::Null), asked, has_text, notes);
}

/// Records one choice of a chunk. Returns whether it has content.
fn one(choice: &Value, state: &mut Choice, notes: &mut Notes) -> bool {
    let delta = &choice["delta"];
    let texts = [&choice["text"], &delta["content"], &delta["reasoning_content"]];
    let has_text = texts.iter().any(|text| text.as_str().is_some_and(|text| !text.is_empty()));
    let has_content = has_text || delta["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty());
    if delta["role"].is_string() && state.has_content {
        notes.add(ROLE_LATE, "a role after content");
    }
    if has_content && state.finish.is_some() {
        notes.add(AFTER_FINISH, format!("choice {}", choice["index"]));
    }
    state.has_content |= has_content;
    tool_arguments_whole(delta, choice["finish_reason"].as_str(), notes);
    if let Some(reason) = choice["finish_reason"].as_str() {
        if !is_known_finish(reason) {
            notes.add(FINISH_UNKNOWN, quote(reason));
        }
        state.finishes += 1;
        if state.finishes == 2 {
            notes.add(FINISH_TWICE, format!("choice {}", choice["index"]));
        }
        state.finish = Some(reason.to_owned());
    }
    has_content
}

/// Checks that complete calls have an id and a name. Calls in pieces cannot be judged one by one.
fn tool_arguments_whole(delta: &Value, finish: Option<&str>, notes: &mut Notes) {
    let is_whole = |call: &Value| {
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
        call["id"].is_string() && call["function"]["name"].is_string() && !arguments.is_empty()
    };
    let calls: Vec<Value> =
        delta["tool_calls"].as_array().into_iter().flatten().filter(|call| is_whole(call)).cloned().collect();
    tool_arguments(&Value::Array(calls), finish, notes);
}
