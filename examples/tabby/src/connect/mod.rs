//! The client: where the server is, which keys there are, whether exchanges are recorded or replayed.

mod keys;
mod record;
mod replay;

use std::time::Duration;

use tabbyapi::policy::Retry;
use tabbyapi::transport::Reqwest;
use tabbyapi::{Client, Paces};

use crate::args::ServerArgs;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use replay::Replay;

/// What an exchange that Ctrl-C ended says of its end in a recording.
const INTERRUPTED: &str = "interrupted by the user";

pub fn client(args: &ServerArgs, interrupt: &Interrupt) -> Result<Client, Failure> {
    let mut builder = Client::builder(args.url.as_str()).key_source(keys::Keys::new(args));
    if let Some(seconds) = args.timeout {
        builder = builder.paces(paces(Duration::from_secs(seconds)));
    }
    if let Some(retries) = args.retries {
        builder = builder.retry(Retry::GENTLE.max_retries(retries));
    }
    if let Some(path) = &args.replay {
        return Ok(builder.build_with(Replay::read(path, interrupt)?)?);
    }
    let transport = Reqwest::new(Default::default())?;
    Ok(match &args.record {
        Some(path) => builder.build_with(record::recorder(transport, path, interrupt)?)?,
        None => builder.build_with(transport)?,
    })
}

fn paces(head: Duration) -> Paces {
    let mut paces = Paces::default();
    for pace in [&mut paces.read, &mut paces.generate, &mut paces.stream, &mut paces.stream_tools, &mut paces.load] {
        pace.head = Some(head);
    }
    paces
}
