//! What a key may do.

use crate::api::{GetPermission, PermissionAnswer};
use crate::client::answer::Calling;
use crate::client::client::Client;
use crate::decode::Json;

/// The authentication service, from [`Client::auth`].
#[derive(Clone, Copy, Debug)]
pub struct Auth<'a> {
    pub(crate) client: &'a Client,
}

impl Client {
    /// What the client's key may do.
    ///
    /// `cargo run --example auth` shows it at work, against an emulated server.
    pub fn auth(&self) -> Auth<'_> {
        Auth { client: self }
    }
}

impl Auth<'_> {
    /// What the key may do that generation calls carry: the API key, or else the admin key. On a server without
    /// authentication every caller is [`Permission::Admin`](crate::api::Permission::Admin).
    ///
    /// Errors with code `missing_key` or `invalid_key` if it may do nothing.
    pub fn permission(&self) -> Calling<Json<PermissionAnswer>> {
        self.client.call(&GetPermission)
    }
}
