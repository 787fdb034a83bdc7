//! Whole exchanges over loopback: beside reqwest alone, what is glued together of reqwest and other crates, and other clients.
//!
//! Counted is what the client's thread spends on the processor, its share of the kernel included; the server is another process.

mod batches;
mod server;
mod streams;

use std::{io, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use tabbyapi::{Client, transport::Reqwest};
use tokio::runtime::Runtime;

use crate::{bars::Verdict, peers::Process, report::Table};

pub(crate) use batches::run_one as run_one_batch;
pub(crate) use server::serve;
pub(crate) use streams::{hold, run_one as run_one_stream};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extent {
    /// Few events, to see that everything works; times mean nothing.
    Quick,
    Full,
}

impl Extent {
    pub(crate) fn pick<T>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

/// All tables of this kind, with their bars. Those of times are judged only if they were measured in full.
pub(crate) fn measure(extent: Extent, peers: &[Process]) -> io::Result<(Vec<Table>, Vec<Verdict>)> {
    let server = server::Server::start()?;
    let runtime = runtime()?;
    let mut tables = Vec::new();
    let mut verdicts = Vec::new();
    for (table, bars) in [
        streams::times(&server, &runtime, peers, extent),
        streams::memory(&server, extent),
        batches::times(&server, &runtime, extent),
    ] {
        tables.push(table);
        verdicts.extend(bars);
    }
    Ok((tables, verdicts))
}

/// Instructions of the client's process, by callgrind.
pub(crate) fn instructions() -> Result<Vec<(Table, Vec<Verdict>)>, String> {
    Ok(vec![streams::instructions()?, batches::instructions()?])
}

/// One thread, so that its time on the processor is all that a client takes.
fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn bare() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

fn ours(url: &str) -> Client {
    let transport = Reqwest::new(reqwest::Client::builder().no_proxy()).expect("a transport");
    Client::builder(url).build_with(transport).expect("a client")
}

/// What this thread has spent on the processor.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Runs this, and returns its time on the processor.
fn timed(run: impl FnOnce()) -> Duration {
    let start = spent();
    run();
    spent() - start
}

/// The nanoseconds of each of these, which return their time on the processor: the median of so many interleaved rounds.
fn medians(rounds: usize, runs: &[&dyn Fn() -> Duration]) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(rounds); runs.len()];
    // The first round connects and warms up.
    for round in 0..=rounds {
        for (run, times) in runs.iter().zip(&mut times) {
            let time = run();
            if round > 0 {
                times.push(time.as_nanos() as f64);
            }
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    };
    times.into_iter().map(median).collect()
}
