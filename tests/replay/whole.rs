//! Every recording whole: nothing lost, nothing made up.

use serde_json::Value;
use tabbyapi::{ErrorKind, Outcome};

use crate::ask::served;
use crate::naive::{End, derive, normal};
use crate::play::Player;

#[test]
fn every_item_and_every_answer_is_what_the_recording_holds() {
    let (mut answers, mut streams, mut errors, mut cut) = (0, 0, 0, 0);
    for (recording, ask) in served() {
        let name = recording.name.as_str();
        let seen = Player::of(recording).play(&ask, recording.reply());
        assert_eq!(seen.status, Some(recording.status()), "{name}");
        let is_answer = recording.status() == 200 || name == "health-unhealthy";
        if !is_answer {
            let fault = seen.error.unwrap_or_else(|| panic!("{name} is an error"));
            assert_eq!(fault.kind, ErrorKind::Server, "{name}");
            assert_eq!(fault.body.as_deref(), Some(&*recording.body()), "{name}: the raw body is kept");
            assert!(seen.items.is_empty(), "{name}");
            if ask.is_stream() {
                assert_eq!(seen.outcome, Some(Outcome::ServerError), "{name}");
            }
            errors += 1;
            continue;
        }
        if name == "chat-unload-cut" {
            // A success by its status, which an unload of the model has cut.
            let fault = seen.error.expect("an error");
            assert_eq!((fault.kind, fault.code.as_str()), (ErrorKind::Truncated, "generation_cut"));
            assert_eq!(fault.body.as_deref(), Some(&*recording.body()), "the raw body is kept");
            assert!(seen.items.is_empty());
            cut += 1;
            continue;
        }
        let derived = derive(recording, &ask);
        let total: Value = serde_json::from_str(seen.total.as_ref().expect("an answer")).unwrap();
        if !recording.is_stream() && ask.is_stream() {
            // The whole answer came as chunks; `pairs` says more.
            assert_eq!((seen.outcome, &seen.error), (Some(Outcome::Complete), &None), "{name}");
        }
        assert_eq!(normal(&total), derived.total, "{name}");
        if !recording.is_stream() {
            assert_eq!(seen.error, None, "{name}");
            answers += 1;
            continue;
        }
        let items: Vec<Value> = seen.items.iter().map(|item| normal(&serde_json::from_str(item).unwrap())).collect();
        assert_eq!(items.len(), derived.items.len(), "{name}");
        for (at, (item, expected)) in items.iter().zip(&derived.items).enumerate() {
            assert_eq!(item, expected, "{name}: item {at}");
        }
        let (outcome, message) = match derived.end {
            End::Announced => (Outcome::Complete, None),
            End::Error(message) => (Outcome::ServerError, Some(message)),
            End::Open if recording.is_given_up() => (Outcome::IdleTimeout, None),
            End::Open => (Outcome::Truncated, None),
        };
        assert_eq!(seen.outcome, Some(outcome), "{name}");
        assert_eq!(seen.error.is_none(), outcome == Outcome::Complete, "{name}");
        if let Some(message) = message {
            assert_eq!(seen.error.unwrap().message, message, "{name}");
        }
        streams += 1;
    }
    assert_eq!((answers, streams, errors, cut), (90, 77, 66, 1));
}
