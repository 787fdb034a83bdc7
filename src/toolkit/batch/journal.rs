//! `Journal`: which requests of a file have a result, read from the file of results.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::jsonl::BatchRequest;
use super::lines::Lines;

/// Records which requests have a result, read from the file to which results are appended.
///
/// The file of results is itself the journal, so the two cannot differ. A process that is killed leaves whole lines and at most
/// one torn line. Reading the file back shows which requests are finished, up to where the file is whole, and what must be
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
/// To continue: read the file, stop if it is [not a file of results](Journal::is_result_file), truncate it to
/// [`whole_bytes`](Journal::whole_bytes), write [`glue`](Journal::glue), and append. If the file cannot be truncated, write a
/// line end first: the rest of the torn line is then skipped. The file may then have several results of a request;
/// [`latest`](Journal::latest) returns the lines of a file with one of each.
#[derive(Clone, Default)]
pub struct Journal {
    /// By the id and the digest of the request.
    results: HashMap<(String, u64), Found>,
    lines: Lines,
}

/// The latest result of a request.
#[derive(Clone)]
struct Found {
    well: bool,
    /// The range of its line in the file, without the line end.
    at: Range<u64>,
}

/// The fields of a result line that a journal needs.
#[derive(Deserialize)]
struct Entry {
    custom_id: String,
    request: String,
    /// Its value is ignored: if it is present, the request failed.
    #[serde(default)]
    error: Option<IgnoredAny>,
}

impl Journal {
    /// Creates a journal without entries.
    pub fn new() -> Self {
        Journal::default()
    }

    /// Reads the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        let results = &mut self.results;
        self.lines.feed(bytes, |line, at| read_result(results, line, at));
    }

    /// Ends the file. A last line without a line end counts if it is complete JSON, which a part of a line never is.
    /// A last line that is neither a result nor the possible beginning of one was not written by a writer of results. It stays in
    /// the file and counts as damaged.
    pub fn end(&mut self) {
        let results = &mut self.results;
        self.lines.end(|line, at| read_result(results, line, at));
    }

    /// Returns how many requests have a result.
    pub fn finished(&self) -> usize {
        self.results.len()
    }

    /// Returns how many of them failed.
    pub fn failed(&self) -> usize {
        self.results.values().filter(|found| !found.well).count()
    }

    /// Returns whether the data can be a file of results. An empty file is one, and so is a file with only the torn beginning of
    /// a first line. A file in which other lines outnumber the results is not.
    /// Truncating and appending would damage any other file: reject it before changing it.
    pub fn is_result_file(&self) -> bool {
        self.lines.are_of_this_kind()
    }

    /// Returns how many lines with a result are replaced by a later line for the same request.
    pub fn superseded(&self) -> u64 {
        self.lines.good().saturating_sub(self.results.len() as u64)
    }

    /// Returns the ranges of the lines with the latest result of each request, in bytes and in the order of the file, without
    /// their line ends. Written to a new file, each with a line end, they make a file with one result per request.
    pub fn latest(&self) -> Vec<Range<u64>> {
        let mut lines: Vec<_> = self.results.values().map(|found| found.at.clone()).collect();
        lines.sort_by_key(|line| line.start);
        lines
    }

    /// Removes the results of lines that are no longer in the file of requests. For each id in `requests`, only the results of
    /// these requests are kept. Pass all requests of the file, as a [`Plan`](super::jsonl::Plan) with an empty journal returns
    /// them.
    pub fn keep_current(&mut self, requests: impl IntoIterator<Item = BatchRequest>) {
        let (mut ids, mut current) = (HashSet::new(), HashSet::new());
        for request in requests {
            ids.insert(request.custom_id().to_owned());
            current.insert((request.custom_id().to_owned(), request.digest()));
        }
        // A line without an id is identified only by its digest.
        self.results.retain(|key, _| current.contains(key) || !(key.0.is_empty() || ids.contains(&key.0)));
    }

    /// Returns how many lines inside the file could not be read. Their requests count as not made.
    pub fn damaged(&self) -> u64 {
        self.lines.damaged()
    }

    /// Returns the length of the file up to its last whole line, in bytes. A torn line may follow.
    pub fn whole_bytes(&self) -> u64 {
        self.lines.whole_bytes()
    }

    /// Returns what must be written before the next line: a line end, if the last one has none.
    pub fn glue(&self) -> &'static str {
        self.lines.glue()
    }

    /// Returns whether a request has a result, and whether that is a success.
    pub(super) fn result(&self, custom_id: &str, digest: u64) -> Option<bool> {
        self.results.get(&(custom_id.to_owned(), digest)).map(|found| found.well)
    }
}

/// Reads a line. Returns false if it is not a result.
fn read_result(results: &mut HashMap<(String, u64), Found>, line: &[u8], at: Range<u64>) -> bool {
    let Ok(entry) = serde_json::from_slice::<Entry>(line) else { return false };
    let Ok(digest) = u64::from_str_radix(&entry.request, 16) else { return false };
    // If there are two results, the later one counts.
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
