//! The server that the examples share.

use std::env;
use std::error::Error;

use tabbyapi::Client;
use tabbyapi_emulator::{Emulator, EmulatorBuilder};

/// A client of the server in `TABBY_URL` (with `TABBY_API_KEY` and `TABBY_ADMIN_KEY`), or else of an emulated one, which
/// lives as long as the returned value.
#[allow(dead_code, reason = "an example that sets its emulator up calls the other one")]
pub fn connect() -> Result<(Client, Option<Emulator>), Box<dyn Error>> {
    connect_or(Emulator::builder())
}

/// The same with a given emulator.
pub fn connect_or(emulator: EmulatorBuilder) -> Result<(Client, Option<Emulator>), Box<dyn Error>> {
    let variable = |name| env::var(name).unwrap_or_default();
    if let Ok(url) = env::var("TABBY_URL") {
        let builder = Client::builder(url.as_str());
        let client = builder.api_key(variable("TABBY_API_KEY")).admin_key(variable("TABBY_ADMIN_KEY")).build()?;
        return Ok((client, None));
    }
    let server = emulator.start()?;
    let builder = Client::builder(server.url());
    let client = builder.api_key(server.api_key()).admin_key(server.admin_key()).build()?;
    Ok((client, Some(server)))
}
