//! Runs a file of requests and writes a file of results. A run that was killed can be resumed.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::rc::Rc;

use serde_json::json;
use tabbyapi::batch::jsonl::{Journal, Plan, Rerun, ResultLine};
use tabbyapi::{Client, Error, ErrorKind};

use crate::args::Batch;
use crate::failure::Failure;
use crate::files;
use crate::output::{Output, count};

/// After this many consecutive requests that did not reach the server, the run stops.
const GONE_AFTER: usize = 3;

pub async fn batch(client: &Client, what: &Batch, output: &Output) -> Result<(), Failure> {
    let input = File::open(&what.input).map_err(|error| Failure::file("read", &what.input, &error))?;
    if files::same(&what.input, &what.output) {
        let (input, output) = (what.input.display(), what.output.display());
        return Err(Failure::Usage(format!(
            "{output} is the file of requests, {input}; write the results to another file"
        )));
    }
    let mut results = Results::open(&what.output)?;
    let journal = results.journal.clone();
    let (before, failed_before) = (journal.finished(), journal.failed());
    report_before(&journal, what, output);
    let again = if what.retry_failed { Rerun::Failed } else { Rerun::Never };
    // A line that cannot be read ends the input. The error is reported at the end.
    let broken: Rc<RefCell<Option<std::io::Error>>> = Rc::default();
    let lines = BufReader::new(input).lines().map_while({
        let broken = broken.clone();
        move |line| line.map_err(|error| *broken.borrow_mut() = Some(error)).ok()
    });
    let mut batch = client.batch(Plan::new(lines, journal, again)).concurrency(what.jobs);
    let spinner = output.spinner("");
    let mut gone = None;
    while let Some(done) = batch.next().await {
        let line = ResultLine::of(&done).to_line();
        match done.result {
            // It is a result only if the server is there for a later request.
            Err(error) if is_gone(&error) => {
                if results.hold(line) == GONE_AFTER {
                    gone = Some(error);
                    break;
                }
            }
            // It was never sent, so it says nothing about the server.
            Err(_) if done.request.error().is_some() => results.write(&line)?,
            _ => results.write_after_held(&line)?,
        }
        let progress = batch.progress();
        spinner.set_message(&format!(
            "{} done, {} failed, {} running",
            progress.finished, progress.failed, progress.running
        ));
    }
    let progress = batch.progress();
    // Running requests are cancelled.
    drop((batch, spinner));
    let read = broken.borrow_mut().take();
    let whole = gone.is_none() && read.is_none();
    let after = results.close(gone.is_some(), whole.then_some(&what.input))?;
    if let Some(error) = read {
        return Err(Failure::file("read", &what.input, &error));
    }
    if let Some(error) = gone {
        let held = GONE_AFTER as u64;
        return Err(Failure::Call(error.with_hint(format!(
            "stopped after {} that did not reach the server; {} has {}; run the same command again to resume",
            count(held, "consecutive request"),
            what.output.display(),
            count(after.finished() as u64, "result")
        ))));
    }
    let reported = json!({"finished": progress.finished, "failed": progress.failed, "before": before, "failed_before": failed_before,
        "results": after.finished(), "failures": after.failed()});
    output.print(&reported, |_| {
        format!("{} done, {} of them failed; {before} done before", progress.finished, progress.failed)
    })?;
    match after.failed() {
        0 => Ok(()),
        failed => Err(Failure::Other(format!(
            "{} failed; {} has the errors; `--retry-failed` retries them, except lines that are not requests",
            count(failed as u64, "request"),
            what.output.display()
        ))),
    }
}

fn report_before(journal: &Journal, what: &Batch, output: &Output) {
    if journal.finished() > 0 {
        let failed = match (journal.failed(), what.retry_failed) {
            (0, _) => String::new(),
            (failed, true) => format!(", {failed} of them failed"),
            (failed, false) => format!(", {failed} of them failed; `--retry-failed` retries them"),
        };
        let results = count(journal.finished() as u64, "result");
        output.note(&format!("{} has {results} already{failed}", what.output.display()));
    }
    if journal.damaged() > 0 {
        output.note(&format!("{} of its lines are damaged and were skipped", journal.damaged()));
    }
}

/// Whether the request did not reach a server: no connection, a lost connection, or no server behind a proxy.
fn is_gone(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Connect | ErrorKind::Transport => true,
        // The server's own 503s have other codes, and a 504 means that a single request took too long.
        ErrorKind::Server => {
            error.code() == "server_error" && matches!(error.status().map(|it| it.as_u16()), Some(502 | 503))
        }
        _ => false,
    }
}

/// The file of results.
struct Results<'a> {
    path: &'a Path,
    file: File,
    /// The contents when it was opened.
    journal: Journal,
    /// The lines of the last consecutive requests that did not reach the server.
    held: Vec<String>,
    /// Whether it is a regular file, and not a pipe or a device.
    regular: bool,
}

impl<'a> Results<'a> {
    /// Opens the file for appending. It is changed only if it is a file of results.
    fn open(path: &'a Path) -> Result<Self, Failure> {
        let fail = |error: std::io::Error| Failure::file("write", path, &error);
        let mut file = files::private().read(true).append(true).create(true).open(path).map_err(fail)?;
        let regular = file.metadata().map_err(fail)?.is_file();
        let journal = if regular { read(&mut file).map_err(fail)? } else { Journal::new() };
        if !journal.is_result_file() {
            let path = path.display();
            return Err(Failure::Usage(format!(
                "{path} is not a file of results, and was not changed; choose another one"
            )));
        }
        if regular {
            // The incomplete line of a killed run.
            file.set_len(journal.whole_bytes()).map_err(fail)?;
            file.write_all(journal.glue().as_bytes()).map_err(fail)?;
        }
        Ok(Results { path, file, journal, held: Vec::new(), regular })
    }

    /// Writes a whole line before the next one, so that a run can be resumed from it.
    fn write_after_held(&mut self, line: &str) -> Result<(), Failure> {
        for line in std::mem::take(&mut self.held) {
            self.write(&line)?;
        }
        self.write(line)
    }

    fn write(&mut self, line: &str) -> Result<(), Failure> {
        self.file.write_all(line.as_bytes())?;
        Ok(self.file.flush()?)
    }

    /// Holds a line back until another request reaches the server. Returns the number of held lines.
    fn hold(&mut self, line: String) -> usize {
        self.held.push(line);
        self.held.len()
    }

    /// Keeps one result of each request. If all of the input was read, also removes results of lines that it no longer has. Returns
    /// the contents of the file.
    fn close(mut self, gone: bool, input: Option<&Path>) -> Result<Journal, Failure> {
        if !gone {
            self.write_after_held("")?;
        }
        if !self.regular {
            return Ok(self.journal);
        }
        let fail = |error: std::io::Error| Failure::file("write", self.path, &error);
        self.file.sync_all().map_err(fail)?;
        let mut file = File::open(self.path).map_err(fail)?;
        let mut journal = read(&mut file).map_err(fail)?;
        if let Some(input) = input.filter(|input| input.is_file()) {
            let input = File::open(input).map_err(|error| Failure::file("read", input, &error))?;
            let lines = BufReader::new(input).lines().map_while(Result::ok);
            journal.keep_current(Plan::new(lines, Journal::new(), Rerun::Never));
        }
        if journal.superseded() > 0 {
            files::keep_lines(self.path, &journal.latest()).map_err(fail)?;
        }
        Ok(journal)
    }
}

/// The contents of a file of results.
fn read(file: &mut File) -> std::io::Result<Journal> {
    let mut journal = Journal::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => journal.feed(&buffer[..read]),
        }
    }
    journal.end();
    Ok(journal)
}
