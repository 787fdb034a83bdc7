//! Over real sockets: reqwest against the embedded server.
//!
//! What comes when is asserted by the order of events: the server holds its tokens back until the test releases them.

#![cfg(feature = "reqwest")]

use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use tabbyapi::api::{ChatMessage, ChatRequest, CompletionRequest, LoadRequest, ModelType};
use tabbyapi::{Client, ErrorKind, Options, Outcome, Phase, Timeouts};
use tabbyapi_emulator::{CannedResponse, Emulator, Log, ModelSpec, Script};

/// Longer than anything here takes on a slow machine; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

fn client(server: &Emulator) -> Client {
    Client::builder(server.url()).api_key(server.api_key()).admin_key(server.admin_key()).build().unwrap()
}

fn ask(text: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(text)]).max_tokens(1000)
}

/// A stream of these tokens that waits for a release before each.
fn gated(server: &Emulator, tokens: &[&str]) {
    server.script(Script::new().tokens(tokens.iter().copied()).gate());
}

fn generations(log: &Log) -> usize {
    log.requests.iter().filter(|request| request.path.ends_with("completions")).count()
}

#[tokio::test]
async fn tokens_arrive_one_after_another() {
    let server = Emulator::builder().start().unwrap();
    let tokens = ["One", " two", " three"];
    gated(&server, &tokens);
    let mut stream = client(&server).chat().stream(&ask("count"));
    // Each is taken before the server is allowed to write the next.
    for (n, token) in tokens.iter().enumerate() {
        server.release(1);
        assert_eq!(stream.next().await.unwrap().unwrap().text(), *token);
        assert_eq!(server.log().events_sent, n as u64 + 1);
    }
    server.release(10);
    let answer = stream.finish().await.unwrap();
    assert_eq!(answer.text(), "One two three");
    assert_eq!(answer.usage.as_ref().unwrap().completion_tokens, 4, "the token that ends it counts");
    assert_eq!(answer.choices[0].finish_reason.as_ref().unwrap(), "stop");
    assert!(answer.meta().record().attempts[0].response_bytes > 500);
}

#[tokio::test]
async fn dropping_a_stream_is_seen_by_the_server() {
    let server = Emulator::builder().start().unwrap();
    gated(&server, &["a", "b", "c"]);
    let mut stream = client(&server).chat().stream(&ask("x"));
    server.release(1);
    stream.next().await.unwrap().unwrap();
    assert!(server.disconnects().is_empty());
    drop(stream);
    assert!(server.until_disconnect(PATIENCE).await);
    let seen = &server.disconnects()[0];
    assert_eq!((seen.path.as_str(), seen.events_sent), ("/v1/chat/completions", 1));
}

#[tokio::test]
async fn dropping_a_plain_call_is_seen_by_the_server() {
    let server = Emulator::builder().start().unwrap();
    gated(&server, &["a", "b"]);
    let client = client(&server);
    let call = tokio::spawn(client.chat().create(&ask("x")));
    assert!(server.until(|log| generations(log) == 1, PATIENCE).await);
    call.abort();
    server.release(1);
    assert!(server.until_disconnect(PATIENCE).await);
}

#[tokio::test]
async fn a_stall_ends_the_stream_although_keep_alives_come() {
    let server = Emulator::builder().ping_interval(Duration::from_millis(20)).start().unwrap();
    server.script(Script::new().tokens(["a", "b", "c"]).stall_after(2));
    let timeouts = Timeouts::STREAM.idle(Duration::from_millis(400));
    let broken =
        client(&server).with(Options::new().timeouts(timeouts)).chat().stream(&ask("x")).finish().await.unwrap_err();
    assert_eq!((broken.outcome, broken.error.phase()), (Outcome::IdleTimeout, Some(Phase::Idle)));
    assert_eq!(broken.partial.text(), "ab");
    assert!(server.until(|log| log.pings_sent > 3 && log.disconnects.len() == 1, PATIENCE).await);
}

#[tokio::test]
async fn deadlines_for_the_head_and_for_all_fire() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    let short = Duration::from_millis(100);
    server.answer(CannedResponse::hang().on("/v1/chat/completions"));
    let hasty = client.with(Options::new().timeouts(Timeouts::GENERATE.head(short)));
    let error = hasty.chat().create(&ask("x")).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Some(Phase::Head)));

    server.script(Script::new().tokens(["a"; 100]).token_delay(Duration::from_millis(20)));
    let hasty = client.with(Options::new().timeouts(Timeouts::STREAM.total(short * 3)));
    let broken = hasty.chat().stream(&ask("x")).finish().await.unwrap_err();
    assert_eq!(broken.error.phase(), Some(Phase::Total));
    assert!(!broken.partial.text().is_empty());
    assert_eq!(generations(&server.log()), 2, "a generation is not sent again");
}

#[tokio::test]
async fn a_server_killed_in_mid_stream_leaves_the_partial_answer() {
    for graceful in [false, true] {
        let server = Emulator::builder().start().unwrap();
        gated(&server, &["Half", " of", " it"]);
        let mut stream = client(&server).chat().stream(&ask("x"));
        server.release(2);
        stream.next().await.unwrap().unwrap();
        stream.next().await.unwrap().unwrap();
        if graceful {
            server.shutdown()
        } else {
            server.kill()
        }
        let broken = stream.finish().await.unwrap_err();
        assert_eq!(broken.outcome, Outcome::Truncated, "{}", broken.error);
        assert_eq!(broken.partial.text(), "Half of");
    }
}

#[tokio::test]
async fn failures_before_and_within_a_stream_are_distinguished() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    server.script(Script::new().fail_before());
    let error = client.chat().create(&ask("x")).await.unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.code().as_str()), (503, "generation_aborted"));
    assert!(!client.health().check().await.unwrap().is_healthy(), "and the server calls itself unhealthy from then on");
    assert!(client.models().current().await.is_ok(), "although it works on");

    server.script(Script::new().tokens(["a", "b", "c"]).fail_at(2));
    let broken = client.chat().stream(&ask("x")).finish().await.unwrap_err();
    assert_eq!((broken.outcome, broken.partial.text()), (Outcome::ServerError, "ab"));
    assert_eq!(broken.error.message(), "Chat completion aborted. Please check the server console.");
    assert_eq!(broken.error.status().unwrap().as_u16(), 200);

    server.script(Script::new().tokens(["a", "b"]).cut_after(1));
    let broken = client.chat().stream(&ask("x")).finish().await.unwrap_err();
    assert_eq!((broken.outcome, broken.partial.text()), (Outcome::Truncated, "a"));

    // As servers did before they announced the end: the choice has its finish reason.
    server.script(Script::new().tokens(["a", "b"]).no_done());
    assert_eq!(client.chat().stream(&ask("x")).finish().await.unwrap().text(), "ab");
}

#[tokio::test]
async fn a_connection_closed_for_idleness_is_no_error() {
    // The server closes idle connections sooner than the pool lets go of them.
    let server = Emulator::builder().keep_alive(Duration::from_millis(50)).start().unwrap();
    let client = client(&server);
    for n in 1..=5 {
        let answer = client.chat().create(&ask("x")).await.unwrap();
        assert_eq!(answer.meta().record().attempt_count, 1);
        assert!(server.until(|log| log.connections_closed >= n, PATIENCE).await, "it was closed for idleness");
    }
    assert_eq!(generations(&server.log()), 5);
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    for _ in 0..10 {
        client.models().current().await.unwrap();
        client.chat().stream(&ask("x")).finish().await.unwrap();
    }
    let log = server.log();
    assert_eq!(log.requests.len(), 20);
    assert!(log.connections_opened <= 2, "{} connections", log.connections_opened);
}

#[tokio::test]
async fn a_hundred_streams_at_once_keep_apart() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    let texts = join_all((0..100).map(|n| {
        let stream = client.chat().stream(&ask(&format!(r#"[[fake:{{"reply":"This is number {n}."}}]]"#)));
        async move { stream.finish().await.unwrap().text().to_owned() }
    }))
    .await;
    for (n, text) in texts.iter().enumerate() {
        assert_eq!(*text, format!("This is number {n}."));
    }
}

#[tokio::test]
async fn streams_move_between_tasks() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let mut stream = client.chat().stream(&ask("hello"));
    tokio::spawn(async move {
        stream.next().await.unwrap().unwrap();
        sender.send(stream).ok().unwrap();
    });
    let stream = receiver.await.unwrap();
    let rest: Vec<_> = stream.collect().await;
    assert!(rest.iter().all(Result::is_ok));
}

#[tokio::test]
async fn loading_reports_its_parts_and_ends_usable() {
    let server = Emulator::builder()
        .model(ModelSpec::new("small").modules(3))
        .model(ModelSpec::new("broken").fails_after(2, "Insufficient VRAM"))
        .no_model_loaded()
        .start()
        .unwrap();
    let client = client(&server);
    assert_eq!(client.chat().create(&ask("x")).await.unwrap_err().code(), "no_model_loaded");

    let mut load = client.models().load(&LoadRequest::new("small"));
    let mut seen = Vec::new();
    while let Some(progress) = load.next().await {
        let progress = progress.unwrap();
        seen.push((progress.module, progress.status.as_str().to_owned()));
    }
    let (processing, finished) = ("processing".to_owned(), "finished".to_owned());
    assert_eq!(seen, [(1, processing.clone()), (2, processing.clone()), (3, processing), (3, finished)]);
    let report = load.finish().await.unwrap();
    assert_eq!((&report.parts[0].model_type, report.parts[0].modules), (&ModelType::Model, 3));
    assert_eq!(client.models().current().await.unwrap().id, "small");
    assert!(client.chat().create(&ask("x")).await.is_ok());

    let broken = client.models().load(&LoadRequest::new("broken")).finish().await.unwrap_err();
    assert_eq!((broken.outcome, broken.error.message()), (Outcome::ServerError, "Insufficient VRAM"));
    assert_eq!(broken.partial.parts[0].module, 2);
    assert_eq!(client.models().current().await.unwrap_err().code(), "no_model_loaded", "the old one is gone too");
}

#[tokio::test]
async fn a_server_that_does_not_stream_still_yields_items() {
    let server = Emulator::builder().disable_request_streaming(true).start().unwrap();
    let client = client(&server);
    let answer = client.chat().stream(&ask("hello there")).finish().await.unwrap();
    assert!(answer.text().contains("hello"), "{}", answer.text());
    let answer =
        client.completions().stream(&CompletionRequest::new("hello there").max_tokens(50)).finish().await.unwrap();
    assert!(!answer.choices[0].text.is_empty());
}

#[tokio::test]
async fn keys_are_distinguished() {
    let server = Emulator::builder().api_key("good").admin_key("boss").start().unwrap();
    let with = |api: &str, admin: &str| Client::builder(server.url()).api_key(api).admin_key(admin).build().unwrap();
    assert_eq!(with("good", "").auth().permission().await.unwrap().permission, "api");
    assert_eq!(with("", "boss").auth().permission().await.unwrap().permission, "admin");
    assert_eq!(with("", "boss").models().unload().await.unwrap().meta().status(), 200);
    let error = with("good", "").models().unload().await.unwrap_err();
    assert_eq!((error.code().as_str(), error.message()), ("missing_key", "Please provide an admin key"));
    let error = with("bad", "").auth().permission().await.unwrap_err();
    assert_eq!((error.code().as_str(), error.message()), ("invalid_key", "Invalid API key"));
    let bearer = Client::builder(server.url()).bearer("boss").build().unwrap();
    assert_eq!(bearer.auth().permission().await.unwrap().permission, "admin");
}

#[tokio::test]
async fn a_redirect_is_an_error_that_names_the_address() {
    let server = Emulator::builder().start().unwrap();
    server.answer(CannedResponse::status(307).header("location", "http://127.0.0.1:1/v1/models").on("/v1/models"));
    let error = client(&server).models().list().await.unwrap_err();
    assert_eq!((error.code().as_str(), error.status().unwrap().as_u16()), ("redirect", 307));
    assert!(error.to_string().contains("http://127.0.0.1:1/v1/models"));
}

#[tokio::test]
async fn nobody_there_is_one_clear_sentence() {
    let address = {
        let server = Emulator::builder().start().unwrap();
        server.addr()
    };
    let client = Client::builder(format!("http://{address}")).build().unwrap();
    let error = client.models().current().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(error.record().unwrap().attempt_count, 3);
    let text = error.to_string();
    assert!(text.starts_with(&format!("GET http://{address}/v1/model: no connection could be made: ")), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
    assert!(text.ends_with("check that the server is running and that the base URL has its host and port"), "{text}");
}

#[tokio::test]
async fn reads_survive_a_reset_and_generations_are_not_repeated() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    server.answer(CannedResponse::reset().on("/v1/model"));
    let answer = client.models().current().await.unwrap();
    assert_eq!(answer.meta().record().attempt_count, 2);

    server.answer(CannedResponse::reset().on("/v1/chat/completions"));
    let error = client.chat().create(&ask("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(generations(&server.log()), 1);
}
