//! Streams over loopback: the processor's time and instructions per event, and the memory of those that are open.

use std::{process::ExitCode, time::Duration};

use async_openai::types::chat::CreateChatCompletionStreamResponse;
use futures_util::{StreamExt, future::poll_immediate};
use tabbyapi::{
    Client,
    api::{ChatMessage, ChatRequest},
};
use tokio::runtime::Runtime;

use super::{Extent, bare, medians, ours, runtime, server::Server, timed};
use crate::{
    allocations,
    bars::Verdict,
    contenders::{Small, Tally, by_hand},
    input::{Chunking, Input},
    instructions::{counted, counted_peer},
    peers::{self, Process},
    report::{Row, Table},
};

/// Reads a stream to its end, and counts its events and the bytes of their content; those that know none count none.
#[derive(Clone, Copy, Debug)]
struct Reader {
    name: &'static str,
    read: fn(&Clients, &str, &Runtime) -> Tally,
}

const BARE: &str = "reqwest, drained";
const OURS: &str = "tabbyapi, chat().stream()";

const READERS: [Reader; 4] = [
    Reader { name: BARE, read: drain },
    Reader { name: OURS, read: read_ours },
    Reader { name: "reqwest + sseer + serde_json, small struct", read: read_sseer },
    Reader { name: "reqwest + eventsource-stream + async-openai", read: read_openai },
];

/// The clients of all readers, connected in the first round.
struct Clients {
    bare: reqwest::Client,
    ours: Client,
}

impl Clients {
    fn new(url: &str) -> Self {
        Self { bare: bare(), ours: ours(url) }
    }
}

fn request() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("Why is the sky blue?")])
}

async fn send(client: &reqwest::Client, url: &str) -> reqwest::Response {
    let body = serde_json::to_vec(&request()).expect("a request");
    let url = format!("{url}/v1/chat/completions");
    client.post(url).header("content-type", "application/json").body(body).send().await.expect("a response")
}

fn drain(clients: &Clients, url: &str, runtime: &Runtime) -> Tally {
    runtime.block_on(async {
        let mut response = send(&clients.bare, url).await;
        while let Some(chunk) = response.chunk().await.expect("a chunk") {
            std::hint::black_box(&chunk);
        }
        Tally::default()
    })
}

fn read_ours(clients: &Clients, _: &str, runtime: &Runtime) -> Tally {
    runtime.block_on(async {
        let mut stream = clients.ours.chat().stream(&request());
        let mut tally = Tally::default();
        while let Some(chunk) = stream.next().await {
            tally.add(chunk.expect("a chunk").text().as_bytes());
        }
        tally
    })
}

fn read_sseer(clients: &Clients, url: &str, runtime: &Runtime) -> Tally {
    runtime.block_on(async {
        let body = send(&clients.bare, url).await.bytes_stream();
        let mut events = sseer::event_stream::EventStream::new(body);
        let mut tally = Tally::default();
        while let Some(event) = events.next().await {
            let data = event.expect("an event").data;
            if &*data != "[DONE]" {
                let chunk: Small = serde_json::from_str(&data).expect("a chunk");
                tally.add(chunk.content());
            }
        }
        tally
    })
}

fn read_openai(clients: &Clients, url: &str, runtime: &Runtime) -> Tally {
    runtime.block_on(async {
        let body = send(&clients.bare, url).await.bytes_stream();
        let mut events = eventsource_stream::EventStream::new(body);
        let mut tally = Tally::default();
        while let Some(event) = events.next().await {
            let data = event.expect("an event").data;
            if data != "[DONE]" {
                let chunk: CreateChatCompletionStreamResponse = serde_json::from_str(&data).expect("a chunk");
                tally.add(chunk.choices[0].delta.content.as_deref().unwrap_or("").as_bytes());
            }
        }
        tally
    })
}

/// Events in an HTTP chunk.
const PER_CHUNK: [(usize, &str); 2] = [(1, "1 a chunk"), (64, "64 a chunk")];

fn columns() -> Vec<&'static str> {
    PER_CHUNK.iter().map(|(_, name)| *name).collect()
}

pub(super) fn times(server: &Server, runtime: &Runtime, peers: &[Process], extent: Extent) -> (Table, Vec<Verdict>) {
    let (events, rounds) = extent.pick((200, 1), (20_000, 21));
    let names = READERS.iter().map(|reader| reader.name).chain(peers.iter().map(|process| process.peer.name));
    let mut rows: Vec<Row> = names.map(Row::named).collect();
    let expected = by_hand(&Input::new(events).cut(Chunking::Event, events));
    assert_eq!(expected.events, events);
    for (per_chunk, name) in PER_CHUNK {
        eprintln!("end to end, {name} ...");
        let url = server.url(&format!("stream/{events}/{per_chunk}"));
        let clients = Clients::new(&url);
        let check = |name: &str, seen: Tally| {
            assert!(seen == expected || name == BARE, "{name} saw {seen:?}, not {expected:?}");
        };
        let readers = READERS.iter().map(|reader| {
            let run = || timed(|| check(reader.name, (reader.read)(&clients, &url, runtime)));
            Box::new(run) as Box<dyn Fn() -> Duration>
        });
        let peers = peers.iter().map(|process| {
            let run = || {
                let run = process.read(&url);
                check(process.peer.name, run.tally);
                run.time
            };
            Box::new(run) as Box<dyn Fn() -> Duration>
        });
        let runs: Vec<_> = readers.chain(peers).collect();
        let runs: Vec<&dyn Fn() -> Duration> = runs.iter().map(|run| &**run).collect();
        for (row, nanos) in rows.iter_mut().zip(medians(rounds, &runs)) {
            row.values.push(nanos / events as f64);
        }
    }
    let table = Table {
        title: "End to end over loopback, nanoseconds of the client's processor per event".into(),
        note: format!("{events} events, the median of {rounds} interleaved rounds."),
        columns: columns(),
        rows,
        digits: 0,
    };
    let verdicts = extent.pick(Vec::new(), judge(&table));
    (table, verdicts)
}

fn judge(table: &Table) -> Vec<Verdict> {
    let [single, many] = PER_CHUNK.map(|(_, name)| name);
    let ratio = table.value(OURS, single) / table.value(BARE, single);
    let more = table.value(OURS, many) - table.value(BARE, many);
    vec![
        Verdict { text: format!("{OURS} at most 1.12 x {BARE}, {single}: {ratio:.2}"), reached: ratio <= 1.12 },
        Verdict { text: format!("{OURS} at most {BARE} + 80 ns, {many}: {more:.0}"), reached: more <= 80.0 },
    ]
}

/// Two runs differ in the number of events alone.
const COUNTED: [usize; 2] = [2_000, 6_000];

pub(super) fn instructions() -> Result<(Table, Vec<Verdict>), String> {
    let mut rows = Vec::new();
    for reader in READERS {
        rows.push(counted_row(reader.name, |per_chunk, events| {
            counted(&["--one-socket", reader.name, &per_chunk.to_string(), &events.to_string()])
        })?);
    }
    let server = Server::start().map_err(|error| error.to_string())?;
    for peer in &peers::ALL {
        rows.push(counted_row(peer.name, |per_chunk, events| {
            counted_peer(peer, &peers::read(&server.url(&format!("stream/{events}/{per_chunk}"))))
        })?);
    }
    let table = Table {
        title: "End to end over loopback, instructions of the client's process per event".into(),
        note: "Counted by callgrind, which sees nothing of the kernel.".into(),
        columns: columns(),
        rows,
        digits: 0,
    };
    Ok((table, Vec::new()))
}

/// A row of what this counts for so many events in a chunk, and so many events.
fn counted_row(name: &'static str, count: impl Fn(usize, usize) -> Result<f64, String>) -> Result<Row, String> {
    eprintln!("{name} ...");
    let mut row = Row::named(name);
    let [few, many] = COUNTED;
    for (per_chunk, _) in PER_CHUNK {
        row.values.push((count(per_chunk, many)? - count(per_chunk, few)?) / (many - few) as f64);
    }
    Ok(row)
}

/// What a counted process does.
pub(crate) fn run_one(name: &str, per_chunk: &str, events: &str) -> ExitCode {
    let reader = READERS.iter().find(|reader| reader.name == name);
    let (Some(reader), Ok(server), Ok(runtime)) = (reader, Server::start(), runtime()) else {
        return ExitCode::FAILURE;
    };
    let url = server.url(&format!("stream/{events}/{per_chunk}"));
    (reader.read)(&Clients::new(&url), &url, &runtime);
    ExitCode::SUCCESS
}

/// A stream that waits for its second event, as in a program that shows what comes.
type Open = Box<dyn std::any::Any>;
type Opener = (&'static str, fn(&Clients, &str, &Runtime) -> Open);

const OPENERS: [Opener; 2] = [
    (BARE, |clients, url, runtime| {
        runtime.block_on(async {
            let mut response = send(&clients.bare, url).await;
            response.chunk().await.expect("a chunk");
            assert!(poll_immediate(response.chunk()).await.is_none());
            Box::new(response) as Open
        })
    }),
    (OURS, |clients, _, runtime| {
        runtime.block_on(async {
            let mut stream = clients.ours.chat().stream(&request());
            stream.next().await.expect("an event").expect("a chunk");
            assert!(poll_immediate(stream.next()).await.is_none());
            Box::new(stream) as Open
        })
    }),
];

/// The bytes that an open stream takes beyond those of reqwest's response.
pub(super) fn memory(server: &Server, extent: Extent) -> (Table, Vec<Verdict>) {
    const BAR: f64 = 6.0 * 1024.0;
    eprintln!("open streams ...");
    let count = extent.pick(50, 1_000);
    let url = server.url("hold");
    let clients = Clients::new(&url);
    let bytes = OPENERS.map(|(_, open)| {
        // Of its own, so that nothing of the other's connections is freed meanwhile.
        let runtime = &runtime().expect("a runtime");
        // The first one sets up what all share.
        let first = open(&clients, &url, runtime);
        let before = allocations::live();
        let all: Vec<_> = (0..count).map(|_| open(&clients, &url, runtime)).collect();
        let after = allocations::live();
        drop((first, all));
        (after - before) as f64 / count as f64
    });
    let [theirs, mine] = bytes;
    let more = mine - theirs;
    let row = |name, bytes| Row { name, values: vec![bytes] };
    let table = Table {
        title: "Memory of an open stream".into(),
        note: format!("Bytes in use per stream, of {count} that wait for their second event."),
        columns: vec!["bytes"],
        rows: vec![row(BARE, theirs), row(OURS, mine), row("more", more)],
        digits: 0,
    };
    let verdict = Verdict { text: format!("at most {BAR} bytes more than {BARE}: {more:.0}"), reached: more <= BAR };
    (table, vec![verdict])
}

/// Opens so many streams and leaves them open at the end of the process, for a profiler of the heap.
pub(crate) fn hold(name: &str, count: &str) -> ExitCode {
    let opener = OPENERS.iter().find(|(known, _)| *known == name);
    let (Some((_, open)), Ok(count), Ok(server), Ok(runtime)) = (opener, count.parse(), Server::start(), runtime())
    else {
        return ExitCode::FAILURE;
    };
    let url = server.url("hold");
    let clients = Clients::new(&url);
    let all: Vec<_> = (0..count).map(|_: usize| open(&clients, &url, &runtime)).collect();
    println!("{} bytes", allocations::live());
    std::mem::forget((clients, all, runtime));
    ExitCode::SUCCESS
}
