//! The routes of LoRAs: what there is, what is active, loading and unloading.

use serde::{Deserialize, Serialize};

use crate::api::fields::{plain, posts, request};
use crate::api::kinds::kinds;
use crate::base::text::from_texts;
use crate::base::{Extra, Text};
use crate::decode::Empty;
use crate::decode::fill::{fill_objects, filled, listed};

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

from_texts!(LoraLoad);

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
    /// The operation of [`Loras::list`](crate::services::Loras::list).
    ListLoras: GET "/v1/loras", List, Safe, LoraList, read
}

plain! {
    /// The operation of [`Loras::list_as_api_key`](crate::services::Loras::list_as_api_key).
    ListLorasAsApiKey: GET "/v1/loras", Api, Safe, LoraList, read
}

plain! {
    /// The operation of [`Loras::active`](crate::services::Loras::active).
    ActiveLoras: GET "/v1/lora", Api, Safe, LoraList, read
}

plain! {
    /// The operation of [`Loras::unload`](crate::services::Loras::unload).
    UnloadLoras: POST "/v1/lora/unload", Admin, IfUnsent, Empty, read
}

kinds! {
    LoraList: "data";
    LoraReport: "success", "failure";
}
