//! Nothing in `tests/transcripts` is left out without a reason.

use std::collections::BTreeSet;

use crate::ask::{Ask, served};
use crate::expected;
use crate::recording::{all, names};

/// Recordings of services that the library does not have yet, by the start of their paths.
const NOT_YET_SERVED: [(&str, &str); 9] = [
    ("/api/", "kobold"),
    ("/v1/download", "models: download"),
    ("/v1/embeddings", "embeddings"),
    ("/v1/lora", "loras"),
    ("/v1/model/draft/", "models: drafts"),
    ("/v1/model/embedding", "embedding models"),
    ("/v1/sampling/", "sampling"),
    ("/v1/template", "templates"),
    ("/v1/token/", "tokens"),
];

/// Exchanges that no call of the library makes, and why.
const NO_CALL: [(&str, &str); 6] = [
    ("cors-preflight", "browsers make preflights"),
    ("head-health", "no operation uses HEAD"),
    ("method-not-allowed", "completions are not read with GET"),
    ("options-no-origin", "no operation uses OPTIONS"),
    ("root-not-found", "no operation has this path"),
    ("trailing-slash-redirect", "no operation's path ends with a slash"),
];

/// Files that are no exchanges.
const NO_EXCHANGE: [(&str, &str); 2] = [
    ("INDEX", "the list of the recordings"),
    ("null-matrix", "informational: which fields the server takes as null; the library sends none"),
];

#[test]
fn every_recording_is_served_or_listed_with_a_reason() {
    for recording in all() {
        let name = recording.name.as_str();
        let path = recording.exchange.path.as_str();
        let served = Ask::of(recording).is_some();
        let later = NOT_YET_SERVED.iter().any(|(start, _)| path.starts_with(start));
        let no_call = NO_CALL.iter().any(|(other, _)| *other == name);
        assert_eq!([served, later, no_call].iter().filter(|listed| **listed).count(), 1, "{name}: {path}");
    }
    for (start, _) in NOT_YET_SERVED {
        assert!(
            all().iter().any(|recording| recording.exchange.path.starts_with(start)),
            "{start} is listed for nothing"
        );
    }
    for (name, _) in NO_CALL {
        assert!(all().iter().any(|recording| recording.name == name), "{name} is listed for nothing");
    }
}

#[test]
fn every_served_recording_has_its_expectation() {
    let served: BTreeSet<_> = served().iter().map(|(recording, _)| recording.name.as_str()).collect();
    let expected: BTreeSet<_> = expected::all().map(|(name, _)| name).collect();
    assert_eq!(expected.len(), expected::all().count(), "each has one");
    assert_eq!(served, expected);
}

#[test]
fn every_file_is_an_exchange_or_listed() {
    for folder in ["tabbyapi", "tabbyapi-extra"] {
        for file in names(folder, "") {
            let (name, end) = file.rsplit_once('.').unwrap();
            let known = match end {
                "req" | "resp" => all().iter().any(|recording| recording.name == name),
                _ => NO_EXCHANGE.iter().any(|(other, _)| *other == name),
            };
            assert!(known, "{folder}/{file}");
        }
    }
}
