//! `GET /health` and `GET /.well-known/serviceinfo`: whether the server is there, and what it is.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::api::kinds::{json, kinds};
use crate::api::operation::{described, endpoints};
use crate::base::{Extra, Result, Text};
use crate::decode::Json;
use crate::decode::in_place::{filled, in_place_objects, meant, named, or_default};
use crate::decode::open_enum::open_enum;
use crate::protocol::Endpoint;

/// The table of this service; see [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Health of the server: `client.health()`.
            ///
            /// Health is not readiness: after one failed generation the server reports itself unhealthy until it is restarted, although it goes on
            /// working. It is reachable if [`check`](Health::check) returns any response, and ready if a model is loaded.
            /// `cargo run --example health` runs it against an emulated server.
            health: Health {
                /// Returns the server's health. A 503 with a body is a response, not an error. Requires no key.
                call check() -> HealthReport = &CheckHealth =>
                    own [CheckHealth]: GET "/health", Public, Idempotent, read;
                /// Returns names and addresses of the server's APIs. Requires no key.
                call service_info() -> ServiceInfo = &GetServiceInfo =>
                    unit [GetServiceInfo]: GET "/.well-known/serviceinfo", Public, Idempotent, read;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

/// The operation of [`Health::check`](crate::services::Health::check).
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckHealth;

impl Endpoint for CheckHealth {
    type Decoder = Json<HealthReport>;

    described!();

    fn decoder(&self) -> Self::Decoder {
        json().also(StatusCode::SERVICE_UNAVAILABLE)
    }
}

/// The server's view of its own health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HealthReport {
    /// Its state.
    #[serde(deserialize_with = "meant")]
    pub status: HealthStatus,
    /// What went wrong since it started; at most the last 100.
    #[serde(default, deserialize_with = "filled")]
    pub issues: Vec<HealthIssue>,
    /// Fields that this library has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

impl HealthReport {
    /// Whether nothing went wrong since the server started. It may serve all the same if not.
    pub fn is_healthy(&self) -> bool {
        self.status == HealthStatus::Healthy
    }
}

open_enum! {
    /// The state of a server.
    HealthStatus {
        /// Nothing went wrong since it started.
        Healthy = "healthy",
        /// Something went wrong since it started.
        Unhealthy = "unhealthy",
    }
}

/// Something that went wrong on the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HealthIssue {
    /// When, in UTC after RFC 3339.
    #[serde(default, deserialize_with = "filled")]
    pub time: Text,
    /// What.
    #[serde(default, deserialize_with = "filled")]
    pub description: String,
    /// Fields that this library has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

in_place_objects!(HealthIssue, Software);

/// What the server is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ServiceInfo {
    /// The version of this document, such as 0.1.
    #[serde(default, deserialize_with = "filled")]
    pub version: Option<f64>,
    /// The software that serves.
    #[serde(default, deserialize_with = "or_default")]
    pub software: Software,
    /// The APIs it serves, by name: `openai`, and `koboldai`, which is listed even where it is not served.
    #[serde(default, deserialize_with = "named")]
    pub api: std::collections::BTreeMap<String, ApiInfo>,
    /// Fields that this library has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The software that serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Software {
    /// Its name, `TabbyAPI`.
    #[serde(default, deserialize_with = "filled")]
    pub name: Text,
    /// The address of its source.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Its home page.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Fields that this library has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One API of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ApiInfo {
    /// Its name, such as `OpenAI API`.
    #[serde(default, deserialize_with = "filled")]
    pub name: Text,
    /// Its path under the server's address, such as `/v1`.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub relative_url: Option<String>,
    /// The address of its documentation.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
    /// Its version, such as 1.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub version: Option<f64>,
    /// Fields that this library has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

kinds! {
    HealthReport: "status";
    ServiceInfo: "version", "software", "api";
}
