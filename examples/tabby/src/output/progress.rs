//! How far a load is.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Output;

/// A bar on a terminal, a line for each step elsewhere, nothing for JSON, which has lines of its own.
pub struct Progress {
    output: Output,
    bar: Option<ProgressBar>,
    /// The last line, since some steps are told twice.
    last: String,
}

impl Progress {
    pub(super) fn new(output: Output) -> Self {
        let bar = (!output.json && stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{msg} [{wide_bar}] {pos}/{len}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
            ProgressBar::new(0).with_style(style)
        });
        Progress { output, bar, last: String::new() }
    }

    pub fn step(&mut self, what: &str, done: u64, all: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(super::visible(what).into_owned());
            bar.set_length(all);
            bar.set_position(done);
        } else if !self.output.json {
            let line = format!("{what} {done}/{all}");
            if line != self.last {
                self.output.note(&line);
                self.last = line;
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

pub(super) fn spinner(output: Output, message: String) -> ProgressBar {
    if output.json || !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::new_spinner().with_message(super::visible(&message).into_owned());
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}
