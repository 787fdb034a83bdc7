//! The same answer, however its bytes are cut.

use crate::ask::served;
use crate::play::Player;

/// At one cut in so many the client has the token of the recording. The search for it, which sees no cuts, would take most of the time of a
/// program that is not optimized.
const ONE_IN: usize = 20;

#[test]
fn every_answer_is_the_same_whole_byte_by_byte_and_at_every_cut() {
    let mut runs = 0;
    for (at, (recording, ask)) in served().into_iter().enumerate() {
        let (player, tokenless) = (Player::of(recording), Player::without_token());
        // At its own borders and times.
        let reply = recording.reply();
        let (expected, expected_without) = (player.play(&ask, &reply), tokenless.play(&ask, &reply));
        let play = |reply, what: &str| assert_eq!(player.play(&ask, &reply), expected, "{}: {what}", recording.name);
        play(recording.reply().cut_at(&[]), "whole");
        play(recording.reply().byte_by_byte(), "byte by byte");
        for cut in 0..=recording.body_len() {
            let reply = recording.reply().cut_at(&[cut]);
            if cut % ONE_IN == at % ONE_IN {
                play(reply, &format!("cut at {cut}"));
            } else {
                assert_eq!(tokenless.play(&ask, &reply), expected_without, "{}: cut at {cut}", recording.name);
            }
            runs += 1;
        }
    }
    println!("{runs} cuts");
}
