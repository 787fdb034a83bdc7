//! The blocking client over real sockets, against the embedded server.
//!
//! What comes when is asserted by the order of events: the server holds its tokens back until the test releases them.
//! Times are only bounded from above, and generously: what must be prompt beats a deadline that is far away.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use tabbyapi::api::{ChatMessage, ChatRequest, CompletionRequest, LoadRequest};
use tabbyapi::auth::Credential;
use tabbyapi::blocking::{CancelHandle, ChatStream, Client, ClientBuilder, ResponseStream};
use tabbyapi::call::Retry;
use tabbyapi::policy::{Balance, Breaker, BreakerState, Concurrency, RateLimit, RetryBudget, Server};
use tabbyapi::{Error, ErrorKind, Limits, Options, Outcome, Phase, Timeouts};
use tabbyapi_emulator::{CannedResponse, Emulator, Log, ModelSpec, Script};

/// Longer than anything here takes on a slow machine; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

fn builder(server: &Emulator) -> ClientBuilder {
    Client::builder(server.url()).api_key(server.api_key()).admin_key(server.admin_key())
}

fn client(server: &Emulator) -> Client {
    builder(server).build().unwrap()
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

#[test]
fn clients_streams_and_handles_move_between_threads() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<Client>();
    shared::<CancelHandle>();
    fn sent<T: Send + 'static>() {}
    sent::<ChatStream>();
    sent::<ResponseStream<tabbyapi::api::LoadProgress, tabbyapi::api::LoadReport>>();

    let server = Emulator::builder().start().unwrap();
    let mut stream = client(&server).chat().stream(&ask("hello"));
    stream.next().unwrap().unwrap();
    let rest = thread::spawn(move || stream.map(|item| item.unwrap().text().len()).sum::<usize>()).join().unwrap();
    assert!(rest > 0);
}

#[test]
fn tokens_arrive_one_after_another() {
    let server = Emulator::builder().start().unwrap();
    let tokens = ["One", " two", " three"];
    gated(&server, &tokens);
    let mut stream = client(&server).chat().stream(&ask("count"));
    assert!(stream.meta().is_none() && stream.outcome().is_none());
    assert!(server.requests().is_empty(), "nothing is sent before it is asked for");
    // Each is taken before the server is allowed to write the next.
    for (n, token) in tokens.iter().enumerate() {
        server.release(1);
        assert_eq!(stream.next().unwrap().unwrap().text(), *token);
        assert_eq!(server.log().events_sent, n as u64 + 1);
        assert_eq!(stream.so_far().text(), tokens[..=n].concat());
    }
    assert_eq!(stream.meta().unwrap().status(), 200);
    server.release(10);
    let answer = stream.finish().unwrap();
    assert_eq!(answer.text(), "One two three");
    assert_eq!(answer.usage.as_ref().unwrap().completion_tokens, 4, "the token that ends it counts");
    assert!(answer.meta().record().attempts[0].response_bytes > 500);
}

#[test]
fn a_stream_is_over_after_its_end_and_after_its_error() {
    let server = Emulator::builder().start().unwrap();
    let mut stream = client(&server).chat().stream(&ask("x"));
    assert!(stream.by_ref().all(|item| item.is_ok()));
    assert!(stream.next().is_none());
    assert_eq!(stream.outcome(), Some(Outcome::Complete));

    server.script(Script::new().tokens(["a", "b", "c"]).fail_at(2));
    let mut stream = client(&server).chat().stream(&ask("x"));
    let error = stream.by_ref().find_map(Result::err).unwrap();
    assert_eq!(error.message(), "Chat completion aborted. Please check the server console.");
    assert!(stream.next().is_none());
    let broken = stream.finish().unwrap_err();
    assert_eq!((broken.outcome, broken.partial.text()), (Outcome::ServerError, "ab"));
    assert_eq!(broken.error.kind(), ErrorKind::Server);
}

#[test]
fn dropping_a_stream_is_seen_by_the_server() {
    let server = Emulator::builder().start().unwrap();
    gated(&server, &["a", "b", "c"]);
    let mut stream = client(&server).chat().stream(&ask("x"));
    server.release(1);
    stream.next().unwrap().unwrap();
    assert!(server.disconnects().is_empty());
    drop(stream);
    assert!(server.wait_for_disconnect(PATIENCE));
    assert_eq!(server.disconnects()[0].events_sent, 1);
}

#[test]
fn the_deadline_for_the_head_fires() {
    let server = Emulator::builder().start().unwrap();
    server.answer(CannedResponse::hang().on("/v1/chat/completions"));
    let hasty = client(&server).with(Options::new().timeouts(Timeouts::GENERATE.head(Duration::from_millis(100))));
    let begun = Instant::now();
    let error = hasty.chat().create(&ask("x")).unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Some(Phase::Head)));
    assert!(begun.elapsed() >= Duration::from_millis(100) && begun.elapsed() < PATIENCE);
    assert!(server.wait_for_disconnect(PATIENCE));
    assert_eq!(generations(&server.log()), 1, "a generation is not sent again");
}

#[test]
fn the_deadline_for_all_fires_between_tokens_that_keep_coming() {
    let server = Emulator::builder().start().unwrap();
    server.script(Script::new().tokens(std::iter::repeat_n("a", 10_000)).token_delay(Duration::from_millis(10)));
    let hasty = client(&server).with(Options::new().timeouts(Timeouts::STREAM.total(Duration::from_millis(500))));
    let request = ChatRequest::new([ChatMessage::user("x")]);
    let broken = hasty.chat().stream(&request).finish().unwrap_err();
    assert_eq!((broken.outcome, broken.error.phase()), (Outcome::TotalTimeout, Some(Phase::Total)));
    assert!(!broken.partial.text().is_empty());
    assert!(server.wait_for_disconnect(PATIENCE));
}

#[test]
fn a_stall_ends_the_stream_although_keep_alives_come() {
    let server = Emulator::builder().ping_interval(Duration::from_millis(20)).start().unwrap();
    server.script(Script::new().tokens(["a", "b", "c"]).stall_after(2));
    let timeouts = Timeouts::STREAM.idle(Duration::from_millis(400));
    let broken = client(&server).with(Options::new().timeouts(timeouts)).chat().stream(&ask("x")).finish().unwrap_err();
    assert_eq!((broken.outcome, broken.error.phase()), (Outcome::IdleTimeout, Some(Phase::Idle)));
    assert_eq!(broken.partial.text(), "ab");
    assert!(server.wait_for(|log| log.pings_sent > 3 && log.disconnects.len() == 1, PATIENCE));
}

#[test]
fn a_stall_in_silence_ends_the_stream() {
    let server = Emulator::builder().ping_interval(Duration::ZERO).start().unwrap();
    server.script(Script::new().tokens(["a", "b", "c"]).stall_after(1));
    let timeouts = Timeouts::STREAM.idle(Duration::from_millis(200));
    let broken = client(&server).with(Options::new().timeouts(timeouts)).chat().stream(&ask("x")).finish().unwrap_err();
    assert_eq!((broken.outcome, broken.error.phase()), (Outcome::IdleTimeout, Some(Phase::Idle)));
    assert_eq!(broken.partial.text(), "a");
}

#[test]
fn a_server_that_takes_no_bytes_is_given_up() {
    // It accepts, reads nothing, and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let timeouts = Timeouts::GENERATE.head(Duration::from_millis(300));
    let client = Client::builder(url).options(Options::new().timeouts(timeouts)).build().unwrap();
    let error = client.chat().create(&ask(&"long ".repeat(4_000_000))).unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Some(Phase::Head)));
}

/// Cancels from another thread as soon as the server has seen what it must see.
#[track_caller]
fn cancel_when(server: &Emulator, handle: &CancelHandle, seen: impl Fn(&Log) -> bool + Send, run: impl FnOnce()) {
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(server.wait_for(seen, PATIENCE));
            // Time to block in; should it not have come to that, the handle must work all the same.
            thread::sleep(Duration::from_millis(30));
            handle.cancel();
        });
        let begun = Instant::now();
        run();
        assert!(begun.elapsed() < PATIENCE);
    });
}

#[test]
fn cancelling_ends_a_wait_for_the_head() {
    let server = Emulator::builder().start().unwrap();
    gated(&server, &["a", "b"]);
    let handle = CancelHandle::new();
    let client = client(&server);
    let cancelled = client.cancelled_by(&handle);
    cancel_when(
        &server,
        &handle,
        |log| generations(log) == 1,
        || {
            let error = cancelled.chat().create(&ask("x")).unwrap_err();
            assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Cancelled, "cancelled"));
            assert_eq!(error.record().unwrap().attempt_count, 1);
            assert!(error.to_string().ends_with("/v1/chat/completions: the call was cancelled"), "{error}");
        },
    );
    server.release(1);
    assert!(server.wait_for_disconnect(PATIENCE));
    assert_eq!(cancelled.models().current().unwrap_err().kind(), ErrorKind::Cancelled, "so are calls to come");
    assert!(client.models().current().is_ok(), "others are not concerned");
    assert_eq!(generations(&server.log()), 1);
}

#[test]
fn cancelling_ends_a_stream_in_the_middle() {
    let server = Emulator::builder().ping_interval(Duration::ZERO).start().unwrap();
    gated(&server, &["a", "b", "c"]);
    let client = client(&server);
    let mut stream = client.chat().stream(&ask("x"));
    server.release(2);
    stream.next().unwrap().unwrap();
    stream.next().unwrap().unwrap();
    let handle = stream.cancel_handle();
    cancel_when(
        &server,
        &handle,
        |log| log.events_sent == 2,
        || {
            let error = stream.next().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Cancelled);
            assert!(stream.next().is_none());
        },
    );
    assert_eq!(stream.outcome(), Some(Outcome::Cancelled));
    assert!(server.wait_for_disconnect(PATIENCE));
    let broken = stream.finish().unwrap_err();
    assert_eq!((broken.outcome, broken.partial.text()), (Outcome::Cancelled, "ab"));
    assert_eq!(broken.error.kind(), ErrorKind::Cancelled);
    assert!(client.chat().create(&ask("x")).is_ok(), "the client itself goes on");
}

#[test]
fn cancelling_before_the_start_sends_nothing() {
    let server = Emulator::builder().start().unwrap();
    let stream = client(&server).chat().stream(&ask("x"));
    stream.cancel_handle().cancel();
    let broken = stream.finish().unwrap_err();
    assert_eq!((broken.outcome, broken.error.kind()), (Outcome::Cancelled, ErrorKind::Cancelled));
    assert!(server.requests().is_empty());
}

#[test]
fn cancelling_after_the_end_does_no_harm() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    let handle = CancelHandle::new();
    client.cancelled_by(&handle).models().current().unwrap();
    handle.cancel();
    // The connection went back into the pool before, and must not have been shut down.
    client.models().current().unwrap();
    assert_eq!(server.log().connections_opened, 1);

    let mut stream = client.chat().stream(&ask("x"));
    assert!(stream.by_ref().all(|item| item.is_ok()));
    stream.cancel_handle().cancel();
    assert_eq!(stream.outcome(), Some(Outcome::Complete));
    assert!(stream.finish().is_ok());
}

#[test]
fn cancelling_ends_the_wait_for_another_attempt() {
    let server = Emulator::builder().start().unwrap();
    server.answer(CannedResponse::status(503).header("retry-after", "50").on("/v1/model").always());
    let handle = CancelHandle::new();
    let client = client(&server).cancelled_by(&handle);
    cancel_when(
        &server,
        &handle,
        |log| log.requests.len() == 1,
        || {
            assert_eq!(client.models().current().unwrap_err().kind(), ErrorKind::Cancelled);
        },
    );
}

#[test]
fn handles_add_up() {
    let server = Emulator::builder().start().unwrap();
    let (outer, inner) = (CancelHandle::new(), CancelHandle::new());
    let first = client(&server).cancelled_by(&outer);
    let both = first.cancelled_by(&inner);
    inner.cancel();
    assert!(inner.is_cancelled() && !outer.is_cancelled());
    assert!(first.models().current().is_ok());
    assert_eq!(both.models().current().unwrap_err().kind(), ErrorKind::Cancelled);
    let stream = first.chat().stream(&ask("x"));
    outer.cancel();
    assert_eq!(stream.finish().unwrap_err().outcome, Outcome::Cancelled);
}

#[test]
fn a_connection_closed_for_idleness_is_no_error() {
    // The server closes idle connections sooner than the pool lets go of them.
    let server = Emulator::builder().keep_alive(Duration::from_millis(50)).start().unwrap();
    let client = client(&server);
    for n in 1..=5 {
        let answer = client.chat().create(&ask("x")).unwrap();
        assert_eq!(answer.meta().record().attempt_count, 1);
        assert!(server.wait_for(|log| log.connections_closed >= n, PATIENCE), "it was closed for idleness");
    }
    assert_eq!(generations(&server.log()), 5);
}

#[test]
fn connections_are_used_again() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    for _ in 0..10 {
        client.models().current().unwrap();
        client.chat().stream(&ask("x")).finish().unwrap();
    }
    let log = server.log();
    assert_eq!(log.requests.len(), 20);
    assert!(log.connections_opened <= 5, "{} connections", log.connections_opened);
}

#[test]
fn reads_survive_a_reset_and_generations_are_not_repeated() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    server.answer(CannedResponse::reset().on("/v1/model"));
    assert_eq!(client.models().current().unwrap().meta().record().attempt_count, 2);
    for answer in [CannedResponse::reset(), CannedResponse::close()] {
        server.clear_log();
        server.answer(answer.on("/v1/chat/completions"));
        let error = client.chat().create(&ask("x")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
        assert_eq!(generations(&server.log()), 1);
    }
}

#[test]
fn a_server_killed_in_mid_stream_leaves_the_partial_answer() {
    for graceful in [false, true] {
        let server = Emulator::builder().start().unwrap();
        gated(&server, &["Half", " of", " it"]);
        let mut stream = client(&server).chat().stream(&ask("x"));
        server.release(2);
        stream.next().unwrap().unwrap();
        stream.next().unwrap().unwrap();
        if graceful {
            server.shutdown()
        } else {
            server.kill()
        }
        let broken = stream.finish().unwrap_err();
        assert_eq!(broken.outcome, Outcome::Truncated, "{}", broken.error);
        assert_eq!(broken.partial.text(), "Half of");
    }
}

#[test]
fn nobody_there_is_one_clear_sentence() {
    let address = Emulator::builder().start().unwrap().addr();
    let client = Client::builder(format!("http://{address}")).build().unwrap();
    let error = client.models().current().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(error.record().unwrap().attempt_count, 3);
    let text = error.to_string();
    assert!(text.starts_with(&format!("GET http://{address}/v1/model: no connection could be made: ")), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
}

#[test]
fn a_redirect_is_an_error_that_names_the_address() {
    let server = Emulator::builder().start().unwrap();
    server.answer(CannedResponse::status(307).header("location", "http://127.0.0.1:1/v1/models").on("/v1/models"));
    let error = client(&server).models().list().unwrap_err();
    assert_eq!((error.code().as_str(), error.status().unwrap().as_u16()), ("redirect", 307));
    assert!(error.to_string().contains("http://127.0.0.1:1/v1/models"));
}

#[test]
fn a_refused_key_is_asked_for_anew_once_for_all() {
    let server = Emulator::builder().start().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, good) = (asked.clone(), server.api_key().to_owned());
    let client = Client::builder(server.url())
        .key_source(move |_, rejected| {
            count.fetch_add(1, Ordering::SeqCst);
            // Time for the others to come and wait.
            thread::sleep(Duration::from_millis(50));
            Ok(Some(Credential::api_key(if rejected { &good } else { "stale" })?))
        })
        .build()
        .unwrap();
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                let answer = client.models().current().unwrap();
                assert!(answer.meta().record().key_refreshes <= 1);
            });
        }
    });
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn keys_come_from_async_sources_on_other_threads() {
    let server = Emulator::builder().start().unwrap();
    let good = server.api_key().to_owned();
    let settings = tabbyapi::Client::builder(server.url()).key_source(move |_, _| {
        let (sender, receiver) = futures::channel::oneshot::channel();
        let good = good.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            let _ = sender.send(good);
        });
        async move { Ok(Some(Credential::api_key(&receiver.await.unwrap())?)) }
    });
    let client = ClientBuilder::from(settings).build().unwrap();
    assert_eq!(client.auth().permission().unwrap().permission, "api");
}

#[test]
fn a_source_of_keys_that_fails_or_hangs_ends_the_call() {
    let server = Emulator::builder().start().unwrap();
    let client = Client::builder(server.url())
        .key_source(|_, _| Err(Error::custom(ErrorKind::Credentials, "vault", "the vault is sealed")))
        .build()
        .unwrap();
    let error = client.models().current().unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Credentials, "the vault is sealed"));

    let hangs = tabbyapi::Client::builder(server.url()).key_source(|_, _| std::future::pending());
    let hasty = Options::new().timeouts(Timeouts::READ.total(Duration::from_millis(100)));
    let hangs = ClientBuilder::from(hangs).options(hasty).build().unwrap();
    // One call leads, the other waits for it; both give up.
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_eq!(hangs.models().current().unwrap_err().phase(), Some(Phase::Total)));
        }
    });
    assert!(server.requests().is_empty());
}

#[test]
fn loading_reports_its_parts_and_ends_usable() {
    let server = Emulator::builder()
        .model(ModelSpec::new("small").modules(3))
        .model(ModelSpec::new("broken").fails_after(2, "Insufficient VRAM"))
        .no_model_loaded()
        .gate_loads()
        .start()
        .unwrap();
    let client = client(&server);
    assert_eq!(client.chat().create(&ask("x")).unwrap_err().code(), "no_model_loaded");

    let mut load = client.models().load(&LoadRequest::new("small"));
    server.release(1);
    assert_eq!(load.next().unwrap().unwrap().module, 1);
    server.release(2);
    let modules: Vec<_> = load.by_ref().map(|progress| progress.unwrap().module).collect();
    assert_eq!(modules, [2, 3, 3]);
    assert_eq!(load.finish().unwrap().parts[0].modules, 3);
    assert_eq!(client.models().current().unwrap().id, "small");

    server.release(100);
    let report = client.models().reload(&LoadRequest::new("small")).unwrap().finish().unwrap();
    assert_eq!(report.parts[0].modules, 3);
    assert_eq!(client.health().wait_until_ready(PATIENCE).unwrap().id, "small");

    // Nothing is unloaded for a name that is not there.
    let broken = client.models().reload(&LoadRequest::new("smal")).unwrap_err();
    assert_eq!((broken.error.kind(), broken.error.code().as_str()), (ErrorKind::Encode, "unknown_model"));
    assert_eq!(client.models().current().unwrap().id, "small");

    let broken = client.models().load(&LoadRequest::new("broken")).finish().unwrap_err();
    assert_eq!((broken.outcome, broken.error.message()), (Outcome::ServerError, "Insufficient VRAM"));
    let error = client.health().wait_until_ready(Duration::from_millis(300)).unwrap_err();
    assert_eq!((error.code().as_str(), error.kind()), ("timeout_ready", ErrorKind::Timeout));
}

#[test]
fn a_model_is_loaded_within_a_request_with_the_admin_key() {
    let server = Emulator::builder()
        .model(ModelSpec::new("alpha"))
        .model(ModelSpec::new("beta"))
        .inline_model_loading(true)
        .start()
        .unwrap();
    let client = client(&server);
    let request = ask("x").model("beta");
    let refused = client.chat().create(&request).unwrap_err();
    assert_eq!(refused.status().unwrap(), 401);
    assert_eq!(client.models().current().unwrap().id, "alpha");
    let admin = client.with(Options::new().prefer_admin_key(true));
    assert_eq!(admin.chat().create(&request).unwrap().model, "beta");
    assert_eq!(client.models().current().unwrap().id, "beta");
}

#[test]
fn twenty_threads_share_a_client() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    thread::scope(|scope| {
        for n in 0..20 {
            let client = &client;
            scope.spawn(move || {
                for round in 0..5 {
                    let text = format!("This is {n} in round {round}.");
                    let request = ask(&format!(r#"[[fake:{{"reply":"{text}"}}]]"#));
                    assert_eq!(client.chat().stream(&request).finish().unwrap().text(), text);
                    assert_eq!(client.chat().create(&request).unwrap().text(), text);
                }
            });
        }
    });
    let log = server.log();
    assert_eq!(generations(&log), 200);
    assert!(log.connections_opened <= 40, "{} connections", log.connections_opened);
    assert!(log.disconnects.is_empty());
}

#[test]
fn cancelling_one_of_many_leaves_the_others_alone() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    thread::scope(|scope| {
        for n in 0..10 {
            let client = &client;
            scope.spawn(move || {
                for round in 0..10 {
                    let mut stream = client.chat().stream(&ask(r#"[[fake:{"reply":"one two three four"}]]"#));
                    match (n + round) % 2 {
                        // Right at its end, as its connection goes back into the pool.
                        0 => {
                            let handle = stream.cancel_handle();
                            scope.spawn(move || handle.cancel());
                            let _ = stream.finish();
                        }
                        _ => {
                            stream.next().unwrap().unwrap();
                            assert_eq!(stream.finish().unwrap().text(), "one two three four");
                        }
                    }
                }
            });
        }
    });
}

#[test]
fn the_services_are_the_same() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    assert!(client.health().check().unwrap().is_healthy());
    assert!(client.health().service_info().unwrap().api.contains_key("openai"));
    assert!(client.models().list().unwrap().data.len() > 1);
    assert_eq!(client.with(tabbyapi::Options::new().prefer_admin_key(false)).models().list().unwrap().data.len(), 1);
    client.models().props().unwrap();
    let request = CompletionRequest::new("hello there").max_tokens(50);
    assert!(!client.completions().create(&request).unwrap().choices[0].text.is_empty());
    assert!(!client.completions().stream(&request).finish().unwrap().choices[0].text.is_empty());
    client.models().unload().unwrap();
    assert_eq!(client.models().current().unwrap_err().code(), "no_model_loaded");
    assert_eq!(client.call(&tabbyapi::api::CurrentModel).unwrap_err().code(), "no_model_loaded");
}

#[test]
fn https_to_a_server_without_it_is_an_error() {
    let server = Emulator::builder().start().unwrap();
    let url = server.url().replace("http:", "https:");
    let client = Client::builder(url).retry(Retry::NEVER).build().unwrap();
    let error = client.models().current().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn a_cap_ends_the_stream_and_the_generation() {
    let server = Emulator::builder().start().unwrap();
    server.script(Script::new().tokens(["word "; 1000]).token_delay(Duration::from_millis(5)));
    let mut limits = Limits::default();
    limits.accumulated = 500;
    let stream = client(&server).with(Options::new().limits(limits)).chat().stream(&ask("x"));
    let broken = stream.finish().unwrap_err();
    assert_eq!((broken.outcome, broken.error.kind()), (Outcome::Failed, ErrorKind::TooLarge), "{}", broken.error);
    assert!(server.wait_for_disconnect(PATIENCE));
}

/// The accessors of the async client, found in its source, are all here.
#[test]
fn no_method_of_a_service_is_missing() {
    let mine = include_str!("../src/client/blocking/services.rs");
    let mut missing = Vec::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            // `impl Chat<'_> {` up to its end; what is inside is indented.
            for block in source.split("\nimpl ").skip(1) {
                let Some((service, rest)) = block.split_once("<'_> {\n") else { continue };
                // Blocks of other types may hold such words later on.
                if !service.chars().all(char::is_alphanumeric) {
                    continue;
                }
                let methods = rest.split("\n}").next().unwrap_or_default();
                // The block of the same service here: declared, and by hand.
                let here: String = mine
                    .split("\n    }\n")
                    .filter(|part| part.contains(&format!(": {service} {{")))
                    .chain(mine.split("\n}\n").filter(|part| part.contains(&format!("impl {service}<'_>"))))
                    .collect();
                let methods = methods.replace("pub async fn", "pub fn");
                for name in methods.split("    pub fn ").skip(1).filter_map(|method| method.split(['(', '<']).next()) {
                    if ![" {name}(", " {name}<"].iter().any(|form| here.contains(&form.replace("{name}", name))) {
                        missing.push(format!("{service}::{name}"));
                    }
                }
            }
        }
    }
    assert!(missing.is_empty(), "add them to src/client/blocking/services.rs: {missing:?}");
}

#[test]
fn servers_and_policies_are_those_of_the_async_client() {
    let (idle, busy) = (Emulator::builder().start().unwrap(), Emulator::builder().start().unwrap());
    let ask = ask("hello").max_tokens(2);
    let client = Client::builder(idle.url())
        .api_key(idle.api_key())
        .server(Server::new(&*busy.url()).unwrap().api_key(busy.api_key()).unwrap())
        .balance(Balance::LeastInFlight)
        .breaker(Breaker::new().min_attempts(1).open_for(Duration::from_secs(600)))
        .rate_limit(RateLimit::requests(1000, Duration::from_secs(1)))
        .concurrency(Concurrency::new(4))
        .retry_budget(RetryBudget::UNBOUNDED)
        .retry(Retry::GENTLE.base(Duration::from_millis(1)))
        .key_skew(Duration::from_secs(1))
        .build()
        .unwrap();
    let cards = client.probe();
    assert_eq!(cards.len(), 2);
    assert!(cards.iter().all(|(_, card)| card.as_ref().unwrap().id == "alpha-7B-exl3"));
    assert_eq!(client.at(&client.servers()[1].base).models().current().unwrap().id, "alpha-7B-exl3");

    idle.kill();
    for _ in 0..4 {
        client.chat().create(&ask).unwrap();
    }
    assert_eq!(busy.requests().iter().filter(|request| request.path.ends_with("completions")).count(), 4);
    assert!(matches!(client.servers()[0].breaker, BreakerState::Open { .. }), "{:?}", client.servers());
}
