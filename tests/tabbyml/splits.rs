//! The same answer, however its bytes are cut.

use crate::ask::served;
use crate::play::Player;

/// One cut in so many is made where programs are not optimized: all of them with `cargo test --release`.
const ONE_IN: usize = if cfg!(debug_assertions) { 5 } else { 1 };

#[test]
fn every_answer_is_the_same_whole_byte_by_byte_and_at_every_cut() {
    let mut runs = 0;
    for (at, (recording, ask)) in served().into_iter().enumerate() {
        let player = Player::of(recording);
        // At its own borders and times.
        let expected = player.play(&ask, &recording.reply());
        let play = |reply, what: &str| assert_eq!(player.play(&ask, &reply), expected, "{}: {what}", recording.name);
        play(recording.reply().cut_at(&[]), "whole");
        play(recording.reply().byte_by_byte(), "byte by byte");
        for cut in (at % ONE_IN..=recording.body_len()).step_by(ONE_IN) {
            play(recording.reply().cut_at(&[cut]), &format!("cut at {cut}"));
            runs += 1;
        }
    }
    println!("{runs} cuts");
}
