//! A model of a server: what comes of one request, and when.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use tabbyapi::call::Input;
use tabbyapi::transport::{Sent, TransportError};

use crate::chance::Chance;

/// How bad a server is, in times out of a hundred.
#[derive(Clone, Copy, Debug)]
pub struct Mood {
    /// Nothing gets through.
    pub down: u64,
    /// A connection fails once the request may be there.
    pub reset: u64,
    /// No answer ever begins.
    pub hang: u64,
    /// An error status.
    pub status: u64,
    /// The key is refused.
    pub key: u64,
    /// An answer that begins well does not end well.
    pub bad_end: u64,
}

impl Mood {
    pub fn by(chance: &mut Chance) -> Mood {
        match chance.below(4) {
            0 => Mood { down: 0, reset: 0, hang: 0, status: 0, key: 2, bad_end: 2 },
            1 => Mood { down: 5, reset: 3, hang: 1, status: 10, key: 5, bad_end: 10 },
            2 => Mood { down: 20, reset: 10, hang: 5, status: 20, key: 5, bad_end: 40 },
            _ => Mood { down: 90, reset: 20, hang: 10, status: 50, key: 0, bad_end: 80 },
        }
    }
}

/// What a server does with a request.
pub struct Response {
    /// It has begun the work.
    pub begun: bool,
    /// The words of a stream that comes to its announced end; `None` for anything else.
    pub complete: Option<u64>,
    /// Its name, for the course of the world.
    pub kind: &'static str,
    /// What is to be seen of it, each after the one before.
    pub steps: Vec<(Duration, Seen)>,
}

/// What the client's side sees.
#[derive(Clone, Debug)]
pub enum Seen {
    Head(u16, Vec<(&'static str, String)>),
    Chunk(Bytes),
    End,
    Failed(Sent),
}

impl Seen {
    pub fn input(self) -> Input {
        match self {
            Seen::Head(status, headers) => {
                let mut response = http::Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                Input::Head(response.body(()).unwrap().into_parts().0)
            }
            Seen::Chunk(bytes) => Input::Chunk(bytes),
            Seen::End => Input::End,
            Seen::Failed(sent) => Input::Failed(TransportError::new(sent, "it failed")),
        }
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");
const EVENTS: (&str, &str) = ("content-type", "text/event-stream");

/// What comes of a request. Of a stream that is resumed these words are asked for.
pub fn answer(mood: Mood, keys: bool, words: Option<Range<u64>>, chance: &mut Chance) -> Response {
    let early = chance.millis(400);
    if chance.percent(mood.down) {
        return failed("refused", early, false, Sent::No);
    }
    if chance.percent(mood.reset) {
        let begun = chance.percent(50);
        return failed("reset", chance.millis(3000), begun, Sent::Maybe);
    }
    if chance.percent(mood.hang) {
        return Response { begun: true, complete: None, kind: "hang", steps: Vec::new() };
    }
    if keys && chance.percent(mood.key) {
        return status(401, r#"{"detail":"Invalid API key"}"#, false, chance);
    }
    if chance.percent(mood.status) {
        let (code, body, begun) = *chance.of(&[
            (429, "{}", false),
            (503, r#"{"detail":"No models are currently loaded."}"#, false),
            (500, "Internal Server Error", true),
            (502, "<html>", true),
            (503, "{}", true),
            (504, "", true),
            (404, r#"{"detail":"Not Found"}"#, false),
            (422, r#"{"detail":[]}"#, false),
        ]);
        return status(code, body, begun, chance);
    }
    stream(chance.percent(mood.bad_end), words, chance)
}

fn failed(kind: &'static str, after: Duration, begun: bool, sent: Sent) -> Response {
    Response { begun, complete: None, kind, steps: vec![(after, Seen::Failed(sent))] }
}

fn status(code: u16, body: &'static str, begun: bool, chance: &mut Chance) -> Response {
    let mut headers = vec![(JSON.0, JSON.1.to_owned())];
    if chance.percent(30) {
        headers.push(("retry-after", (1 + chance.below(5)).to_string()));
    }
    if chance.percent(5) {
        headers.push(("x-should-retry", chance.percent(50).to_string()));
    }
    let mut steps = vec![(chance.millis(500), Seen::Head(code, headers))];
    let cut = chance.below(body.len() as u64 + 1) as usize;
    for part in [&body[..cut], &body[cut..]] {
        steps.push((chance.millis(50), Seen::Chunk(Bytes::from_static(part.as_bytes()))));
    }
    // The body is cut short, or never ends: the status was said all the same.
    match chance.below(10) {
        0 => steps.push((chance.millis(50), Seen::Failed(Sent::Maybe))),
        1 => {}
        _ => steps.push((chance.millis(50), Seen::End)),
    }
    Response { begun, complete: None, kind: "status", steps }
}

fn stream(bad: bool, words: Option<Range<u64>>, chance: &mut Chance) -> Response {
    let words = words.unwrap_or_else(|| 0..chance.below(12));
    let end = words.end;
    let mut text = String::new();
    for word in words {
        if chance.percent(20) {
            text.push_str(": ping\r\n\r\n");
        }
        // In brackets, so that no part of it is another word.
        text.push_str(&format!("data: [{word}]\r\n\r\n"));
    }
    let whole = text.len();
    text.push_str("data: [DONE]\r\n\r\n");
    let (kind, keep) = match (bad, chance.below(6)) {
        (false, _) => ("complete", text.len()),
        // The connection is lost anywhere.
        (true, 0) => ("cut", chance.below(whole as u64 + 1) as usize),
        // A length that was a lie: the body ends too early.
        (true, 1) => ("short", chance.below(whole as u64 + 1) as usize),
        (true, 2) => ("stalled", chance.below(whole as u64 + 1) as usize),
        // Keep-alives for ever, and nothing else.
        (true, 3) => ("flood", whole),
        (true, 4) => {
            text.truncate(whole);
            text.push_str("data: {\"error\": {\"message\": \"it broke\"}}\r\n\r\n");
            ("error event", text.len())
        }
        _ => {
            text.truncate(whole);
            text.push_str("data: [1\r\n\r\n");
            ("malformed", text.len())
        }
    };
    let mut steps = vec![(chance.millis(2000), Seen::Head(200, vec![(EVENTS.0, EVENTS.1.to_owned())]))];
    let slow = if chance.percent(10) { 8000 } else { 300 };
    let mut rest = &text.as_bytes()[..keep];
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at((1 + chance.below(40) as usize).min(rest.len()));
        steps.push((chance.millis(slow), Seen::Chunk(Bytes::copy_from_slice(chunk))));
        rest = after;
    }
    match kind {
        "cut" => steps.push((chance.millis(100), Seen::Failed(Sent::Maybe))),
        "stalled" => {}
        "flood" => {
            let ping = || (Duration::from_secs(1), Seen::Chunk(Bytes::from_static(b": ping\r\n\r\n")));
            steps.extend(std::iter::repeat_with(ping).take(400));
        }
        _ => steps.push((chance.millis(100), Seen::End)),
    }
    Response { begun: true, complete: (kind == "complete").then_some(end), kind, steps }
}
