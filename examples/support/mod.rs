//! What the examples share: the server they speak to.

use std::env;
use std::error::Error;

use tabbyapi::Client;
use tabbyapi_emulator::Emulator;

/// A client of the server in `TABBY_URL` (with `TABBY_API_KEY` and `TABBY_ADMIN_KEY`), or else of an emulated one, which
/// lives as long as what is returned.
pub fn connect() -> Result<(Client, Option<Emulator>), Box<dyn Error>> {
    let variable = |name| env::var(name).unwrap_or_default();
    if let Ok(url) = env::var("TABBY_URL") {
        let builder = Client::builder(url.as_str());
        let client = builder.api_key(variable("TABBY_API_KEY")).admin_key(variable("TABBY_ADMIN_KEY")).build()?;
        return Ok((client, None));
    }
    let server = Emulator::builder().start()?;
    let builder = Client::builder(server.url());
    let client = builder.api_key(server.api_key()).admin_key(server.admin_key()).build()?;
    Ok((client, Some(server)))
}
