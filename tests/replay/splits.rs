//! The same answer, however its bytes are cut.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tabbyapi::sse::Parser;

use crate::ask::{served, streams};
use crate::play::Player;
use crate::random::{ONE_IN, Random};
use crate::recording::all;

#[test]
fn every_answer_is_the_same_byte_by_byte_in_pieces_and_at_every_cut() {
    let mut runs = 0;
    for (at, (recording, ask)) in served().into_iter().enumerate() {
        let player = Player::of(recording);
        let whole = player.play(&ask, recording.reply());
        assert_eq!(player.play(&ask, recording.reply().byte_by_byte()), whole, "{}: byte by byte", recording.name);
        // A sample begins elsewhere in each answer, as answers are alike.
        for cut in (at % ONE_IN..=recording.body().len()).step_by(ONE_IN) {
            let seen = player.play(&ask, recording.reply().cut_at(&[cut]));
            assert_eq!(seen, whole, "{}: cut at {cut}", recording.name);
            runs += 1;
        }
        for size in 2..32 {
            let cuts: Vec<usize> = (0..recording.body().len()).step_by(size).collect();
            let seen = player.play(&ask, recording.reply().cut_at(&cuts));
            assert_eq!(seen, whole, "{}: in pieces of {size}", recording.name);
            runs += 1;
        }
    }
    println!("{runs} cuts");
}

#[test]
fn every_stream_is_the_same_at_2000_pairs_of_cuts() {
    let mut runs = 0;
    for (at, (recording, ask)) in streams().into_iter().enumerate() {
        let player = Player::of(recording);
        let whole = player.play(&ask, recording.reply());
        let len = recording.body().len();
        let mut random = Random::new(at as u64);
        for run in 0..2000 / ONE_IN {
            let cuts = random.cuts(2, len);
            let seen = player.play(&ask, recording.reply().cut_at(&cuts));
            assert_eq!(seen, whole, "{}: seed {at}, run {run}, cut at {cuts:?}", recording.name);
            runs += 1;
        }
    }
    println!("{runs} pairs of cuts");
}

#[test]
fn the_parser_gives_the_same_events_at_every_pair_of_cuts() {
    let bodies: Vec<(&str, Bytes)> = all()
        .iter()
        .filter(|recording| recording.is_stream() && recording.body().len() <= 1024)
        .map(|recording| (recording.name.as_str(), recording.body()))
        .collect();
    assert!(bodies.len() >= 20, "{}", bodies.len());
    // The parser is quick, but pairs are many: both cores take from the same list, where there are threads.
    let (next, pairs) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some((name, body)) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
            let whole = events(body, &[]);
            assert!(whole.1 > 0 || whole.2 > 0, "{name}: events or comments");
            for first in 0..=body.len() {
                for second in (first + first % ONE_IN..=body.len()).step_by(ONE_IN) {
                    assert_eq!(events(body, &[first, second]), whole, "{name}: cut at {first} and {second}");
                }
                pairs.fetch_add((body.len() + 1 - first).div_ceil(ONE_IN), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        if cfg!(not(target_arch = "wasm32")) {
            scope.spawn(work);
        }
        work();
    });
    println!("{} pairs of cuts of {} streams", pairs.into_inner(), bodies.len());
}

/// Kinds and data of all events, one after the other; their number; the number of comments.
fn events(body: &Bytes, cuts: &[usize]) -> (Vec<u8>, usize, u64) {
    let mut parser = Parser::new();
    let (mut text, mut count, mut from) = (Vec::new(), 0, 0);
    for to in cuts.iter().copied().chain([body.len()]) {
        parser.feed(body.slice(from..to));
        from = to;
        while let Some(event) = parser.next().expect("no event is too large") {
            text.extend_from_slice(event.kind().as_bytes());
            text.push(0);
            text.extend_from_slice(event.data_bytes());
            text.push(0);
            count += 1;
        }
    }
    (text, count, parser.comments())
}
