//! Recorded answers with errors put in: never a panic, never a hang, never beyond a cap, however they are cut.

use serde_json::Value;
use tabbyapi::transport::script::Reply;
use tabbyapi::{ErrorKind, Limits};

use crate::ask::{Ask, served};
use crate::play::{Player, Seen};
use crate::random::{ONE_IN, Random};

const MUTANTS: u64 = 30_000 / ONE_IN as u64;

/// For every other mutant so small that it reaches them.
fn limits(seed: u64) -> Limits {
    let mut limits = Limits::default();
    if seed.is_multiple_of(2) {
        return limits;
    }
    limits.event = 700;
    limits.body = 1500;
    limits.error_excerpt = 64;
    limits.accumulated = 300 + seed as usize % 500;
    limits.indices = 1 + seed as usize % 3;
    limits
}

#[test]
fn broken_answers_are_errors_and_the_same_however_they_are_cut() {
    let served = served();
    let (mut errors, mut kinds) = (0, std::collections::BTreeMap::<String, u32>::new());
    for seed in 0..MUTANTS {
        let mut random = Random::new(seed);
        let (recording, ask) = &served[random.below(served.len())];
        let other = served[random.below(served.len())].0.body();
        let mut body = recording.body().to_vec();
        for _ in 0..=random.below(3) {
            mutate(&mut body, &other, &mut random);
        }
        let end = random.below(6);
        let status =
            if random.below(8) == 0 { [200, 307, 401, 422, 500, 503][random.below(6)] } else { recording.status() };
        let media = match random.below(8) {
            0 => ["application/json", "text/event-stream", "text/html", ""][random.below(4)],
            _ => recording.header("content-type").unwrap_or_default(),
        };
        let reply = || {
            let mut reply = Reply::status(status).chunk(body.clone());
            if !media.is_empty() {
                reply = reply.header("content-type", media);
            }
            match end {
                0 => reply.fail("reset"),
                1 => reply.hang(),
                _ => reply,
            }
        };
        let player = Player::of(recording).with_limits(limits(seed));
        let what = format!("seed {seed}, {}, status {status}, {media:?}", recording.name);
        let whole = player.play(ask, reply());
        assert_bounded(ask, &whole, &limits(seed), &what);
        assert_eq!(player.play(ask, reply().byte_by_byte()), whole, "{what}, byte by byte");
        for _ in 0..4 {
            let count = 1 + random.below(6);
            let cuts = random.cuts(count, body.len());
            assert_eq!(player.play(ask, reply().cut_at(&cuts)), whole, "{what}, cut at {cuts:?}");
        }
        if let Some(fault) = whole.error {
            errors += 1;
            *kinds.entry(format!("{:?} {}", fault.kind, fault.code)).or_default() += 1;
        }
    }
    println!("{errors} of {MUTANTS} mutants were errors: {kinds:#?}");
    assert!(errors > MUTANTS / 4);
    for code in [
        "Decode invalid_json",
        "Decode unexpected_json",
        "Decode unexpected_content_type",
        "Server context_length_exceeded",
        "Server generation_aborted",
        "Server validation_failed",
        "Timeout timeout_first_item",
        "Timeout timeout_idle",
        "TooLarge body_too_large",
        "TooLarge event_too_large",
        "TooLarge stream_too_large",
        "TooLarge too_many_indices",
        "Truncated connection_lost",
        "Truncated truncated",
    ] {
        assert!(kinds.contains_key(code), "no mutant was {code}");
    }
}

fn mutate(body: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(body.len() + 1);
    let to = (at + random.below(80)).min(body.len());
    match random.below(11) {
        0 if at < body.len() => body[at] ^= 1 << random.below(8),
        1 => body.insert(at, [0, b'\r', b'\n', b'"', b'\\', b':', 0xff, 0xef][random.below(8)]),
        2 => drop(body.drain(at..to)),
        3 => {
            let piece = body[at..to].to_vec();
            body.splice(at..at, piece);
        }
        4 => body.truncate(at),
        // The front of one and the back of another.
        5 => {
            body.truncate(at);
            body.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        // The whole once more, so that it grows.
        6 => body.extend_from_within(..),
        // Another choice.
        7 if body.windows(8).any(|window| window == b"\"index\":") => {
            let places: Vec<_> = (0..body.len() - 10).filter(|at| body[*at..].starts_with(b"\"index\":")).collect();
            let place = places.get(random.below(places.len().max(1))).copied().unwrap_or_default();
            if let Some(digit) = body[place + 8..].iter_mut().take(2).find(|byte| **byte == b'0') {
                *digit = b"0123456789"[random.below(10)];
            }
        }
        // Words that mean something.
        8 => {
            let words: [&[u8]; 8] = [
                b"-Infinity",
                b"null",
                b"{\"error\":{}}",
                b"data: ",
                b"\r\n\r\ndata: [DONE]\r\n\r\n",
                b"\"index\": 4294967295, ",
                b"\xf0\x9f\x98",
                b"[[[[[[[[[[[[[[[[",
            ];
            let word = words[random.below(8)];
            body.splice(at..at, word.iter().copied());
        }
        _ => {
            for byte in &mut body[at..to] {
                *byte = random.below(256) as u8;
            }
        }
    }
}

/// Asserts that no cap was passed.
#[track_caller]
fn assert_bounded(ask: &Ask, seen: &Seen, limits: &Limits, what: &str) {
    if let Some(fault) = &seen.error {
        assert!(fault.body.as_ref().is_none_or(|body| body.len() <= limits.error_excerpt), "{what}");
        assert!(!fault.code.is_empty() && fault.code.len() <= 64, "{what}: {:?}", fault.code);
        assert!(fault.text.len() < 4096, "{what}: {}", fault.text.len());
        assert!(!matches!(fault.kind, ErrorKind::Misuse | ErrorKind::Config | ErrorKind::Encode), "{what}: {fault:?}");
    }
    if !ask.is_stream() {
        return;
    }
    let total: Value = serde_json::from_str(seen.total.as_ref().expect("streams keep what arrived")).unwrap();
    let list = if matches!(ask, Ask::Load(_)) { &total["parts"] } else { &total["choices"] };
    let list = list.as_array().unwrap();
    assert!(list.len() <= limits.indices, "{what}");
    let text: usize = list
        .iter()
        .map(|choice| {
            let message = &choice["message"];
            let texts = [&choice["text"], &message["content"], &message["reasoning_content"]];
            texts.iter().filter_map(|text| text.as_str()).map(str::len).sum::<usize>()
        })
        .sum();
    assert!(text <= limits.accumulated, "{what}");
}
