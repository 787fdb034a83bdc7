//! What has to hold.

use crate::{
    contenders::{EVENTSOURCE_OPENAI, OURS_BYTES, OURS_PLAIN, OURS_TYPED, OURS_WHOLE, SCAN, SSE_STREAM, SSEER_SERDE},
    input::Chunking,
    loopback::Extent,
    report::Table,
    times::LOGPROBS,
};

#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) text: String,
    pub(crate) reached: bool,
}

/// Judges a table of times or of instructions.
pub(crate) fn judge(table: &Table) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let mut bar = |ours: &str, limit: f64, theirs: &str, chunking: Chunking| {
        let ratio = table.value(ours, chunking.name()) / table.value(theirs, chunking.name());
        verdicts.push(Verdict {
            text: format!("{ours} at most {limit} x {theirs}, {}: {ratio:.3}", chunking.name()),
            reached: ratio <= limit,
        });
    };
    for chunking in Chunking::ALL {
        bar(OURS_BYTES, 1.0, SSE_STREAM, chunking);
        if chunking.is_coarse() {
            bar(OURS_BYTES, 1.3, SCAN, chunking);
        }
        bar(OURS_PLAIN, 0.5, EVENTSOURCE_OPENAI, chunking);
        bar(OURS_PLAIN, 0.9, SSEER_SERDE, chunking);
        if chunking.is_coarse() {
            bar(OURS_TYPED, 0.0625, EVENTSOURCE_OPENAI, chunking);
            bar(OURS_TYPED, 0.125, SSEER_SERDE, chunking);
        } else {
            bar(OURS_TYPED, 0.7, SSEER_SERDE, chunking);
        }
    }
    verdicts
}

/// Judges numbers of instructions, of a typed chunk and of a client's whole path.
pub(crate) fn judge_instructions(table: &Table) -> Vec<Verdict> {
    let verdict = |(ours, limit): (&str, f64)| {
        let instructions = table.value(ours, Chunking::Event.name());
        Verdict {
            text: format!("{ours} at most {limit} instructions, {}: {instructions:.0}", Chunking::Event.name()),
            reached: instructions <= limit,
        }
    };
    [(OURS_TYPED, 600.0), (OURS_WHOLE, 1_200.0)].into_iter().map(verdict).collect()
}

/// Judges a table of recorded streams.
pub(crate) fn judge_recorded(table: &Table) -> Verdict {
    let ratio = table.value(OURS_TYPED, LOGPROBS) / table.value(OURS_PLAIN, LOGPROBS);
    Verdict { text: format!("{OURS_TYPED} at most 0.5 x {OURS_PLAIN}, {LOGPROBS}: {ratio:.2}"), reached: ratio <= 0.5 }
}

/// Judges a table of allocations. The first event is decoded plainly, and the template is made, which counts among few events.
pub(crate) fn judge_allocations(table: &Table, extent: Extent) -> Vec<Verdict> {
    let limit = extent.pick(0.2, 0.01);
    let verdict = |chunking: Chunking| {
        let allocations = table.value(OURS_TYPED, chunking.name());
        Verdict {
            text: format!("{OURS_TYPED} at most {limit} allocations, {}: {allocations:.2}", chunking.name()),
            reached: allocations <= limit,
        }
    };
    Chunking::ALL.into_iter().map(verdict).collect()
}
