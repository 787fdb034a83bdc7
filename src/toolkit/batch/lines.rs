//! `Lines`: a file of JSON lines that is appended to, read back after its writer was killed.

use std::fmt;
use std::ops::Range;

use serde::de::IgnoredAny;

/// Longer lines are taken for damaged: no answer is that long.
const LONGEST_LINE: usize = 256 << 20;

/// Splits a file into lines, and finds where it is whole up to and whether it is a file of such lines at all.
#[derive(Clone, Default)]
pub(super) struct Lines {
    /// The line that has not come to its end.
    line: Vec<u8>,
    /// It is too long, and not kept.
    overlong: bool,
    bytes: u64,
    whole: u64,
    good: u64,
    damaged: u64,
    /// How many lines neither are good nor can be what a killed writer left of one.
    alien: u64,
    ends_open: bool,
}

impl Lines {
    /// Takes in the next bytes of the file. `read` gets each line without its line end, and the bytes of the file where it stands, and
    /// returns false if the line is not one of this kind of file. Empty lines are passed over.
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

    /// The file is at its end. A last line without a line end counts if it is whole.
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

    /// How many lines `read` took.
    pub(super) fn good(&self) -> u64 {
        self.good
    }

    /// How many lines inside of the file could not be read.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// How long the file is up to its last whole line.
    pub(super) fn whole_bytes(&self) -> u64 {
        self.whole
    }

    /// What must be written before the next line.
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

    /// Whether the line cannot be what is left of a good one: the beginning of an object that does not come to its end.
    fn is_alien(&self) -> bool {
        let line = self.line.trim_ascii_start();
        let is_cut = || serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof());
        let torn = self.overlong || (line.starts_with(b"{") && is_cut());
        !torn
    }
}

impl fmt::Debug for Lines {
    // The bytes are left out: they hold answers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("good", &self.good)
            .field("damaged", &self.damaged)
            .field("whole_bytes", &self.whole)
            .finish_non_exhaustive()
    }
}
