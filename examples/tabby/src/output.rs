//! Text for people, JSON for scripts.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::Value;
use tabbyapi::api::Usage;

use crate::failure::Failure;

#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    colour: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Output { json, colour: !json && wanted && stdout().is_terminal() }
    }

    pub fn is_json(self) -> bool {
        self.json
    }

    /// One value: as JSON, or as the text that is made of it.
    pub fn print<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        let text = match self.json {
            true => serde_json::to_string_pretty(value).map_err(|error| Failure::Other(error.to_string()))?,
            false => text(value),
        };
        match text.is_empty() {
            true => Ok(()),
            false => Ok(writeln!(stdout(), "{}", text.trim_end_matches('\n'))?),
        }
    }

    /// One value of many, on a line of its own.
    pub fn json_line<T: Serialize>(self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(|error| Failure::Other(error.to_string()))?;
        Ok(writeln!(stdout(), "{text}")?)
    }

    /// Text that goes on, shown at once.
    pub fn piece(self, text: &str) -> Result<(), Failure> {
        let mut out = stdout();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// The same, such as reasoning, in the background.
    pub fn faint_piece(self, text: &str) -> Result<(), Failure> {
        match self.colour {
            true => self.piece(&format!("\x1b[2m{text}\x1b[22m")),
            false => self.piece(text),
        }
    }

    /// What is neither answer nor error.
    pub fn note(self, text: &str) {
        if !self.json {
            let faint = stderr().is_terminal() && self.colour;
            let (on, off) = if faint { ("\x1b[2m", "\x1b[22m") } else { ("", "") };
            // Where standard error is gone there is nobody to tell.
            let _ = writeln!(stderr(), "{on}{text}{off}");
        }
    }

    pub fn failure(self, failure: &Failure) {
        let text = match self.json {
            true => failure.json().to_string(),
            false => format!("error: {failure}"),
        };
        let _ = writeln!(stderr(), "{text}");
    }

    /// Tokens and speed of an answer.
    pub fn stats(self, usage: Option<&Usage>, elapsed: Option<Duration>, first: Option<Duration>) {
        let Some(usage) = usage else { return };
        // The server leaves the rate open for answers that were too quick to measure.
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

    /// A bar on a terminal, nothing elsewhere.
    pub fn bar(self) -> ProgressBar {
        if self.json || !stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len}");
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    }

    /// A sign of life on a terminal, nothing elsewhere.
    pub fn spinner(self, message: String) -> ProgressBar {
        if self.json || !stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let spinner = ProgressBar::new_spinner().with_message(message);
        spinner.enable_steady_tick(Duration::from_millis(120));
        spinner
    }
}

/// Rows in columns, each as wide as it needs.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|n| rows.iter().filter_map(|row| row.get(n)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A value in a cell.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}
