//! Nothing in `tests/transcripts` is left out without a reason.

use std::collections::BTreeSet;

use crate::ask::{Ask, served};
use crate::expected;
use crate::recording::{all, names};

/// Recordings that `tests/services` plays, whole, byte by byte and cut at every place, by the start of their paths, with the file
/// whose tests name them and say what they come to.
const IN_SERVICES: [(&str, &str); 9] = [
    ("/api/", include_str!("../services/kobold.rs")),
    ("/v1/download", include_str!("../services/models.rs")),
    ("/v1/embeddings", include_str!("../services/embeddings.rs")),
    ("/v1/lora", include_str!("../services/lists.rs")),
    ("/v1/model/draft/", include_str!("../services/models.rs")),
    ("/v1/model/embedding", include_str!("../services/models.rs")),
    ("/v1/sampling/", include_str!("../services/overrides.rs")),
    ("/v1/template", include_str!("../services/lists.rs")),
    ("/v1/token/", include_str!("../services/tokens.rs")),
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
fn every_recording_is_played_here_or_in_services_or_listed_with_a_reason() {
    let mut in_services = 0;
    for recording in all() {
        let name = recording.name.as_str();
        let path = recording.exchange.path.as_str();
        let served = Ask::of(recording).is_some();
        let tests = IN_SERVICES.iter().find(|(start, _)| path.starts_with(start)).map(|(_, tests)| tests);
        if let Some(tests) = tests {
            // Those of the other folder are named with it.
            let played = [format!("\"{name}\""), format!("/{name}\"")].iter().any(|quoted| tests.contains(quoted));
            assert!(played, "{name}: no test of {path} plays it");
            in_services += 1;
        }
        let no_call = NO_CALL.iter().any(|(other, _)| *other == name);
        assert_eq!([served, tests.is_some(), no_call].iter().filter(|listed| **listed).count(), 1, "{name}: {path}");
    }
    assert_eq!(
        in_services,
        77 + 1 + 2,
        "those with a request, with an engine too, and the answers of a mended KoboldAI API"
    );
    for (start, _) in IN_SERVICES {
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
    let expected = expected::all();
    assert_eq!(served, expected.keys().map(String::as_str).collect());
}

#[test]
fn every_file_is_an_exchange_or_listed() {
    for folder in ["tabbyapi", "tabbyapi-engine", "tabbyapi-extra"] {
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
