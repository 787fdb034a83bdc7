//! `Journal`: which requests of a file have their result, read from the file of results.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::jsonl::BatchRequest;

/// Longer lines are taken for damaged: no answer is that long.
const LONGEST_LINE: usize = 256 << 20;

/// Which requests have their result, read from the file that results are appended to.
///
/// The file of results is the journal: there is no other one that could differ from it. A process that is killed leaves whole lines
/// and at most one that is torn. Reading it back tells what is finished, where the file is whole up to, and what must be
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
    /// How many lines have a result.
    lines: u64,
    /// The line that has not come to its end.
    line: Vec<u8>,
    /// It is too long, and not kept.
    overlong: bool,
    bytes: u64,
    whole: u64,
    damaged: u64,
    /// How many lines neither are results nor can be what a killed writer left of one.
    alien: u64,
    ends_open: bool,
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
    pub fn feed(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        while let Some(at) = memchr::memchr(b'\n', bytes) {
            self.push(&bytes[..at]);
            bytes = &bytes[at + 1..];
            let end = self.bytes - bytes.len() as u64;
            if !self.read_line(end - 1) {
                self.damaged += 1;
                self.alien += u64::from(self.is_alien());
            }
            self.line.clear();
            self.overlong = false;
            self.whole = end;
        }
        self.push(bytes);
    }

    /// The file is at its end. A last line without a line end counts if it is whole: a part of one never is.
    ///
    /// A last line that neither is a result nor can be the beginning of one is not torn by a writer of results. It is left in the file,
    /// and counts as damaged.
    pub fn end(&mut self) {
        self.ends_open = false;
        if !self.line.is_empty() {
            let read = self.read_line(self.bytes);
            let alien = !read && self.is_alien();
            self.damaged += u64::from(alien);
            self.alien += u64::from(alien);
            if read || alien {
                self.whole = self.bytes;
                self.ends_open = true;
            }
        }
        self.line.clear();
        self.overlong = false;
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
        self.alien <= self.lines
    }

    /// How many lines with a result are replaced by a later line for the same request.
    pub fn superseded(&self) -> u64 {
        self.lines.saturating_sub(self.results.len() as u64)
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
        self.damaged
    }

    /// How long the file is up to its last whole line: what is behind is a torn one.
    pub fn whole_bytes(&self) -> u64 {
        self.whole
    }

    /// What must be written before the next line: a line end, if the last one has none.
    pub fn glue(&self) -> &'static str {
        if self.ends_open { "\n" } else { "" }
    }

    /// Whether a request has its result, and whether that is no error.
    pub(super) fn result(&self, custom_id: &str, digest: u64) -> Option<bool> {
        self.results.get(&(custom_id.to_owned(), digest)).map(|found| found.well)
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.line.len() + bytes.len() > LONGEST_LINE {
            self.overlong = true;
            self.line = Vec::new();
        }
        if !self.overlong {
            self.line.extend_from_slice(bytes);
        }
    }

    /// Takes in the line that ends here; false if it is none.
    fn read_line(&mut self, end: u64) -> bool {
        if !self.overlong && self.line.trim_ascii().is_empty() {
            return true;
        }
        let entry = serde_json::from_slice::<Entry>(&self.line).ok();
        let Some((entry, digest)) =
            entry.and_then(|entry| u64::from_str_radix(&entry.request, 16).ok().map(|digest| (entry, digest)))
        else {
            return false;
        };
        // Of two results the later one counts.
        let at = end - self.line.len() as u64..end;
        self.results.insert((entry.custom_id, digest), Found { well: entry.error.is_none(), at });
        self.lines += 1;
        true
    }

    /// Whether the line cannot be what is left of a result: the beginning of an object that does not come to its end.
    fn is_alien(&self) -> bool {
        let line = self.line.trim_ascii_start();
        let is_cut = || serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof());
        let torn = self.overlong || (line.starts_with(b"{") && is_cut());
        !torn
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("finished", &self.finished())
            .field("failed", &self.failed())
            .field("damaged", &self.damaged)
            .field("whole_bytes", &self.whole)
            .finish_non_exhaustive()
    }
}
