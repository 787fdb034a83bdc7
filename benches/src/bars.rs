//! What has to hold.

use crate::{
    contenders::{EVENTSOURCE_OPENAI, OURS_BYTES, OURS_PLAIN, OURS_TYPED, OURS_WHOLE, SCAN, SSE_STREAM, SSEER_SERDE},
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
        let ratio = table.value(ours, chunking.name()) / table.value(theirs, chunking.name());
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

/// Judges a table of instructions by those of a client's whole path, which is judged in numbers: nobody else has such a path.
pub(crate) fn judge_whole(table: &Table) -> Verdict {
    const LIMIT: f64 = 1_200.0;
    let instructions = table.value(OURS_WHOLE, Chunking::Event.name());
    Verdict {
        text: format!("{OURS_WHOLE} at most {LIMIT} instructions, {}: {instructions:.0}", Chunking::Event.name()),
        reached: instructions <= LIMIT,
    }
}

/// Judges a table of allocations.
pub(crate) fn judge_allocations(table: &Table) -> Vec<Verdict> {
    const LIMIT: f64 = 2.0;
    let verdict = |chunking: Chunking| {
        let allocations = table.value(OURS_TYPED, chunking.name());
        Verdict {
            text: format!("{OURS_TYPED} at most {LIMIT} allocations, {}: {allocations:.2}", chunking.name()),
            reached: allocations <= LIMIT,
        }
    };
    Chunking::ALL.into_iter().map(verdict).collect()
}
