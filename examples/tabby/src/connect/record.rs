//! Recordings: a line of JSON for each exchange, in the order of their ends.

use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tabbyapi::transport::record::Recorder;
use tabbyapi::transport::{End, Exchange, Reqwest};

use super::INTERRUPTED;
use crate::failure::Failure;
use crate::files;
use crate::interrupt::Interrupt;

/// Records the exchanges of a transport, including Ctrl-C.
pub fn recorder(transport: Reqwest, path: &Path, interrupt: &Interrupt) -> Result<Recorder<Reqwest>, Failure> {
    let file = Mutex::new(files::create(path).map_err(|error| Failure::file("write", path, &error))?);
    let (path, interrupt) = (path.to_owned(), interrupt.clone());
    Ok(Recorder::new(transport, move |mut exchange: Exchange| {
        // A complete response is dropped as well. Its end is in the recording.
        if interrupt.came() && exchange.end == End::Dropped {
            exchange.end = End::Failed(INTERRUPTED.to_owned());
        }
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writeln!(file, "{}", exchange.to_json_line()) {
            // Called while the exchange is dropped, so the error cannot be returned.
            eprintln!("cannot record an exchange in {}: {error}", path.display());
        }
    }))
}
