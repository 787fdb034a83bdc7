//! Text for people, JSON for scripts.

mod flow;
mod line;
mod progress;
pub mod safe;
mod table;
mod wrap;

use std::borrow::Cow;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::time::Duration;

use clap::ColorChoice;
use console::Term;
use serde::Serialize;
use serde_json::json;
use tabbyapi::api::Usage;

pub use line::Line;
pub use progress::{Progress, Spinner};
pub use table::{plain, table};

use crate::failure::Failure;

/// Where and how to print.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    /// Whether standard output takes colours, and standard error.
    colours: (bool, bool),
}

const FAINT: &str = "2";
const RED: &str = "1;31";
const ERROR: &str = "error:";

impl Output {
    pub fn new(json: bool, choice: ColorChoice) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let colours = match choice {
            _ if json => (false, false),
            ColorChoice::Always => (true, true),
            ColorChoice::Never => (false, false),
            ColorChoice::Auto if set("NO_COLOR") || is_dumb() => (false, false),
            ColorChoice::Auto => (stdout().is_terminal(), stderr().is_terminal()),
        };
        Output { json, colours }
    }

    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints one value: as JSON, or as its text, without terminal control characters.
    pub fn print<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        let text = match self.json {
            true => {
                let json = serde_json::to_string_pretty(value).map_err(|error| Failure::Other(error.to_string()))?;
                safe::json(&json).into_owned()
            }
            false => safe::text(&text(value)).into_owned(),
        };
        match text.trim_end_matches('\n') {
            "" => Ok(()),
            text => self.piece(&format!("{text}\n")),
        }
    }

    /// Prints one of many values, on a separate line.
    pub fn json_line<T: Serialize>(self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(|error| Failure::Other(error.to_string()))?;
        Ok(writeln!(stdout(), "{}", safe::json(&text))?)
    }

    /// Prints text at once. Files and pipes receive it unchanged, terminals without control characters.
    pub fn piece(self, text: &str) -> Result<(), Failure> {
        self.write(&self.shown(text), false)
    }

    /// The text as it is shown.
    fn shown(self, text: &str) -> Cow<'_, str> {
        if self.colours.0 || stdout().is_terminal() { safe::text(text) } else { text.into() }
    }

    /// Writes text to show, such as dimmed reasoning.
    fn write(self, text: &str, faint: bool) -> Result<(), Failure> {
        let mut out = stdout();
        match faint && self.colours.0 {
            true => out.write_all(styled(FAINT, text).as_bytes())?,
            false => out.write_all(text.as_bytes())?,
        }
        Ok(out.flush()?)
    }

    /// The width of standard output, if it is a terminal on which text can be erased.
    fn columns(self) -> Option<usize> {
        let (_, columns) = Term::stdout().size_checked().filter(|_| !is_dumb())?;
        Some(columns.into())
    }

    /// Prints several notes, one per line.
    pub fn notes(self, text: &str) {
        match self.json {
            true => self.note(text),
            false => text.lines().for_each(|line| self.note(line)),
        }
    }

    /// Notes how often a response was resumed, if it was.
    pub fn resumed(self, times: u32) {
        match times {
            0 => {}
            1 => self.note("(it broke off once, and was resumed)"),
            _ => self.note(&format!("(it broke off {times} times, and was resumed)")),
        }
    }

    /// Prints a note, which is neither response nor error, in a line.
    pub fn note(self, text: &str) {
        let text = match (self.json, self.colours.1) {
            (true, _) => safe::json(&json!({"note": text}).to_string()).into_owned(),
            (_, true) => styled(FAINT, &fitting(&safe::line(text))),
            _ => fitting(&safe::line(text)),
        };
        // If standard error is closed, the note is lost.
        let _ = writeln!(stderr(), "{text}");
    }

    pub fn failure(self, failure: &Failure) {
        if matches!(failure, Failure::Closed) {
            return;
        }
        let text = match self.json {
            true => safe::json(&failure.json().to_string()).into_owned(),
            false => {
                let text = fitting(&format!("{ERROR} {}", safe::line(&failure.to_string())));
                match text.strip_prefix(ERROR).filter(|_| self.colours.1) {
                    Some(rest) => styled(RED, ERROR) + rest,
                    None => text,
                }
            }
        };
        let _ = writeln!(stderr(), "{text}");
    }

    /// Prints tokens and speed of a response, which JSON output includes.
    pub fn stats(self, usage: Option<&Usage>, elapsed: Option<Duration>, first: Option<Duration>) {
        let Some(usage) = usage.filter(|_| !self.json) else { return };
        // The server reports no rate for responses that were too fast to measure.
        let measured = elapsed.map(|time| usage.completion_tokens as f64 / time.as_secs_f64().max(1e-9));
        let rate = usage.completion_tokens_per_sec.as_ref().and_then(|rate| rate.per_second()).or(measured);
        let first = first.map(|time| format!(", first after {:.2} s", time.as_secs_f64())).unwrap_or_default();
        self.note(&format!(
            "{} tokens in, {} out, {:.1} tokens/s{first}",
            usage.prompt_tokens,
            usage.completion_tokens,
            rate.unwrap_or_default()
        ));
    }

    /// Progress: a bar on a terminal, lines otherwise.
    pub fn progress(self) -> Progress {
        Progress::new(self)
    }

    /// A spinner on a terminal, nothing otherwise.
    pub fn spinner(self, message: &str) -> Spinner {
        Spinner::new(self, message)
    }

    /// A line that is open until it is dropped.
    pub fn line(self) -> Line {
        Line::new(self)
    }
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|value| value == "dumb")
}

/// A count with its noun, such as `1 result` and `2 results`.
pub fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Lines for standard error: wrapped between words on a terminal, unchanged otherwise.
fn fitting(text: &str) -> String {
    match Term::stderr().size_checked() {
        Some((_, columns)) => wrap::wrap(text, usize::from(columns)),
        None => text.to_owned(),
    }
}

fn styled(style: &str, text: &str) -> String {
    format!("\x1b[{style}m{text}\x1b[0m")
}
