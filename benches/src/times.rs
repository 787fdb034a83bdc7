//! Nanoseconds and allocations per event.

use std::{hint::black_box, time::Instant};

use bytes::Bytes;

use crate::{
    allocations,
    contenders::{ALL, Contender, Group, Tally, by_hand},
    input::{Chunking, Input},
    loopback::Extent,
    peers::{Process, Run},
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

pub(crate) fn measure(extent: Extent, peers: &[Process]) -> Vec<Table> {
    let input = Input::new(extent.pick(QUICK_EVENTS, EVENTS));
    let all: Vec<_> = ALL.iter().collect();
    let mut times = rows(&all, peers);
    let mut allocated = rows(&all, peers);
    for chunking in Chunking::ALL {
        eprintln!("chunks of {} ...", chunking.name());
        let (events, rounds) = match (extent, chunking) {
            (Extent::Quick, _) => (QUICK_EVENTS, 1),
            (Extent::Full, Chunking::Bytes(1)) => (SINGLE_BYTE_EVENTS, SINGLE_BYTE_ROUNDS),
            (Extent::Full, _) => (EVENTS, ROUNDS),
        };
        let chunks = input.cut(chunking, events);
        check(&chunks, events);
        let runs = runs(&all, peers, &chunks, events);
        push(&mut times, best_of(&runs, events, rounds));
        push(&mut allocated, runs.iter().map(|run| run().allocations as f64 / events as f64));
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
pub(crate) fn recorded(extent: Extent, peers: &[Process]) -> Table {
    let typed: Vec<_> = ALL.iter().filter(|contender| contender.group == Group::Typed).collect();
    let mut rows = rows(&typed, peers);
    let (events, rounds) = extent.pick((QUICK_EVENTS, 1), (EVENTS, ROUNDS));
    let mut sizes = Vec::new();
    for (name, recording) in RECORDINGS {
        eprintln!("recorded {name} ...");
        let input = Input::recorded(recording, events);
        sizes.push(input.bytes_per_event().to_string());
        let chunks = input.cut(Chunking::Event, events);
        check(&chunks, events);
        push(&mut rows, best_of(&runs(&typed, peers, &chunks, events), events, rounds));
    }
    let note = format!(
        "{events} chunks of {} bytes, one event a chunk, the best of {rounds} interleaved rounds.",
        sizes.join(", ")
    );
    let columns = RECORDINGS.map(|(name, _)| name).into();
    Table { title: "Nanoseconds per event of recorded streams".into(), note, columns, rows, digits: 0 }
}

/// Empty rows of these contenders, and of the peers that decode from memory.
fn rows(contenders: &[&Contender], peers: &[Process]) -> Vec<Row> {
    let peers = peers.iter().map(|process| process.peer).filter(|peer| peer.decodes).map(|peer| peer.name);
    contenders.iter().map(|contender| contender.name).chain(peers).map(Row::named).collect()
}

fn push(rows: &mut [Row], values: impl IntoIterator<Item = f64>) {
    rows.iter_mut().zip(values).for_each(|(row, value)| row.values.push(value));
}

/// What runs for each of these rows. A peer must see what the others do.
fn runs<'a>(
    contenders: &'a [&Contender],
    peers: &'a [Process],
    chunks: &'a [Bytes],
    events: usize,
) -> Vec<Box<dyn Fn() -> Run + 'a>> {
    let contenders = contenders.iter().map(|contender| {
        Box::new(|| {
            let (start, before) = (Instant::now(), allocations::count());
            let tally = black_box((contender.run)(black_box(chunks)));
            Run { tally, time: start.elapsed(), allocations: allocations::count() - before }
        }) as Box<dyn Fn() -> Run>
    });
    let peers = peers.iter().filter(|process| process.peer.decodes).map(|process| {
        let (expected, run) = (by_hand(chunks), process.decoder(chunks));
        assert_eq!(expected.events, events);
        Box::new(move || {
            let run = run();
            assert_eq!(run.tally, expected, "{} saw other events", process.peer.name);
            run
        }) as Box<dyn Fn() -> Run>
    });
    contenders.chain(peers).collect()
}

/// The nanoseconds per event of each in its best round. The rounds are interleaved, so that a busy moment of the machine affects all of them.
fn best_of(runs: &[Box<dyn Fn() -> Run + '_>], events: usize, rounds: usize) -> Vec<f64> {
    let mut best = vec![f64::INFINITY; runs.len()];
    for _ in 0..rounds {
        for (run, best) in runs.iter().zip(&mut best) {
            *best = best.min(run().time.as_nanos() as f64 / events as f64);
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
