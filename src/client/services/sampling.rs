//! Sampler overrides of the server.

use crate::api::{
    ListOverrides, ListOverridesAsApiKey, OverrideList, Overrides, SetOverrides, SwitchPreset, UnloadOverrides,
};
use crate::client::answer::Calling;
use crate::client::client::Client;
use crate::decode::{Empty, Json};

/// Sampler overrides: `client.sampling()`. They apply to the requests of every client of the server.
#[derive(Clone, Copy, Debug)]
pub struct SamplingService<'a> {
    pub(crate) client: &'a Client,
}

impl Client {
    /// Sampler parameters that the server sets for every request.
    ///
    /// `cargo run --example sampling` shows it at work, against an emulated server.
    pub fn sampling(&self) -> SamplingService<'_> {
        SamplingService { client: self }
    }
}

impl SamplingService<'_> {
    /// The overrides in force and the names of all presets. It is asked with the admin key if there is one, since with an API
    /// key the server shows no presets.
    pub fn overrides(&self) -> Calling<Json<OverrideList>> {
        self.client.call(&ListOverrides)
    }

    /// The same as an API key sees it: the overrides in force, but no names of presets. With an admin key alone it is the
    /// whole list.
    pub fn overrides_as_api_key(&self) -> Calling<Json<OverrideList>> {
        self.client.call(&ListOverridesAsApiKey)
    }

    /// Puts a preset of the server's `sampler_overrides` directory in force, in place of all overrides; needs the admin key.
    /// Errors with code `unknown_preset`, or `nothing_named` for an empty name.
    pub fn switch_preset(&self, name: impl Into<String>) -> Calling<Json<Empty>> {
        self.client.call(&SwitchPreset { preset: name.into() })
    }

    /// Puts these overrides in force, in place of all others; needs the admin key. The list goes on naming the preset that
    /// was in force before. Errors with code `nothing_named` if there are none; see [`unload`](SamplingService::unload).
    pub fn set_overrides(&self, overrides: &Overrides) -> Calling<Json<Empty>> {
        self.client.call(&SetOverrides(overrides))
    }

    /// Takes all overrides away; needs the admin key. The list goes on naming the preset that was in force.
    pub fn unload(&self) -> Calling<Json<Empty>> {
        self.client.call(&UnloadOverrides)
    }
}
