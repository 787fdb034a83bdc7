//! `Journal`: which requests of a file have their result, read from the file of results.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;

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
/// To go on: read the file, cut it to [`whole_bytes`](Journal::whole_bytes), write [`glue`](Journal::glue), and append. Where files cannot be
/// cut, writing a line end first will do: what is left of the torn line is then passed over.
#[derive(Clone, Default)]
pub struct Journal {
    /// By the request's own id and its digest: whether it went well.
    results: HashMap<(String, u64), bool>,
    /// The line that has not come to its end.
    line: Vec<u8>,
    /// It is too long, and not kept.
    overlong: bool,
    bytes: u64,
    whole: u64,
    damaged: u64,
    ends_open: bool,
}

/// What a journal needs of a result line.
#[derive(Deserialize)]
struct Entry {
    custom_id: String,
    request: String,
    /// Whatever it is: there, it failed.
    #[serde(default)]
    error: Option<serde::de::IgnoredAny>,
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
            let read = self.read_line();
            self.damaged += u64::from(!read);
            self.line.clear();
            self.overlong = false;
            self.whole = self.bytes - bytes.len() as u64;
        }
        self.push(bytes);
    }

    /// The file is at its end. A last line without a line end counts if it is whole: a part of one never is.
    pub fn end(&mut self) {
        self.ends_open = false;
        if !self.line.is_empty() && self.read_line() {
            self.whole = self.bytes;
            self.ends_open = true;
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
        self.results.values().filter(|well| !**well).count()
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
        self.results.get(&(custom_id.to_owned(), digest)).copied()
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

    /// Takes the line in; false if it is none.
    fn read_line(&mut self) -> bool {
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
        self.results.insert((entry.custom_id, digest), entry.error.is_none());
        true
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
