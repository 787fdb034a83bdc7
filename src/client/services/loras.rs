//! LoRAs.

use crate::api::{ActiveLoras, ListLoras, ListLorasAsApiKey, LoraList, LoraLoadRequest, LoraReport, UnloadLoras};
use crate::client::answer::Calling;
use crate::client::client::Client;
use crate::decode::{Empty, Json};

/// LoRAs: `client.loras()`.
///
/// On current servers (exllamav3) loading one always fails and none is ever active; those of 2025 (exllamav2) load them.
#[derive(Clone, Copy, Debug)]
pub struct Loras<'a> {
    pub(crate) client: &'a Client,
}

impl Client {
    /// What LoRAs there are, what is active, loading and unloading.
    ///
    /// `cargo run --example loras` shows it at work, against an emulated server.
    pub fn loras(&self) -> Loras<'_> {
        Loras { client: self }
    }
}

impl Loras<'_> {
    /// The LoRAs that can be loaded. It is asked with the admin key if there is one, since with an API key the server shows
    /// the active ones alone.
    pub fn list(&self) -> Calling<Json<LoraList>> {
        self.client.call(&ListLoras)
    }

    /// The list as an API key sees it: the active LoRAs. With an admin key alone it is the whole list.
    pub fn list_as_api_key(&self) -> Calling<Json<LoraList>> {
        self.client.call(&ListLorasAsApiKey)
    }

    /// The active LoRAs with their scaling. Errors with code `no_model_loaded` if there is no model that they could belong to.
    pub fn active(&self) -> Calling<Json<LoraList>> {
        self.client.call(&ActiveLoras)
    }

    /// Loads LoRAs in place of those that are active; needs the admin key. The answer says which of them were loaded and
    /// which failed, which is not an error: look at [`LoraReport::failure`]. It comes when all of it is done, which may take up to
    /// 10 minutes by default.
    pub fn load(&self, request: &LoraLoadRequest) -> Calling<Json<LoraReport>> {
        self.client.call(request)
    }

    /// Unloads all LoRAs; needs the admin key.
    pub fn unload(&self) -> Calling<Json<Empty>> {
        self.client.call(&UnloadLoras)
    }
}
