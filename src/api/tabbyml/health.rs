//! `GET /v1/health`, `/v1beta/models` and `/v1beta/server_setting`: the state and settings of the server.

use serde::{Deserialize, Serialize};

use super::failure::refined;
use crate::api::kinds::{json, kinds};
use crate::api::operation::{described, endpoints};
use crate::base::{Extra, Text};
use crate::decode::Json;
use crate::decode::in_place::{filled, in_place_objects, listed, or_default};
use crate::protocol::Endpoint;

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! health_service {
    ($make:ident) => {
        $make! {
            /// The state of the server: `client.health()`.
            health: Health {
                /// Returns the server's version, its models and its hardware. It does not test the models' backends.
                ///
                /// A server with accounts requires the token here, too, but does not count this request against the rate limit.
                call check() -> HealthState = &GetHealth =>
                    own [GetHealth]: GET "/v1/health", Api, Idempotent, read, refined;
            }
        }
    };
}
pub(crate) use health_service;

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! models_service {
    ($make:ident) => {
        $make! {
            /// The models that requests can name: `client.models()`.
            models: Models {
                /// Returns the models that are configured as supported, for completions and for chat. Requires a server of version 0.19.
                ///
                /// Only backends over HTTP have such a list. Local models are in [`HealthState`].
                call list() -> ModelList = &ListModels =>
                    own [ListModels]: GET "/v1beta/models", Api, Idempotent, read, refined;
            }
        }
    };
}
pub(crate) use models_service;

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! setting_service {
    ($make:ident) => {
        $make! {
            /// The server's settings for clients: `client.server_setting()`.
            server_setting: ServerSettings {
                /// Returns the settings. Requires a server of version 0.9.
                call get() -> ServerSetting = &GetServerSetting =>
                    own [GetServerSetting]: GET "/v1beta/server_setting", Api, Idempotent, read, refined;
            }
        }
    };
}
pub(crate) use setting_service;

health_service!(endpoints);
models_service!(endpoints);
setting_service!(endpoints);

macro_rules! reads {
    ($($(#[doc = $doc:expr])* $endpoint:ident -> $answer:ty;)*) => { $(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $endpoint;

        impl Endpoint for $endpoint {
            type Decoder = Json<$answer>;

            described!();

            fn decoder(&self) -> Self::Decoder {
                json()
            }
        }
    )* };
}

reads! {
    /// The operation of [`Health::check`](crate::tabbyml::services::Health::check).
    GetHealth -> HealthState;
    /// The operation of [`Models::list`](crate::tabbyml::services::Models::list).
    ListModels -> ModelList;
    /// The operation of [`ServerSettings::get`](crate::tabbyml::services::ServerSettings::get).
    GetServerSetting -> ServerSetting;
}

/// The state of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HealthState {
    /// The model for code completion, `Remote` for a backend without a name. `None` if there is none.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub model: Option<Text>,
    /// The model for chat. `None` if there is none.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub chat_model: Option<Text>,
    /// The device of the chat model.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub chat_device: Option<Text>,
    /// The device, such as `cpu`, `cuda`, `rocm`, `metal` or `vulkan`.
    #[serde(default, deserialize_with = "filled")]
    pub device: Text,
    /// The names of the CUDA devices.
    #[serde(default, deserialize_with = "listed")]
    pub cuda_devices: Vec<String>,
    /// Where each model runs. Since 0.30.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub models: Option<ModelSources>,
    /// The architecture of the processor, such as `x86_64`.
    #[serde(default, deserialize_with = "filled")]
    pub arch: Text,
    /// The name of the processor.
    #[serde(default, deserialize_with = "filled")]
    pub cpu_info: String,
    /// The number of cores.
    #[serde(default, deserialize_with = "filled")]
    pub cpu_count: u64,
    /// The version.
    #[serde(default, deserialize_with = "or_default")]
    pub version: HealthVersion,
    /// Whether the server has accounts, ingestion and GraphQL. Since 0.11.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub webserver: Option<bool>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

impl HealthState {
    /// Returns whether the server has a model for code completion.
    pub fn completes(&self) -> bool {
        self.model.is_some()
    }

    /// Returns whether the server has a model for chat.
    pub fn chats(&self) -> bool {
        self.chat_model.is_some()
    }

    /// Returns whether the server has at least this version. `None` if its version has no number, such as for a nightly build.
    ///
    /// ```
    /// use tabbyapi::tabbyml::HealthState;
    ///
    /// let mut health = HealthState::default();
    /// health.version.git_describe = "v0.30.0-12-gabc".into();
    /// assert_eq!(health.is_at_least(0, 29), Some(true));
    /// health.version.git_describe = "nightly".into();
    /// assert_eq!(health.is_at_least(0, 29), None);
    /// ```
    pub fn is_at_least(&self, major: u32, minor: u32) -> Option<bool> {
        Some(self.version.number()? >= (major, minor))
    }
}

/// The version of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HealthVersion {
    /// The day of the build, such as `2026-06-30`.
    #[serde(default, deserialize_with = "filled")]
    pub build_date: Text,
    /// The time of the build, as RFC 3339.
    #[serde(default, deserialize_with = "filled")]
    pub build_timestamp: Text,
    /// The commit.
    #[serde(default, deserialize_with = "filled")]
    pub git_sha: Text,
    /// The tag, and possibly the distance from it, such as `v0.31.2`, `v0.30.0-12-gabc` or `nightly`.
    #[serde(default, deserialize_with = "filled")]
    pub git_describe: Text,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

impl HealthVersion {
    /// Returns the major and minor number, if the tag has them.
    pub fn number(&self) -> Option<(u32, u32)> {
        let mut parts = self.git_describe.strip_prefix('v').unwrap_or(&self.git_describe).split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?;
        let digits = minor.bytes().take_while(u8::is_ascii_digit).count();
        Some((major, minor[..digits].parse().ok()?))
    }
}

/// Where each model runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ModelSources {
    /// The model for code completion.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub completion: Option<ModelSource>,
    /// The model for chat.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub chat: Option<ModelSource>,
    /// The model for embeddings.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub embedding: Option<ModelSource>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Where a model runs. One of the fields is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ModelSource {
    /// Behind an HTTP API.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteModel>,
    /// In the server.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalModel>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A model behind an HTTP API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RemoteModel {
    /// The kind of API, such as `openai/chat`.
    #[serde(default, deserialize_with = "filled")]
    pub kind: Text,
    /// The name of the model there.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub model_name: Option<Text>,
    /// The address.
    #[serde(default, deserialize_with = "filled")]
    pub api_endpoint: String,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A model in the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LocalModel {
    /// The id of the model.
    #[serde(default, deserialize_with = "filled")]
    pub model_id: Text,
    /// The device.
    #[serde(default, deserialize_with = "filled")]
    pub device: Text,
    /// The CUDA devices that it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuda_devices: Option<Vec<String>>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

in_place_objects!(HealthVersion, ModelSources, ModelSource, RemoteModel, LocalModel);

/// The models that requests can name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ModelList {
    /// For completions; `None` for a local model.
    #[serde(default)]
    pub completion: Option<Vec<String>>,
    /// For chat; `None` for a local model.
    #[serde(default)]
    pub chat: Option<Vec<String>>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The server's settings for clients.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ServerSetting {
    /// Whether clients must not send telemetry. This library sends none.
    #[serde(default, deserialize_with = "filled")]
    pub disable_client_side_telemetry: bool,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

kinds! {
    HealthState: "device", "version";
    ModelList: "completion", "chat";
    ServerSetting: "disable_client_side_telemetry";
}
