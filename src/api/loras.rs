//! The routes of LoRAs: what there is, what is active, loading and unloading.

use serde::{Deserialize, Serialize};

use super::fields::{plain, posts, request};
use crate::decode::{Empty, Json};
use crate::fill::{fill_objects, filled, listed};
use crate::{Calling, Client, Extra, Text};

/// LoRAs: `client.loras()`.
///
/// On current servers (exllamav3) loading one always fails and none is ever active; those of 2025 (exllamav2) load them.
#[derive(Clone, Copy, Debug)]
pub struct Loras<'a> {
    client: &'a Client,
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

    /// Loads LoRAs in place of those that are active; needs the admin key. The answer tells which of them were loaded and
    /// which failed, which is no error: look at [`LoraReport::failure`]. It comes when all of it is done, which may take up to
    /// 10 minutes by default.
    pub fn load(&self, request: &LoraLoadRequest) -> Calling<Json<LoraReport>> {
        self.client.call(request)
    }

    /// Unloads all LoRAs; needs the admin key.
    pub fn unload(&self) -> Calling<Json<Empty>> {
        self.client.call(&UnloadLoras)
    }
}

request! {
    /// Which LoRAs to load.
    ///
    /// ```
    /// use tabbyapi::api::{LoraLoad, LoraLoadRequest};
    ///
    /// let request = LoraLoadRequest::new([LoraLoad::new("terse").scaling(0.5), LoraLoad::new("polite")]);
    /// # assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"loras":[{"name":"terse","scaling":0.5},{"name":"polite"}]}"#);
    /// ```
    pub struct LoraLoadRequest {
        required {
            /// The LoRAs; an empty list is refused with the code `nothing_named`.
            loras: Vec<LoraLoad>,
        }
        optional {
            /// Whether not to wait for running generations; default false. Has no effect on current servers.
            skip_queue: bool,
        }
    }
}

impl LoraLoadRequest {
    /// Loads these.
    pub fn new(loras: impl IntoIterator<Item = impl Into<LoraLoad>>) -> Self {
        LoraLoadRequest::blank(loras.into_iter().map(Into::into).collect())
    }
}

request! {
    /// A LoRA to load.
    pub struct LoraLoad {
        required {
            /// The directory under the server's directory of LoRAs.
            name: String,
        }
        optional {
            /// How strongly it works; default 1.
            scaling: f64,
        }
    }
}

impl LoraLoad {
    /// This LoRA.
    pub fn new(name: impl Into<String>) -> Self {
        LoraLoad::blank(name.into())
    }
}

impl From<&str> for LoraLoad {
    fn from(name: &str) -> Self {
        LoraLoad::new(name)
    }
}

impl From<String> for LoraLoad {
    fn from(name: String) -> Self {
        LoraLoad::new(name)
    }
}

/// What the loading of LoRAs came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LoraReport {
    /// The names of those that are active now.
    #[serde(default, deserialize_with = "filled")]
    pub success: Vec<String>,
    /// The names of those that could not be loaded; on current servers all of them.
    #[serde(default, deserialize_with = "filled")]
    pub failure: Vec<String>,
    /// Fields that this library has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A list of LoRAs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LoraList {
    /// The LoRAs, in no particular order.
    #[serde(default, deserialize_with = "listed")]
    pub data: Vec<LoraCard>,
    /// Fields that this library has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A LoRA.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LoraCard {
    /// The name of its directory.
    #[serde(default, deserialize_with = "filled")]
    pub id: Text,
    /// When the answer was made, in seconds since 1970 (not when the LoRA was made).
    #[serde(default, deserialize_with = "filled")]
    pub created: i64,
    /// `tabbyAPI`.
    #[serde(default, deserialize_with = "filled")]
    pub owned_by: Text,
    /// How strongly it works, for active ones.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub scaling: Option<f64>,
    /// Fields that this library has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

fill_objects!(LoraCard);

// No head comes before they are loaded, and running generations may have to end first.
posts!(LoraLoadRequest: "/v1/lora/load", Admin, IfUnsent, LoraReport, load_whole);

plain! {
    /// The operation of [`Loras::list`].
    ListLoras: GET "/v1/loras", List, Safe, LoraList, read
}

plain! {
    /// The operation of [`Loras::list_as_api_key`].
    ListLorasAsApiKey: GET "/v1/loras", Api, Safe, LoraList, read
}

plain! {
    /// The operation of [`Loras::active`].
    ActiveLoras: GET "/v1/lora", Api, Safe, LoraList, read
}

plain! {
    /// The operation of [`Loras::unload`].
    UnloadLoras: POST "/v1/lora/unload", Admin, IfUnsent, Empty, read
}
