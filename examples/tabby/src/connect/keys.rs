//! Keys: from files in the arguments, or else from the environment.

use tabbyapi::auth::{Chain, Credential, Environment, KeyFile, KeySource};
use tabbyapi::transport::BoxFuture;
use tabbyapi::{Result, Scope};

use crate::args::ServerArgs;

/// The key source of each kind of operation. A file in the arguments takes precedence over the environment, and a file with one key
/// over a file with both.
#[derive(Debug)]
pub struct Keys {
    api: Chain,
    /// Lists are requested with the admin key if there is one, since they are longer for it.
    list: Chain,
    admin: Chain,
}

impl Keys {
    pub fn new(args: &ServerArgs) -> Self {
        let api = args.api_key_file.as_ref().map(KeyFile::api_key);
        let admin = || args.admin_key_file.as_ref().map(KeyFile::admin_key);
        // An admin key is also valid as an API key, and is then sent in its header.
        let admin_as_api = || args.admin_key_file.as_ref().map(KeyFile::api_key);
        let bearer = || args.bearer_file.as_ref().map(KeyFile::bearer);
        let tokens = || args.tokens_file.as_ref().map(KeyFile::tokens);
        Keys {
            api: chain([api, bearer(), tokens()]).then(Environment::new()).then(chain([admin_as_api()])),
            list: chain([admin_as_api(), bearer(), tokens()])
                .then(Environment::new())
                .then(chain([args.api_key_file.as_ref().map(KeyFile::api_key)])),
            admin: chain([admin(), bearer(), tokens()]).then(Environment::new()),
        }
    }
}

/// Whether there is a source of an admin key.
pub fn has_admin_key(args: &ServerArgs) -> bool {
    let is_set = std::env::var_os("TABBY_ADMIN_KEY").is_some_and(|value| !value.is_empty());
    is_set || args.admin_key_file.is_some() || args.tokens_file.is_some()
}

fn chain<const N: usize>(files: [Option<KeyFile>; N]) -> Chain {
    files.into_iter().flatten().fold(Chain::new(), Chain::then)
}

impl KeySource for Keys {
    fn key(&self, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        match scope {
            Scope::Admin => self.admin.key(scope, rejected),
            Scope::PreferAdmin => self.list.key(scope, rejected),
            _ => self.api.key(scope, rejected),
        }
    }
}
