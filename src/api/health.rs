//! `GET /health` and `GET /.well-known/serviceinfo`: whether the server is there, and what it is.

use std::borrow::Cow;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::api::kinds::{json, kinds};
use crate::base::{Extra, Result, Text};
use crate::decode::Json;
use crate::decode::fill::{fill_objects, filled, meant, named, or_default};
use crate::decode::open_enum::open_enum;
use crate::protocol::{Endpoint, Replay, Scope};

/// The operation of [`HealthService::check`](crate::services::HealthService::check).
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckHealth;

impl Endpoint for CheckHealth {
    type Decoder = Json<Health>;
    const METHOD: Method = Method::GET;
    const SCOPE: Scope = Scope::Public;
    const REPLAY: Replay = Replay::Safe;

    fn path(&self) -> Cow<'_, str> {
        "/health".into()
    }

    fn decoder(&self) -> Self::Decoder {
        json().also(StatusCode::SERVICE_UNAVAILABLE)
    }
}

/// The operation of [`HealthService::service_info`](crate::services::HealthService::service_info).
#[derive(Clone, Copy, Debug, Default)]
pub struct GetServiceInfo;

impl Endpoint for GetServiceInfo {
    type Decoder = Json<ServiceInfo>;
    const METHOD: Method = Method::GET;
    const SCOPE: Scope = Scope::Public;
    const REPLAY: Replay = Replay::Safe;

    fn path(&self) -> Cow<'_, str> {
        "/.well-known/serviceinfo".into()
    }

    fn decoder(&self) -> Self::Decoder {
        json()
    }
}

/// The server's view of its own health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
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

impl Health {
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

fill_objects!(HealthIssue, Software);

/// What the server is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    Health: "status";
    ServiceInfo: "version", "software", "api";
}
