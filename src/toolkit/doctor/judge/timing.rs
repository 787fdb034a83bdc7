//! Judges streams by the times at which their parts arrived.

use serde_json::Value;

use super::super::check::*;
use super::super::report::{Notes, quote};
use super::frames::Frames;
use crate::transport::{End, Exchange};

/// Longer than the interval of pings by default, 15 s.
const SILENCE_MS: u64 = 18_000;
/// Shorter generations do not show whether a proxy buffers.
const LEAST_MS: f64 = 400.0;

pub(super) fn check(exchange: &Exchange, frames: &Frames, chunks: &[Value], is_done: bool, notes: &mut Notes) {
    let times = Times::of(exchange);
    let events: Vec<u64> = frames.events.iter().map(|event| times.at(event.end)).collect();
    let mut all: Vec<u64> = events.iter().copied().chain(frames.comments.iter().map(|end| times.at(*end))).collect();
    all.sort_unstable();
    let failed = chunks.iter().any(|chunk| !chunk["error"].is_null());
    let silence = longest(&all, exchange.head_ms);
    let last = exchange.chunks.last().map_or(exchange.head_ms, |chunk| chunk.at_ms);
    ending(exchange, (&events, &all), is_done || failed, silence, notes);
    if silence >= SILENCE_MS {
        notes.add(NO_PINGS, format!("{:.1} s without an event or a ping", silence as f64 / 1000.0));
    }
    buffering(&events, chunks, last, notes);
}

/// How the stream ended, if not normally.
fn ending(exchange: &Exchange, (events, all): (&[u64], &[u64]), is_done: bool, silence: u64, notes: &mut Notes) {
    match &exchange.end {
        End::Failed(_) | End::Refused(_) if is_done => {}
        End::Failed(message) | End::Refused(message) => {
            let check = if silence >= SILENCE_MS { IDLE_CUT } else { STREAM_CUT };
            notes.add(check, format!("after {} events: {}", events.len(), quote(message)));
        }
        End::Dropped => {
            let pings = all.len() - events.len();
            let last_event = events.last().copied().unwrap_or_default();
            let last = all.last().copied().unwrap_or_default();
            let seen = format!("{} events and {pings} pings, and no end", events.len());
            // If events arrive until the end, the stream continues. Otherwise only the connection is kept open.
            let goes_on = events.len() > 1 && pings == 0 || last_event + 1000 > last && last_event > 0;
            notes.add(if goes_on && !is_done { STREAM_ENDLESS } else { STREAM_STALLS }, seen);
        }
        End::Complete | End::Capped => {}
    }
}

/// The server reports how long it generated. The events must have taken about as long to arrive.
fn buffering(events: &[u64], chunks: &[Value], last: u64, notes: &mut Notes) {
    let (Some(first), Some(end)) = (events.first(), events.last()) else { return };
    let spread = end.saturating_sub(*first) as f64;
    let said = chunks.iter().rev().find_map(|chunk| chunk["usage"]["completion_time"].as_f64());
    let is_late = match said.map(|seconds| seconds * 1000.0) {
        Some(generated) => generated >= LEAST_MS && spread * 4.0 < generated && last as f64 >= generated * 0.5,
        None => events.len() >= 8 && spread < 50.0 && *first as f64 >= 2.0 * LEAST_MS,
    };
    // A short response may arrive in one or two parts.
    if is_late && events.len() >= 5 {
        notes.add(
            STREAM_BUFFERED,
            format!("{} events within {spread} ms, the first after {:.1} s", events.len(), *first as f64 / 1000.0),
        );
    }
}

fn longest(times: &[u64], begin: u64) -> u64 {
    let mut before = begin;
    let mut longest = 0;
    for time in times {
        longest = longest.max(time.saturating_sub(before));
        before = *time;
    }
    longest
}

/// Arrival times by place in the body.
struct Times(Vec<(usize, u64)>);

impl Times {
    fn of(exchange: &Exchange) -> Times {
        let mut end = 0;
        let ends = exchange.chunks.iter().map(|chunk| {
            end += chunk.data.0.len();
            (end, chunk.at_ms)
        });
        Times(ends.collect())
    }

    /// When the bytes before this position had arrived.
    fn at(&self, place: usize) -> u64 {
        let index = self.0.partition_point(|(end, _)| *end < place);
        self.0.get(index).or(self.0.last()).map_or(0, |(_, at)| *at)
    }
}
