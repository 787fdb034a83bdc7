//! Answers that end too early: what had arrived is kept, and nothing is taken for complete that is not.

use std::collections::BTreeSet;

use futures::{FutureExt, StreamExt};
use tabbyapi::transport::Transport;
use tabbyapi::transport::script::Reply;
use tabbyapi::{ErrorKind, Limits, Options, Outcome, Phase};

use crate::ask::{Ask, served, streams};
use crate::naive::{End, derive, normal};
use crate::play::{Player, bounded, json};
use crate::random::ONE_IN;
use crate::recording::{Recording, named};

/// The head of the recording's answer, and the first bytes of its body.
fn begun(recording: &Recording, len: usize) -> Reply {
    let mut exchange = recording.exchange.clone();
    let body = recording.body();
    exchange.chunks = vec![tabbyapi::transport::Chunk::new(std::time::Duration::ZERO, body.slice(..len))];
    exchange.end = tabbyapi::transport::End::Complete;
    Reply::from(&exchange)
}

#[test]
fn a_stream_that_is_cut_anywhere_gives_the_events_that_are_whole() {
    let mut runs = 0;
    for (at, (recording, ask)) in streams().into_iter().enumerate() {
        let player = Player::of(recording);
        let derived = derive(recording, &ask);
        let body = recording.body();
        let is_load = matches!(ask, Ask::Load(_));
        let asked = recording.request_json().unwrap_or_default();
        let prompts = asked["prompt"].as_array().map_or(1, Vec::len);
        let choices = asked["n"].as_u64().unwrap_or(1) as usize * prompts;
        // Events are whole once their blank line begins; keep-alives are none.
        let events: Vec<usize> =
            (0..body.len()).filter(|at| body[..*at].ends_with(b"\r\n\r") && !comment_before(&body, *at - 3)).collect();
        for len in (at % ONE_IN..=body.len()).step_by(ONE_IN) {
            for lost in [false, true] {
                // At a clean end the last event needs no line end.
                let whole = events.iter().filter(|end| **end - if lost { 0 } else { 3 } <= len).count();
                let items = whole.min(derived.items.len());
                let at_end = whole == events.len() && !events.is_empty();
                let ended = ended(&derived.items[..items], choices) && !inside_event(&body[..len]);
                let outcome = match &derived.end {
                    // The end of a load is the clean end of its connection.
                    End::Announced if at_end && !(is_load && lost) => Outcome::Complete,
                    End::Error(_) if at_end => Outcome::ServerError,
                    // Nothing but the announcement is missing.
                    End::Announced if ended && !is_load && !lost => Outcome::Complete,
                    _ => Outcome::Truncated,
                };
                let reply = begun(recording, len);
                let seen = player.play(&ask, if lost { reply.fail("reset") } else { reply });
                let what = format!("{}: {len} bytes", recording.name);
                assert_eq!(seen.items.len(), items, "{what}");
                let got = seen.items.iter().map(|item| normal(&serde_json::from_str(item).unwrap()));
                assert!(got.eq(derived.items[..items].iter().cloned()), "{what}");
                assert_eq!(seen.outcome, Some(outcome), "{what}");
                let kind = seen.error.map(|fault| fault.kind);
                let expected = match outcome {
                    Outcome::Complete => None,
                    Outcome::ServerError => Some(ErrorKind::Server),
                    _ => Some(ErrorKind::Truncated),
                };
                assert_eq!(kind, expected, "{what}");
                runs += 1;
            }
        }
    }
    println!("{runs} cut streams");
}

/// Whether each of so many choices has a reason for its end.
fn ended(items: &[serde_json::Value], choices: usize) -> bool {
    let index = |choice: &serde_json::Value| choice["index"].as_f64().unwrap_or_default() as u64;
    let all = || items.iter().filter_map(|item| item["choices"].as_array()).flatten();
    let ended: BTreeSet<u64> = all().filter(|choice| choice["finish_reason"].is_string()).map(index).collect();
    ended.len() >= choices && all().all(|choice| ended.contains(&index(choice)))
}

/// Whether these bytes end inside of an event, or of a line that could be one.
fn inside_event(bytes: &[u8]) -> bool {
    let start = bytes.windows(4).rposition(|end| end == b"\r\n\r\n").map_or(0, |at| at + 4);
    let rest = &bytes[start..];
    let ends = |end: &str| rest.ends_with(end.as_bytes());
    !(rest.is_empty() || rest.starts_with(b":") || ends("}") || ends("}\r") || ends("\n") || ends("\r"))
}

/// Whether the line that ends here is a comment.
fn comment_before(body: &[u8], end: usize) -> bool {
    let start = body[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    body[start] == b':'
}

#[test]
fn a_body_that_is_cut_anywhere_is_never_an_answer() {
    for (recording, ask) in served() {
        let body = recording.body();
        if recording.is_stream() || body.is_empty() {
            continue;
        }
        let player = Player::of(recording);
        let whole = player.play(&ask, recording.reply());
        for len in 0..body.len() {
            let what = format!("{}: {len} bytes", recording.name);
            let lost = player.play(&ask, begun(recording, len).fail("reset"));
            let fault = lost.error.unwrap_or_else(|| panic!("{what}: the connection was lost"));
            assert_eq!((fault.kind, fault.code.as_str()), (ErrorKind::Truncated, "connection_lost"), "{what}");

            // Some servers and proxies end a body cleanly in its middle.
            let ended = player.play(&ask, begun(recording, len));
            if len == 0 && matches!(ask, Ask::Unload) && whole.error.is_none() {
                assert_eq!(ended.error, None, "{what}: nothing needs to be said");
                continue;
            }
            let kind = ended.error.unwrap_or_else(|| panic!("{what}: the body is not whole")).kind;
            let refused = whole.error.as_ref().is_some_and(|fault| fault.kind == ErrorKind::Server);
            let expected = if refused { ErrorKind::Server } else { ErrorKind::Decode };
            assert_eq!(kind, expected, "{what}");
        }
    }
}

#[test]
fn a_client_that_gives_up_keeps_what_had_arrived() {
    for (recording, ask) in served().into_iter().filter(|(recording, _)| recording.is_given_up()) {
        let name = recording.name.as_str();
        let derived = derive(recording, &ask);
        assert_eq!(derived.end, End::Open, "{name}");
        let player = Player::of(recording);

        // Data stopped for longer than the timeouts allow.
        let stalled = player.play(&ask, recording.reply());
        assert_eq!(stalled.outcome, Some(Outcome::IdleTimeout), "{name}");
        let fault = stalled.error.unwrap();
        let phase = if derived.items.is_empty() { Phase::FirstItem } else { Phase::Idle };
        assert_eq!((fault.kind, fault.phase), (ErrorKind::Timeout, Some(phase)), "{name}");
        assert_eq!(player.script.dropped(), 1, "{name}: the exchange is cancelled");
    }

    // A load has no deadline of its own: it may queue. It is up to the caller to give it up.
    let player = Player::of(named("model-load-disconnect"));
    player.script.push(named("model-load-disconnect").reply());
    let mut stream = player.client.models().load(&tabbyapi::api::LoadRequest::new("slow-load"));
    for module in 1..=2 {
        let progress = bounded(StreamExt::next(&mut stream)).unwrap().unwrap();
        assert_eq!((progress.module, progress.modules, progress.fraction()), (module, 10, module as f64 / 10.0));
    }
    assert!(StreamExt::next(&mut stream).now_or_never().is_none());
    assert_eq!(stream.outcome(), None);
    let partial = stream.cancel();
    assert_eq!(json(&partial), r#"{"parts":[{"model_type":"model","module":2,"modules":10,"finished":false}]}"#);
    assert_eq!(player.script.dropped(), 1);
}

#[test]
fn a_server_that_is_stopped_cuts_its_streams() {
    let recording = named("stream-server-sigterm");
    let (_, ask) = streams().into_iter().find(|(other, _)| other.name == recording.name).unwrap();
    let seen = Player::of(recording).play(&ask, recording.reply());
    assert_eq!((seen.outcome, seen.items.len()), (Some(Outcome::Truncated), 4));
    assert!(seen.total.unwrap().contains(r#""content":"a b c d""#));
    assert!(seen.error.unwrap().retryable);
}

#[test]
fn a_cap_that_an_item_goes_over_cancels_the_exchange() {
    let recording = named("chat-stream");
    let player = Player::of(recording);
    let mut limits = Limits::default();
    limits.accumulated = 10;
    player.script.push(recording.reply().hang());
    let client = player.client.with(Options::new().limits(limits));
    let mut stream = client.chat().stream(&crate::requests::chat("chat-stream").unwrap());
    let error = loop {
        if let Err(error) = bounded(StreamExt::next(&mut stream)).expect("an error ends it") {
            break error;
        }
    };
    assert_eq!(player.script.dropped(), 1, "although the stream is still held");
    assert_eq!(
        error.to_string(),
        "POST http://tabby.test/v1/chat/completions: the stream accumulates to more than the cap of 10 bytes; raise \
         `Limits::accumulated` if such answers are expected"
    );
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::TooLarge, 200));
    assert_eq!(error.record().unwrap().attempts[0].cause.as_deref(), Some("stream_too_large"));
    assert_eq!(stream.record().unwrap().ended, Some(player.script.now()));
    assert_eq!(stream.outcome(), Some(Outcome::Failed));
}
