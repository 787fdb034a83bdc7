//! The policies once each over real sockets: what virtual time proves of them holds on reqwest against a server, too.

#![cfg(feature = "reqwest")]

use std::time::Duration;

use futures::future::join_all;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::policy::{Breaker, BreakerState, Concurrency, RateLimit, Retry, RetryBudget, Server};
use tabbyapi::{Client, ClientBuilder, ErrorKind, Options};
use tabbyapi_emulator::{CannedResponse, Emulator, Script};

/// Longer than anything here takes on a slow machine; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

fn builder(server: &Emulator) -> ClientBuilder {
    let quick = Retry::GENTLE.base(Duration::from_millis(1));
    Client::builder(server.url()).api_key(server.api_key()).retry(quick)
}

fn ask(text: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(text)]).max_tokens(20)
}

fn start() -> Emulator {
    Emulator::builder().start().unwrap()
}

#[tokio::test]
async fn calls_move_on_to_a_server_that_is_up() {
    let (first, second) = (start(), start());
    let other = Server::new(&*second.url()).unwrap().api_key(second.api_key()).unwrap();
    let client = builder(&first).server(other).build().unwrap();
    first.kill();
    // A refused connection shows that nothing was begun, so generations move on as well.
    let answer = client.chat().create(&ask("hello")).await.unwrap();
    let tried: Vec<_> = answer.meta().record().attempts.iter().map(|attempt| attempt.base.to_string()).collect();
    assert_eq!(tried, [first.url(), second.url()]);
    assert!(client.servers()[0].failing && !client.servers()[1].failing);
    // From then on the one that works comes first.
    let mut stream = client.chat().stream(&ask("hello"));
    assert!(stream.next().await.unwrap().is_ok());
    assert_eq!(stream.finish().await.unwrap().meta().record().attempt_count, 1);
    assert_eq!(second.requests().len(), 2);

    // In the middle of an answer nothing moves.
    first.restart().unwrap();
    second.script(Script::new().tokens(["a", "b"]).cut_after(1));
    let broken = client.at(&client.servers()[1].base).chat().stream(&ask("x")).finish().await.unwrap_err();
    assert_eq!((broken.partial.text(), broken.error.record().unwrap().attempt_count), ("a", 1));
    assert!(first.requests().is_empty());
}

#[tokio::test]
async fn a_breaker_opens_and_closes() {
    let server = start();
    let open_for = Duration::from_millis(500);
    let client = builder(&server).retry(Retry::NEVER).breaker(Breaker::new().min_attempts(3).open_for(open_for));
    let client = client.build().unwrap();
    let state = || client.servers()[0].breaker;
    server.kill();
    for _ in 0..3 {
        assert_eq!(client.models().current().await.unwrap_err().kind(), ErrorKind::Connect);
    }
    assert!(matches!(state(), BreakerState::Open { .. }));
    // It is left alone although it is back.
    server.restart().unwrap();
    let connections = server.log().connections_opened;
    let error = client.chat().create(&ask("x")).await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Policy, "circuit_open"));
    assert!(error.retry_at().is_some());
    assert_eq!((server.requests().len(), server.log().connections_opened), (0, connections));

    tokio::time::sleep(open_for).await;
    assert_eq!(state(), BreakerState::HalfOpen);
    client.chat().create(&ask("x")).await.unwrap();
    assert_eq!(state(), BreakerState::Closed);
}

#[tokio::test]
async fn no_more_calls_run_at_a_time_than_may() {
    let server = start();
    let client = builder(&server).concurrency(Concurrency::new(3).waiting(9)).build().unwrap();
    for _ in 0..12 {
        server.script(Script::new().tokens(["a"]).gate());
    }
    let calls: Vec<_> = (0..12).map(|_| tokio::spawn(client.chat().create(&ask("x")))).collect();
    assert!(server.until(|log| log.requests.len() == 3, PATIENCE).await);
    while client.shared().waiting() < 9 {
        tokio::task::yield_now().await;
    }
    let error = client.chat().create(&ask("x")).await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Policy, "queue_full"));
    assert_eq!(server.requests().len(), 3);

    // Whoever waits goes on when one is done.
    server.release(1000);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let log = server.log();
    assert_eq!((log.requests.len(), log.most_in_flight), (12, 3));
}

#[tokio::test]
async fn no_more_is_sent_in_a_time_than_may() {
    let (server, interval) = (start(), Duration::from_millis(300));
    let client = builder(&server).rate_limit(RateLimit::requests(4, interval)).build().unwrap();
    let answers = join_all((0..10).map(|_| client.chat().create(&ask("x")))).await;
    let mut sent: Vec<_> =
        answers.iter().map(|answer| answer.as_ref().unwrap().meta().record().attempts[0].sent).collect();
    sent.sort();
    for five in sent.windows(5) {
        assert!(five[4].since(five[0]) >= interval, "five requests within {:?}", five[4].since(five[0]));
    }
    assert!(sent[9].since(sent[0]) >= interval * 2);
    assert_eq!(server.requests().len(), 10);

    let impatient = builder(&server).rate_limit(RateLimit::requests(1, PATIENCE).refuse()).build().unwrap();
    impatient.models().current().await.unwrap();
    let error = impatient.models().current().await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Policy, "rate_limited"));
    assert_eq!(server.requests().len(), 11);
}

#[tokio::test]
async fn retry_after_is_kept_to() {
    let server = start();
    let client = builder(&server).build().unwrap();
    let second = Duration::from_secs(1);
    server.answer(CannedResponse::status(429).header("retry-after", "1").on("/v1/chat/completions"));
    let answer = client.chat().create(&ask("x")).await.unwrap();
    let attempts = &answer.meta().record().attempts;
    assert_eq!((attempts.len(), attempts[0].retry_after), (2, Some(second)));
    assert!(attempts[1].sent.since(attempts[0].sent) >= second);

    server.answer(CannedResponse::status(503).header("retry-after", "1").on("/v1/model"));
    let answer = client.models().current().await.unwrap();
    let attempts = &answer.meta().record().attempts;
    assert!(attempts[1].sent.since(attempts[0].sent) >= second);

    // A 503 may come after the generation was begun; and what takes too long is not waited for.
    server.clear_log();
    server.answer(CannedResponse::status(503).header("retry-after", "1").on("/v1/chat/completions"));
    let error = client.chat().create(&ask("x")).await.unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.record().unwrap().attempt_count), (503, 1));
    server.answer(CannedResponse::status(429).header("retry-after", "3600").on("/v1/model"));
    let error = client.models().current().await.unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), server.requests().len()), (429, 2));
}

#[tokio::test]
async fn retries_end_with_their_budget() {
    let server = start();
    let client = builder(&server).retry_budget(RetryBudget::new(0.1, 3.0)).build().unwrap();
    server.answer(CannedResponse::status(503).on("/v1/model").always());
    for _ in 0..10 {
        assert_eq!(client.models().current().await.unwrap_err().status().unwrap().as_u16(), 503);
    }
    // Ten calls, and the three retries that there were; what was paid in is no whole one yet.
    assert_eq!(server.requests().len(), 13);
    let patient = client.with(Options::new().retry(Retry::GENTLE.max_retries(50).base(Duration::from_millis(1))));
    assert!(patient.models().current().await.is_err());
    assert_eq!(server.requests().len(), 15, "it has paid in the rest of one retry");
}
