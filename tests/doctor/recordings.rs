//! What servers were really seen to send, judged.

use std::collections::BTreeMap;

use tabbyapi::doctor::judge;
use tabbyapi::transport::{Chunk, End, Exchange};

use crate::transcripts;

/// What is found in recordings, and why it is true.
const CONFIRMED: &[(&str, &str)] = &[
    // The client gave up: the model was unloaded, the prompt was an empty list, or it was meant to.
    ("chat-stream-disconnect", "stream-stalls"),
    ("chat-stream-unload-hang", "stream-stalls"),
    ("completion-stream-empty-list", "stream-stalls"),
    ("model-load-disconnect", "stream-stalls"),
    // Generation failed, or was asked for without `max_tokens`.
    ("chat-stream-fail", "stream-error"),
    ("completion-stream-fail", "stream-error"),
    ("completion-stream-no-max-tokens", "stream-error"),
    ("noauth-stream-fail-traceback", "stream-error"),
    // The real engine failed at a field of the request: a pattern, null, a number out of range.
    ("l-think-lp-s", "stream-error"),
    ("l-think-s", "stream-error"),
    ("think-l-think-call-s", "stream-error"),
    ("think-l-think-lp-s", "stream-error"),
    ("y-loop-window-s", "stream-error"),
    ("y-min-p5-s", "stream-error"),
    ("y-stop-null-s", "stream-error"),
    ("y-top-p-null-s", "stream-error"),
    // The server was stopped.
    ("stream-server-sigterm", "stream-cut"),
    // The probability of a token was zero.
    ("logprob-minus-infinity-stream-true", "non-finite"),
    // The server runs with `disable_request_streaming`.
    ("nostream-chat", "streaming-off"),
    ("trailing-slash-redirect", "redirect"),
];

#[test]
fn prefixes_and_queries_are_no_part_of_a_route() {
    let answer =
        b"HTTP/1.1 200 OK\r\ndate: x\r\ncontent-type: application/json\r\n\r\n{\"tokens\": [1], \"length\": 2}";
    for path in ["/v1/token/encode", "/tabby/v1/token/encode", "/a/b/v1/token/encode?x=/health"] {
        let request = format!("POST {path} HTTP/1.1\r\n\r\n{{}}");
        let findings = judge(&Exchange::from_http(request.as_bytes(), answer).unwrap());
        assert_eq!(findings.len(), 1, "{path}");
        assert_eq!((findings[0].check.id, &*findings[0].at), ("tokens-wrong", "POST /v1/token/encode"));
    }
}

/// Names of recordings of a folder, with and without a request.
fn recordings(folder: &str) -> Vec<(String, Exchange)> {
    let mut names: Vec<String> =
        transcripts::names(folder).iter().filter_map(|name| Some(name.strip_suffix(".resp")?.to_owned())).collect();
    names.sort();
    let all = transcripts::names(folder);
    let read = |name: String| {
        let answer = transcripts::read(&format!("{folder}/{name}.resp"));
        let has_request = all.contains(&format!("{name}.req"));
        let mut request = match has_request {
            true => transcripts::read(&format!("{folder}/{name}.req")),
            false => request_of(&name).to_vec(),
        };
        let gave_up = request.windows(11).position(|window| window == b"[curl exit ");
        request.truncate(gave_up.unwrap_or(request.len()));
        let mut exchange = Exchange::from_http(&request, &answer).unwrap_or_else(|error| panic!("{name}: {error}"));
        if gave_up.is_some() {
            exchange.end = End::Dropped;
        }
        if name == "stream-server-sigterm" {
            without_chunk_sizes(&mut exchange);
        }
        (name, exchange)
    };
    names.into_iter().map(read).collect()
}

/// The requests of those that were kept without.
fn request_of(name: &str) -> &'static [u8] {
    match name {
        "koboldfix-generate" => b"POST /api/v1/generate HTTP/1.1\r\n\r\n{}",
        "koboldfix-stream" => b"POST /api/extra/generate/stream HTTP/1.1\r\n\r\n{}",
        name if name.starts_with("stream") || name == "logprob-minus-infinity-stream-true" => {
            b"POST /v1/chat/completions HTTP/1.1\r\n\r\n{\"stream\": true}"
        }
        "logprob-minus-infinity-stream-false" => b"POST /v1/chat/completions HTTP/1.1\r\n\r\n{}",
        _ => b"POST /v1/completions HTTP/1.1\r\n\r\n{}",
    }
}

/// The body of the one that kept its chunked framing, and was cut.
fn without_chunk_sizes(exchange: &mut Exchange) {
    let body = String::from_utf8(exchange.body().to_vec()).unwrap();
    let is_size = |line: &&str| !line.is_empty() && u32::from_str_radix(line, 16).is_ok();
    let events: Vec<&str> = body.lines().filter(|line| !is_size(line) && !line.is_empty()).collect();
    let joined = events.join("\r\n\r\n") + "\r\n\r\n";
    exchange.chunks = vec![Chunk::new(std::time::Duration::ZERO, joined)];
    exchange.end = End::Failed("the connection was closed".to_owned());
}

#[test]
fn recordings_of_real_servers_have_only_what_the_documentation_confirms() {
    let mut found = BTreeMap::new();
    let mut judged = 0;
    for folder in ["tabbyapi", "tabbyapi-engine", "tabbyapi-extra"] {
        for (name, exchange) in recordings(folder) {
            judged += 1;
            for finding in judge(&exchange) {
                found.entry((name.clone(), finding.check.id)).or_insert_with(|| finding.seen.clone());
            }
        }
    }
    let unexpected: Vec<String> = found
        .iter()
        .filter(|((name, id), _)| !CONFIRMED.contains(&(name.as_str(), id)))
        .map(|((name, id), seen)| format!("{name} {id}: {seen}"))
        .collect();
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    let gone: Vec<_> =
        CONFIRMED.iter().filter(|(name, id)| !found.keys().any(|(one, other)| one == name && other == id)).collect();
    assert!(gone.is_empty(), "{gone:?}");
    assert!(judged > 200, "{judged}");
}
