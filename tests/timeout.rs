//! `timeout`: what a user waits for is bounded, and what goes on is not. Under virtual time, and over sockets.

mod common;

use std::time::Duration;

use common::ops::Generate;
use futures::executor::block_on;
use tabbyapi::api::{ChatMessage, ChatRequest, CompletionRequest, DownloadRequest, EmbeddingLoadRequest, LoadRequest};
use tabbyapi::auth::Credential;
use tabbyapi::policy::{Concurrency, Retry};
use tabbyapi::transport::Transport;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, ClientBuilder, Error, Options, Outcome, Phase, Place, TimeoutPolicy, Timeouts};

const LIMIT: Duration = Duration::from_secs(5);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn builder() -> ClientBuilder {
    Client::builder("http://tabby.test").timeout(LIMIT)
}

fn client(script: &Script) -> Client {
    builder().build_with(script.clone()).unwrap()
}

fn ask() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("Hi")])
}

fn ping() -> &'static str {
    ": ping\r\n\r\n"
}

/// The error is the timeout's, and the script's clock stands at the limit.
#[track_caller]
fn is_late(error: &Error, code: &str, script: &Script) {
    assert_eq!((error.code().as_str(), error.is_timeout()), (code, true), "{error}");
    assert_eq!(script.now().since_epoch(), LIMIT, "{error}");
    assert!(error.to_string().contains(" within 5s"), "{error}");
    assert!(
        error.hint().unwrap().contains("raise `Options::timeout` if such ") || code == "timeout_first_item",
        "{error}"
    );
    assert!(error.advice().unwrap().places().any(|place| place == Place::Setting("options.timeout")), "{error}");
}

/// An answer whose head comes at once, and whose body trickles for ever.
fn trickle(reply: Reply, piece: &'static str) -> Reply {
    (0..400).fold(reply, |reply, _| reply.wait(Duration::from_millis(500)).chunk(piece))
}

#[test]
fn whole_answers_are_bounded_to_their_end() {
    let replies: [fn() -> Reply; 2] = [
        || Reply::json(200, "{}").head_after(seconds(600)),
        // More than a KiB at a time, so that it is no silence.
        || {
            trickle(
                Reply::status(200).header("content-type", "application/json"),
                Box::leak(" ".repeat(2048).into_boxed_str()),
            )
        },
    ];
    for (reply, code) in replies.into_iter().zip(["timeout_head", "timeout_total"]) {
        type Run = fn(&Client) -> Error;
        let calls: [Run; 5] = [
            |client| block_on(client.models().list()).unwrap_err(),
            |client| block_on(client.chat().create(&ask())).unwrap_err(),
            |client| block_on(client.completions().create(&CompletionRequest::new("x"))).unwrap_err(),
            |client| block_on(client.models().download(&DownloadRequest::new("acme/thing"))).unwrap_err(),
            |client| block_on(client.embedding_models().load(&EmbeddingLoadRequest::new("e"))).unwrap_err(),
        ];
        for call in calls {
            let script = Script::new([reply()]);
            is_late(&call(&client(&script)), code, &script);
        }
    }
}

#[test]
fn streams_are_bounded_to_their_first_item_and_then_in_each_silence() {
    for tools in [false, true] {
        let request = || match tools {
            true => ask().tools([tabbyapi::api::Tool::new("f", "", serde_json::json!({"type": "object"}))]),
            false => ask(),
        };
        let script = Script::new([Reply::events().head_after(seconds(600))]);
        is_late(
            &block_on(client(&script).chat().stream(&request()).finish()).unwrap_err().error,
            "timeout_head",
            &script,
        );
        // The head comes at once, then nothing but keep-alives.
        let script = Script::new([trickle(Reply::events(), ping())]);
        let broken = block_on(client(&script).chat().stream(&request()).finish()).unwrap_err();
        is_late(&broken.error, "timeout_first_item", &script);
    }
    let word = "data: a\r\n\r\n";
    // Ten items in 40 seconds are none of its business; the silence after them is.
    let busy = || (0..10).fold(Reply::events(), |reply, _| reply.chunk(word).wait(seconds(4)));
    let script = Script::new([trickle(busy(), ping())]);
    let broken = block_on(client(&script).stream(&Generate::new(Timeouts::STREAM)).finish()).unwrap_err();
    assert_eq!((broken.outcome, broken.error.phase()), (Outcome::IdleTimeout, Some(Phase::Idle)));
    assert_eq!(broken.error.code(), "timeout_idle");
    assert!(broken.error.hint().unwrap().ends_with("raise `Options::timeout` if such silences are expected"));
    assert_eq!((&*broken.partial, script.now().since_epoch()), ("aaaaaaaaaa", seconds(41)));
}

#[test]
fn loads_are_bounded_until_they_begin() {
    let script = Script::new([trickle(Reply::events(), ping())]);
    let load = LoadRequest::new("alpha");
    let broken = block_on(client(&script).models().load(&load).finish()).unwrap_err();
    is_late(&broken.error, "timeout_first_item", &script);
    let event = |module: u32, status: &str| {
        format!(r#"data: {{"model_type": "model", "module": {module}, "modules": 2, "status": "{status}"}}"#)
            + "\r\n\r\n"
    };
    // A load is silent for as long as it takes.
    let reply = Reply::events().chunk(event(1, "processing")).wait(seconds(900)).chunk(event(2, "finished"));
    let script = Script::new([reply]);
    block_on(client(&script).models().load(&load).finish()).unwrap();
}

/// Attempts, waits between them, the queue and keys count, too: it is the user who waits.
#[test]
fn whatever_comes_before_the_first_item_counts() {
    // The server asks for a minute's patience, for which there is no time.
    let busy = Reply::json(503, r#"{"detail":"busy"}"#).header("retry-after", "60");
    let script = Script::new([busy]);
    let broken = block_on(client(&script).chat().stream(&ask()).finish()).unwrap_err();
    assert_eq!(broken.error.status().unwrap(), 503);
    assert!(script.now().since_epoch() < LIMIT, "{:?}", script.now());

    let script = Script::new([Reply::refused("refused").head_after(seconds(3)), Reply::events().hang()]);
    let broken = block_on(client(&script).chat().stream(&ask()).finish()).unwrap_err();
    assert_eq!(broken.error.record().unwrap().attempt_count, 2);
    is_late(&broken.error, "timeout_first_item", &script);

    let script = Script::new([Reply::events().hang()]);
    let keyless = builder()
        .key_source(async |_, _| std::future::pending::<tabbyapi::Result<Option<Credential>>>().await)
        .build_with(script.clone())
        .unwrap();
    is_late(&block_on(keyless.chat().stream(&ask()).finish()).unwrap_err().error, "timeout_first_item", &script);
    assert!(script.requests().is_empty());

    let script = Script::new([Reply::events().chunk("data: {\"choices\":[]}\r\n\r\n").hang()]);
    let one = builder().concurrency(Concurrency::new(1)).build_with(script.clone()).unwrap();
    let mut first = one.chat().stream(&ask());
    block_on(first.next()).unwrap().unwrap();
    is_late(&block_on(one.chat().stream(&ask()).finish()).unwrap_err().error, "timeout_first_item", &script);
}

#[test]
fn it_replaces_the_paces_of_each_kind_and_is_replaced_by_the_pace_of_a_call() {
    // Longer than the defaults, too: a read is given up after 30 seconds without it.
    let script = Script::new([Reply::json(200, r#"{"data":[]}"#).head_after(seconds(250))]);
    let patient = Client::builder("http://tabby.test").timeout(seconds(300)).build_with(script.clone()).unwrap();
    block_on(patient.models().list()).unwrap();

    // For some calls, over a client's policy.
    let script = Script::new([Reply::events().hang()]);
    let timeout_policy = TimeoutPolicy::DEFAULT.stream(Timeouts::UNBOUNDED);
    let client =
        Client::builder("http://tabby.test").timeout_policy(timeout_policy).build_with(script.clone()).unwrap();
    let hasty = client.with(Options::new().timeout(LIMIT));
    is_late(&block_on(hasty.chat().stream(&ask()).finish()).unwrap_err().error, "timeout_first_item", &script);

    // A total bounds the whole beside it, and is named where it passes.
    let busy = (0..9).fold(Reply::events(), |reply, _| reply.chunk("data: a\n\n").wait(seconds(1)));
    let script = Script::new([busy]);
    let both = builder().total(seconds(7)).build_with(script.clone()).unwrap();
    let error = block_on(both.stream(&Generate::new(Timeouts::STREAM)).finish()).unwrap_err().error;
    assert_eq!((error.code().as_str(), script.now().since_epoch()), ("timeout_total", seconds(7)));
    assert_eq!(error.hint(), Some("raise `Options::total` if such calls are expected"));

    let script = Script::new([Reply::json(200, r#"{"data":[]}"#).head_after(seconds(250))]);
    let own = builder().build_with(script).unwrap().with(Options::new().timeouts(Timeouts::UNBOUNDED));
    block_on(own.models().list()).unwrap();
}

/// A server that does not answer in time is at fault, so a breaker learns of it.
#[test]
fn a_timeout_counts_against_the_server() {
    use tabbyapi::policy::Breaker;

    let script = Script::new([]);
    let breaker = Breaker::new().min_attempts(2);
    let client = builder().retry(Retry::NEVER).breaker(breaker).build_with(script.clone()).unwrap();
    for _ in 0..2 {
        script.push(Reply::json(200, "{}").head_after(seconds(60)));
        assert_eq!(block_on(client.models().list()).unwrap_err().code(), "timeout_head");
    }
    assert_eq!(block_on(client.models().list()).unwrap_err().code(), "circuit_open");
}

#[cfg(all(feature = "reqwest", not(target_arch = "wasm32")))]
mod over_sockets {
    use std::time::Instant;

    use tabbyapi_emulator::Emulator;

    use super::*;

    const SHORT: Duration = Duration::from_millis(400);

    fn server() -> Emulator {
        Emulator::builder().gate_downloads().ping_interval(Duration::from_millis(50)).start().unwrap()
    }

    fn late() -> tabbyapi_emulator::Script {
        tabbyapi_emulator::Script::new().reply("late").prefill_delay(seconds(60))
    }

    #[tokio::test]
    async fn streams_and_downloads_end_in_time_and_streams_that_go_on_do_not() {
        let server = server();
        let builder = Client::builder(server.url()).api_key(server.api_key()).admin_key(server.admin_key());
        let client = builder.timeout(SHORT).build().unwrap();
        let began = Instant::now();
        server.script(late());
        let broken = client.chat().stream(&ask()).finish().await.unwrap_err();
        assert_eq!(broken.error.code(), "timeout_first_item", "{}", broken.error);
        let error = client.models().download(&DownloadRequest::new("acme/thing")).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert!(began.elapsed() < seconds(20), "{:?}", began.elapsed());

        server.script(tabbyapi_emulator::Script::new().tokens(["a"; 8]).token_delay(Duration::from_millis(100)));
        let answer = client.chat().stream(&ask()).finish().await.unwrap();
        assert_eq!(answer.text(), "aaaaaaaa");
    }

    #[cfg(feature = "blocking")]
    #[test]
    fn so_they_do_in_the_blocking_client() {
        let server = server();
        let builder = tabbyapi::blocking::Client::builder(server.url()).api_key(server.api_key());
        let client = builder.admin_key(server.admin_key()).timeout(SHORT).build().unwrap();
        let began = Instant::now();
        server.script(late());
        let broken = client.chat().stream(&ask()).finish().unwrap_err();
        assert_eq!(broken.error.code(), "timeout_first_item", "{}", broken.error);
        let error = client.models().download(&DownloadRequest::new("acme/thing")).unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert!(began.elapsed() < seconds(20), "{:?}", began.elapsed());
    }
}
