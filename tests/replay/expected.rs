//! What each recording comes to, in words: `expected.txt`, checked by hand against the recordings.

use std::fmt::Write;

use crate::ask::served;
use crate::digest::digest;
use crate::play::Player;

/// Names of recordings, and what they come to.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let entries = include_str!("expected.txt").split("\n== ").skip(1);
    entries.map(|entry| {
        let (name, expected) = entry.split_once('\n').expect("a name has its line");
        // The last of a group is followed by the heading of the next.
        let expected = expected.split("\n# ").next().unwrap_or_default();
        (name, expected.trim_end())
    })
}

#[test]
fn every_recording_comes_to_what_is_expected() {
    let mut wrong = String::new();
    for (recording, ask) in served() {
        let seen = Player::of(recording).play(&ask, recording.reply());
        let actual = digest(&ask, &seen);
        let expected = all().find(|(name, _)| *name == recording.name).map(|(_, expected)| expected);
        if expected != Some(actual.as_str()) {
            write!(wrong, "\n== {}\n{actual}\n", recording.name).unwrap();
        }
    }
    assert!(wrong.is_empty(), "this came of recordings:\n{wrong}");
}
