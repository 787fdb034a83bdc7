//! One file or folder per service: types, operations, accessors.

pub mod auth;
mod fields;
pub mod health;
pub mod models;

use crate::Client;

impl Client {
    /// What the client's key may do.
    pub fn auth(&self) -> auth::Auth<'_> {
        auth::Auth { client: self }
    }

    /// Whether the server is there and ready.
    pub fn health(&self) -> health::HealthService<'_> {
        health::HealthService { client: self }
    }

    /// What models there are, what is loaded, loading and unloading.
    pub fn models(&self) -> models::Models<'_> {
        models::Models { client: self }
    }
}
