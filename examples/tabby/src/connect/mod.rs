//! The client: the address of the server, the keys, recording and replay.

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

/// The error of an exchange in a recording that Ctrl-C ended.
const INTERRUPTED: &str = "interrupted by the user";

/// The default address of a server.
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

/// The key for operations that need no admin key, and the admin key, if they are set.
pub async fn credentials(args: &ServerArgs) -> Result<(Option<Credential>, Option<Credential>), Failure> {
    let keys = keys::Keys::new(args);
    let api = keys.key(Scope::Api, false).await?;
    // A single bearer key may be either, and is examined once.
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

/// Rejects recording to a file that the command uses for something else.
pub fn not_used_twice(args: &Args, path: &Path) -> Result<(), Failure> {
    match args.files().iter().any(|file| same(file, path)) {
        true => {
            Err(Failure::Usage(format!("{} is also used for something else; record to another file", path.display())))
        }
        false => Ok(()),
    }
}
