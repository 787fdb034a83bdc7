//! The result of an examination.

use std::fmt::{self, Write};

use serde::Serialize;

use crate::base::secrets::Secrets;
use crate::toolkit::doctor::check::{Check, Severity};
use crate::toolkit::doctor::drift::Drift;

/// The maximum number of listed findings of one check.
const MOST_OF_A_CHECK: usize = 4;

/// A problem, or a remark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The check, with its explanation.
    #[serde(flatten)]
    pub check: Check,
    /// The operation, such as `GET /v1/model`. Empty if it is about the whole server.
    pub at: String,
    /// What was seen, without keys.
    pub seen: String,
}

/// One request of an examination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Probe {
    /// The operation, such as `GET /v1/model`.
    pub at: String,
    /// What the request is for.
    pub purpose: &'static str,
    /// The status of the response. `None` if there was none.
    pub status: Option<u16>,
    /// The time until the end of the response, in milliseconds.
    pub ms: u64,
}

/// The result of an examination. `Display` writes text for people. The JSON form has all of it.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The address of the server.
    pub url: String,
    /// What is known about the server: pairs of a name and a value, in order.
    pub facts: Vec<(String, String)>,
    /// The findings, the most severe first.
    pub findings: Vec<Finding>,
    /// The requests that were sent.
    pub probes: Vec<Probe>,
    /// How the server differs from the document that was set, if one was.
    pub drift: Option<Drift>,
}

impl Report {
    /// Returns whether there are no findings.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Returns whether there is a finding of this check, such as `done-missing`.
    pub fn has(&self, id: &str) -> bool {
        self.findings.iter().any(|finding| finding.check.id == id)
    }

    /// Returns the number of findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.check.severity == severity).count()
    }

    /// Returns the report as Markdown, for a bug report. It does not contain keys, but the address of the server and names of
    /// models.
    pub fn to_markdown(&self) -> String {
        let mut out = format!("# Report on {}\n\n", code(&self.url));
        out += "| | |\n|---|---|\n";
        for (name, value) in &self.facts {
            let _ = writeln!(out, "| {} | {} |", cell(name), cell(value));
        }
        let _ = writeln!(out, "\n## Findings\n");
        if self.findings.is_empty() {
            out += "None.\n";
        }
        for finding in &self.findings {
            let Check { id, severity, why, breaks, fix } = finding.check;
            let at = if finding.at.is_empty() { String::new() } else { format!(" at {}", code(&finding.at)) };
            let _ = writeln!(out, "* **{}** `{id}`{at}: {}", severity.as_str(), escaped(&finding.seen));
            let _ = writeln!(out, "  * {why} Breaks {breaks}.");
            let _ = writeln!(out, "  * To do: {fix}.");
        }
        if let Some(drift) = &self.drift {
            let _ = writeln!(out, "\n## Differences from the known document\n\n```text\n{}\n```", fenced(drift));
        }
        let _ = writeln!(out, "\n## Requests\n\n| request | purpose | status | ms |\n|---|---|---|---|");
        for probe in &self.probes {
            let status = probe.status.map_or("none".to_owned(), |status| status.to_string());
            let _ = writeln!(out, "| {} | {} | {status} | {} |", cell(&probe.at), probe.purpose, probe.ms);
        }
        out
    }

    /// Sorts the findings, limits those of one check, and removes secrets from all texts.
    pub(super) fn finish(&mut self, secrets: &Secrets) {
        secrets.remove_from(&mut self.url);
        self.facts.iter_mut().for_each(|(_, value)| secrets.remove_from(value));
        for changes in self.drift.iter_mut().flat_map(|drift| [&mut drift.new, &mut drift.gone, &mut drift.changed]) {
            for change in changes {
                secrets.remove_from(&mut change.at);
                secrets.remove_from(&mut change.what);
            }
        }
        self.findings = finished(std::mem::take(&mut self.findings), secrets);
    }
}

/// Sorts findings, and removes duplicates and secrets.
pub(super) fn finished(findings: Vec<Finding>, secrets: &Secrets) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for mut finding in findings {
        secrets.remove_from(&mut finding.seen);
        secrets.remove_from(&mut finding.at);
        let same = kept.iter().filter(|one| one.check.id == finding.check.id).count();
        if !kept.contains(&finding) && same < MOST_OF_A_CHECK {
            kept.push(finding);
        }
    }
    kept.sort_by_key(|finding| std::cmp::Reverse(finding.check.severity));
    kept
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.url)?;
        let width = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, value) in &self.facts {
            writeln!(f, "  {name:width$}  {value}")?;
        }
        writeln!(f)?;
        for finding in &self.findings {
            let Check { id, severity, why, breaks, fix } = finding.check;
            let at = if finding.at.is_empty() { String::new() } else { format!("{}: ", finding.at) };
            writeln!(f, "{} {id}: {at}{}", severity.as_str(), finding.seen)?;
            writeln!(f, "  {why} Breaks {breaks}.")?;
            writeln!(f, "  To do: {fix}.\n")?;
        }
        if let Some(drift) = &self.drift {
            writeln!(f, "{drift}")?;
        }
        write!(f, "{}", counted(self.probes.len(), "request"))?;
        for severity in [Severity::Error, Severity::Warning, Severity::Note] {
            write!(f, ", {}", counted(self.count(severity), severity.as_str()))?;
        }
        Ok(())
    }
}

fn counted(number: usize, word: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {word}{end}")
}

/// Collects the findings about one operation.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The operation.
    pub(super) at: String,
    pub(super) findings: Vec<Finding>,
}

impl Notes {
    pub(super) fn new(at: impl Into<String>) -> Self {
        Notes { at: at.into(), findings: Vec::new() }
    }

    pub(super) fn add(&mut self, check: Check, seen: impl Into<String>) {
        // A few of a kind are enough; a stream of a thousand chunks could repeat one as often.
        let same = self.findings.iter().filter(|one| one.check.id == check.id).count();
        if same < MOST_OF_A_CHECK {
            self.findings.push(Finding { check, at: self.at.clone(), seen: seen.into() });
        }
    }

    pub(super) fn has(&self, check: Check) -> bool {
        self.findings.iter().any(|finding| finding.check.id == check.id)
    }
}

/// Quotes a short excerpt of a server's text without control characters.
pub(super) fn quote(text: &str) -> String {
    const MOST: usize = 80;
    let mut short: String = text.trim().chars().take(MOST).collect();
    if text.trim().chars().nth(MOST).is_some() {
        short.push('…');
    }
    let plain = short.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    format!("`{}`", plain.replace('`', "'"))
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

/// The list of differences, without text that would end the code block.
fn fenced(drift: &Drift) -> String {
    drift.to_string().trim_end().replace('`', "'")
}

fn cell(text: &str) -> String {
    escaped(text).replace('|', "\\|")
}

/// Escapes Markdown, except for code.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_code = false;
    for c in text.chars() {
        match c {
            '`' => in_code = !in_code,
            '*' | '_' | '<' | '>' | '[' | ']' | '#' | '\\' if !in_code => out.push('\\'),
            _ => {}
        }
        out.push(if c.is_control() { ' ' } else { c });
    }
    out
}
