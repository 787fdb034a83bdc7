//! The machine of a call under virtual time: each transition, each deadline, each misuse.

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::ops::{Generate, Read, Words};
use http::response::Parts;
use tabbyapi::auth::Credential;
use tabbyapi::call::{Call, Input, Output, Retry, Settings, Shared, Time};
use tabbyapi::decode::Decode;
use tabbyapi::transport::{Sent, TransportError};
use tabbyapi::{Endpoint, Error, ErrorKind, Options, Phase, Scope, Timeouts};

fn at(seconds: f64) -> Time {
    Time::from_epoch(Duration::from_secs_f64(seconds))
}

fn settings() -> Settings {
    Settings::new("http://tabby.test:5000".parse().unwrap())
}

fn shared() -> Shared {
    Shared::new(settings())
}

fn call<E: Endpoint>(endpoint: &E) -> Call<E::Decoder> {
    Call::new(&shared(), endpoint).unwrap()
}

fn head(status: u16, headers: &[(&str, &str)]) -> Input {
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let (parts, ()): (Parts, ()) = response.body(()).unwrap().into_parts();
    Input::Head(parts)
}

fn json(status: u16) -> Input {
    head(status, &[("content-type", "application/json")])
}

fn events() -> Input {
    head(200, &[("content-type", "text/event-stream; charset=utf-8")])
}

fn chunk(text: &str) -> Input {
    Input::Chunk(Bytes::copy_from_slice(text.as_bytes()))
}

fn refused() -> Input {
    Input::Failed(TransportError::new(Sent::No, "connection refused"))
}

fn reset() -> Input {
    Input::Failed(TransportError::new(Sent::Maybe, "connection reset by peer"))
}

#[track_caller]
fn sends<D: Decode>(call: &mut Call<D>, now: f64) -> (http::Request<Bytes>, Option<Time>) {
    match call.poll_output(at(now)) {
        Output::Send { request, deadline } => (request, deadline),
        other => panic!("expected a request, got {}", name(&other)),
    }
}

#[track_caller]
fn reads<D: Decode>(call: &mut Call<D>, now: f64) -> Option<Time> {
    match call.poll_output(at(now)) {
        Output::Read { deadline } => deadline,
        other => panic!("expected to read, got {}", name(&other)),
    }
}

#[track_caller]
fn waits<D: Decode>(call: &mut Call<D>, now: f64) -> Time {
    match call.poll_output(at(now)) {
        Output::Wait { until: Some(until), changed: None } => until,
        other => panic!("expected to wait, got {}", name(&other)),
    }
}

#[track_caller]
fn item<D: Decode>(call: &mut Call<D>, now: f64) -> D::Item {
    match call.poll_output(at(now)) {
        Output::Item(item) => item,
        other => panic!("expected an item, got {}", name(&other)),
    }
}

#[track_caller]
fn succeeds<D: Decode>(call: &mut Call<D>, now: f64) {
    match call.poll_output(at(now)) {
        Output::Done(Ok(())) => {}
        other => panic!("expected success, got {}", name(&other)),
    }
}

#[track_caller]
fn fails<D: Decode>(call: &mut Call<D>, now: f64) -> Error {
    match call.poll_output(at(now)) {
        Output::Done(Err(error)) => error,
        other => panic!("expected an error, got {}", name(&other)),
    }
}

fn name<T>(output: &Output<T>) -> String {
    match output {
        Output::Send { .. } => "Send".into(),
        Output::Read { .. } => "Read".into(),
        Output::Wait { until, changed } => format!("Wait until {until:?}, changed {}", changed.is_some()),
        Output::Authorize { .. } => "Authorize".into(),
        Output::Item(_) => "Item".into(),
        Output::Done(result) => format!("Done({result:?})"),
        _ => "something new".into(),
    }
}

/// Drives a call over attempts that are refused, until it ends; gives the waits between them.
fn refused_to_the_end<D: Decode>(call: &mut Call<D>) -> (Vec<Duration>, Error) {
    let (mut now, mut waits) = (Time::default(), Vec::new());
    loop {
        match call.poll_output(now) {
            Output::Send { .. } => call.handle_input(now, refused()),
            Output::Wait { until: Some(until), .. } => {
                waits.push(until.since(now));
                now = until;
            }
            Output::Done(Err(error)) => return (waits, error),
            other => panic!("{}", name(&other)),
        }
    }
}

#[test]
fn a_read_goes_from_request_to_item() {
    let mut call = call(&Read);
    let (request, deadline) = sends(&mut call, 0.0);
    assert_eq!(request.method(), "GET");
    assert_eq!(request.uri(), "http://tabby.test:5000/v1/read");
    assert_eq!(request.headers().get("content-type"), None, "there is no body");
    assert_eq!(deadline, Some(at(30.0)));
    assert_eq!(reads(&mut call, 0.5), Some(at(30.0)), "polled again before the head");
    call.handle_input(at(1.0), json(200));
    assert_eq!(reads(&mut call, 1.0), Some(at(31.0)), "30 s for data");
    call.handle_input(at(1.5), chunk(r#"{"n":"#));
    assert_eq!(reads(&mut call, 1.5), Some(at(31.5)));
    call.handle_input(at(2.0), chunk("7}"));
    call.handle_input(at(2.0), Input::End);
    assert_eq!(item(&mut call, 2.0)["n"], 7);
    succeeds(&mut call, 2.0);

    let record = call.record();
    assert_eq!(record.attempt_count, 1);
    assert_eq!(record.attempts[0].status, Some(http::StatusCode::OK));
    assert_eq!(record.attempts[0].head, Some(at(1.0)));
    assert_eq!(record.attempts[0].response_bytes, 7);
    assert_eq!(record.elapsed(), Some(Duration::from_secs(2)));
    assert_eq!(call.status(), Some(http::StatusCode::OK));
}

#[test]
fn a_stream_ends_where_it_says_so() {
    let mut call = call(&Generate::new(Timeouts::STREAM));
    let (request, deadline) = sends(&mut call, 0.0);
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(deadline, Some(at(300.0)));
    call.handle_input(at(1.0), events());
    assert_eq!(reads(&mut call, 1.0), Some(at(600.0)), "the first item may take 10 min");
    call.handle_input(at(2.0), chunk("data: a\n\ndata: b\n\n"));
    assert_eq!(item(&mut call, 2.0), "a");
    assert_eq!(item(&mut call, 2.0), "b");
    assert_eq!(reads(&mut call, 3.0), Some(at(123.0)), "then 2 min between data");
    call.handle_input(at(4.0), chunk("data: [DONE]\n\ndata: c\n\n"));
    succeeds(&mut call, 4.0);
    assert_eq!(call.record().items, 2);
    assert_eq!(call.record().time_to_first_item(), Some(Duration::from_secs(2)));
}

#[test]
fn a_stream_without_its_end_is_truncated() {
    let mut call = call(&Generate::new(Timeouts::STREAM));
    sends(&mut call, 0.0);
    call.handle_input(at(1.0), events());
    call.handle_input(at(2.0), chunk("data: a\n\ndata: b"));
    assert_eq!(item(&mut call, 2.0), "a");
    call.handle_input(at(3.0), Input::End);
    assert_eq!(item(&mut call, 3.0), "b", "at a clean end the last event needs no line end");
    let error = fails(&mut call, 3.0);
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Truncated, "truncated"));
    assert_eq!(error.status(), Some(http::StatusCode::OK));
    assert_eq!(error.record().unwrap().items, 2);
}

#[test]
fn a_lost_connection_after_the_head_is_a_truncation() {
    let mut call = call(&Generate::new(Timeouts::STREAM));
    sends(&mut call, 0.0);
    call.handle_input(at(1.0), events());
    call.handle_input(at(2.0), chunk("data: a\n\n"));
    assert_eq!(item(&mut call, 2.0), "a");
    call.handle_input(at(2.0), reset());
    let error = fails(&mut call, 3.0);
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Truncated, "connection_lost"));
    assert_eq!(
        error.to_string(),
        "POST http://tabby.test:5000/v1/generate: the connection was lost before the answer was complete: connection reset by \
         peer; the server was stopped or a proxy cut the connection; a stream keeps what arrived"
    );
}

#[test]
fn deadlines_name_their_phase() {
    // Head.
    let mut no_head = call(&Generate::new(Timeouts::STREAM));
    let (_, deadline) = sends(&mut no_head, 0.0);
    let error = fails(&mut no_head, deadline.unwrap().since_epoch().as_secs_f64());
    assert_eq!(
        (error.kind(), error.phase(), error.code().as_str()),
        (ErrorKind::Timeout, Some(Phase::Head), "timeout_head")
    );
    assert!(error.is_timeout());

    // First item, although keep-alives come.
    let mut no_item = call(&Generate::new(Timeouts::STREAM));
    sends(&mut no_item, 0.0);
    no_item.handle_input(at(1.0), events());
    for minute in 1..10 {
        no_item.handle_input(at(minute as f64 * 60.0), chunk(": ping\r\n\r\n"));
        assert_eq!(reads(&mut no_item, minute as f64 * 60.0), Some(at(600.0)));
    }
    assert_eq!(fails(&mut no_item, 600.0).phase(), Some(Phase::FirstItem));

    // Stall, although keep-alives come.
    let mut stalled = call(&Generate::new(Timeouts::STREAM));
    sends(&mut stalled, 0.0);
    stalled.handle_input(at(1.0), events());
    stalled.handle_input(at(1.0), chunk("data: a\n\n"));
    item(&mut stalled, 1.0);
    assert_eq!(reads(&mut stalled, 1.0), Some(at(121.0)));
    for ping in 1..8 {
        stalled.handle_input(at(1.0 + ping as f64 * 15.0), chunk(": ping\r\n\r\n"));
        assert_eq!(reads(&mut stalled, 1.0 + ping as f64 * 15.0), Some(at(121.0)));
    }
    let error = fails(&mut stalled, 121.0);
    assert_eq!((error.phase(), error.code().as_str()), (Some(Phase::Idle), "timeout_idle"));

    // Total.
    let mut slow = call(&Generate::new(Timeouts::UNBOUNDED.total(Duration::from_secs(5))));
    sends(&mut slow, 0.0);
    slow.handle_input(at(1.0), events());
    slow.handle_input(at(4.0), chunk("data: a\n\n"));
    item(&mut slow, 4.0);
    assert_eq!(reads(&mut slow, 4.0), Some(at(5.0)));
    slow.handle_input(at(6.0), chunk("data: b\n\n"));
    assert_eq!(item(&mut slow, 6.0), "b", "what is there already goes first");
    assert_eq!(fails(&mut slow, 6.0).phase(), Some(Phase::Total));
}

#[test]
fn a_caller_that_was_away_has_not_stalled() {
    let mut call = call(&Generate::new(Timeouts::STREAM));
    sends(&mut call, 0.0);
    call.handle_input(at(1.0), events());
    call.handle_input(at(1.0), chunk("data: a\n\n"));
    item(&mut call, 1.0);
    assert_eq!(reads(&mut call, 1.0), Some(at(121.0)));
    // Away for an hour; a keep-alive stands before the data.
    call.handle_input(at(3600.0), chunk(": ping\n\n"));
    assert_eq!(reads(&mut call, 3600.0), Some(at(121.0)), "asks once more for what may stand behind it");
    call.handle_input(at(3600.0), chunk("data: b\n\n"));
    assert_eq!(item(&mut call, 3600.0), "b");
    assert_eq!(reads(&mut call, 3600.0), Some(at(3720.0)), "and counts from now");
}

#[test]
fn a_flood_of_comments_is_a_stall() {
    let mut call = call(&Generate::new(Timeouts::STREAM));
    sends(&mut call, 0.0);
    call.handle_input(at(0.0), events());
    for n in 0..10_000 {
        call.handle_input(at(n as f64), chunk(": x\n\n"));
        if let Output::Done(Err(error)) = call.poll_output(at(n as f64)) {
            assert_eq!(error.phase(), Some(Phase::FirstItem));
            assert!((600..620).contains(&n), "{n}");
            return;
        }
    }
    panic!("it never ended");
}

#[test]
fn failed_reads_are_tried_again_after_growing_waits() {
    let mut call = call(&Read);
    let (waits, error) = refused_to_the_end(&mut call);
    assert_eq!(waits.len(), 2);
    assert!(waits[0] <= Duration::from_millis(500) && waits[1] <= Duration::from_secs(1), "{waits:?}");
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Connect, "connect"));
    let record = error.record().unwrap();
    assert_eq!(record.attempt_count, 3);
    assert_eq!(record.attempts[0].cause.as_deref(), Some("connect"));
    assert_eq!(record.attempts[0].retry_after, Some(waits[0]));
    assert_eq!(record.attempts[2].retry_after, None);
    assert_eq!(record.waited, waits[0] + waits[1]);
}

#[test]
fn seeds_give_different_jitter() {
    let waits = |seed| {
        let shared = Shared::new(settings().seed(seed));
        refused_to_the_end(&mut Call::new(&shared, &Read).unwrap()).0
    };
    assert_ne!(waits(1), waits(2));
    assert_eq!(waits(3), waits(3));
}

#[test]
fn a_generation_is_never_sent_twice() {
    // Refused: nothing was sent.
    let (tried, _) = refused_to_the_end(&mut call(&Generate::new(Timeouts::GENERATE)));
    assert_eq!(tried.len(), 2);

    // Reset, or answered by a gateway that gave up: it may have begun.
    let ambiguous: [fn(&mut Call<_>); 3] = [
        |call| call.handle_input(at(0.0), reset()),
        |call| {
            call.handle_input(at(0.0), json(504));
            call.handle_input(at(0.0), Input::End);
        },
        |call| {
            call.handle_input(at(0.0), events());
            call.handle_input(at(0.0), reset());
        },
    ];
    for fail in ambiguous {
        let mut generation = call(&Generate::new(Timeouts::GENERATE));
        sends(&mut generation, 0.0);
        fail(&mut generation);
        fails(&mut generation, 0.0);

        let options = Options::new().retry(Retry::GENTLE.retry_generations(true));
        let mut allowed = Call::with(&shared(), &Generate::new(Timeouts::GENERATE), &options).unwrap();
        sends(&mut allowed, 0.0);
        fail(&mut allowed);
        assert!(waits(&mut allowed, 0.0) <= at(0.5));
    }

    // 429: the server says that it has not begun.
    let mut limited = call(&Generate::new(Timeouts::GENERATE));
    sends(&mut limited, 0.0);
    limited.handle_input(at(0.0), head(429, &[("retry-after", "3")]));
    limited.handle_input(at(0.0), Input::End);
    assert_eq!(waits(&mut limited, 0.0), at(3.0));
    sends(&mut limited, 3.0);
}

#[test]
fn nothing_is_tried_again_after_the_first_item() {
    let options = Options::new().retry(Retry::GENTLE.retry_generations(true));
    let mut call = Call::with(&shared(), &Generate::new(Timeouts::STREAM), &options).unwrap();
    sends(&mut call, 0.0);
    call.handle_input(at(0.0), events());
    call.handle_input(at(0.0), chunk("data: a\n\n"));
    item(&mut call, 0.0);
    call.handle_input(at(0.0), reset());
    fails(&mut call, 0.0);
}

#[test]
fn a_retry_after_is_kept_to_unless_it_is_too_long() {
    let mut long = call(&Read);
    sends(&mut long, 0.0);
    long.handle_input(at(0.0), head(503, &[("retry-after", "61")]));
    long.handle_input(at(0.0), Input::End);
    assert_eq!(fails(&mut long, 0.0).status(), Some(http::StatusCode::SERVICE_UNAVAILABLE));

    // Nor past the total deadline, which for reads is 60 s.
    let mut late = call(&Read);
    sends(&mut late, 0.0);
    late.handle_input(at(29.0), head(503, &[("retry-after", "31")]));
    late.handle_input(at(29.0), Input::End);
    fails(&mut late, 29.0);
}

#[test]
fn statuses_that_need_a_change_are_not_tried_again() {
    for (status, body) in [
        (400, r#"{"detail":"no"}"#),
        (401, r#"{"detail":"Invalid API key"}"#),
        (404, r#"{"detail":"Not Found"}"#),
        (422, r#"{"detail":[]}"#),
        (500, "Internal Server Error"),
        (503, r#"{"detail":"No models are currently loaded."}"#),
    ] {
        let mut call = call(&Read);
        sends(&mut call, 0.0);
        call.handle_input(at(0.0), json(status));
        call.handle_input(at(0.0), chunk(body));
        call.handle_input(at(0.0), Input::End);
        let error = fails(&mut call, 0.0);
        assert_eq!(error.status().map(|s| s.as_u16()), Some(status));
        assert_eq!(error.body().unwrap(), body.as_bytes());
    }
}

#[test]
fn the_total_deadline_covers_waits() {
    let options = Options::new()
        .timeouts(Timeouts::UNBOUNDED.total(Duration::from_secs(1)))
        .retry(Retry::GENTLE.max_retries(1000));
    let mut call = Call::with(&shared(), &Read, &options).unwrap();
    let mut now = Time::default();
    let error = loop {
        match call.poll_output(now) {
            Output::Send { .. } => call.handle_input(now, refused()),
            Output::Wait { until: Some(until), .. } => now = until,
            Output::Done(Err(error)) => break error,
            other => panic!("{}", name(&other)),
        }
        assert!(now <= at(1.0));
    };
    assert_eq!(error.kind(), ErrorKind::Connect, "the cause, not the wait for the next attempt");
}

#[test]
fn keys_are_asked_for_once_for_all() {
    let shared = Shared::new(settings().ask_for_keys());
    let mut leader = Call::new(&shared, &Read).unwrap();
    let mut follower = Call::new(&shared, &Read).unwrap();
    assert!(matches!(
        leader.poll_output(at(0.0)),
        Output::Authorize { scope: Scope::Api, rejected: false, deadline: Some(_), .. }
    ));
    let Output::Wait { changed: Some(changed), .. } = follower.poll_output(at(0.0)) else { panic!() };
    assert!(!common::is_ready(changed));
    let Output::Wait { changed: Some(changed), .. } = follower.poll_output(at(0.0)) else { panic!() };
    leader.handle_input(at(1.0), Input::Key(Ok(Some(Credential::bearer("one").unwrap().expires(at(100.0))))));
    assert!(common::is_ready(changed), "whoever waits is woken");
    assert_eq!(sends(&mut leader, 1.0).0.headers()["authorization"], "Bearer one");
    assert_eq!(sends(&mut follower, 1.0).0.headers()["authorization"], "Bearer one");

    let mut later = Call::new(&shared, &Read).unwrap();
    assert!(matches!(later.poll_output(at(100.0)), Output::Authorize { .. }), "it has expired");
}

#[test]
fn a_dropped_leader_hands_its_duty_on() {
    let shared = Shared::new(settings().ask_for_keys());
    let mut leader = Call::new(&shared, &Read).unwrap();
    let mut follower = Call::new(&shared, &Read).unwrap();
    assert!(matches!(leader.poll_output(at(0.0)), Output::Authorize { .. }));
    let Output::Wait { changed: Some(changed), .. } = follower.poll_output(at(0.0)) else { panic!() };
    drop(leader);
    assert!(common::is_ready(changed));
    assert!(matches!(follower.poll_output(at(0.0)), Output::Authorize { .. }));
}

#[test]
fn a_refused_key_is_replaced_once() {
    let shared = Shared::new(settings().ask_for_keys());
    let mut call = Call::new(&shared, &Generate::new(Timeouts::GENERATE)).unwrap();
    let bring = |call: &mut Call<_>, key: &str, was_rejected: bool| {
        assert!(matches!(call.poll_output(at(0.0)), Output::Authorize { rejected, .. } if rejected == was_rejected));
        call.handle_input(at(0.0), Input::Key(Ok(Some(Credential::bearer(key).unwrap()))));
    };
    bring(&mut call, "old", false);
    sends(&mut call, 0.0);
    call.handle_input(at(1.0), json(401));
    bring(&mut call, "new", true);
    assert_eq!(sends(&mut call, 1.0).0.headers()["authorization"], "Bearer new");
    call.handle_input(at(2.0), json(401));
    call.handle_input(at(2.0), chunk(r#"{"detail":"Invalid API key"}"#));
    call.handle_input(at(2.0), Input::End);
    let error = fails(&mut call, 2.0);
    assert_eq!((error.code().as_str(), error.message()), ("invalid_key", "Invalid API key"));
    assert_eq!(error.record().unwrap().key_refreshes, 1);
    assert_eq!(error.record().unwrap().attempt_count, 2);
}

#[test]
fn a_fixed_key_that_is_refused_is_the_error() {
    let shared = Shared::new(settings().api_key("wrong").unwrap());
    let mut call = Call::new(&shared, &Read).unwrap();
    assert_eq!(sends(&mut call, 0.0).0.headers()["x-api-key"], "wrong");
    call.handle_input(at(0.0), json(401));
    call.handle_input(at(0.0), chunk(r#"{"detail":"Invalid API key"}"#));
    call.handle_input(at(0.0), Input::End);
    assert_eq!(fails(&mut call, 0.0).code(), "invalid_key");
}

#[test]
fn a_source_without_a_key_is_the_error_or_no_key() {
    let shared = Shared::new(settings().ask_for_keys());
    let mut call = Call::new(&shared, &Read).unwrap();
    assert!(matches!(call.poll_output(at(0.0)), Output::Authorize { .. }));
    call.handle_input(at(0.0), Input::Key(Err(Credential::bearer(" ").unwrap_err())));
    assert_eq!(fails(&mut call, 0.0).kind(), ErrorKind::Config);

    let mut next = Call::new(&shared, &Read).unwrap();
    assert!(matches!(next.poll_output(at(0.0)), Output::Authorize { .. }), "the failure was not kept");
    next.handle_input(at(0.0), Input::Key(Ok(None)));
    assert!(sends(&mut next, 0.0).0.headers().get("authorization").is_none());
}

#[test]
fn a_source_that_hangs_meets_the_total_deadline() {
    let shared = Shared::new(settings().ask_for_keys());
    let mut call = Call::new(&shared, &Read).unwrap();
    assert!(matches!(call.poll_output(at(0.0)), Output::Authorize { deadline: Some(d), .. } if d == at(60.0)));
    assert_eq!(fails(&mut call, 60.0).phase(), Some(Phase::Total));
}

#[test]
fn misuse_is_an_error_and_no_panic() {
    let inputs: [fn() -> Input; 5] = [|| json(200), || chunk("x"), || Input::End, reset, || Input::Key(Ok(None))];
    let mut messages = Vec::new();
    for input in inputs {
        let mut fresh = call(&Read);
        fresh.handle_input(at(0.0), input());
        messages.push(fails(&mut fresh, 0.0).to_string());

        let mut sending = call(&Read);
        sends(&mut sending, 0.0);
        sending.handle_input(at(0.0), input());
        let mut reading = call(&Read);
        sends(&mut reading, 0.0);
        reading.handle_input(at(0.0), json(200));
        reading.handle_input(at(0.0), input());
        for mut call in [sending, reading] {
            for _ in 0..3 {
                let _ = call.poll_output(at(0.0));
            }
        }
    }
    assert_eq!(
        messages[0],
        "GET http://tabby.test:5000/v1/read: a head was handed to a call that had nothing in flight"
    );

    let mut over = call(&Read);
    let _ = refused_to_the_end(&mut over);
    over.handle_input(at(0.0), chunk("late"));
    assert_eq!(fails(&mut over, 0.0).kind(), ErrorKind::Misuse);
    assert_eq!(fails(&mut over, 0.0).message(), "the call was polled after its end");
}

#[test]
fn input_of_a_superseded_exchange_is_ignored() {
    let late: [fn() -> Input; 4] = [|| json(200), || chunk("late"), || Input::End, reset];
    // A 401 makes the call ask for another key; the rest of the exchange is handed over in a row, in any order, also after that.
    for (first, second) in (0..4).flat_map(|first| (0..4).map(move |second| (first, second))) {
        let shared = Shared::new(settings().ask_for_keys());
        let mut call = Call::new(&shared, &Read).unwrap();
        assert!(matches!(call.poll_output(at(0.0)), Output::Authorize { .. }));
        call.handle_input(at(0.0), Input::Key(Ok(Some(Credential::api_key("first").unwrap()))));
        sends(&mut call, 0.0);
        call.handle_input(at(0.0), json(401));
        call.handle_input(at(0.0), late[first]());
        assert!(matches!(call.poll_output(at(0.0)), Output::Authorize { rejected: true, .. }), "{first}");
        call.handle_input(at(0.0), late[second]());
        call.handle_input(at(0.0), Input::Key(Ok(Some(Credential::api_key("second").unwrap()))));
        call.handle_input(at(0.0), late[second]());
        // A key that was asked for twice comes twice.
        call.handle_input(at(0.0), Input::Key(Ok(Some(Credential::api_key("third").unwrap()))));
        let (request, _) = sends(&mut call, 0.0);
        assert_eq!(request.headers()["x-api-key"], "second");
        call.handle_input(at(0.0), chunk("late"));
        call.handle_input(at(0.0), Input::End);
        call.handle_input(at(0.0), json(200));
        call.handle_input(at(0.0), chunk(r#"{"n": 2}"#));
        call.handle_input(at(0.0), json(200));
        call.handle_input(at(0.0), Input::End);
        assert_eq!(item(&mut call, 0.0)["n"], 2, "{first}, {second}");
        succeeds(&mut call, 0.0);
        assert_eq!((call.record().attempt_count, call.record().attempts[1].response_bytes), (2, 8));
    }
}

#[test]
fn input_after_a_deadline_or_a_failed_attempt_is_ignored() {
    let late: [fn() -> Input; 4] = [|| json(200), || chunk("late"), || Input::End, reset];
    for input in late {
        // The head came too late.
        let mut slow = call(&Read);
        sends(&mut slow, 0.0);
        let now = waits(&mut slow, 30.0).since_epoch().as_secs_f64();
        slow.handle_input(at(now), input());
        sends(&mut slow, now);
        // The exchange failed, then its reader says so again.
        let mut failed = call(&Read);
        sends(&mut failed, 0.0);
        failed.handle_input(at(0.0), reset());
        failed.handle_input(at(0.0), input());
        let now = waits(&mut failed, 0.0).since_epoch().as_secs_f64();
        sends(&mut failed, now);
        // An error status that is tried again, with a body that goes on.
        let mut busy = call(&Read);
        sends(&mut busy, 0.0);
        for reported in [json(502), Input::End] {
            busy.handle_input(at(0.0), reported);
        }
        let now = waits(&mut busy, 0.0).since_epoch().as_secs_f64();
        busy.handle_input(at(now), input());
        sends(&mut busy, now);
        // It is over.
        busy.handle_input(at(now), json(200));
        busy.handle_input(at(now), chunk(r#"{"n": 2}"#));
        busy.handle_input(at(now), Input::End);
        item(&mut busy, now);
        succeeds(&mut busy, now);
        busy.handle_input(at(now), input());
        assert_eq!(fails(&mut busy, now).message(), "the call was polled after its end");
    }
}

#[test]
fn single_bytes_are_no_progress() {
    // Inside an event: it is idle, although something comes twice a second.
    let mut trickle = call(&Generate::new(Timeouts::STREAM));
    sends(&mut trickle, 0.0);
    trickle.handle_input(at(0.0), events());
    trickle.handle_input(at(0.0), chunk("data: a\n\ndata: "));
    item(&mut trickle, 0.0);
    let mut now = 0.0;
    while now < 140.0 {
        now += 0.5;
        trickle.handle_input(at(now), chunk("b"));
        match trickle.poll_output(at(now)) {
            Output::Read { .. } => {}
            Output::Done(Err(error)) => {
                assert_eq!(error.code(), "timeout_idle");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((120.0..=130.0).contains(&now), "{now}");

    // A KiB now and then is progress, and so is an event that came whole.
    for piece in ["b".repeat(1024), "b\n\ndata: ".to_owned()] {
        let mut slow = call(&Generate::new(Timeouts::STREAM));
        sends(&mut slow, 0.0);
        slow.handle_input(at(0.0), events());
        slow.handle_input(at(0.0), chunk("data: a\n\ndata: "));
        item(&mut slow, 0.0);
        for n in 1..20 {
            let now = f64::from(n) * 100.0;
            slow.handle_input(at(now), chunk(&piece));
            while let Output::Item(_) = slow.poll_output(at(now)) {}
            assert_eq!(reads(&mut slow, now), Some(at(now + 120.0)));
        }
    }

    // A body that is no stream, and an error's body.
    for status in [200, 400] {
        let mut body = call(&Read);
        sends(&mut body, 0.0);
        body.handle_input(at(0.0), json(status));
        body.handle_input(at(0.0), chunk("{"));
        let mut now = 0.0;
        while let Output::Read { .. } = body.poll_output(at(now)) {
            now += 0.5;
            body.handle_input(at(now), chunk(" "));
        }
        assert!((30.0..=40.0).contains(&now), "{now}");
    }
}

#[test]
fn an_encoded_body_is_named_as_such() {
    let encoded = |status: u16, encoding: &str| {
        let head = http::Response::builder().status(status).header("content-type", "application/json");
        let (head, ()) = head.header("content-encoding", encoding).body(()).unwrap().into_parts();
        Input::Head(head)
    };
    for encoding in ["gzip", "br", "deflate", "zstd", "identity, gzip", "x-own"] {
        let mut call = call(&Read);
        let (request, _) = sends(&mut call, 0.0);
        assert_eq!(request.headers()["accept-encoding"], "identity");
        call.handle_input(at(0.0), encoded(200, encoding));
        call.handle_input(at(0.0), Input::Chunk(Bytes::from_static(b"\x1f\x8b\x08")));
        let error = fails(&mut call, 0.0);
        let named = encoding.strip_prefix("identity, ").unwrap_or(encoding);
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Decode, "encoded_body"));
        assert!(error.message().contains(&format!("encoded with `{named}`")), "{error}");
        assert!(error.hint().unwrap().contains("proxy"), "{error}");
    }
    // None at all, by its own account.
    for encoding in ["identity", "Identity, identity", ""] {
        let mut call = call(&Read);
        sends(&mut call, 0.0);
        call.handle_input(at(0.0), encoded(200, encoding));
        call.handle_input(at(0.0), chunk(r#"{"n": 1}"#));
        call.handle_input(at(0.0), Input::End);
        assert_eq!(item(&mut call, 0.0)["n"], 1);
    }
    // An error stays what its status says.
    let mut refused = call(&Read);
    sends(&mut refused, 0.0);
    refused.handle_input(at(0.0), encoded(418, "gzip"));
    refused.handle_input(at(0.0), Input::Chunk(Bytes::from_static(b"\x1f\x8b\x08")));
    refused.handle_input(at(0.0), Input::End);
    let error = fails(&mut refused, 0.0);
    assert_eq!((error.kind(), error.status().map(|status| status.as_u16())), (ErrorKind::Server, Some(418)));
    assert!(!error.to_string().contains('\u{1f}') && error.hint().unwrap().contains("`gzip`"), "{error}");

    // Who wants encodings can ask for them, with a transport that decodes.
    let options = Options::new().header("accept-encoding", "gzip").unwrap();
    let shared = Shared::new(settings().api_key("k").unwrap().options(options));
    let mut own = Call::new(&shared, &Read).unwrap();
    let (request, _) = sends(&mut own, 0.0);
    assert_eq!(request.headers().get_all("accept-encoding").iter().collect::<Vec<_>>(), ["gzip"]);
}

#[test]
fn each_attempt_forgets_the_last_one() {
    let mut call = call(&Read);
    sends(&mut call, 0.0);
    call.handle_input(at(0.0), json(200));
    call.handle_input(at(0.0), chunk(r#"{"n": 1"#));
    call.handle_input(at(0.0), reset());
    let now = waits(&mut call, 0.0).since_epoch().as_secs_f64();
    sends(&mut call, now);
    call.handle_input(at(now), json(200));
    call.handle_input(at(now), chunk(r#"{"n": 2}"#));
    call.handle_input(at(now), Input::End);
    assert_eq!(item(&mut call, now)["n"], 2);
    succeeds(&mut call, now);
}

#[test]
fn a_streamed_request_answered_with_json_still_yields_items() {
    let mut call: Call<Words> = call(&Generate::new(Timeouts::STREAM));
    sends(&mut call, 0.0);
    call.handle_input(at(0.0), json(200));
    call.handle_input(at(0.0), chunk(r#"["a","b"]"#));
    call.handle_input(at(0.0), Input::End);
    assert_eq!(item(&mut call, 0.0), "a");
    assert_eq!(item(&mut call, 0.0), "b");
    succeeds(&mut call, 0.0);
}

#[test]
fn extra_fields_and_headers_go_along() {
    let options = Options::new()
        .header("x-team", "search")
        .unwrap()
        .sensitive_header("authorization", "Basic Z2F0ZQ==")
        .unwrap()
        .extra("prompt", "not this one")
        .extra("user", "u");
    let shared = Shared::new(settings().api_key("k").unwrap().options(options));
    let mut call = Call::new(&shared, &Generate::new(Timeouts::GENERATE)).unwrap();
    let (request, _) = sends(&mut call, 0.0);
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body, serde_json::json!({"prompt": "p", "user": "u"}));
    assert_eq!(request.headers()["x-team"], "search");
    assert_eq!(request.headers()["authorization"], "Basic Z2F0ZQ==");
    assert_eq!(request.headers()["x-api-key"], "k");
    assert!(!format!("{request:?}").contains("Z2F0ZQ=="));
}
