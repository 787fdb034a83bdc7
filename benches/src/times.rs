//! Nanoseconds and allocations per event.

use std::{hint::black_box, time::Instant};

use bytes::Bytes;

use crate::{
    allocations,
    contenders::{ALL, Contender, Group, Tally},
    input::{Chunking, Input},
    loopback::Extent,
    report::{Row, Table},
};

const EVENTS: usize = 20_000;
const ROUNDS: usize = 31;
/// The slowest peer takes a second for a round of single bytes.
const SINGLE_BYTE_EVENTS: usize = 2_000;
const SINGLE_BYTE_ROUNDS: usize = 9;
const QUICK_EVENTS: usize = 200;

/// Recorded streams of the real engine, by what their chunks have.
const RECORDINGS: [(&str, &str); 2] = [("text", "d-chat-s"), (LOGPROBS, "w-ngram-s")];
pub(crate) const LOGPROBS: &str = "log probabilities";

pub(crate) fn measure(extent: Extent) -> Vec<Table> {
    let input = Input::new(extent.pick(QUICK_EVENTS, EVENTS));
    let mut times: Vec<Row> = ALL.iter().map(|contender| Row::named(contender.name)).collect();
    let mut allocated: Vec<Row> = ALL.iter().map(|contender| Row::named(contender.name)).collect();
    for chunking in Chunking::ALL {
        eprintln!("chunks of {} ...", chunking.name());
        let (events, rounds) = match (extent, chunking) {
            (Extent::Quick, _) => (QUICK_EVENTS, 1),
            (Extent::Full, Chunking::Bytes(1)) => (SINGLE_BYTE_EVENTS, SINGLE_BYTE_ROUNDS),
            (Extent::Full, _) => (EVENTS, ROUNDS),
        };
        let chunks = input.cut(chunking, events);
        check(&chunks, events);
        let best = best_of(&ALL.iter().collect::<Vec<_>>(), &chunks, events, rounds);
        for (at, contender) in ALL.iter().enumerate() {
            times[at].values.push(best[at]);
            let before = allocations::count();
            black_box((contender.run)(black_box(&chunks)));
            allocated[at].values.push((allocations::count() - before) as f64 / events as f64);
        }
    }
    let note = format!(
        "{EVENTS} chat chunks of {} bytes, the best of {ROUNDS} interleaved rounds; \
         chunks of 1 B: {SINGLE_BYTE_EVENTS} and {SINGLE_BYTE_ROUNDS}.",
        input.bytes_per_event()
    );
    vec![
        Table { title: "Nanoseconds per event".into(), note, columns: Chunking::names(), rows: times, digits: 0 },
        Table {
            title: "Allocations per event".into(),
            note: String::new(),
            columns: Chunking::names(),
            rows: allocated,
            digits: 2,
        },
    ]
}

/// Typed chunks of recorded streams, an event a chunk.
pub(crate) fn recorded(extent: Extent) -> Table {
    let typed: Vec<_> = ALL.iter().filter(|contender| contender.group == Group::Typed).collect();
    let mut rows: Vec<Row> = typed.iter().map(|contender| Row::named(contender.name)).collect();
    let (events, rounds) = extent.pick((QUICK_EVENTS, 1), (EVENTS, ROUNDS));
    let mut sizes = Vec::new();
    for (name, recording) in RECORDINGS {
        eprintln!("recorded {name} ...");
        let input = Input::recorded(recording, events);
        sizes.push(input.bytes_per_event().to_string());
        let chunks = input.cut(Chunking::Event, events);
        check(&chunks, events);
        rows.iter_mut().zip(best_of(&typed, &chunks, events, rounds)).for_each(|(row, best)| row.values.push(best));
    }
    let note = format!(
        "{events} chunks of {} bytes, one event a chunk, the best of {rounds} interleaved rounds.",
        sizes.join(", ")
    );
    let columns = RECORDINGS.map(|(name, _)| name).into();
    Table { title: "Nanoseconds per event of recorded streams".into(), note, columns, rows, digits: 0 }
}

/// The nanoseconds per event of each contender, in its best round. The rounds are interleaved, so that a busy moment of the machine
/// affects all of them.
fn best_of(contenders: &[&Contender], chunks: &[Bytes], events: usize, rounds: usize) -> Vec<f64> {
    let mut best = vec![f64::INFINITY; contenders.len()];
    for _ in 0..rounds {
        for (contender, best) in contenders.iter().zip(&mut best) {
            let start = Instant::now();
            black_box((contender.run)(black_box(chunks)));
            *best = best.min(start.elapsed().as_nanos() as f64 / events as f64);
        }
    }
    best
}

/// All must have done the same.
fn check(chunks: &[Bytes], events: usize) {
    let bytes_of = |group: Group| {
        let mut all = ALL.iter().filter(|contender| contender.group == group).map(|contender: &Contender| {
            let Tally { events: seen, bytes } = (contender.run)(chunks);
            assert_eq!(seen, events, "{} lost events", contender.name);
            bytes
        });
        let first = all.next().unwrap_or_default();
        assert!(all.all(|bytes| bytes == first), "the contenders differ");
    };
    bytes_of(Group::Floor);
    bytes_of(Group::Framing);
    bytes_of(Group::Typed);
}
