//! Which server a call goes to, and what happens when one fails.

use std::time::Duration;

use futures::executor::block_on;
use tabbyapi::api::EmbeddingsRequest;
use tabbyapi::call::Shared;
use tabbyapi::policy::{Balance, Breaker, BreakerState, Concurrency, Server};
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, ErrorKind, Options, Timeouts};

use crate::common::ops::{Generate, Read};
use crate::harness::*;

#[test]
fn a_call_moves_on_to_another_server_at_once() {
    let shared = Shared::new(servers(&["a", "b"]));
    let mut read = call(&shared, &Read);
    assert_eq!(sends(&mut read, 0.0), "a");
    read.handle_input(at(1.0), refused());
    assert_eq!(sends(&mut read, 1.0), "b");
    read.handle_input(at(2.0), refused());
    // Both were tried: now it waits.
    let (until, changed) = waits(&mut read, 2.0);
    assert!(until.unwrap() <= at(2.0 + 1.0) && changed.is_none());
    assert_eq!(sends(&mut read, 3.0), "a");
    read.handle_input(at(3.0), refused());
    let error = fails(&mut read, 3.0);
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().starts_with("GET http://a.test/v1/read: no connection"), "{error}");
    let bases: Vec<_> = error.record().unwrap().attempts.iter().map(|a| a.base.to_string()).collect();
    assert_eq!(bases, ["http://a.test", "http://b.test", "http://a.test"]);
}

#[test]
fn a_generation_moves_on_only_if_it_cannot_have_begun() {
    let shared = Shared::new(servers(&["a", "b"]));
    let mut unsent = call(&shared, &Generate::new(Timeouts::STREAM));
    assert_eq!(sends(&mut unsent, 0.0), "a");
    unsent.handle_input(at(0.0), refused());
    assert_eq!(sends(&mut unsent, 0.0), "b");
    unsent.handle_input(at(0.0), reset());
    assert_eq!(fails(&mut unsent, 0.0).kind(), ErrorKind::Transport);

    let mut without = call(&shared, &Generate::new(Timeouts::STREAM));
    let first = sends(&mut without, 100.0);
    answers_with(&mut without, 100.0, 503, &[], r#"{"detail":"No models are currently loaded."}"#);
    let second = sends(&mut without, 100.0);
    assert_ne!(first, second, "another server may have one");
    answers_with(&mut without, 100.0, 503, &[], r#"{"detail":"No models are currently loaded."}"#);
    assert_eq!(fails(&mut without, 100.0).code(), "no_model_loaded");
    let models: Vec<_> = shared.servers(at(100.0)).into_iter().map(|server| server.model).collect();
    assert_eq!(models, [Some("".into()), Some("".into())], "that was noted");
}

#[test]
fn the_least_loaded_server_is_chosen_and_equals_take_turns() {
    let shared = Shared::new(servers(&["a", "b", "c"]));
    let mut calls: Vec<_> = (0..7).map(|_| call(&shared, &Read)).collect();
    let names: Vec<_> = calls.iter_mut().map(|call| sends(call, 0.0)).collect();
    assert_eq!(names, ["a", "b", "c", "a", "b", "c", "a"]);
    answers(&mut calls[1], 0.0);
    drop(calls.remove(4));
    let mut next = call(&shared, &Read);
    assert_eq!(sends(&mut next, 0.0), "b", "both of its calls are over");
    let loads: Vec<_> = shared.servers(at(0.0)).iter().map(|server| (server.in_flight, server.attempts)).collect();
    assert_eq!(loads, [(3, 3), (1, 3), (2, 2)]);
}

#[test]
fn in_turn_and_in_order() {
    let order = |balance| {
        let shared = Shared::new(servers(&["a", "b"]).balance(balance));
        let mut held = call(&shared, &Read);
        sends(&mut held, 0.0);
        let next = (0..3).map(|_| {
            let mut read = call(&shared, &Read);
            let name = sends(&mut read, 0.0);
            answers(&mut read, 0.0);
            name
        });
        next.collect::<String>()
    };
    assert_eq!(order(Balance::LeastInFlight), "bbb");
    assert_eq!(order(Balance::RoundRobin), "bab");
    assert_eq!(order(Balance::InOrder), "aaa");
}

#[test]
fn a_server_that_failed_comes_after_others_for_ten_seconds() {
    let shared = Shared::new(servers(&["a", "b"]).balance(Balance::InOrder));
    let mut first = call(&shared, &Read);
    assert_eq!(sends(&mut first, 0.0), "a");
    first.handle_input(at(0.0), refused());
    assert_eq!(sends(&mut first, 0.0), "b");
    assert!(shared.servers(at(0.0))[0].failing);
    assert_eq!(sends(&mut call(&shared, &Read), 9.9), "b");
    let mut later = call(&shared, &Read);
    assert_eq!(sends(&mut later, 10.0), "a");
    answers(&mut later, 10.0);
    assert!(!shared.servers(at(10.0))[0].failing);
}

fn broken(names: &[&str]) -> Shared {
    let breaker = Breaker::new().min_attempts(2).open_for(Duration::from_secs(10));
    let options = Options::new().retry(tabbyapi::call::Retry::NEVER);
    Shared::new(servers(names).breaker(breaker).options(options))
}

fn break_first(shared: &Shared) {
    for _ in 0..2 {
        let mut read = Call::with(shared, "a");
        assert_eq!(sends(&mut read.0, 0.0), "a");
        read.0.handle_input(at(0.0), refused());
        fails(&mut read.0, 0.0);
    }
}

/// A call to one server.
struct Call(tabbyapi::call::Call<<Read as tabbyapi::Endpoint>::Decoder>);

impl Call {
    fn with(shared: &Shared, name: &str) -> Call {
        let options = shared.options().clone().server(base(name));
        Call(tabbyapi::call::Call::with(shared, &Read, &options).unwrap())
    }
}

#[test]
fn an_open_breaker_is_passed_over() {
    let shared = broken(&["a", "b"]);
    break_first(&shared);
    assert_eq!(shared.servers(at(0.0))[0].breaker, BreakerState::Open { until: at(10.0) });
    for _ in 0..5 {
        let mut read = call(&shared, &Read);
        assert_eq!(sends(&mut read, 9.0), "b");
    }
    // Then one call looks whether it is back, and the others keep away from it.
    let mut probe = Call::with(&shared, "a");
    assert_eq!(sends(&mut probe.0, 10.0), "a");
    assert_eq!(sends(&mut call(&shared, &Read), 10.0), "b");
    answers(&mut probe.0, 11.0);
    assert_eq!(shared.servers(at(11.0))[0].breaker, BreakerState::Closed);
}

#[test]
fn with_nowhere_to_go_the_error_tells_when_to_come_again() {
    let shared = broken(&["a"]);
    break_first(&shared);
    let error = fails(&mut call(&shared, &Read), 4.0);
    assert_eq!(
        (error.kind(), error.code().as_str(), error.retry_at()),
        (ErrorKind::Policy, "circuit_open", Some(at(10.0)))
    );
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        "GET http://a.test/v1/read: not sent: the server has failed too often; the circuit is open for 6s; \
         wait, or check its state with `client.servers()`"
    );
    // A probe that is given up makes room for another one.
    let mut probe = call(&shared, &Read);
    sends(&mut probe, 10.0);
    assert_eq!(fails(&mut call(&shared, &Read), 10.0).code(), "circuit_open");
    drop(probe);
    let mut probe = call(&shared, &Read);
    sends(&mut probe, 10.0);
    probe.handle_input(at(10.0), reset());
    fails(&mut probe, 10.0);
    assert_eq!(shared.servers(at(10.0))[0].breaker, BreakerState::Open { until: at(20.0) });
}

#[test]
fn the_cause_is_reported_rather_than_that_the_breaker_opened_on_it() {
    let breaker = Breaker::new().min_attempts(1);
    let shared = Shared::new(servers(&["a"]).breaker(breaker));
    let mut read = call(&shared, &Read);
    sends(&mut read, 0.0);
    read.handle_input(at(0.0), refused());
    let (until, _) = waits(&mut read, 0.0);
    let error = fails(&mut read, until.unwrap().since_epoch().as_secs_f64());
    assert_eq!((error.kind(), error.record().unwrap().attempt_count), (ErrorKind::Connect, 1));
}

#[test]
fn faults_of_the_request_do_not_open_a_breaker() {
    let shared = broken(&["a"]);
    for _ in 0..10 {
        for (status, body) in [(404, "{}"), (422, "{}"), (503, r#"{"detail":"No models are currently loaded."}"#)] {
            let mut read = call(&shared, &Read);
            sends(&mut read, 0.0);
            answers_with(&mut read, 0.0, status, &[], body);
            fails(&mut read, 0.0);
        }
        drop(call(&shared, &Read));
    }
    assert_eq!(shared.servers(at(0.0))[0].breaker, BreakerState::Closed);
    assert_eq!((shared.servers(at(0.0))[0].attempts, shared.servers(at(0.0))[0].failures), (30, 0));
}

fn scripted(replies: impl IntoIterator<Item = Reply>) -> (Script, Client) {
    let script = Script::new(replies);
    let server = Server::new("http://b.test").unwrap().api_key("b-key").unwrap();
    let client = Client::builder("http://a.test").api_key("a-key").server(server);
    (script.clone(), client.build_with(script).unwrap())
}

fn hosts(script: &Script) -> Vec<String> {
    script.requests().iter().map(|request| request.uri().host().unwrap().to_owned()).collect()
}

fn card(id: &str) -> Reply {
    Reply::json(200, format!(r#"{{"id":"{id}","object":"model"}}"#))
}

#[test]
fn probes_tell_which_server_has_the_model() {
    let no_model = Reply::json(503, r#"{"detail":"No models are currently loaded."}"#);
    let (script, client) = scripted([card("alpha"), card("beta"), card("alpha"), no_model, Reply::status(200)]);
    block_on(async {
        let cards = client.probe().await;
        assert_eq!(cards.len(), 2);
        assert_eq!(cards[1].1.as_ref().unwrap().id, "beta");
        client.probe().await;
    });
    let models: Vec<_> = client.servers().into_iter().map(|server| server.model.unwrap()).collect();
    assert_eq!(models, ["alpha", ""]);
    assert_eq!(hosts(&script), ["a.test", "b.test", "a.test", "b.test"]);
    let paths: Vec<_> = script.requests().iter().map(|request| request.uri().path().to_owned()).collect();
    assert!(paths.iter().all(|path| path == "/v1/model"), "{paths:?}");
}

#[test]
fn calls_for_a_model_go_where_it_is_loaded() {
    use tabbyapi::api::{ChatMessage, ChatRequest};
    let (_, client) = scripted([]);
    client.shared().set_model(&base("b"), Some("beta"));
    let ask = |model: &str| {
        let request = ChatRequest::new([ChatMessage::user("Hi")]).model(model);
        let mut chat = call(client.shared(), &request);
        sends(&mut chat, 0.0)
    };
    assert_eq!((0..3).map(|_| ask("beta")).collect::<String>(), "bbb");
    // Which server has this one is not known.
    assert_eq!(ask("gamma"), "a");
    client.shared().set_model(&base("b"), None);
    assert_eq!(ask("beta"), "a");
}

#[test]
fn a_server_without_a_model_comes_last_until_it_has_one() {
    const NONE: &str = r#"{"detail":"No models are currently loaded."}"#;
    let shared = Shared::new(servers(&["a", "b"]));
    shared.set_model(&base("a"), None);
    // However busy the other one is.
    let mut calls: Vec<_> = (0..12).map(|_| call(&shared, &Generate::new(Timeouts::STREAM))).collect();
    let went: String = calls.iter_mut().map(|call| sends(call, 0.0)).collect();
    assert_eq!(went, "b".repeat(12));
    drop(calls);
    // What takes no model goes where there is room.
    let embed = EmbeddingsRequest::new(["a"]);
    assert_eq!(sends(&mut call(&shared, &embed), 1.0), "a");
    // A 503 teaches as much as a probe, and then there is none that is better: it is asked, and may have a model by now.
    let mut read = call(&shared, &Read);
    assert_eq!(sends(&mut read, 2.0), "b");
    answers_with(&mut read, 2.0, 503, &[], NONE);
    assert_eq!(sends(&mut read, 2.0), "a");
    answers(&mut read, 2.0);
    let models: Vec<_> = shared.servers(at(2.0)).into_iter().map(|server| server.model).collect();
    assert_eq!(models, [None, Some("".into())]);
    let mut calls: Vec<_> = (0..3).map(|_| call(&shared, &Read)).collect();
    assert_eq!(calls.iter_mut().map(|call| sends(call, 3.0)).collect::<String>(), "aaa");
    // A client that is held to it still goes there.
    let held = Options::new().server(base("b"));
    assert_eq!(sends(&mut tabbyapi::call::Call::with(&shared, &Read, &held).unwrap(), 3.0), "b");
}

#[test]
fn a_call_waits_for_a_place_rather_than_go_where_there_is_no_model() {
    let shared = Shared::new(servers(&["a", "b"]).concurrency(Concurrency::new(1).waiting(8)));
    shared.set_model(&base("a"), None);
    let mut first = call(&shared, &Read);
    assert_eq!(sends(&mut first, 0.0), "b");
    let mut second = call(&shared, &Read);
    let (_, changed) = waits(&mut second, 0.0);
    let mut changed = changed.unwrap();
    answers(&mut first, 1.0);
    assert!(changed.is_ready());
    assert_eq!(sends(&mut second, 1.0), "b");
}

#[test]
fn each_server_gets_its_own_key_and_a_client_can_be_held_to_one() {
    let (script, client) = scripted([Reply::refused("down"), card("x"), card("x")]);
    block_on(client.models().current()).unwrap();
    let keys: Vec<_> = script.requests().iter().map(|request| request.headers()["x-api-key"].clone()).collect();
    assert_eq!(keys, ["a-key", "b-key"]);
    block_on(client.at(&base("a")).models().current()).unwrap();
    assert_eq!(hosts(&script), ["a.test", "b.test", "a.test"]);
}

#[test]
fn mistakes_are_reported_before_anything_is_sent() {
    let (script, client) = scripted([]);
    let error = block_on(client.at(&base("c")).models().current()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("http://c.test is not one of the client's servers; add it"), "{error}");
    assert!(script.requests().is_empty());
    let twice = Client::builder("http://a.test").server(Server::new("http://a.test/v1/").unwrap());
    let error = twice.build_with(Script::new([])).unwrap_err();
    assert!(error.to_string().starts_with("the server http://a.test was added twice"), "{error}");
    let names: Vec<String> = (0..64).map(|n| format!("http://s{n}.test")).collect();
    let many = names
        .iter()
        .fold(Client::builder("http://a.test"), |builder, name| builder.server(Server::new(name.as_str()).unwrap()));
    assert_eq!(many.build_with(Script::new([])).unwrap_err().to_string(), "there are more than 64 servers");
}

#[test]
fn warming_opens_connections_and_does_not_mind_failures() {
    let (script, client) = scripted([Reply::json(200, "{}"), Reply::refused("down"), Reply::status(503)]);
    block_on(client.warm(2));
    let mut hosts = hosts(&script);
    hosts.sort();
    assert_eq!(hosts, ["a.test", "a.test", "b.test", "b.test"]);
}
