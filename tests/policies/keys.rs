//! Keys and places: neither stands in the other's way.

use std::time::Duration;

use tabbyapi::auth::Credential;
use tabbyapi::call::{Input, Output, Shared};
use tabbyapi::policy::{Concurrency, RateLimit};

use crate::common::ops::Read;
use crate::harness::*;

#[test]
fn no_place_is_held_while_a_key_is_asked_for() {
    let limit = RateLimit::requests(1, Duration::from_secs(10));
    let settings = servers(&["a"]).ask_for_keys().concurrency(Concurrency::new(1)).rate_limit(limit);
    let shared = Shared::new(settings);
    let (mut leader, mut follower) = (call(&shared, &Read), call(&shared, &Read));
    assert!(matches!(leader.poll_output(at(0.0)), Output::Authorize { .. }));
    let server = || shared.servers(at(0.0)).remove(0);
    assert_eq!((server().in_flight, server().attempts), (0, 0));
    let wait = waits(&mut follower, 0.0).1.unwrap();
    leader.handle_input(at(9.0), Input::Key(Ok(Some(Credential::api_key("k").unwrap()))));
    assert!(wait.was_woken());
    // What was not sent does not count.
    sends(&mut leader, 9.0);
    assert_eq!(waits(&mut follower, 9.0).0, Some(at(19.0)));
    assert_eq!(server().in_flight, 1);
}

#[test]
fn keys_are_asked_for_server_by_server() {
    let shared = Shared::new(servers(&["a", "b"]).ask_for_keys());
    let mut read = call(&shared, &Read);
    for name in ["a", "b"] {
        let Output::Authorize { server, rejected: false, .. } = read.poll_output(at(0.0)) else { panic!("{name}") };
        assert_eq!(server, base(name));
        read.handle_input(at(0.0), Input::Key(Ok(Some(Credential::api_key(name).unwrap()))));
        let request = request(&mut read, 0.0);
        assert_eq!(
            (request.uri().host(), &request.headers()["x-api-key"]),
            (Some(&*format!("{name}.test")), &name.parse::<http::HeaderValue>().unwrap())
        );
        if name == "a" {
            read.handle_input(at(0.0), refused());
        }
    }
}

#[test]
fn a_refused_key_is_replaced_at_the_server_that_refused_it() {
    let shared = Shared::new(servers(&["a", "b"]).ask_for_keys());
    let mut read = call(&shared, &Read);
    for (rejected, key) in [(false, "old"), (true, "new")] {
        let Output::Authorize { server, rejected: reported, .. } = read.poll_output(at(0.0)) else { panic!("{key}") };
        assert_eq!((server, reported), (base("a"), rejected));
        read.handle_input(at(0.0), Input::Key(Ok(Some(Credential::api_key(key).unwrap()))));
        assert_eq!(sends(&mut read, 0.0), "a");
        if key == "old" {
            read.handle_input(at(0.0), json(401, &[]));
        }
    }
    answers(&mut read, 0.0);
    assert_eq!(read.record().key_refreshes, 1);
}

#[test]
fn a_key_is_renewed_before_it_expires_and_used_even_if_it_is_about_to() {
    let shared = Shared::new(servers(&["a"]).ask_for_keys().key_skew(Duration::from_secs(30)));
    let bring = |now: f64, expires: f64| {
        let mut read = call(&shared, &Read);
        assert!(matches!(read.poll_output(at(now)), Output::Authorize { rejected: false, .. }), "at {now}");
        let key = Credential::bearer("k").unwrap().expires(at(expires));
        read.handle_input(at(now), Input::Key(Ok(Some(key))));
        sends(&mut read, now);
    };
    bring(0.0, 100.0);
    sends(&mut call(&shared, &Read), 69.0);
    // It lives shorter than the margin: each call asks, none asks for ever.
    bring(70.0, 80.0);
    bring(71.0, 80.0);
}
