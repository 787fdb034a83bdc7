//! What each recording comes to: `expected.txt`, checked by hand against the recordings.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::ask::served;
use crate::play::Player;

/// Names of recordings, and what they come to.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let entries = include_str!("expected.txt").split("\n== ").skip(1);
    entries.map(|entry| {
        let (name, expected) = entry.split_once('\n').expect("a name has its line");
        (name, expected.trim_end())
    })
}

#[test]
fn every_recording_comes_to_what_is_expected() {
    let mut wrong = String::new();
    for (recording, ask) in served() {
        let actual = Player::of(recording).play(&ask, &recording.reply());
        let expected = all().find(|(name, _)| *name == recording.name).map(|(_, expected)| expected);
        if expected != Some(actual.as_str()) {
            write!(wrong, "\n== {}\n{actual}\n", recording.name).expect("a string");
        }
    }
    assert!(wrong.is_empty(), "this came of recordings:\n{wrong}");
}

#[test]
fn every_expectation_has_its_recording() {
    let served: BTreeSet<_> = served().iter().map(|(recording, _)| recording.name.as_str()).collect();
    assert_eq!(all().map(|(name, _)| name).collect::<BTreeSet<_>>(), served);
    assert_eq!(all().count(), served.len(), "each has one");
}
