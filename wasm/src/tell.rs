//! What JavaScript is told, in JSON: requests, keys that are wanted, errors, records of calls. Times are in milliseconds.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use serde::Serialize;
use tabbyapi::call::{Attempt, Call, Record, Time};
use tabbyapi::{Error, ErrorKind, Phase, Scope};

use crate::config::SECRET;
use crate::wire::Wire;

type Pairs = Vec<(String, String)>;

/// A request, without its body.
#[derive(Serialize)]
pub(crate) struct Sending {
    method: String,
    url: String,
    headers: Pairs,
}

pub(crate) fn request(request: &Request<Bytes>) -> Sending {
    Sending { method: request.method().to_string(), url: request.uri().to_string(), headers: pairs(request.headers()) }
}

#[derive(Serialize)]
pub(crate) struct WantedKey {
    scope: &'static str,
    rejected: bool,
}

pub(crate) fn wanted_key(scope: Scope, rejected: bool) -> WantedKey {
    let scope = match scope {
        Scope::Public => "public",
        Scope::List => "list",
        Scope::Admin => "admin",
        _ => "api",
    };
    WantedKey { scope, rejected }
}

/// How a call went.
#[derive(Serialize)]
pub(crate) struct Outcome {
    status: Option<u16>,
    elapsed: Option<f64>,
    first_item: Option<f64>,
    waited: f64,
    items: u64,
    key_refreshes: u32,
    attempt_count: u32,
    attempts: Vec<Told>,
}

/// One attempt, from the start of the call.
#[derive(Serialize)]
struct Told {
    base: String,
    sent: f64,
    head: Option<f64>,
    ended: Option<f64>,
    status: Option<u16>,
    request_bytes: u64,
    response_bytes: u64,
    cause: Option<String>,
    retry_after: Option<f64>,
}

pub(crate) fn outcome(call: &Call<Wire>, request_bytes: u64) -> Outcome {
    let record: &Record = call.record();
    let start = record.started.unwrap_or_default();
    let since = |time: Time| milliseconds(time.since(start));
    let attempt = |attempt: &Attempt| Told {
        base: attempt.base.to_string(),
        sent: since(attempt.sent),
        head: attempt.head.map(since),
        ended: attempt.ended.map(since),
        status: attempt.status.map(|status| status.as_u16()),
        request_bytes,
        response_bytes: attempt.response_bytes,
        cause: attempt.cause.as_ref().map(|cause| cause.to_string()),
        retry_after: attempt.retry_after.map(milliseconds),
    };
    Outcome {
        status: call.status().map(|status| status.as_u16()),
        elapsed: record.elapsed().map(milliseconds),
        first_item: record.time_to_first_item().map(milliseconds),
        waited: milliseconds(record.waited),
        items: record.items,
        key_refreshes: record.key_refreshes,
        attempt_count: record.attempt_count,
        attempts: record.attempts.iter().map(attempt).collect(),
    }
}

/// An error, and the record of its call if there is one.
#[derive(Serialize)]
pub(crate) struct Failure {
    kind: &'static str,
    code: String,
    /// The sentence for people.
    message: String,
    /// The server's own words, or ours without the place and the hint.
    reason: String,
    hint: Option<String>,
    status: Option<u16>,
    retryable: bool,
    phase: Option<&'static str>,
    path: Option<String>,
    trace: Option<String>,
    method: Option<String>,
    url: Option<String>,
    body: Option<String>,
    validation: Vec<Issue>,
    outcome: Option<Outcome>,
}

#[derive(Serialize)]
struct Issue {
    loc: Vec<String>,
    msg: String,
    r#type: String,
    input: Option<String>,
}

pub(crate) fn error(error: &Error, call: Option<&Call<Wire>>, request_bytes: u64) -> Failure {
    let issue = |issue: &tabbyapi::ValidationIssue| Issue {
        loc: issue.location.clone(),
        msg: issue.message.clone(),
        r#type: issue.kind.clone(),
        input: issue.input.clone(),
    };
    let endpoint = error.endpoint();
    Failure {
        kind: kind(error.kind()),
        code: error.code().to_owned(),
        message: error.to_string(),
        reason: error.message().to_owned(),
        hint: error.hint().map(str::to_owned),
        status: error.status().map(|status| status.as_u16()),
        retryable: error.is_retryable(),
        phase: error.phase().map(phase),
        path: error.path().map(str::to_owned),
        trace: error.trace().map(str::to_owned),
        method: endpoint.map(|(method, _)| method.to_string()),
        url: endpoint.map(|(_, url)| url.to_owned()),
        body: error.body().map(|body| String::from_utf8_lossy(body).into_owned()),
        validation: error.validation().iter().map(issue).collect(),
        outcome: call.map(|call| outcome(call, request_bytes)),
    }
}

fn kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => "config",
        ErrorKind::Encode => "encode",
        ErrorKind::Credentials => "credentials",
        ErrorKind::Connect => "connect",
        ErrorKind::Transport => "transport",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Server => "server",
        ErrorKind::Truncated => "truncated",
        ErrorKind::Decode => "decode",
        ErrorKind::TooLarge => "too_large",
        ErrorKind::Cancelled => "cancelled",
        _ => "misuse",
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Head => "head",
        Phase::FirstItem => "first_item",
        Phase::Stall => "stall",
        _ => "total",
    }
}

fn pairs(headers: &HeaderMap) -> Pairs {
    // Bytes beyond ASCII are Latin-1 to `fetch`.
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect();
    let sent = headers.iter().filter(|(name, _)| **name != SECRET);
    sent.map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
