//! What both programs have in common: they do what they are asked to on standard input, a line each.
//!
//! * `read URL`: reads the stream of the server with this base URL
//! * `load LENGTH ...`: keeps chunks of these lengths, whose bytes follow the line
//! * `decode CHUNKS`: decodes the first so many of them
//!
//! They answer `read` and `decode` with a line of four numbers: events, bytes of their content, nanoseconds, and allocations. The nanoseconds
//! are those on the processor for `read`, and those that passed for `decode`, as `tabbyapi-bench` measures its own rows.

// The counting allocator is that of `tabbyapi-bench`.
#[allow(dead_code)]
#[path = "../../src/allocations.rs"]
mod allocations;

use std::{
    hint::black_box,
    io::{self, BufRead, Read, Write},
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

/// What a run saw.
#[derive(Clone, Copy, Default, Debug)]
pub struct Tally {
    events: usize,
    bytes: usize,
}

impl Tally {
    /// Counts an event with this content.
    pub fn add(&mut self, content: &str) {
        self.events += 1;
        self.bytes += black_box(content).len();
    }

    /// The bytes of all content so far.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A client as it is measured.
pub trait Peer {
    /// A client of the server with this base URL, which is kept for all runs.
    fn new(url: &str) -> Self;

    /// Reads a stream of chat chunks to its end.
    fn read(&self) -> impl Future<Output = Tally>;

    /// Decodes chunks in memory, if there is a public way to.
    const DECODE: Option<fn(&[Bytes]) -> Tally>;
}

/// Does what standard input asks for, until it ends.
pub fn serve<P: Peer>() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut input = io::stdin().lock();
    let mut client = None;
    let mut chunks = Vec::new();
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        let (verb, rest) = line.trim_end().split_once(' ').unwrap_or_default();
        match verb {
            "read" => {
                if !matches!(&client, Some((url, _)) if url == rest) {
                    client = Some((rest.to_owned(), P::new(rest)));
                }
                if let Some((_, client)) = &client {
                    read(&runtime, client)?;
                }
            }
            "load" => chunks = load(&mut input, rest)?,
            "decode" => {
                let count: usize = rest.parse().map_err(io::Error::other)?;
                decode(P::DECODE, chunks.get(..count))?;
            }
            _ => return Err(io::Error::other(format!("no such request: {line}"))),
        }
        line.clear();
    }
    Ok(())
}

fn read(runtime: &Runtime, client: &impl Peer) -> io::Result<()> {
    let (start, allocations) = (spent(), allocations::count());
    let tally = runtime.block_on(client.read());
    answer(tally, spent() - start, allocations::count() - allocations)
}

fn load(input: &mut impl Read, lengths: &str) -> io::Result<Vec<Bytes>> {
    let lengths: Result<Vec<usize>, _> = lengths.split(' ').map(str::parse).collect();
    let lengths = lengths.map_err(io::Error::other)?;
    let mut all = vec![0; lengths.iter().sum()];
    input.read_exact(&mut all)?;
    // Static, as in `tabbyapi-bench`, so that handing a chunk over costs next to nothing.
    let mut all = Bytes::from_static(all.leak());
    Ok(lengths.into_iter().map(|length| all.split_to(length)).collect())
}

fn decode(decode: Option<fn(&[Bytes]) -> Tally>, chunks: Option<&[Bytes]>) -> io::Result<()> {
    let (Some(decode), Some(chunks)) = (decode, chunks) else { return Err(io::Error::other("nothing to decode")) };
    let (start, allocations) = (Instant::now(), allocations::count());
    let tally = black_box(decode(black_box(chunks)));
    answer(tally, start.elapsed(), allocations::count() - allocations)
}

fn answer(Tally { events, bytes }: Tally, time: Duration, allocations: u64) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{events} {bytes} {} {allocations}", time.as_nanos())?;
    output.flush()
}

/// What this thread has spent on the processor.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
