//! The progress of a load.

use std::io::{self, IsTerminal, stderr};
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::Output;

/// A bar on a terminal, a line for each step otherwise, nothing for JSON, which has its own lines.
pub struct Progress {
    output: Output,
    bar: Option<ProgressBar>,
    /// The last line, since some steps are reported twice.
    last: String,
}

impl Progress {
    pub(super) fn new(output: Output) -> Self {
        let bar = (!output.json && stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{msg} [{wide_bar}] {pos}/{len}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
            ProgressBar::with_draw_target(Some(0), Narrow::target()).with_style(style)
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

/// A spinner, which is cleared when it is dropped.
pub struct Spinner(ProgressBar);

impl Spinner {
    pub(super) fn new(output: Output, message: &str) -> Self {
        if output.json || !stderr().is_terminal() {
            return Spinner(ProgressBar::hidden());
        }
        let style =
            ProgressStyle::with_template("{spinner} {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let spinner = Spinner(ProgressBar::with_draw_target(None, Narrow::target()).with_style(style));
        spinner.set_message(message);
        spinner.0.enable_steady_tick(Duration::from_millis(120));
        spinner
    }

    pub fn set_message(&self, message: &str) {
        self.0.set_message(super::safe::line(message).into_owned());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The terminal without its last columns, so that the `^C` for Ctrl-C is in the line of the bar and is cleared with it. With
/// full lines, it would start the next line, and the bar would stay.
#[derive(Debug)]
struct Narrow(Term);

impl Narrow {
    const LEFT: u16 = 3;
    /// The number of redraws per second.
    const RATE: u8 = 20;

    fn target() -> ProgressDrawTarget {
        ProgressDrawTarget::term_like_with_hz(Box::new(Narrow(Term::buffered_stderr())), Self::RATE)
    }
}

impl TermLike for Narrow {
    fn width(&self) -> u16 {
        self.0.size().1.saturating_sub(Self::LEFT)
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}
