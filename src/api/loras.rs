//! The routes of LoRAs: listing, loading and unloading.

use serde::{Deserialize, Serialize};

use crate::api::fields::request;
use crate::api::kinds::kinds;
use crate::api::operation::endpoints;
use crate::base::text::from_texts;
use crate::base::{Extra, Text};
use crate::decode::Empty;
use crate::decode::in_place::{filled, in_place_objects, listed};

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// LoRAs: `client.loras()`.
            ///
            /// On current servers (exllamav3) loading a LoRA always fails, so none is ever active. Servers of 2025 (exllamav2) load them.
            /// `cargo run --example loras` runs them against an emulated server.
            ///
            /// ```no_run
            /// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
            /// use tabbyapi::api::{LoraLoad, LoraLoadRequest};
            ///
            /// println!("{} available", client.loras().list().await?.data.len());
            /// let request = LoraLoadRequest::new([LoraLoad::new("terse").scaling(0.5)]);
            /// println!("failed: {:?}", client.loras().load(&request).await?.failure);
            /// println!("{} active", client.loras().active().await?.data.len());
            /// client.loras().unload().await?;
            /// # Ok(())
            /// # }
            /// ```
            loras: Loras {
                /// Returns the available LoRAs.
                ///
                /// Uses the admin key if it is set. With an API key the server lists only the active ones.
                call list() -> LoraList = &ListLoras =>
                    unit [ListLoras]: GET "/v1/loras", PreferAdmin, Idempotent, read;
                /// Returns the active LoRAs with their scaling.
                ///
                /// # Errors
                ///
                /// `no_model_loaded`: no model is loaded.
                call active() -> LoraList = &ActiveLoras =>
                    unit [ActiveLoras]: GET "/v1/lora", Api, Idempotent, read;
                /// Loads LoRAs and replaces the active ones. Requires the admin key.
                ///
                /// A LoRA that cannot be loaded is not an error. See [`LoraReport::failure`](crate::api::LoraReport::failure). The response arrives
                /// when all are done, which by default may take up to 10 minutes.
                ///
                /// # Errors
                ///
                /// `nothing_named`: the list is empty.
                call load(request: &LoraLoadRequest) -> LoraReport = request =>
                    json [LoraLoadRequest]: POST "/v1/lora/load", Admin, IfUnsent, load_whole;
                /// Unloads all LoRAs. Requires the admin key.
                call unload() -> Empty = &UnloadLoras =>
                    unit [UnloadLoras]: POST "/v1/lora/unload", Admin, IfUnsent, read;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

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
            /// The LoRAs. The server rejects an empty list with code `nothing_named`.
            loras: Vec<LoraLoad>,
        }
        optional {
            /// Whether not to wait for running generations; default false. Has no effect on current servers.
            skip_queue: bool,
        }
    }
}

impl LoraLoadRequest {
    /// Creates a request to load these LoRAs.
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
            /// The scaling; default 1.
            scaling: f64,
        }
    }
}

impl LoraLoad {
    /// Creates an entry for this LoRA.
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

/// The result of loading LoRAs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LoraReport {
    /// The names of the active ones.
    #[serde(default, deserialize_with = "filled")]
    pub success: Vec<String>,
    /// The names of those that could not be loaded. On current servers all of them.
    #[serde(default, deserialize_with = "filled")]
    pub failure: Vec<String>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A list of LoRAs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LoraList {
    /// The LoRAs, in no particular order.
    #[serde(default, deserialize_with = "listed")]
    pub data: Vec<LoraCard>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A LoRA.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LoraCard {
    /// The name of its directory.
    #[serde(default, deserialize_with = "filled")]
    pub id: Text,
    /// The time of the response, in seconds since 1970 (not the age of the LoRA).
    #[serde(default, deserialize_with = "filled")]
    pub created: i64,
    /// `tabbyAPI`.
    #[serde(default, deserialize_with = "filled")]
    pub owned_by: Text,
    /// The scaling, for active ones.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub scaling: Option<f64>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

in_place_objects!(LoraCard);

kinds! {
    LoraList: "data";
    LoraReport: "success", "failure";
}
