//! The client: where the server is, which keys there are, whether exchanges are recorded or replayed.

mod keys;
mod record;
mod replay;

use std::time::Duration;

use tabbyapi::policy::Retry;
use tabbyapi::transport::Reqwest;
use tabbyapi::{Client, Options};

use crate::args::Args;
use crate::failure::Failure;
use crate::files::same;
use crate::interrupt::Interrupt;
use replay::Idempotency;

/// What an exchange that Ctrl-C ended says of its end in a recording.
const INTERRUPTED: &str = "interrupted by the user";

pub fn client(args: &Args, interrupt: &Interrupt) -> Result<Client, Failure> {
    let files = args.files();
    let args = &args.server;
    let mut builder = Client::builder(args.url.as_str()).key_source(keys::Keys::new(args));
    if args.admin {
        builder = builder.options(Options::new().prefer_admin_key(true));
    }
    if let Some(seconds) = args.timeout {
        builder = builder.timeout(Duration::from_secs(seconds));
    }
    if let Some(retries) = args.retries {
        builder = builder.retry(Retry::GENTLE.max_retries(retries));
    }
    if let Some(path) = &args.replay {
        return Ok(builder.build_with(Idempotency::read(path, interrupt)?)?);
    }
    let transport = Reqwest::new(Default::default())?;
    Ok(match &args.record {
        Some(path) if files.iter().any(|file| same(file, path)) => {
            return Err(Failure::Usage(format!(
                "{} is used for something else, too; record to another file",
                path.display()
            )));
        }
        Some(path) => builder.build_with(record::recorder(transport, path, interrupt)?)?,
        None => builder.build_with(transport)?,
    })
}
