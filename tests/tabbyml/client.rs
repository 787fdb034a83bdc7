//! Tokens, detection, the rate limit, retries: through the public API, on scripts.

use std::time::Duration;

use tabbyapi::api::ChatMessage;
use tabbyapi::auth::Credential;
use tabbyapi::policy::Retry;
use tabbyapi::tabbyml::{
    ChatRequest, Client, CompletionRequest, IngestionRequest, LogEvent, RATE_LIMIT, Segments, ServerKind,
};
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{ErrorKind, Limits, Options, Phase, Scope};

use crate::play::bounded;

const HEALTH: &str = r#"{"device":"cpu","cuda_devices":[],"arch":"x86_64","cpu_info":"","cpu_count":2,"version":{"build_date":"","build_timestamp":"","git_sha":"","git_describe":"v0.31.2"},"webserver":true}"#;
const TABBYAPI: &str = r#"{"status":"healthy","issues":[]}"#;

fn completion() -> CompletionRequest {
    CompletionRequest::new("rust", Segments::new("fn main() {"))
}

fn client(replies: impl IntoIterator<Item = Reply>) -> (Client, Script) {
    let script = Script::new(replies);
    let builder = Client::builder("http://tabby.test/prefix/").token("user").registration_token("registration");
    (builder.build_with(script.clone()).unwrap(), script)
}

fn page(status: u16) -> Reply {
    Reply::status(status)
        .header("content-type", "text/html; charset=utf-8")
        .chunk("<html><title>Swagger UI</title></html>")
}

#[test]
fn each_operation_has_its_token_and_no_other_key_header() {
    let event = LogEvent::new("cmpl-1");
    let (client, script) = client((0..6).map(|_| Reply::status(404)));
    bounded(client.health().check()).unwrap_err();
    bounded(client.completions().create(&completion())).unwrap_err();
    bounded(client.events().dismiss(&event)).unwrap_err();
    bounded(client.ingestion().add(&IngestionRequest::new("s", "i", "t", "b"))).unwrap_err();
    bounded(client.ingestion().delete("my docs/x", "../1")).unwrap_err();
    // URL parsers take these for steps in the path, encoded or not, and an empty one would name all documents of the source.
    for id in ["", ".", ".."] {
        let error = bounded(client.ingestion().delete("my docs", id)).unwrap_err();
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Encode, "invalid_request"), "{error}");
        bounded(client.ingestion().delete(id, "1")).unwrap_err();
        bounded(client.ingestion().delete_source(id)).unwrap_err();
    }
    bounded(client.graphql().sign_in("owner@example.com", "secret")).unwrap_err();
    let sent: Vec<_> = script
        .requests()
        .iter()
        .map(|request| {
            assert!(!request.headers().contains_key("x-api-key") && !request.headers().contains_key("x-admin-key"));
            let token = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
            (request.uri().to_string(), token.unwrap_or_default())
        })
        .collect();
    let (user, registration) = ("Bearer user", "Bearer registration");
    for (at, (path, token)) in [
        ("/v1/health", user),
        ("/v1/completions", user),
        ("/v1/events", user),
        ("/v1beta/ingestion", registration),
        ("/v1beta/ingestion/my%20docs%2Fx/..%2F1", registration),
        ("/graphql", ""),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(sent[at], (format!("http://tabby.test/prefix{path}"), token.to_owned()));
    }
}

#[test]
fn tokens_do_not_show() {
    let body = r#"{"errors":[{"message":"user-secret and registration-secret are wrong"}]}"#;
    let script = Script::new([Reply::json(400, body)]);
    let builder = Client::builder("http://tabby.test").token("user-secret").registration_token("registration-secret");
    let shown = format!("{builder:?}");
    let client = builder.build_with(script).unwrap();
    let error = bounded(client.graphql().me()).unwrap_err();
    for text in [shown, format!("{client:?}"), error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("user-secret") && !text.contains("registration-secret"), "{text}");
    }
    assert!(error.to_string().contains("are wrong"), "{error}");
}

#[test]
fn a_source_is_asked_for_the_token_of_each_scope() {
    let script = Script::new([Reply::status(401), Reply::json(200, HEALTH), Reply::status(202)]);
    let builder = Client::builder("http://tabby.test").key_source(async |scope, rejected| {
        let token = match (scope, rejected) {
            (Scope::Admin, _) => "registration",
            (_, true) => "renewed",
            _ => "user",
        };
        Ok(Some(Credential::bearer(token)?))
    });
    let client = builder.build_with(script.clone()).unwrap();
    bounded(client.health().check()).unwrap();
    bounded(client.ingestion().delete_source("s")).unwrap();
    let tokens: Vec<_> = script
        .requests()
        .iter()
        .map(|request| request.headers()["authorization"].to_str().unwrap().to_owned())
        .collect();
    assert_eq!(tokens, ["Bearer user", "Bearer renewed", "Bearer registration"]);
}

#[test]
fn the_server_that_is_there_is_recognized() {
    let not_found = || Reply::json(404, r#"{"detail":"Not Found"}"#);
    let to_docs = || Reply::status(307).header("location", "/swagger-ui");
    for (replies, kind) in [
        (vec![Reply::json(200, HEALTH)], ServerKind::TabbyMl),
        // It asks for a token.
        (vec![Reply::status(401)], ServerKind::TabbyMl),
        (vec![not_found(), Reply::json(200, TABBYAPI)], ServerKind::TabbyApi),
        (vec![not_found(), Reply::json(503, TABBYAPI)], ServerKind::TabbyApi),
        (vec![not_found(), not_found()], ServerKind::Other),
        (vec![page(200), page(200)], ServerKind::Other),
        (vec![to_docs(), to_docs()], ServerKind::Other),
        (vec![Reply::json(401, r#"{"detail":"no"}"#), Reply::json(401, "{}")], ServerKind::Other),
        (vec![Reply::status(401).header("www-authenticate", "Basic"), Reply::status(401)], ServerKind::Other),
    ] {
        let (client, script) = client(replies);
        assert_eq!(bounded(client.detect()).unwrap(), kind);
        let paths: Vec<_> = script.requests().iter().map(|request| request.uri().path().to_owned()).collect();
        assert_eq!(paths, ["/prefix/v1/health", "/prefix/health"][..paths.len()]);
    }
    let (client, _) = client([Reply::refused("refused"), Reply::refused("refused"), Reply::refused("refused")]);
    assert_eq!(bounded(client.detect()).unwrap_err().kind(), ErrorKind::Connect);
}

#[test]
fn what_is_not_there_has_one_code() {
    for (reply, kind) in [
        (page(200), ErrorKind::Decode),
        (page(404), ErrorKind::Server),
        (Reply::status(404), ErrorKind::Server),
        (Reply::status(307).header("location", "/swagger-ui"), ErrorKind::Server),
        (Reply::status(307).header("location", "http://tabby.test/prefix/swagger-ui/"), ErrorKind::Server),
    ] {
        // Chat is asked for at its older path, too.
        let (client, _) = client([reply.clone(), reply.clone(), reply.clone(), reply]);
        let once = client.with(Options::new().retry(Retry::NEVER));
        for error in [
            bounded(once.completions().create(&completion())).unwrap_err(),
            bounded(once.chat().create(&ChatRequest::new([ChatMessage::user("hi")]))).unwrap_err(),
            bounded(once.events().view(&LogEvent::new("cmpl-1"))).unwrap_err(),
        ] {
            assert_eq!(
                (error.kind(), error.code().as_str(), error.is_retryable()),
                (kind, "not_found", false),
                "{error}"
            );
            assert!(error.hint().is_some());
        }
    }
    // A proxy that sends elsewhere is something else.
    let (client, _) = client([Reply::status(308).header("location", "https://tabby.test/v1/health")]);
    let error = bounded(client.health().check()).unwrap_err();
    assert_eq!(
        (error.code().as_str(), error.hint().unwrap().contains("https://tabby.test/v1/health")),
        ("redirect", true)
    );
}

#[test]
fn chat_of_old_servers_has_another_path() {
    const ANSWER: &str =
        "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n";
    let request = ChatRequest::new([ChatMessage::user("hi")]);
    let answer = || Reply::status(200).header("content-type", "text/event-stream").chunk(ANSWER);
    let paths = |script: &Script| -> Vec<_> {
        script.requests().iter().map(|request| request.uri().path().to_owned()).collect()
    };
    let (current, older) = ("/prefix/v1/chat/completions", "/prefix/v1beta/chat/completions");
    let (client, script) = client([Reply::status(404), answer(), page(404), answer()]);
    let once = client.with(Options::new().retry(Retry::NEVER));
    assert_eq!(bounded(once.chat().create(&request)).unwrap().text(), "x");
    let mut stream = once.chat().stream(&request);
    assert_eq!(bounded(stream.next()).unwrap().unwrap().text(), "x");
    assert_eq!(paths(&script), [current, older, current, older]);
    assert_eq!(script.requests()[0].body(), script.requests()[1].body());

    // What is at neither path is an error of the first.
    script.push(Reply::status(404));
    script.push(page(404));
    let error = bounded(once.chat().create(&request)).unwrap_err();
    assert_eq!((error.code().as_str(), paths(&script).len()), ("not_found", 6));
    assert!(error.to_string().contains("/v1/chat/completions: the server answered 404"), "{error}");
    // Any other error of the older path is that of the call.
    script.push(Reply::status(404));
    script.push(Reply::status(501));
    let error = bounded(once.chat().create(&request)).unwrap_err();
    assert_eq!(error.code().as_str(), "no_chat_model");
    assert!(error.to_string().contains("/v1beta/chat/completions"), "{error}");
    // Other operations have no other path.
    script.push(Reply::status(404));
    bounded(once.completions().create(&completion())).unwrap_err();
    assert_eq!(paths(&script).len(), 9);
}

#[test]
fn a_completion_that_may_have_begun_is_not_repeated() {
    let (once, script) = client([Reply::status(408), Reply::reset("closed")]);
    let error = bounded(once.completions().create(&completion())).unwrap_err();
    assert_eq!((error.code().as_str(), script.requests().len()), ("request_timeout", 1));
    let error = bounded(once.completions().create(&completion())).unwrap_err();
    assert_eq!((error.kind(), script.requests().len()), (ErrorKind::Transport, 2));
    // One that has not begun is, and reads are.
    let (client, script) = client([
        Reply::refused("no"),
        Reply::json(200, r#"{"choices":[]}"#),
        Reply::reset("x"),
        Reply::json(200, HEALTH),
    ]);
    let answer = bounded(client.completions().create(&completion())).unwrap();
    assert_eq!((answer.text(), answer.mode.as_ref(), script.requests().len()), ("", None, 2));
    assert_eq!(bounded(client.health().check()).unwrap().is_at_least(0, 30), Some(true));
}

#[test]
fn the_client_keeps_to_the_limit_of_the_server() {
    let replies = || (0..121).map(|_| Reply::json(200, r#"{"choices":[]}"#));
    let script = Script::new(replies());
    let client = Client::builder("http://tabby.test").rate_limit(RATE_LIMIT).build_with(script.clone()).unwrap();
    let clock = client.clock();
    for _ in 0..120 {
        bounded(client.completions().create(&completion())).unwrap();
    }
    assert_eq!(clock.now().since_epoch(), Duration::ZERO);
    bounded(client.completions().create(&completion())).unwrap();
    assert!(clock.now().since_epoch() >= Duration::from_secs(60));

    let client = Client::builder("http://tabby.test")
        .rate_limit(RATE_LIMIT.refuse())
        .build_with(Script::new(replies()))
        .unwrap();
    for _ in 0..120 {
        bounded(client.completions().create(&completion())).unwrap();
    }
    let error = bounded(client.completions().create(&completion())).unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Policy, "rate_limited"));
}

#[test]
fn a_chat_is_bounded_in_time_and_size() {
    let chunk = |text: &str| {
        format!(
            "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
        )
    };
    let request = ChatRequest::new([ChatMessage::user("hi")]);
    // The head comes at once and comments go on; a model may still be silent for minutes before its first event, and no longer than that after it.
    let slow = (0..30).fold(Reply::events(), |reply, _| reply.wait(Duration::from_secs(15)).chunk(":\n\n"));
    let end =
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"!\"},\"finish_reason\":\"stop\"}]}\n\n";
    let (patient, _) = client([slow.clone().chunk(chunk("Hi")).chunk(end)]);
    assert_eq!(bounded(patient.chat().create(&request)).unwrap().text(), "Hi!");
    let (client, _) = client([slow, Reply::events().chunk(chunk("Hi")).chunk(chunk("there")).chunk(end)]);
    let hasty = client.with(Options::new().timeout(Duration::from_secs(20)));
    let error = bounded(hasty.chat().create(&request)).unwrap_err();
    assert!(error.is_timeout() && error.phase() == Some(Phase::Total), "{error}");
    let small = client.with(Options::new().limits(Limits::default().accumulated(64)));
    assert_eq!(bounded(small.chat().create(&request)).unwrap_err().kind(), ErrorKind::TooLarge);
}

#[test]
fn a_chat_that_breaks_keeps_its_text_as_its_stream_does() {
    let chunk = |text: &str| {
        format!(
            "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
        )
    };
    let begun = || Reply::events().chunk(chunk("Hello ") + &chunk("th") + &chunk("ere"));
    let request = ChatRequest::new([ChatMessage::user("hi")]);
    let small = Options::new().limits(Limits::default().accumulated(512));
    let total = Options::new().total(Duration::from_secs(20));
    for (reply, options, code, partial) in [
        (begun().fail("connection reset"), Options::new(), "connection_lost", Some("Hello there")),
        (
            begun().chunk("data: {\"id\"").fail("connection reset"),
            Options::new(),
            "connection_lost",
            Some("Hello there"),
        ),
        (begun().hang(), Options::new(), "timeout_idle", Some("Hello there")),
        (begun().hang(), total, "timeout_total", Some("Hello there")),
        (begun(), Options::new(), "truncated", Some("Hello there")),
        (begun().chunk("data: {\n\n"), Options::new(), "invalid_json", Some("Hello there")),
        (
            begun().chunk("data: {\"error\":{\"message\":\"no\"}}\n\n"),
            Options::new(),
            "stream_error",
            Some("Hello there"),
        ),
        (begun().chunk(chunk(&"x".repeat(1000))), small, "stream_too_large", Some("Hello there")),
        // Nothing had arrived.
        (Reply::events().fail("connection reset"), Options::new(), "connection_lost", None),
        (Reply::reset("connection reset"), Options::new(), "transport", None),
        (Reply::status(501), Options::new(), "no_chat_model", None),
    ] {
        let (client, _) = client([reply.clone(), reply]);
        let client = client.with(options);
        let error = bounded(client.chat().create(&request)).unwrap_err();
        assert_eq!((error.code().as_str(), error.partial_text()), (code, partial), "{error}");
        let streamed = bounded(client.chat().stream(&request).finish()).unwrap_err();
        assert_eq!(streamed.partial.text(), partial.unwrap_or_default(), "{streamed}");
    }
    // An attempt that got no response has none of the one before.
    let always = Options::new().retry(Retry::GENTLE.max_retries(1).retry_generations(true));
    let (client, script) = client([begun().fail("connection reset"), Reply::refused("refused")]);
    let error = bounded(client.with(always).chat().create(&request)).unwrap_err();
    assert_eq!((error.partial_text(), script.requests().len()), (None, 2), "{error}");
}

#[test]
fn numbers_that_json_lacks_are_refused() {
    let (client, script) = client([]);
    let error = bounded(client.completions().create(&completion().temperature(f64::NAN))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    let chat = ChatRequest::new([ChatMessage::user("hi")]).logit_bias([("7".to_owned(), f64::INFINITY)]);
    assert_eq!(bounded(client.chat().create(&chat)).unwrap_err().kind(), ErrorKind::Encode);
    assert_eq!(script.requests().len(), 0);
}
