//! What has to hold.

use crate::{
    contenders::{EVENTSOURCE_OPENAI, OURS_BYTES, OURS_PLAIN, OURS_TYPED, SCAN, SSE_STREAM, SSEER_SERDE},
    input::Chunking,
    report::Table,
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
        let ratio = table.value(ours, chunking) / table.value(theirs, chunking);
        verdicts.push(Verdict {
            text: format!("{ours} at most {limit} x {theirs}, {}: {ratio:.2}", chunking.name()),
            reached: ratio <= limit,
        });
    };
    for chunking in Chunking::ALL {
        bar(OURS_BYTES, 1.0, SSE_STREAM, chunking);
        if chunking.is_coarse() {
            bar(OURS_BYTES, 1.3, SCAN, chunking);
        }
        for ours in [OURS_PLAIN, OURS_TYPED] {
            bar(ours, 0.5, EVENTSOURCE_OPENAI, chunking);
            bar(ours, 0.9, SSEER_SERDE, chunking);
        }
    }
    verdicts
}

/// Judges a table of allocations.
pub(crate) fn judge_allocations(table: &Table) -> Vec<Verdict> {
    const LIMIT: f64 = 2.0;
    let verdict = |chunking: Chunking| {
        let allocations = table.value(OURS_TYPED, chunking);
        Verdict {
            text: format!("{OURS_TYPED} at most {LIMIT} allocations, {}: {allocations:.2}", chunking.name()),
            reached: allocations <= LIMIT,
        }
    };
    Chunking::ALL.into_iter().map(verdict).collect()
}
