//! Tables, and the file they are kept in.

use std::{
    fmt::Write as _,
    fs, io,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::bars::Verdict;

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) note: String,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
    /// After the point.
    pub(crate) digits: usize,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// In the order of the table's columns.
    pub(crate) values: Vec<f64>,
}

impl Row {
    pub(crate) fn named(name: &'static str) -> Self {
        Self { name, values: Vec::new() }
    }
}

impl Table {
    pub(crate) fn value(&self, name: &str, column: &str) -> f64 {
        let row = self.rows.iter().find(|row| row.name == name);
        let at = self.columns.iter().position(|other| *other == column);
        row.zip(at).map_or(f64::NAN, |(row, at)| row.values[at])
    }
}

pub(crate) fn render(tables: &[Table], verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for table in tables {
        render_table(&mut text, table);
    }
    text.push_str("Bars:\n\n");
    for Verdict { text: bar, reached } in verdicts {
        _ = writeln!(text, "* {bar}: {}", if *reached { "reached" } else { "**missed**" });
    }
    text
}

fn render_table(text: &mut String, table: &Table) {
    _ = writeln!(text, "### {}\n", table.title);
    if !table.note.is_empty() {
        _ = writeln!(text, "{}\n", table.note);
    }
    let width = table.rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    _ = write!(text, "| {:width$} |", "");
    for column in &table.columns {
        _ = write!(text, " {column:>8} |");
    }
    _ = write!(text, "\n|-{:-<width$}-|", "");
    for column in &table.columns {
        _ = write!(text, "{:-<1$}:|", "-", column.len().max(8) + 1);
    }
    for row in &table.rows {
        _ = write!(text, "\n| {:width$} |", row.name);
        for (value, column) in row.values.iter().zip(&table.columns) {
            _ = write!(text, " {value:>0$.1$} |", column.len().max(8), table.digits);
        }
    }
    text.push_str("\n\n");
}

/// Puts a run into `RESULTS.md`, in place of the last one of the same title.
pub(crate) fn keep(title: &str, text: &str) -> io::Result<()> {
    const HEAD: &str = "# Results\n\nWritten by `cargo run --release -p tabbyapi-bench -- --write`, with and without \
                        `--sockets` and `--instructions`.\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md");
    let old = match fs::read_to_string(&path) {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let heading = format!("\n## {title}\n");
    let mut new = String::from(HEAD);
    for section in old.split("\n## ").skip(1) {
        let section = format!("\n## {section}");
        if !section.starts_with(&heading) {
            new.push_str(section.trim_end());
            new.push('\n');
        }
    }
    _ = write!(new, "{heading}\n{}, {}\n\n{}\n", date(), machine(), text.trim_end());
    fs::write(path, new)
}

/// Today in UTC.
fn date() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut days = now.as_secs() / 86_400;
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for len in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < len {
            break;
        }
        days -= len;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

/// Processor, cores and compiler.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    format!(
        "{}, {cores} cores, {} {}, {rustc}",
        model.unwrap_or("unknown processor"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}
