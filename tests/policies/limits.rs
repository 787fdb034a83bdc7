//! Concurrency and rate limits: who waits, for how long, and who is refused.

use std::time::Duration;

use tabbyapi::call::Shared;
use tabbyapi::policy::{Concurrency, RateLimit, Server};
use tabbyapi::{Endpoint, ErrorKind};

use crate::common::ops::Read;
use crate::harness::*;

fn limited(running: u32) -> Shared {
    Shared::new(servers(&["a"]).concurrency(Concurrency::new(running)))
}

#[test]
fn calls_run_in_the_order_in_which_they_came() {
    let shared = limited(1);
    let mut calls: Vec<_> = (0..4).map(|_| call(&shared, &Read)).collect();
    sends(&mut calls[0], 0.0);
    let mut waiting: Vec<_> = (1..4).map(|n| waits(&mut calls[n], 0.0).1.unwrap()).collect();
    assert_eq!(shared.waiting(), 3);
    answers(&mut calls[0], 1.0);
    assert_eq!(waiting.iter().map(|w| w.was_woken()).collect::<Vec<_>>(), [true, false, false]);
    // One that comes now does not get in between.
    let mut late = call(&shared, &Read);
    let mut late_wait = waits(&mut late, 1.0).1.unwrap();
    assert!(waiting[0].is_ready() && !waiting[1].is_ready() && !late_wait.is_ready());
    sends(&mut calls[1], 1.0);
    // The next in line gives up: the one after it is served.
    drop(calls.remove(2));
    drop(calls.remove(1));
    assert!(waiting[2].was_woken() && !late_wait.was_woken());
    sends(&mut calls[1], 2.0);
    calls[1].handle_input(at(3.0), refused());
    assert!(late_wait.was_woken(), "a failed attempt frees its place");
    sends(&mut late, 3.0);
    assert_eq!(shared.servers(at(3.0))[0].in_flight, 1);
}

#[test]
fn a_place_that_was_given_and_not_taken_goes_to_the_next() {
    let shared = limited(1);
    let (mut first, mut second, mut third) = (call(&shared, &Read), call(&shared, &Read), call(&shared, &Read));
    sends(&mut first, 0.0);
    let second_wait = waits(&mut second, 0.0).1.unwrap();
    let third_wait = waits(&mut third, 0.0).1.unwrap();
    drop(first);
    assert!(second_wait.was_woken() && !third_wait.was_woken());
    drop(second);
    assert!(third_wait.was_woken());
    sends(&mut third, 0.0);
    drop(third);
    assert_eq!((shared.waiting(), shared.servers(at(0.0))[0].in_flight), (0, 0));
}

#[test]
fn the_total_deadline_holds_in_the_queue_too() {
    let shared = limited(1);
    let (mut first, mut second) = (call(&shared, &Read), call(&shared, &Read));
    sends(&mut first, 0.0);
    let (until, _changed) = waits(&mut second, 5.0);
    assert_eq!(until, Some(at(65.0)));
    assert_eq!(fails(&mut second, 65.0).code(), "timeout_total");
    assert_eq!(shared.waiting(), 0);
}

#[test]
fn the_queue_is_bounded() {
    let shared = Shared::new(servers(&["a"]).concurrency(Concurrency::new(1).waiting(1)));
    let (mut first, mut second) = (call(&shared, &Read), call(&shared, &Read));
    sends(&mut first, 0.0);
    let _wait = waits(&mut second, 0.0);
    let error = fails(&mut call(&shared, &Read), 0.0);
    assert_eq!((error.kind(), error.code().as_str(), error.retry_at()), (ErrorKind::Policy, "queue_full", None));
    assert!(error.to_string().contains("nothing was sent, because 1 calls are waiting already"), "{error}");
}

#[test]
fn whichever_server_has_room_takes_the_next() {
    let own = Server::new(base("b")).unwrap().concurrency(Concurrency::new(2));
    let shared = Shared::new(servers(&["a"]).server(own).unwrap().concurrency(Concurrency::new(1)));
    let mut calls: Vec<_> = (0..4).map(|_| call(&shared, &Read)).collect();
    let names: Vec<_> = calls[..3].iter_mut().map(|call| sends(call, 0.0)).collect();
    assert_eq!(names, ["a", "b", "b"]);
    // One waits for `a` alone; it does not stand in the way of one that takes any.
    let options = shared.options().clone().server(base("a"));
    let mut picky = tabbyapi::call::Call::with(&shared, &Read, &options).unwrap();
    let picky_wait = waits(&mut picky, 0.0).1.unwrap();
    let _wait = waits(&mut calls[3], 0.0);
    answers(&mut calls[1], 1.0);
    assert!(!picky_wait.was_woken());
    assert_eq!(sends(&mut calls[3], 1.0), "b");
    answers(&mut calls[0], 2.0);
    assert_eq!(sends(&mut picky, 2.0), "a");
}

#[test]
fn what_is_over_the_rate_waits_for_its_turn() {
    let limit = RateLimit::requests(2, Duration::from_secs(10));
    let shared = Shared::new(servers(&["a"]).rate_limit(limit));
    let mut calls: Vec<_> = (0..4).map(|_| call(&shared, &Read)).collect();
    sends(&mut calls[0], 0.0);
    sends(&mut calls[1], 4.0);
    assert_eq!(waits(&mut calls[2], 5.0).0, Some(at(10.0)));
    assert_eq!(waits(&mut calls[3], 5.0).0, Some(at(10.0)));
    // The later one is first to ask: the earlier one gets the place.
    assert_eq!(waits(&mut calls[3], 10.0).0, Some(at(14.0)));
    sends(&mut calls[2], 10.0);
    sends(&mut calls[3], 14.0);
}

#[test]
fn what_is_over_the_rate_is_refused_if_that_is_wanted() {
    let limit = RateLimit::requests(1, Duration::from_secs(10)).refuse();
    let shared = Shared::new(servers(&["a"]).rate_limit(limit));
    sends(&mut call(&shared, &Read), 0.0);
    let error = fails(&mut call(&shared, &Read), 3.0);
    assert_eq!(
        (error.kind(), error.code().as_str(), error.retry_at()),
        (ErrorKind::Policy, "rate_limited", Some(at(10.0)))
    );
    sends(&mut call(&shared, &Read), 10.0);
}

/// A request of so many tokens.
struct Tokens(u64);

impl Endpoint for Tokens {
    type Decoder = <Read as Endpoint>::Decoder;
    const METHOD: tabbyapi::Method = Read::METHOD;
    const SCOPE: tabbyapi::Scope = Read::SCOPE;
    const IDEMPOTENCY: tabbyapi::Idempotency = Read::IDEMPOTENCY;

    fn path(&self) -> std::borrow::Cow<'_, str> {
        "/v1/tokens".into()
    }

    fn tokens(&self) -> u64 {
        self.0
    }

    fn decoder(&self) -> Self::Decoder {
        Read.decoder()
    }
}

#[test]
fn a_large_request_is_not_starved_by_small_ones() {
    let limit = RateLimit::tokens(100, Duration::from_secs(10));
    let shared = Shared::new(servers(&["a"]).rate_limit(limit));
    sends(&mut call(&shared, &Tokens(90)), 0.0);
    let (mut large, mut small) = (call(&shared, &Tokens(80)), call(&shared, &Tokens(5)));
    assert_eq!(waits(&mut large, 1.0).0, Some(at(10.0)));
    // There is room for it, but the large one came first.
    let (_, wait) = waits(&mut small, 1.0);
    sends(&mut large, 10.0);
    assert!(wait.unwrap().was_woken());
    sends(&mut small, 10.0);
}

#[test]
fn generations_weigh_their_prompt_and_their_answers() {
    use tabbyapi::api::{ChatMessage, ChatRequest, CompletionRequest, EmbeddingsRequest};
    let chat = ChatRequest::new([ChatMessage::user("Tell me a story about a lighthouse.")]).max_tokens(100);
    let one = Endpoint::tokens(&chat);
    assert!((105..130).contains(&one), "{one}");
    assert_eq!(Endpoint::tokens(&chat.n(3)), one + 200);
    let text = CompletionRequest::new(["Once upon a time", "Far away"]).max_tokens(50).n(2);
    assert!((205..220).contains(&Endpoint::tokens(&text)), "{}", Endpoint::tokens(&text));
    assert!((2..8).contains(&Endpoint::tokens(&EmbeddingsRequest::new(["hello", "world"]))));
    assert_eq!(Endpoint::model(&ChatRequest::new([]).model("alpha")), Some("alpha"));
}
