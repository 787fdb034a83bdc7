//! The client: where the server is, which keys there are, whether exchanges are recorded or replayed.

mod keys;
mod record;
mod replay;

use std::path::Path;
use std::time::Duration;

use tabbyapi::auth::{Credential, KeySource};
use tabbyapi::policy::Retry;
use tabbyapi::transport::Reqwest;
use tabbyapi::{Client, Options, Scope};

use crate::args::{Args, ServerArgs};
use crate::failure::Failure;
use crate::files::same;
use crate::interrupt::Interrupt;
pub use record::recorder;
use replay::Idempotency;

/// What an exchange that Ctrl-C ended says of its end in a recording.
const INTERRUPTED: &str = "interrupted by the user";

/// Where a server is by default.
pub const DEFAULT_URL: &str = "http://127.0.0.1:5000";

pub fn client(args: &Args, interrupt: &Interrupt) -> Result<Client, Failure> {
    let all = args;
    let args = &args.server;
    let url = args.url.as_deref().unwrap_or(DEFAULT_URL);
    let mut builder = Client::builder(url).key_source(keys::Keys::new(args));
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
        return Ok(builder.build_with(replayed(path, interrupt)?)?);
    }
    let transport = Reqwest::new(Default::default())?;
    Ok(match &args.record {
        Some(path) => {
            not_used_twice(all, path)?;
            builder.build_with(recorder(transport, path, interrupt)?)?
        }
        None => builder.build_with(transport)?,
    })
}

/// The key for all that needs no admin, and the admin key, as far as they are given.
pub async fn credentials(args: &ServerArgs) -> Result<(Option<Credential>, Option<Credential>), Failure> {
    let keys = keys::Keys::new(args);
    let api = keys.key(Scope::Api, false).await?;
    // A bearer key alone may be either, and is examined once.
    let admin = match keys::has_admin_key(args) {
        true => keys.key(Scope::Admin, false).await?,
        false => None,
    };
    Ok((api, admin))
}

/// The transport of the recording in this file.
pub fn replayed(path: &Path, interrupt: &Interrupt) -> Result<Idempotency, Failure> {
    Idempotency::read(path, interrupt)
}

/// Refuses to record to a file that the command reads or writes for something else.
pub fn not_used_twice(args: &Args, path: &Path) -> Result<(), Failure> {
    match args.files().iter().any(|file| same(file, path)) {
        true => {
            Err(Failure::Usage(format!("{} is used for something else, too; record to another file", path.display())))
        }
        false => Ok(()),
    }
}
