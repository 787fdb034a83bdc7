//! Judges one exchange by its request and response. Does not send anything, and has no clock.

mod errors;
mod frames;
mod head;
mod load;
mod shape;
mod shapes;
mod stream;
mod timing;
mod usage;
mod whole;

use serde_json::Value;

use super::check::*;
use super::report::{Notes, quote};
use crate::transport::{End, Exchange};
use shapes::Answer;

/// Judges one exchange.
pub(super) fn exchange(exchange: &Exchange, notes: &mut Notes) {
    let body = exchange.body();
    let Some(status) = exchange.status else {
        return no_answer(exchange, notes);
    };
    head::check(exchange, &body, notes);
    if exchange.end == End::Capped {
        notes.add(ANSWER_TOO_LARGE, format!("{} bytes and no end", body.len()));
    }
    if (300..400).contains(&status) {
        let target = header(exchange, "location").map(quote).unwrap_or_else(|| "nowhere".to_owned());
        notes.add(REDIRECT, format!("status {status}, to {target}"));
        return;
    }
    if exchange.method == "HEAD" || exchange.method == "OPTIONS" {
        return;
    }
    let Some(answer) = shapes::of(&exchange.method, &exchange.path) else {
        if status >= 400 {
            errors::check(status, &body, notes);
        }
        return;
    };
    let is_health = exchange.path == "/health" && status == 503;
    if status >= 400 && !is_health {
        if matches!(exchange.end, End::Complete) {
            errors::check(status, &body, notes);
        } else {
            cut(exchange, notes);
        }
        return;
    }
    // A body that cannot be decoded as text already has a finding.
    if notes.has(ENCODING_UNANNOUNCED) || notes.has(ENCODING_UNASKED) {
        return;
    }
    let asked: Value = serde_json::from_slice(&exchange.request_body.0).unwrap_or(Value::Null);
    let streams = match answer {
        Answer::Load | Answer::Kobold => true,
        Answer::Chat | Answer::Completion => asked["stream"] == true,
        Answer::Json(_) | Answer::Other => false,
    };
    if streams && (head::is_events(exchange) || looks_like_events(&body)) {
        if !head::is_events(exchange) {
            let kind = header(exchange, "content-type").unwrap_or("none");
            notes.add(CONTENT_TYPE, format!("an event stream as {}", quote(kind)));
        }
        return stream::check(exchange, &body, answer, &asked, notes);
    }
    if !matches!(exchange.end, End::Complete | End::Capped) {
        return cut(exchange, notes);
    }
    if streams && matches!(answer, Answer::Chat | Answer::Completion) && body.first() == Some(&b'{') {
        notes.add(STREAMING_OFF, "a request with `stream: true` was answered with one document");
    }
    whole::check(exchange, &body, answer, &asked, notes);
}

/// The route of a path that may have a prefix and a query.
pub(super) fn route<'a>(method: &str, path: &'a str) -> &'a str {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut ends = path.match_indices('/').map(|(at, _)| &path[at..]);
    ends.find(|end| shapes::of(method, end).is_some()).unwrap_or(path)
}

/// The value of a header of the response.
pub(super) fn header<'a>(exchange: &'a Exchange, name: &str) -> Option<&'a str> {
    exchange.headers.iter().find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Whether a body is an HTML page.
pub(super) fn is_html(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(64)]).trim_start().to_ascii_lowercase();
    ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| start.starts_with(tag))
}

/// Parses JSON, and also numbers that are not finite as Python writes them.
pub(super) fn parse(text: &str) -> Result<(Value, bool), serde_json::Error> {
    match serde_json::from_str(text) {
        Ok(value) => Ok((value, true)),
        Err(error) => {
            let mended = ["-Infinity", "Infinity", "NaN"].iter().fold(text.to_owned(), |text, word| {
                text.replace(&format!(": {word}"), ": null").replace(&format!(":{word}"), ":null")
            });
            match serde_json::from_str(&mended) {
                Ok(value) if mended != text => Ok((value, false)),
                _ => Err(error),
            }
        }
    }
}

fn looks_like_events(body: &[u8]) -> bool {
    body.starts_with(b"data:") || body.starts_with(b": ") || body.starts_with(b"event:")
}

/// There is no head.
fn no_answer(exchange: &Exchange, notes: &mut Notes) {
    match &exchange.end {
        End::Refused(message) if is_about_tls(message) => notes.add(TLS, quote(message)),
        End::Refused(message) => notes.add(UNREACHABLE, quote(message)),
        End::Failed(message) if is_about_tls(message) => notes.add(TLS, quote(message)),
        End::Failed(message) => notes.add(CONNECTION_CUT, quote(message)),
        _ => notes.add(ANSWER_LATE, "no answer"),
    }
}

fn is_about_tls(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["certificate", "tls", "ssl", "handshake", "corrupt message"].iter().any(|word| message.contains(word))
}

/// A document that did not reach its end.
fn cut(exchange: &Exchange, notes: &mut Notes) {
    match &exchange.end {
        End::Refused(message) | End::Failed(message) => notes.add(CONNECTION_CUT, quote(message)),
        End::Dropped => notes.add(ANSWER_LATE, "the body did not come to its end"),
        End::Complete | End::Capped => {}
    }
}
