//! A line of output that stays open until it is closed.

use std::borrow::Cow;

use super::Output;
use super::flow::Flow;
use crate::failure::Failure;

/// A line of output that is always ended, also after Ctrl-C, so that the next output starts on a new line.
pub struct Line {
    output: Output,
    open: bool,
    flow: Flow,
}

impl Line {
    pub(super) fn new(output: Output) -> Self {
        Line { output, open: false, flow: Flow::default() }
    }

    pub fn piece(&mut self, text: &str) -> Result<(), Failure> {
        let text = self.next(text);
        self.output.write(&text, false)
    }

    /// The same, dimmed.
    pub fn faint_piece(&mut self, text: &str) -> Result<(), Failure> {
        let text = self.next(text);
        self.output.write(&text, true)
    }

    /// The piece as it is written.
    fn next<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        self.open = text.chars().last().map_or(self.open, |last| last != '\n');
        let text = self.output.shown(text);
        match self.output.columns() {
            Some(columns) => self.flow.put(&text, columns).into(),
            None => text,
        }
    }

    pub fn close(&mut self) -> Result<(), Failure> {
        match std::mem::take(&mut self.open) {
            true => self.piece("\n"),
            false => Ok(()),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // The output may be closed.
        let _ = self.close();
    }
}
