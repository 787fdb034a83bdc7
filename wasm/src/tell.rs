//! What JavaScript is told, in JSON: requests, keys that are wanted, errors, records of calls. Times are in milliseconds.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use tabbyapi::call::{Attempt, Call, Time};
use tabbyapi::decode::document::{decimal, push_string};
use tabbyapi::{Error, Phase, Scope, ValidationIssue};

use crate::config::SECRET;
use crate::wire::Wire;

/// A request, without its body.
pub(crate) fn request(request: &Request<Bytes>) -> String {
    let mut told = Object::new();
    told.text("method", Some(request.method().as_str()));
    told.text("url", Some(&request.uri().to_string()));
    told.raw("headers", &pairs(request.headers()));
    told.end()
}

pub(crate) fn wanted_key(scope: Scope, rejected: bool) -> String {
    let scope = match scope {
        Scope::Public => "public",
        Scope::List => "list",
        Scope::Admin => "admin",
        _ => "api",
    };
    let mut told = Object::new();
    told.text("scope", Some(scope));
    told.truth("rejected", rejected);
    told.end()
}

/// How a call went.
pub(crate) fn outcome(call: &Call<Wire>, request_bytes: u64) -> String {
    let record = call.record();
    let start = record.started.unwrap_or_default();
    let mut told = Object::new();
    told.number("status", call.status().map(|status| status.as_u16().into()));
    told.time("elapsed", record.elapsed());
    told.time("first_item", record.time_to_first_item());
    told.time("waited", Some(record.waited));
    told.number("items", Some(record.items));
    told.number("key_refreshes", Some(record.key_refreshes.into()));
    told.number("attempt_count", Some(record.attempt_count.into()));
    told.raw("attempts", &list(record.attempts.iter().map(|tried| attempt(tried, start, request_bytes))));
    told.end()
}

/// One attempt, from the start of the call.
fn attempt(attempt: &Attempt, start: Time, request_bytes: u64) -> String {
    let since = |time: Option<Time>| time.map(|time| time.since(start));
    let mut told = Object::new();
    told.text("base", Some(&attempt.base));
    told.time("sent", since(Some(attempt.sent)));
    told.time("head", since(attempt.head));
    told.time("ended", since(attempt.ended));
    told.number("status", attempt.status.map(|status| status.as_u16().into()));
    told.number("request_bytes", Some(request_bytes));
    told.number("response_bytes", Some(attempt.response_bytes));
    told.text("cause", attempt.cause.as_deref());
    told.time("retry_after", attempt.retry_after);
    told.end()
}

/// An error, and the record of its call if there is one.
pub(crate) fn error(error: &Error, call: Option<&Call<Wire>>, request_bytes: u64) -> String {
    let endpoint = error.endpoint();
    let mut told = Object::new();
    told.text("kind", Some(error.kind().as_str()));
    told.text("code", Some(error.code()));
    // The sentence for people; then the server's own words, or ours without the place and the hint.
    told.text("message", Some(&error.sentence()));
    told.text("reason", Some(error.message()));
    told.text("hint", error.hint());
    told.number("status", error.status().map(|status| status.as_u16().into()));
    told.truth("retryable", error.is_retryable());
    told.text("phase", error.phase().map(Phase::as_str));
    told.text("path", error.path());
    told.text("trace", error.trace());
    told.text("method", endpoint.map(|(method, _)| method.as_str()));
    told.text("url", endpoint.map(|(_, url)| url));
    told.text("body", error.body().map(|body| String::from_utf8_lossy(body)).as_deref());
    told.raw("validation", &list(error.validation().iter().map(issue)));
    told.raw("outcome", call.map(|call| outcome(call, request_bytes)).as_deref().unwrap_or("null"));
    told.end()
}

fn issue(issue: &ValidationIssue) -> String {
    let mut told = Object::new();
    told.raw("loc", &list(issue.location.iter().map(|part| quoted(part))));
    told.text("msg", Some(&issue.message));
    told.text("type", Some(&issue.kind));
    told.text("input", issue.input.as_deref());
    told.end()
}

fn pairs(headers: &HeaderMap) -> String {
    let sent = headers.iter().filter(|(name, _)| **name != SECRET);
    list(sent.map(|(name, value)| {
        // Bytes beyond ASCII are Latin-1 to `fetch`.
        let value: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
        ["[", &quoted(name.as_str()), ",", &quoted(&value), "]"].concat()
    }))
}

/// An object in the making. A serializer for any type would weigh more than all that is told.
struct Object(String);

impl Object {
    fn new() -> Self {
        Object(String::new())
    }

    fn raw(&mut self, name: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        push_string(&mut self.0, name);
        self.0.push(':');
        self.0.push_str(json);
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        self.raw(name, text.map(quoted).as_deref().unwrap_or("null"));
    }

    fn number(&mut self, name: &str, number: Option<u64>) {
        self.raw(name, number.map(decimal).as_deref().unwrap_or("null"));
    }

    /// In milliseconds: whole ones, and millionths of one.
    fn time(&mut self, name: &str, time: Option<Duration>) {
        let text = time.map(|time| {
            // With the zeros that are before them.
            let millionths = decimal(1_000_000 + u64::from(time.subsec_nanos()) % 1_000_000);
            [&decimal(time.as_millis() as u64), ".", &millionths[1..]].concat()
        });
        self.raw(name, text.as_deref().unwrap_or("null"));
    }

    fn truth(&mut self, name: &str, truth: bool) {
        self.raw(name, if truth { "true" } else { "false" });
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    let mut list = String::from("[");
    for item in items {
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(&item);
    }
    list.push(']');
    list
}

fn quoted(text: &str) -> String {
    let mut json = String::new();
    push_string(&mut json, text);
    json
}
