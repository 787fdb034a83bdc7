//! A file of requests, a file of results: killed and begun again, it goes on where it was.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::rc::Rc;

use serde_json::json;
use tabbyapi::Client;
use tabbyapi::batch::jsonl::{Again, Journal, Plan, ResultLine};

use crate::args::Batch;
use crate::failure::Failure;
use crate::output::{Output, count};

pub async fn batch(client: &Client, what: &Batch, output: &Output) -> Result<(), Failure> {
    let input = File::open(&what.input).map_err(|error| Failure::file("read", &what.input, &error))?;
    let (mut results, journal) = open(&what.output)?;
    let (before, damaged) = (journal.finished(), journal.damaged());
    let failed_before = journal.failed();
    if before > 0 {
        let failed = match (failed_before, what.retry_failed) {
            (0, _) => String::new(),
            (failed, true) => format!(", {failed} of them failed"),
            (failed, false) => format!(", {failed} of them failed; `--retry-failed` makes those again"),
        };
        output.note(&format!("{} has {} already{failed}", what.output.display(), count(before as u64, "result")));
    }
    if damaged > 0 {
        output.note(&format!("{damaged} of its lines are damaged and were passed over"));
    }
    let again = if what.retry_failed { Again::Failed } else { Again::Never };
    // A line that cannot be read ends the input; why is told at the end.
    let broken: Rc<RefCell<Option<std::io::Error>>> = Rc::default();
    let lines = BufReader::new(input).lines().map_while({
        let broken = broken.clone();
        move |line| line.map_err(|error| *broken.borrow_mut() = Some(error)).ok()
    });
    let mut batch = client.batch(Plan::new(lines, journal, again)).concurrency(what.jobs);
    let spinner = output.spinner("");
    while let Some(done) = batch.next().await {
        // Whole and out of our hands before the next one: that is what can be gone on from.
        results.write_all(ResultLine::of(&done).to_line().as_bytes())?;
        results.flush()?;
        let progress = batch.progress();
        spinner.tell(&format!("{} done, {} failed, {} running", progress.finished, progress.failed, progress.running));
    }
    results.sync_all()?;
    drop(spinner);
    if let Some(error) = broken.borrow_mut().take() {
        return Err(Failure::file("read", &what.input, &error));
    }
    let progress = batch.progress();
    let told = json!({"finished": progress.finished, "failed": progress.failed, "before": before, "failed_before": failed_before});
    output.print(&told, |_| {
        format!("{} done, {} of them failed; {before} were there before", progress.finished, progress.failed)
    })?;
    match progress.failed {
        0 => Ok(()),
        failed => Err(Failure::Other(format!(
            "{} failed, {} tells why; `--retry-failed` makes what failed again",
            count(failed, "request"),
            what.output.display()
        ))),
    }
}

/// The file of results, ready to be appended to, and what it holds.
fn open(path: &Path) -> Result<(File, Journal), Failure> {
    let fail = |error: std::io::Error| Failure::file("write", path, &error);
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(fail)?;
    let mut journal = Journal::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(fail)? {
            0 => break,
            read => journal.feed(&buffer[..read]),
        }
    }
    journal.end();
    // The line that a killed run has torn.
    file.set_len(journal.whole_bytes()).map_err(fail)?;
    file.write_all(journal.glue().as_bytes()).map_err(fail)?;
    Ok((file, journal))
}
