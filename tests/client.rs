//! The client over scripted answers: requests as they go out, answers, errors, streams and their outcomes.

mod common;

use std::time::Duration;

use common::ops::{Generate, Read};
use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use tabbyapi::api::{ChatMessage, ChatRequest, DraftModel, LoadRequest};
use tabbyapi::auth::Credential;
use tabbyapi::call::Retry;
use tabbyapi::policy::Breaker;
use tabbyapi::transport::Transport;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, ErrorKind, Options, Outcome, Phase, TimeoutPolicy, Timeouts};

fn client(script: &Script) -> Client {
    Client::builder("http://tabby.test/prefix/v1/").api_key("api").admin_key("adm").build_with(script.clone()).unwrap()
}

fn seconds(script: &Script) -> f64 {
    script.now().since_epoch().as_secs_f64()
}

#[test]
fn requests_carry_one_key_and_the_prefix() {
    let script = Script::new([
        Reply::json(200, r#"{"permission":"api"}"#),
        Reply::json(200, r#"{"data":[]}"#),
        Reply::json(200, r#"{"data":[]}"#),
        Reply::json(200, "null"),
        Reply::json(503, r#"{"status":"unhealthy","issues":null}"#),
    ]);
    let client = client(&script);
    block_on(async {
        assert_eq!(client.auth().permission().await.unwrap().permission, "api");
        client.models().list().await.unwrap();
        client.with(tabbyapi::Options::new().prefer_admin_key(false)).models().list().await.unwrap();
        client.models().unload().await.unwrap();
        let health = client.health().check().await.unwrap();
        assert!(!health.is_healthy() && health.issues.is_empty());
        assert_eq!(health.meta().status(), 503);
    });
    let keys: Vec<_> = script
        .requests()
        .iter()
        .map(|request| {
            let keys = ["x-api-key", "x-admin-key", "authorization"];
            let sent =
                keys.iter().filter_map(|name| Some((*name, request.headers().get(*name)?.to_str().ok()?.to_owned())));
            (request.uri().to_string(), sent.collect::<Vec<_>>())
        })
        .collect();
    let expected = [
        ("http://tabby.test/prefix/v1/auth/permission", Some(("x-api-key", "api"))),
        ("http://tabby.test/prefix/v1/models", Some(("x-api-key", "adm"))),
        ("http://tabby.test/prefix/v1/models", Some(("x-api-key", "api"))),
        ("http://tabby.test/prefix/v1/model/unload", Some(("x-admin-key", "adm"))),
        ("http://tabby.test/prefix/health", None),
    ];
    for ((uri, sent), (expected_uri, key)) in keys.iter().zip(expected) {
        assert_eq!(uri, expected_uri);
        let key: Vec<_> = key.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        assert_eq!(*sent, key, "{uri}");
    }
}

#[test]
fn a_stream_keeps_what_arrived_whatever_ends_it() {
    let cases = [
        (Reply::events().chunk("data: a\n\ndata: [DONE]\n\n"), Outcome::Complete),
        (Reply::events().chunk("data: a\n\n"), Outcome::Truncated),
        (Reply::events().chunk("data: a\n\n").fail("reset"), Outcome::Truncated),
        (Reply::events().chunk("data: a\n\n").hang(), Outcome::IdleTimeout),
    ];
    for (reply, outcome) in cases {
        let script = Script::new([reply]);
        let mut stream = client(&script).stream(&Generate::new(Timeouts::STREAM));
        block_on(async {
            assert_eq!(stream.next().await.unwrap().unwrap(), "a");
            assert_eq!((stream.so_far().as_str(), stream.outcome()), ("a", None));
            match stream.finish().await {
                Ok(answer) => {
                    assert_eq!(outcome, Outcome::Complete);
                    assert_eq!(*answer, "a");
                    assert_eq!(answer.meta().record().items, 1);
                }
                Err(broken) => {
                    assert_eq!((broken.outcome, broken.partial.as_str()), (outcome, "a"));
                    assert_eq!(broken.error.record().unwrap().items, 1);
                }
            }
        });
    }
}

#[test]
fn the_error_of_a_stream_comes_once_and_finish_still_knows_it() {
    let script = Script::new([Reply::events().chunk("data: a\n\n")]);
    let mut stream = client(&script).stream(&Generate::new(Timeouts::STREAM));
    block_on(async {
        assert!(stream.next().await.unwrap().is_ok());
        assert_eq!(stream.next().await.unwrap().unwrap_err().kind(), ErrorKind::Truncated);
        assert_eq!(stream.outcome(), Some(Outcome::Truncated));
        assert!(StreamExt::next(&mut stream).await.is_none());
        let broken = stream.finish().await.unwrap_err();
        assert_eq!(broken.error.kind(), ErrorKind::Truncated);
        assert_eq!(broken.partial, "a");
    });
}

#[test]
fn keep_alives_do_not_hide_a_stall() {
    let mut reply = Reply::events().chunk("data: a\n\n");
    for _ in 0..100 {
        reply = reply.wait(Duration::from_secs(15)).chunk(": ping - 2026-11-22 14:55:42+00:00\r\n\r\n");
    }
    let script = Script::new([reply]);
    let broken = block_on(client(&script).stream(&Generate::new(Timeouts::STREAM)).finish()).unwrap_err();
    assert_eq!(broken.outcome, Outcome::IdleTimeout);
    assert_eq!(broken.error.phase(), Some(Phase::Idle));
    assert_eq!(seconds(&script), 120.0);
    assert_eq!(script.dropped(), 1, "the exchange was cancelled");
}

#[test]
fn dropping_a_call_or_a_stream_cancels_it() {
    let script = Script::new([Reply::events().chunk("data: a\n\n").hang(), Reply::json(200, "{").hang()]);
    let client = client(&script);
    let mut stream = client.stream(&Generate::new(Timeouts::UNBOUNDED));
    block_on(stream.next()).unwrap().unwrap();
    assert_eq!(script.dropped(), 0);
    assert_eq!(stream.cancel(), "a");
    assert_eq!(script.dropped(), 1);

    let mut call = client.with(Options::new().timeouts(Timeouts::UNBOUNDED)).call(&Read);
    assert!((&mut call).now_or_never().is_none());
    drop(call);
    assert_eq!(script.dropped(), 2);
}

#[test]
fn nothing_is_sent_before_the_first_poll() {
    let script = Script::new([]);
    let client = client(&script);
    let _call = client.call(&Read);
    let _stream = client.stream(&Generate::new(Timeouts::STREAM));
    assert!(script.requests().is_empty());
}

#[test]
fn keys_come_from_a_source_and_are_replaced_after_a_401() {
    let script = Script::new([
        Reply::json(200, "{}"),
        Reply::json(401, r#"{"detail":"Invalid API key"}"#),
        Reply::json(200, "{}"),
        Reply::json(200, "{}"),
    ]);
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = asked.clone();
    let client = Client::builder("http://tabby.test")
        .key_source(move |scope, rejected| {
            let mut log = log.lock().unwrap();
            log.push((scope, rejected));
            let key = format!("key-{}", log.len());
            async move { Credential::api_key(&key).map(Some) }
        })
        .build_with(script.clone())
        .unwrap();
    block_on(async {
        client.call(&Read).await.unwrap();
        let answer = client.call(&Read).await.unwrap();
        assert_eq!(answer.meta().record().key_refreshes, 1);
        client.call(&Read).await.unwrap();
    });
    let sent: Vec<_> =
        script.requests().iter().map(|r| r.headers()["x-api-key"].to_str().unwrap().to_owned()).collect();
    assert_eq!(sent, ["key-1", "key-1", "key-2", "key-2"]);
    assert_eq!(*asked.lock().unwrap(), [(tabbyapi::Scope::Api, false), (tabbyapi::Scope::Api, true)]);
}

#[test]
fn mistakes_in_the_builder_are_reported_when_it_builds() {
    let build = |builder: tabbyapi::ClientBuilder| builder.build_with(Script::new([])).unwrap_err();
    let cases = [
        (
            build(Client::builder("localhost:5000")),
            "the base URL `localhost:5000` has no scheme; write `http://localhost:5000`",
        ),
        (
            build(Client::builder("http://me:hush@host")),
            "the base URL carries a user name or password; leave them out and set keys with `api_key` and `admin_key`, or a \
             gateway's `Authorization` with `ClientBuilder::sensitive_header`",
        ),
        (build(Client::builder("ftp://host")), "the base URL `ftp://host` has the scheme `ftp`; use `http` or `https`"),
        (
            build(Client::builder("http://host:99999")),
            "the base URL `http://host:99999` has no valid port; a port is a number up to 65535",
        ),
        (
            build(Client::builder("http://host").api_key("a\u{1}")),
            "the API key has characters that are not valid in a header; look for line breaks or control characters in it",
        ),
        (build(Client::builder("http://host").header("x y", "")), "`x y` is not a valid header name"),
    ];
    for (error, text) in cases {
        assert_eq!(error.to_string(), text);
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

#[test]
fn answers_from_somewhere_else_say_so() {
    let html = "<html><head><title>Welcome to nginx!</title></head></html>";
    let script = Script::new([
        Reply::status(200).header("content-type", "text/html").chunk(html),
        Reply::status(502).header("content-type", "text/html").chunk("<html><title>502 Bad Gateway</title></html>"),
        Reply::status(307).header("location", "https://tabby.test/v1/model"),
        Reply::json(200, r#"{"data":7}"#),
        Reply::json(200, ""),
    ]);
    let client = client(&script).with(Options::new().retry(Retry::NEVER));
    let expected = [
        "GET http://tabby.test/prefix/v1/models: the server answered 200 with `text/html` where JSON was expected; check that the \
         base URL is that of a TabbyAPI server and that no proxy answers in its place",
        "GET http://tabby.test/prefix/v1/models: the server answered 502: 502 Bad Gateway; a proxy could not reach the server \
         behind it",
        "GET http://tabby.test/prefix/v1/models: the server answered 307; redirects are not followed, so that keys stay here; use \
         the address it points to as the base URL: https://tabby.test/v1/model",
        "GET http://tabby.test/prefix/v1/models: the answer could not be read: invalid type: integer, expected a list at \
         line 1 column 9 (at `data`)",
        "GET http://tabby.test/prefix/v1/models: the answer could not be read: it is not an object",
    ];
    for text in expected {
        let error = block_on(client.models().list()).unwrap_err();
        assert_eq!(error.to_string(), text);
        assert!(error.body().is_some());
    }
}

#[test]
fn bodies_and_events_are_capped() {
    let mut limits = tabbyapi::Limits::default();
    limits.body = 1000;
    limits.event = 100;
    limits.error_excerpt = 10;
    let script = Script::new([
        Reply::json(200, vec![b' '; 1001]),
        Reply::status(400).chunk(vec![b'x'; 5000]).hang(),
        Reply::events().chunk(format!("data: {}", "y".repeat(101))).hang(),
    ]);
    let client = client(&script).with(Options::new().limits(limits).timeouts(Timeouts::UNBOUNDED));
    let error = block_on(client.call(&Read)).unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::TooLarge, "body_too_large"));
    assert_eq!(error.body().unwrap().len(), 10);
    let error = block_on(client.call(&Read)).unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Server, 400));
    assert_eq!(error.body().unwrap().len(), 10);
    let mut stream = client.stream(&Generate::new(Timeouts::UNBOUNDED));
    let error = block_on(stream.next()).unwrap().unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::TooLarge, "event_too_large"));
}

#[test]
fn validation_errors_are_typed_and_bounded() {
    let long = "z".repeat(5000);
    let body = format!(
        r#"{{"detail":[{{"type":"missing","loc":["body","prompt"],"msg":"Field required","input":{{"x":"{long}"}}}},
        {{"type":"int_parsing","loc":["body","n",0],"msg":"Input should be a valid integer","input":"a","ctx":{{"k":1}}}}]}}"#
    );
    let script = Script::new([Reply::json(422, body)]);
    let error = block_on(client(&script).call(&Read)).unwrap_err();
    assert_eq!(error.code(), "validation_failed");
    assert_eq!(error.message(), "body.prompt: Field required; body.n.0: Input should be a valid integer");
    let issues = error.validation();
    assert_eq!(issues[0].location, ["body", "prompt"]);
    assert_eq!(issues[0].kind, "missing");
    assert!(issues[0].input.as_ref().unwrap().len() < 1100);
    assert_eq!(issues[1].input.as_deref(), Some("\"a\""));
    assert_eq!(issues[1].extra["ctx"]["k"], 1);
    assert!(!format!("{error:?}{error}").contains("zzz"), "the echoed input does not show");
}

#[test]
fn reload_unloads_first_and_takes_no_for_an_answer_if_nothing_was_loaded() {
    let load = "data: {\"model_type\":\"model\",\"module\":1,\"modules\":2,\"status\":\"processing\"}\r\n\r\n\
                data: {\"model_type\":\"model\",\"module\":2,\"modules\":2,\"status\":\"finished\"}\r\n\r\n";
    let none = || Reply::json(503, r#"{"detail":"No models are currently loaded."}"#);
    let loaded = || Reply::json(200, r#"{"id":"b"}"#);
    let list = |ids: &[&str]| {
        let data: Vec<_> = ids.iter().map(|id| serde_json::json!({"id": id})).collect();
        Reply::json(200, serde_json::json!({"data": data}).to_string())
    };
    let paths = |script: &Script| -> Vec<_> {
        let paths = script.requests().into_iter().map(|request| request.uri().path().to_owned());
        paths.map(|path| path.trim_start_matches("/prefix").to_owned()).collect()
    };
    let asked = ["/v1/model", "/v1/models"];
    for unload in [Reply::json(200, "null"), none()] {
        let script = Script::new([loaded(), list(&["b", "a"]), unload, Reply::events().chunk(load)]);
        let client = client(&script);
        let report = block_on(async { client.models().reload(&LoadRequest::new("a")).await.unwrap().finish().await });
        let report = report.unwrap();
        assert_eq!((report.parts[0].modules, report.parts[0].finished), (2, true));
        assert_eq!(paths(&script), [&asked[..], &["/v1/model/unload", "/v1/model/load"]].concat());
    }
    // Nothing can be lost where nothing is loaded.
    let script = Script::new([none(), Reply::events().chunk(load)]);
    let client_of_none = client(&script);
    block_on(async { client_of_none.models().reload(&LoadRequest::new("a")).await.unwrap().finish().await }).unwrap();
    assert_eq!(paths(&script), ["/v1/model", "/v1/model/load"]);

    let script = Script::new([loaded(), list(&["a"]), Reply::json(401, r#"{"detail":"Invalid admin key"}"#)]);
    let broken = block_on(client(&script).models().reload(&LoadRequest::new("a"))).unwrap_err();
    assert_eq!((broken.outcome, broken.error.code().as_str()), (Outcome::ServerError, "invalid_key"));
    // What is not in the lists is not unloaded for; the id of the loaded model is no proof, as it lacks the path of a subfolder.
    let draft = LoadRequest::new("a").draft_model(DraftModel::new("tiny"));
    let cases = [
        (LoadRequest::new("TYPO"), vec![loaded(), list(&["a", "b"])]),
        (LoadRequest::new("b"), vec![loaded(), list(&[])]),
        (draft, vec![loaded(), list(&["a"]), list(&["a", "huge"])]),
    ];
    for (request, replies) in cases {
        let script = Script::new(replies);
        let broken = block_on(client(&script).models().reload(&request)).unwrap_err();
        assert_eq!((broken.error.kind(), broken.error.code().as_str()), (ErrorKind::Encode, "unknown_model"));
        assert!(
            broken.error.to_string().contains("so nothing was unloaded; the whole list requires the admin key"),
            "{}",
            broken.error
        );
        assert!(!paths(&script).contains(&"/v1/model/unload".to_owned()));
    }
    // Nor if the server does not tell.
    let script = Script::new([loaded(), Reply::status(500)]);
    assert!(block_on(client(&script).models().reload(&LoadRequest::new("a"))).is_err());
    assert_eq!(paths(&script), asked);
}

#[test]
fn hints_name_the_real_cause_of_a_model_in_a_request() {
    let request = ChatRequest::new([ChatMessage::user("x")]).model("beta");
    let detail = r#"{"detail":"Unable to switch model to beta because an admin key isn't provided"}"#;
    let script =
        Script::new([Reply::json(401, detail), Reply::json(401, detail), Reply::status(500), Reply::status(500)]);
    let client = client(&script);
    let chat = client.chat();
    let mut errors = Vec::new();
    for _ in 0..2 {
        errors.push(block_on(chat.create(&request)).unwrap_err());
        errors.push(block_on(chat.stream(&request).finish()).unwrap_err().error);
    }
    let expected =
        ["`Options::prefer_admin_key`", "`Options::prefer_admin_key`", "named while none", "named while none"];
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.hint().unwrap().contains(expected), "{error}");
    }
}

#[test]
fn a_call_can_prefer_the_admin_key() {
    let reply = || Reply::json(200, r#"{"permission":"admin"}"#);
    let script = Script::new([reply(), reply(), reply(), reply()]);
    let builder = Client::builder("http://tabby.test").api_key("the-api-key").admin_key("the-admin-key");
    let client = builder.build_with(script.clone()).unwrap();
    let admin = client.with(Options::new().prefer_admin_key(true));
    block_on(client.auth().permission()).unwrap();
    block_on(admin.auth().permission()).unwrap();
    // Options that say nothing of it leave it, and others take it back.
    block_on(admin.with(Options::new()).auth().permission()).unwrap();
    block_on(admin.with(Options::new().prefer_admin_key(false)).auth().permission()).unwrap();
    let keys: Vec<_> = script.requests().iter().map(|request| request.headers()["x-api-key"].clone()).collect();
    assert_eq!(keys, ["the-api-key", "the-admin-key", "the-admin-key", "the-api-key"]);
}

#[test]
fn waiting_for_readiness_looks_until_a_model_is_there() {
    let no_model = || Reply::json(503, r#"{"detail":"No models are currently loaded."}"#);
    let script = Script::new([
        Reply::refused("connection refused"),
        Reply::reset("reset"),
        no_model(),
        Reply::status(502),
        Reply::json(200, r#"{"id":"alpha"}"#),
    ]);
    let card = block_on(client(&script).health().wait_until_ready(Duration::from_secs(10))).unwrap();
    assert_eq!(card.id, "alpha");
    assert_eq!(seconds(&script), 1.0);

    let script = Script::new((0..100).map(|_| no_model()));
    let error = block_on(client(&script).health().wait_until_ready(Duration::from_secs(3))).unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Timeout, "timeout_ready"));
    assert!(error.to_string().contains("No models are currently loaded"), "{error}");
    assert!(seconds(&script) <= 3.0);

    let script = Script::new([Reply::json(401, r#"{"detail":"Invalid API key"}"#)]);
    let error = block_on(client(&script).health().wait_until_ready(Duration::from_secs(3))).unwrap_err();
    assert_eq!(error.code(), "invalid_key");
}

#[test]
fn waiting_for_readiness_outlasts_a_breaker() {
    // Five looks fail, so that the breaker lets none pass for 3 s, and its first probe fails, too.
    let client = |script: &Script| {
        let breaker = Breaker::new().min_attempts(5).open_for(Duration::from_secs(3));
        Client::builder("http://tabby.test").api_key("k").breaker(breaker).build_with(script.clone()).unwrap()
    };
    let refused = || Reply::refused("connection refused");
    let replies = (0..6).map(|_| refused()).chain([Reply::json(200, r#"{"id":"alpha"}"#)]);
    let script = Script::new(replies);
    let card = block_on(client(&script).health().wait_until_ready(Duration::from_secs(60))).unwrap();
    assert_eq!(card.id, "alpha");
    assert!((6.0..=8.0).contains(&seconds(&script)), "{}", seconds(&script));

    let script = Script::new((0..100).map(|_| refused()));
    let error = block_on(client(&script).health().wait_until_ready(Duration::from_secs(10))).unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Timeout, "timeout_ready"));
    assert!(error.to_string().contains("connection refused"), "{error}");
    assert!((9.0..=10.0).contains(&seconds(&script)), "{}", seconds(&script));
}

#[test]
fn options_of_a_call_win_over_those_of_the_client() {
    let script = Script::new([Reply::json(200, "{}"), Reply::json(200, "{}")]);
    let client = Client::builder("http://tabby.test")
        .header("x-a", "client")
        .header("x-b", "client")
        .build_with(script.clone())
        .unwrap();
    let other = client.with(Options::new().header("x-a", "call").unwrap());
    block_on(async {
        other.call(&Read).await.unwrap();
        client.call(&Read).await.unwrap();
    });
    let header = |n: usize, name: &str| script.requests()[n].headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header(0, "x-a"), header(0, "x-b")), ("call".into(), "client".into()));
    assert_eq!(header(1, "x-a"), "client");
}

#[test]
fn a_client_sets_its_paces_by_kind_of_work() {
    let script = Script::new([Reply::events().hang(), Reply::json(200, "{").hang()]);
    let timeout_policy = TimeoutPolicy::default().stream(Timeouts::STREAM.first_item(Duration::from_secs(7)));
    let client = Client::builder("http://tabby.test")
        .timeout_policy(timeout_policy)
        .retry(Retry::NEVER)
        .build_with(script.clone())
        .unwrap();
    let request = tabbyapi::api::ChatRequest::new([tabbyapi::api::ChatMessage::user("x")]);
    let broken = block_on(client.chat().stream(&request).finish()).unwrap_err();
    assert_eq!((broken.error.phase(), seconds(&script)), (Some(Phase::FirstItem), 7.0));
    let error = block_on(client.models().current()).unwrap_err();
    assert_eq!((error.phase(), seconds(&script)), (Some(Phase::Idle), 37.0));
}

/// Whoever reads a stream item by item and then asks for the whole loses nothing of the error.
#[test]
fn an_error_that_was_handed_out_is_reported_again_by_finish() {
    let script = Script::new([Reply::json(401, r#"{"detail":"Invalid API key"}"#)]);
    let mut stream = client(&script).chat().stream(&ChatRequest::new([ChatMessage::user("Hi")]));
    let first = block_on(stream.next()).unwrap().unwrap_err();
    let broken = block_on(stream.finish()).unwrap_err();
    assert_eq!(broken.error.to_string(), first.to_string());
    assert_eq!((broken.error.status(), broken.error.body()), (first.status(), first.body()));
    assert_eq!(broken.error.record(), first.record());
}

#[test]
fn a_total_alone_leaves_the_rest_of_the_pace() {
    let seconds = Duration::from_secs;
    let quick = |reply: Reply| {
        let builder = Client::builder("http://tabby.test").total(seconds(5)).retry(Retry::NEVER);
        builder.build_with(Script::new([reply])).unwrap()
    };
    // Data keeps coming, and the time is over: no idle timeout. That of the request's own timeouts is not replaced.
    let busy = (0..9).fold(Reply::events(), |reply, _| reply.chunk("data: a\n\n").wait(seconds(1)));
    for (client, limit) in [(quick(busy.clone()), 5), (quick(busy.clone()).with(Options::new().total(seconds(3))), 3)] {
        let broken = block_on(client.stream(&Generate::new(Timeouts::STREAM.idle(seconds(2)))).finish()).unwrap_err();
        assert_eq!((broken.outcome, broken.error.phase()), (Outcome::TotalTimeout, Some(Phase::Total)));
        assert_eq!(broken.error.code(), "timeout_total");
        assert!(broken.error.to_string().contains(&format!("within {limit}s")), "{}", broken.error);
        assert!((limit - 1..=limit + 1).contains(&broken.partial.len()), "{}", broken.partial);
    }
    let hung = quick(Reply::events().chunk("data: a\n\n").hang());
    let broken = block_on(hung.stream(&Generate::new(Timeouts::STREAM.idle(seconds(2)))).finish()).unwrap_err();
    assert_eq!((broken.outcome, broken.error.phase()), (Outcome::IdleTimeout, Some(Phase::Idle)));
    // Where nothing comes at all it is the total, too: a download has no other deadline.
    let download = tabbyapi::api::DownloadRequest::new("someone/something");
    let error = block_on(quick(Reply::json(200, "{}").head_after(seconds(60))).call(&download)).unwrap_err();
    assert_eq!(error.code(), "timeout_total");
    // Whole timeouts for some calls has its own total, or none.
    let none = quick(busy).with(Options::new().timeouts(Timeouts::UNBOUNDED));
    assert_eq!(
        block_on(none.stream(&Generate::new(Timeouts::STREAM)).finish()).unwrap_err().outcome,
        Outcome::Truncated
    );
}

#[cfg(all(feature = "reqwest", not(target_arch = "wasm32")))]
#[tokio::test]
async fn the_time_to_connect_can_be_set() {
    use std::time::Instant;

    // It takes connections, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let builder = Client::builder(url).connect_timeout(Duration::from_millis(300)).retry(Retry::NEVER);
    let started = Instant::now();
    let error = builder.build().unwrap().models().list().await.unwrap_err();
    assert_eq!(error.kind(), tabbyapi::ErrorKind::Connect, "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}
