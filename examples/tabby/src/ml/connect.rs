//! The client of TabbyML/tabby: its address, its tokens, recording and replay.

use std::env;
use std::time::Duration;

use tabbyapi::auth::{Credential, KeyFile, KeySource};
use tabbyapi::policy::Retry;
use tabbyapi::tabbyml::Client;
use tabbyapi::transport::{BoxFuture, Reqwest};
use tabbyapi::{Result, Scope};

use crate::args::{Args, Ml};
use crate::connect::{not_used_twice, recorder, replayed};
use crate::failure::Failure;
use crate::interrupt::Interrupt;

/// The default address of such a server.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

pub fn client(args: &Args, what: &Ml, interrupt: &Interrupt) -> std::result::Result<Client, Failure> {
    let server = &args.server;
    let url = server.url.as_deref().unwrap_or(DEFAULT_URL);
    let agent = concat!("tabby/", env!("CARGO_PKG_VERSION"));
    let mut builder = Client::builder(url).key_source(Tokens::new(what)).user_agent(agent);
    if let Some(seconds) = server.timeout {
        builder = builder.timeout(Duration::from_secs(seconds));
    }
    if let Some(retries) = server.retries {
        builder = builder.retry(Retry::GENTLE.max_retries(retries));
    }
    if let Some(path) = &server.replay {
        return Ok(builder.build_with(replayed(path, interrupt)?)?);
    }
    let transport = Reqwest::new(Default::default())?;
    Ok(match &server.record {
        Some(path) => {
            not_used_twice(args, path)?;
            builder.build_with(recorder(transport, path, interrupt)?)?
        }
        None => builder.build_with(transport)?,
    })
}

/// The sources of both tokens: files in the arguments, or else the environment.
#[derive(Debug)]
struct Tokens {
    user: Option<KeyFile>,
    registration: Option<KeyFile>,
}

impl Tokens {
    fn new(what: &Ml) -> Self {
        Tokens {
            user: what.token_file.as_ref().map(KeyFile::bearer),
            registration: what.registration_token_file.as_ref().map(KeyFile::bearer),
        }
    }
}

impl KeySource for Tokens {
    fn key(&self, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        let (file, name) = match scope {
            Scope::Admin => (&self.registration, "TABBYML_REGISTRATION_TOKEN"),
            _ => (&self.user, "TABBYML_TOKEN"),
        };
        match file {
            Some(file) => file.key(scope, rejected),
            None => {
                let token = env::var(name).ok().filter(|token| !token.trim().is_empty());
                Box::pin(std::future::ready(token.map(|token| Credential::bearer(token.trim())).transpose()))
            }
        }
    }
}
