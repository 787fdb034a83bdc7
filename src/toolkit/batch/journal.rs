//! `Journal`: which requests of a file have their result, read from the file of results.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::jsonl::BatchRequest;
use super::lines::Lines;

/// Which requests have their result, read from the file that results are appended to.
///
/// The file of results is the journal: there is no other one that could differ from it. A process that is killed leaves whole lines
/// and at most one that is torn. Reading it back says what is finished, where the file is whole up to, and what must be
/// written before the next line.
///
/// ```
/// use tabbyapi::batch::jsonl::Journal;
///
/// let mut journal = Journal::new();
/// journal.feed(b"{\"custom_id\":\"a\",\"error\":null,\"request\":\"00000000000000aa\"}\n{\"custom_id\":\"b\",\"er");
/// journal.end();
/// assert_eq!((journal.finished(), journal.whole_bytes(), journal.glue()), (1, 60, ""));
/// ```
///
/// To go on: read the file, stop if it is [no file of results](Journal::is_result_file), cut it to
/// [`whole_bytes`](Journal::whole_bytes), write [`glue`](Journal::glue), and append. Where files cannot be cut, writing a line end first
/// will do: what is left of the torn line is then passed over. The file may then have several results of a request;
/// [`latest`](Journal::latest) says which lines make a file with one of each.
#[derive(Clone, Default)]
pub struct Journal {
    /// By the request's own id and its digest.
    results: HashMap<(String, u64), Found>,
    lines: Lines,
}

/// The latest result of a request.
#[derive(Clone)]
struct Found {
    well: bool,
    /// Where its line stands in the file, without the line end.
    at: Range<u64>,
}

/// What a journal needs of a result line.
#[derive(Deserialize)]
struct Entry {
    custom_id: String,
    request: String,
    /// Whatever it is: there, it failed.
    #[serde(default)]
    error: Option<IgnoredAny>,
}

impl Journal {
    /// A journal without entries.
    pub fn new() -> Self {
        Journal::default()
    }

    /// Takes in the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        let results = &mut self.results;
        self.lines.feed(bytes, |line, at| read_result(results, line, at));
    }

    /// The file is at its end. A last line without a line end counts if it is whole: a part of one never is.
    ///
    /// A last line that neither is a result nor can be the beginning of one is not torn by a writer of results. It is left in the file,
    /// and counts as damaged.
    pub fn end(&mut self) {
        let results = &mut self.results;
        self.lines.end(|line, at| read_result(results, line, at));
    }

    /// How many requests have a result.
    pub fn finished(&self) -> usize {
        self.results.len()
    }

    /// How many of them failed.
    pub fn failed(&self) -> usize {
        self.results.values().filter(|found| !found.well).count()
    }

    /// Whether what was read can be a file of results. An empty file is one, and so is one with nothing but the torn beginning of a
    /// first line. A file in which other lines outnumber the results is none.
    ///
    /// Any other file would be damaged by cutting it and appending to it: refuse it before a byte is changed.
    pub fn is_result_file(&self) -> bool {
        self.lines.are_of_this_kind()
    }

    /// How many lines with a result are replaced by a later line for the same request.
    pub fn superseded(&self) -> u64 {
        self.lines.good().saturating_sub(self.results.len() as u64)
    }

    /// Where the lines stand that count, in bytes from the start of the file and in its order, without their line ends: for each
    /// request its latest result. Written to a new file, each with a line end, they make a file with one result a request.
    pub fn latest(&self) -> Vec<Range<u64>> {
        let mut lines: Vec<_> = self.results.values().map(|found| found.at.clone()).collect();
        lines.sort_by_key(|line| line.start);
        lines
    }

    /// Forgets the results of lines that stood in the file of requests once: of an id that these requests have, only the results of
    /// these requests count. Give it all requests of the file, as a [`Plan`](super::jsonl::Plan) with an empty journal makes them.
    pub fn keep_current(&mut self, requests: impl IntoIterator<Item = BatchRequest>) {
        let (mut ids, mut current) = (HashSet::new(), HashSet::new());
        for request in requests {
            ids.insert(request.custom_id().to_owned());
            current.insert((request.custom_id().to_owned(), request.digest()));
        }
        // A line without an id is known by nothing else.
        self.results.retain(|key, _| current.contains(key) || !(key.0.is_empty() || ids.contains(&key.0)));
    }

    /// How many lines inside of the file could not be read. Their requests count as not made.
    pub fn damaged(&self) -> u64 {
        self.lines.damaged()
    }

    /// How long the file is up to its last whole line: what is behind is a torn one.
    pub fn whole_bytes(&self) -> u64 {
        self.lines.whole_bytes()
    }

    /// What must be written before the next line: a line end, if the last one has none.
    pub fn glue(&self) -> &'static str {
        self.lines.glue()
    }

    /// Whether a request has its result, and whether that is not an error.
    pub(super) fn result(&self, custom_id: &str, digest: u64) -> Option<bool> {
        self.results.get(&(custom_id.to_owned(), digest)).map(|found| found.well)
    }
}

/// Takes in a line; false if it is not a result.
fn read_result(results: &mut HashMap<(String, u64), Found>, line: &[u8], at: Range<u64>) -> bool {
    let Ok(entry) = serde_json::from_slice::<Entry>(line) else { return false };
    let Ok(digest) = u64::from_str_radix(&entry.request, 16) else { return false };
    // Of two results the later one counts.
    results.insert((entry.custom_id, digest), Found { well: entry.error.is_none(), at });
    true
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("finished", &self.finished())
            .field("failed", &self.failed())
            .field("damaged", &self.damaged())
            .field("whole_bytes", &self.whole_bytes())
            .finish_non_exhaustive()
    }
}
