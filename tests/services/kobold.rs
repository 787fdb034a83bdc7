//! The KoboldAI API.

use std::time::Duration;

use futures::executor::block_on;
use serde_json::json;
use tabbyapi::api::{KoboldRequest, SamplingParams};
use tabbyapi::decode::Empty;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, ErrorKind, Outcome};

use crate::harness::{assert_error, client, good, play, play_as};

const TEXT: &str = "Echo: hi";

#[test]
fn small_routes() {
    assert!(good(play("kobold-abort", |client| client.kobold().abort("K1"))).success);
    assert_eq!(good(play("kobold-check-get", |client| client.kobold().check("K1"))).text(), "");
    assert_eq!(good(play("kobold-model", |client| client.kobold().model())).result, "tabbyAPI/alpha-7B-exl3");
    let count = good(play("kobold-tokencount", |client| client.kobold().count_tokens("hello world")));
    assert_eq!((count.value, &count.ids[..]), (7, &[2400, 2139, 289, 361, 271, 75, 67][..]));
    assert_eq!(good(play("kobold-max-length", |client| client.kobold().max_length())).value, Some(4096));
    assert_eq!(good(play("kobold-version", |client| client.kobold().version())).result, "1.2.5");
    let version = good(play("kobold-extra-version", |client| client.kobold().extra_version()));
    assert_eq!((version.result.as_str(), version.version.as_deref()), ("KoboldCpp", Some("1.74")));
    assert!(good(play("kobold-softprompts", |client| client.kobold().soft_prompts())).values.is_empty());
    assert_eq!(good(play("kobold-softprompt-put", |client| client.kobold().set_soft_prompt(""))), Empty);
}

#[test]
fn routes_that_answer_like_another() {
    let script = Script::new([
        Reply::json(200, r#"{"value":4096}"#),
        Reply::json(200, r#"{"value":null}"#),
        Reply::json(200, r#"{"value":""}"#),
    ]);
    let client = client(&script);
    block_on(async {
        assert_eq!(client.kobold().max_context_length().await.unwrap().value, Some(4096));
        assert_eq!(client.kobold().true_max_context_length().await.unwrap().value, None);
        assert_eq!(client.kobold().soft_prompt().await.unwrap().value, "");
    });
    let sent: Vec<_> = script
        .requests()
        .iter()
        .map(|request| (request.uri().path().to_owned(), request.headers().contains_key("x-api-key")))
        .collect();
    let expected = [
        ("/api/v1/config/max_context_length".to_owned(), true),
        ("/api/extra/true_max_context_length".to_owned(), true),
        ("/api/v1/config/soft_prompt".to_owned(), false),
    ];
    assert_eq!(sent, expected);
}

#[test]
fn without_the_api() {
    let result = play("empty-kobold-not-enabled", |client| client.kobold().version());
    assert_error(result, 404, "kobold_disabled", "Not Found", "add `Kobold` to `api_servers`");
    let not_found = || Reply::json(404, r#"{"detail":"Not Found"}"#);
    let script = Script::new((0..4).map(|_| not_found()));
    let client = client(&script);
    let request = KoboldRequest::new("x");
    block_on(async {
        for error in [
            client.kobold().generate(&request).await.unwrap_err(),
            client.kobold().stream(&request).finish().await.unwrap_err().error,
            client.kobold().set_soft_prompt("x").await.unwrap_err(),
            client.kobold().abort("x").await.unwrap_err(),
        ] {
            assert_eq!(error.code(), "kobold_disabled");
            assert_eq!(error.record().unwrap().attempts[0].cause.as_deref(), Some("kobold_disabled"));
        }
    });
}

#[test]
fn servers_that_fail_on_generation() {
    let request = KoboldRequest::new("hi").dynatemp_range(0.5).use_default_badwordsids(true);
    let result = play("kobold-generate-dynatemp", |client| client.kobold().generate(&request));
    assert_error(result, 503, "generation_aborted", "Completion 61dc10d31e2a", "client.completions()");

    let stream = |client: &Client| {
        let stream = client.kobold().stream(&KoboldRequest::new("hi").genkey("K2").extra("max_length", 5));
        async move { stream.finish().await.map_err(|broken| broken.error) }
    };
    let words = "Kobold generation K2 aborted. Please check the server console.";
    assert_error(play("kobold-generate-stream", stream), 200, "generation_aborted", words, "client.completions()");

    let request = KoboldRequest::new("x");
    let expected = ("POST /api/v1/generate", Some(json!({"prompt": "x"})));
    let reported = play_as("kobold-generate-422", expected, |client| client.kobold().generate(&request)).unwrap_err();
    assert_eq!((reported.status, reported.message.as_str()), (Some(422), "body.prompt: Field required"));
}

#[test]
fn an_aborted_generation_is_named() {
    let request = KoboldRequest::new("Once").max_tokens(8);
    let expected = ("POST /api/v1/generate", Some(json!({"prompt": "Once", "max_tokens": 8})));
    let result = play_as("../tabbyapi-engine/r-kobold-generate", expected, |c| c.kobold().generate(&request));
    let words = "Completion c03e84f7842047f4bc9ef9d5ab22f392 aborted. Maybe the model was unloaded?";
    assert_error(result, 503, "generation_aborted", words, "client.completions()");
}

/// Recorded from a server whose generation was mended.
#[test]
fn servers_that_generate() {
    let request = KoboldRequest::new("hi")
        .genkey("K3")
        .max_tokens(9)
        .temperature(0.5)
        .sampling(SamplingParams::new().penalty_range(0));
    let body = json!({"prompt": "hi", "genkey": "K3", "max_tokens": 9, "temperature": 0.5, "penalty_range": 0});
    let expected = ("POST /api/v1/generate", Some(body.clone()));
    let answer = play_as("../tabbyapi-extra/koboldfix-generate", expected, |c| c.kobold().generate(&request));
    assert_eq!(good(answer).text(), TEXT);

    let expected = ("POST /api/extra/generate/stream", Some(body));
    let answer = play_as("../tabbyapi-extra/koboldfix-stream", expected, |client| {
        let stream = client.kobold().stream(&request);
        async move { stream.finish().await.map_err(|broken| broken.error) }
    });
    assert_eq!(good(answer).text(), TEXT);
}

#[test]
fn pings_with_other_line_ends_lie_between_the_pieces() {
    let body = "event: message\ndata: {\"token\":\"E\"}\n\n: ping - 2026-11-22 14:55:42.367543+00:00\r\n\r\nevent: message\n\
                data: {\"token\":\"ch\"}\n\n: ping - 2026-11-22 14:55:57.367543+00:00\r\n\r\nevent: message\ndata: \
                {\"token\":\"o\u{2028}\"}\n\n";
    let events = Reply::events().chunk(body);
    let replies = [events.clone(), events.clone().byte_by_byte()];
    for reply in replies.into_iter().chain((1..body.len()).map(|at| events.clone().cut_at(&[at]))) {
        let script = Script::new([reply]);
        let mut stream = client(&script).kobold().stream(&KoboldRequest::new("x"));
        let mut pieces = Vec::new();
        block_on(async {
            while let Some(piece) = stream.next().await {
                pieces.push(piece.unwrap().token.to_string());
            }
        });
        assert_eq!(pieces, ["E", "ch", "o\u{2028}"]);
        assert_eq!(stream.outcome(), Some(Outcome::Complete));
    }
}

#[test]
fn a_stream_ends_by_closing_by_an_error_or_by_a_cut() {
    let piece = "event: message\ndata: {\"token\":\"E\"}\n\n";
    let error = "data: {\"error\":{\"message\":\"Kobold generation K aborted.\",\"trace\":null}}\r\n\r\n";
    let cases = [
        (Reply::events().chunk(piece), Outcome::Complete),
        (Reply::events().chunk(piece).chunk(error), Outcome::ServerError),
        (Reply::events().chunk(piece).fail("reset"), Outcome::Truncated),
        (Reply::events().chunk(piece).hang(), Outcome::IdleTimeout),
        (Reply::events().chunk(piece).chunk("data: {\"text\":\"x\"}\n\n"), Outcome::Failed),
        (Reply::json(200, r#"{"results":[{"text":"E"}]}"#), Outcome::Complete),
    ];
    for (reply, expected) in cases {
        let script = Script::new([reply.head_after(Duration::from_secs(1))]);
        match block_on(client(&script).kobold().stream(&KoboldRequest::new("x")).finish()) {
            Ok(answer) => assert_eq!((answer.text(), Outcome::Complete), ("E", expected)),
            Err(broken) => assert_eq!((broken.partial.text(), broken.outcome), ("E", expected)),
        }
    }
    let script = Script::new([]);
    let bad = KoboldRequest::new("x").dynatemp_range(f64::NAN);
    let error = block_on(client(&script).kobold().generate(&bad)).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Encode, "`dynatemp_range` is not a finite number"));
}
