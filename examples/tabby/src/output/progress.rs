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
            bar.set_message(super::safe::line(what).into_owned());
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

/// A sign of life, which goes away when it is dropped.
pub struct Spinner(ProgressBar);

impl Spinner {
    pub(super) fn new(output: Output, message: &str) -> Self {
        if output.json || !stderr().is_terminal() {
            return Spinner(ProgressBar::hidden());
        }
        let spinner = Spinner(ProgressBar::new_spinner());
        spinner.tell(message);
        spinner.0.enable_steady_tick(Duration::from_millis(120));
        spinner
    }

    pub fn tell(&self, message: &str) {
        self.0.set_message(super::safe::line(message).into_owned());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
