//! `Lines`: reads a file of JSON lines back after its writer may have been killed.

use std::fmt;
use std::ops::Range;

use serde::de::IgnoredAny;

/// Longer lines count as damaged: no response is that long.
const LONGEST_LINE: usize = 256 << 20;

/// Splits a file into lines. Finds up to where it is whole, and whether it is a file of such lines at all.
#[derive(Clone, Default)]
pub(super) struct Lines {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// It is too long, and is not kept.
    overlong: bool,
    bytes: u64,
    whole: u64,
    good: u64,
    damaged: u64,
    /// The number of lines that are neither good nor the rest of a good line from a writer that was killed.
    alien: u64,
    ends_open: bool,
}

impl Lines {
    /// Reads the next bytes of the file. `read` is called with each line, without its line end, and its range in the file. It
    /// returns false if the line does not belong to this kind of file. Empty lines are skipped.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut read: impl FnMut(&[u8], Range<u64>) -> bool) {
        self.bytes += bytes.len() as u64;
        while let Some(at) = memchr::memchr(b'\n', bytes) {
            self.push(&bytes[..at]);
            bytes = &bytes[at + 1..];
            let end = self.bytes - bytes.len() as u64;
            if !self.read_line(end - 1, &mut read) {
                self.damaged += 1;
                self.alien += u64::from(self.is_alien());
            }
            self.line.clear();
            self.overlong = false;
            self.whole = end;
        }
        self.push(bytes);
    }

    /// Ends the file. A last line without a line end counts if it is whole.
    pub(super) fn end(&mut self, mut read: impl FnMut(&[u8], Range<u64>) -> bool) {
        self.ends_open = false;
        if !self.line.is_empty() {
            let good = self.read_line(self.bytes, &mut read);
            let alien = !good && self.is_alien();
            self.damaged += u64::from(alien);
            self.alien += u64::from(alien);
            if good || alien {
                self.whole = self.bytes;
                self.ends_open = true;
            }
        }
        self.line.clear();
        self.overlong = false;
    }

    /// The number of lines that `read` accepted.
    pub(super) fn good(&self) -> u64 {
        self.good
    }

    /// The number of lines inside the file that could not be read.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The length of the file up to its last whole line, in bytes.
    pub(super) fn whole_bytes(&self) -> u64 {
        self.whole
    }

    /// The text that must be written before the next line.
    pub(super) fn glue(&self) -> &'static str {
        if self.ends_open { "\n" } else { "" }
    }

    /// Whether other lines do not outnumber the good ones.
    pub(super) fn are_of_this_kind(&self) -> bool {
        self.alien <= self.good
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

    fn read_line(&mut self, end: u64, read: &mut impl FnMut(&[u8], Range<u64>) -> bool) -> bool {
        if self.overlong {
            return false;
        }
        if self.line.trim_ascii().is_empty() {
            return true;
        }
        let good = read(&self.line, end - self.line.len() as u64..end);
        self.good += u64::from(good);
        good
    }

    /// Whether the line cannot be the rest of a good one, which is the beginning of an object without its end.
    fn is_alien(&self) -> bool {
        let line = self.line.trim_ascii_start();
        let is_cut = || serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof());
        let torn = self.overlong || (line.starts_with(b"{") && is_cut());
        !torn
    }
}

impl fmt::Debug for Lines {
    // Omits the bytes, which contain responses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("good", &self.good)
            .field("damaged", &self.damaged)
            .field("whole_bytes", &self.whole)
            .finish_non_exhaustive()
    }
}
