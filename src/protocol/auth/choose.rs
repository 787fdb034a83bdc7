//! Key sources that combine others: the first that has a key, and one per server.

use std::fmt;
use std::sync::Arc;

use super::{Credential, KeySource};
use crate::base::{BaseUrl, BoxFuture, Result};
use crate::protocol::endpoint::Scope;

/// Returns the keys of the first of several sources that has one.
///
/// A source that returns `None` is skipped. An error ends the search, so that a broken source is noticed and another key is not sent in
/// its place.
///
/// ```
/// # #[cfg(not(target_arch = "wasm32"))] {
/// use tabbyapi::auth::{Chain, Environment, KeyFile};
///
/// let keys = Chain::new().then(Environment::new()).then(KeyFile::tokens("api_tokens.yml").optional());
/// let builder = tabbyapi::Client::builder("http://127.0.0.1:5000").key_source(keys);
/// # let _ = builder;
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Chain(Arc<Vec<Arc<dyn KeySource>>>);

impl Chain {
    /// Creates a chain without sources. It has no keys.
    pub fn new() -> Self {
        Chain::default()
    }

    /// Adds a source after the existing ones.
    pub fn then(self, source: impl KeySource + 'static) -> Self {
        let mut sources = (*self.0).clone();
        sources.push(Arc::new(source));
        Chain(Arc::new(sources))
    }

    fn ask(&self, server: Option<&BaseUrl>, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        let (sources, server) = (self.0.clone(), server.cloned());
        Box::pin(async move {
            for source in sources.iter() {
                let asked = match &server {
                    Some(server) => source.key_for(server, scope, rejected),
                    None => source.key(scope, rejected),
                };
                if let Some(credential) = asked.await? {
                    return Ok(Some(credential));
                }
            }
            Ok(None)
        })
    }
}

impl KeySource for Chain {
    fn key(&self, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        self.ask(None, scope, rejected)
    }

    fn key_for(&self, server: &BaseUrl, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        self.ask(Some(server), scope, rejected)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("sources", &self.0.len()).finish()
    }
}

/// A source for each of several servers, so that no server receives the key of another.
///
/// Other sources return the same keys for all servers of a client. A server that was not added here gets no key.
///
/// ```
/// # #[cfg(not(target_arch = "wasm32"))]
/// # fn main() -> tabbyapi::Result<()> {
/// use tabbyapi::auth::{Environment, PerServer};
/// use tabbyapi::policy::Server;
/// use tabbyapi::{BaseUrl, Client};
///
/// let (near, far): (BaseUrl, BaseUrl) = ("http://127.0.0.1:5000".parse()?, "https://example.org/tabby".parse()?);
/// let keys = PerServer::new()
///     .server(&near, Environment::new())
///     .server(&far, Environment::named("FAR_API_KEY", "FAR_ADMIN_KEY", "FAR_BEARER"));
/// let builder = Client::builder(near.to_string()).server(Server::from(far)).key_source(keys);
/// # let _ = builder;
/// # Ok(())
/// # }
/// # #[cfg(target_arch = "wasm32")] fn main() {}
/// ```
#[derive(Clone, Default)]
pub struct PerServer(Vec<(BaseUrl, Arc<dyn KeySource>)>);

impl PerServer {
    /// Creates an empty map. It has no keys.
    pub fn new() -> Self {
        PerServer::default()
    }

    /// Sets the source for a server. Replaces an earlier source of the same server.
    pub fn server(mut self, server: &BaseUrl, source: impl KeySource + 'static) -> Self {
        self.0.retain(|(other, _)| other != server);
        self.0.push((server.clone(), Arc::new(source)));
        self
    }
}

impl KeySource for PerServer {
    /// None: choosing a key requires a server.
    fn key(&self, _: Scope, _: bool) -> BoxFuture<Result<Option<Credential>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn key_for(&self, server: &BaseUrl, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        match self.0.iter().find(|(other, _)| other == server) {
            Some((_, source)) => source.key_for(server, scope, rejected),
            None => self.key(scope, rejected),
        }
    }
}

impl fmt::Debug for PerServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(server, _)| server)).finish()
    }
}
