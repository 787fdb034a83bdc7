//! `GET /health` and `GET /.well-known/serviceinfo`: the health and the description of the server.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::api::kinds::{json, kinds};
use crate::api::operation::{described, endpoints};
use crate::base::{Extra, Result, Text};
use crate::decode::Json;
use crate::decode::in_place::{filled, in_place_objects, meant, named, or_default};
use crate::decode::open_enum::open_enum;
use crate::protocol::Endpoint;

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Health of the server: `client.health()`.
            ///
            /// Health is not readiness. After one failed generation the server reports itself unhealthy until it is restarted, although it still
            /// works. It is reachable if [`check`](Health::check) returns any response, and ready if a model is loaded.
            /// `cargo run --example health` runs it against an emulated server.
            ///
            /// ```no_run
            /// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
            /// println!("{:?}", client.health().check().await?.issues);
            /// println!("{}", client.health().service_info().await?.software.name);
            /// # Ok(())
            /// # }
            /// ```
            health: Health {
                /// Returns the server's health. A 503 with a body is a response, not an error. Does not require a key.
                call check() -> HealthReport = &CheckHealth =>
                    own [CheckHealth]: GET "/health", Public, Idempotent, read;
                /// Returns names and addresses of the server's APIs. Does not require a key.
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
    /// The state.
    #[serde(deserialize_with = "meant")]
    pub status: HealthStatus,
    /// The errors since the server started; at most the last 100.
    #[serde(default, deserialize_with = "filled")]
    pub issues: Vec<HealthIssue>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

impl HealthReport {
    /// Returns whether no error occurred since the server started. The server may work even if one did.
    pub fn is_healthy(&self) -> bool {
        self.status == HealthStatus::Healthy
    }
}

open_enum! {
    /// The state of a server.
    HealthStatus {
        /// No error since the server started.
        Healthy = "healthy",
        /// An error occurred since the server started.
        Unhealthy = "unhealthy",
    }
}

/// An error that occurred on the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HealthIssue {
    /// The time, in UTC as RFC 3339.
    #[serde(default, deserialize_with = "filled")]
    pub time: Text,
    /// A description of the error.
    #[serde(default, deserialize_with = "filled")]
    pub description: String,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

in_place_objects!(HealthIssue, Software);

/// The description of the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ServiceInfo {
    /// The version of this document, such as 0.1.
    #[serde(default, deserialize_with = "filled")]
    pub version: Option<f64>,
    /// The software of the server.
    #[serde(default, deserialize_with = "or_default")]
    pub software: Software,
    /// The APIs by name: `openai`, and `koboldai`, which is listed even if it is not enabled.
    #[serde(default, deserialize_with = "named")]
    pub api: std::collections::BTreeMap<String, ApiInfo>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The software of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Software {
    /// The name, `TabbyAPI`.
    #[serde(default, deserialize_with = "filled")]
    pub name: Text,
    /// The address of the source code.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The home page.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One API of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ApiInfo {
    /// The name, such as `OpenAI API`.
    #[serde(default, deserialize_with = "filled")]
    pub name: Text,
    /// The path under the server's address, such as `/v1`.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub relative_url: Option<String>,
    /// The address of the documentation.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
    /// The version, such as 1.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub version: Option<f64>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

kinds! {
    HealthReport: "status";
    ServiceInfo: "version", "software", "api";
}
