//! `GET /health` and `GET /.well-known/serviceinfo`: whether the server is there, and what it is.

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::models::{CurrentModel, ModelCard};
use crate::api::kinds::json;
use crate::call::{Retry, Time};
use crate::decode::Json;
use crate::fill::{fill_objects, filled, meant, named, or_default};
use crate::transport::MaybeSend;
use crate::value::open_enum;
use crate::{
    Answer, Calling, Client, Endpoint, Error, ErrorKind, Extra, Options, Pace, Phase, Replay, Result, Scope, Text,
};

/// The health service, from [`Client::health`].
///
/// Health is not readiness: after one failed generation the server reports itself unhealthy until it is restarted, although it
/// works on. It is reachable if `check` gives any answer, and ready if a model is loaded.
#[derive(Clone, Copy, Debug)]
pub struct HealthService<'a> {
    pub(crate) client: &'a Client,
}

/// How long to wait between two looks at the server.
const INTERVAL: Duration = Duration::from_millis(250);

impl HealthService<'_> {
    /// The server's health. A 503 with a body is an answer, not an error.
    pub fn check(&self) -> Calling<Json<Health>> {
        self.client.call(&CheckHealth)
    }

    /// Names and addresses of the server's APIs.
    pub fn service_info(&self) -> Calling<Json<ServiceInfo>> {
        self.client.call(&GetServiceInfo)
    }

    /// Waits until a model is loaded, by asking for it four times a second, and gives its card.
    ///
    /// A server that cannot be reached, answers 502 to 504, or has no model is waited for, and so is a
    /// [breaker](crate::policy::Breaker) that is open or a rate or queue that is full; a wrong key or any other error is returned at once. Errors of kind [`Timeout`](ErrorKind::Timeout) carry what the last look said.
    pub fn wait_until_ready(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<Answer<ModelCard>>> + MaybeSend + 'static + use<> {
        let client = self.client.clone();
        async move {
            let mut wait = Readiness::new(client.now(), timeout);
            loop {
                let look = client.with(wait.options(client.now()));
                match look.call(&CurrentModel).await {
                    Ok(card) => return Ok(card),
                    Err(error) => client.sleep(wait.pause(client.now(), error)?).await,
                }
            }
        }
    }
}

/// A wait for a loaded model, without the waiting.
pub(crate) struct Readiness {
    timeout: Duration,
    until: Time,
    /// What the last look said that went out to the server.
    last: Option<Error>,
}

impl Readiness {
    pub(crate) fn new(now: Time, timeout: Duration) -> Self {
        Readiness { timeout, until: now + timeout, last: None }
    }

    /// The options of one look: it must not outlast the wait, nor retry by itself.
    pub(crate) fn options(&self, now: Time) -> Options {
        Options::new().retry(Retry::NEVER).pace(Pace::READ.total(self.until.since(now).max(INTERVAL)))
    }

    /// How long to wait after a look that failed, or why not to look again.
    pub(crate) fn pause(&mut self, now: Time, error: Error) -> Result<Duration> {
        if !is_not_yet(&error) {
            return Err(error);
        }
        // That a look was held back tells less than why.
        let error = match self.last.take() {
            Some(last) if error.kind() == ErrorKind::Refused => last,
            _ => error,
        };
        if now + INTERVAL >= self.until {
            let message = format!("the server was not ready within {:?}", self.timeout);
            return Err(Error::new(ErrorKind::Timeout, "timeout_ready", message)
                .with_phase(Phase::Total)
                .with_quoted("the last look said: ", error));
        }
        self.last = Some(error);
        Ok(INTERVAL)
    }
}

fn is_not_yet(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Connect | ErrorKind::Transport | ErrorKind::Timeout | ErrorKind::Truncated => true,
        ErrorKind::Server => matches!(error.status().map(|status| status.as_u16()), Some(502..=504)),
        // By this client's own policies, not by a hook.
        ErrorKind::Refused => matches!(error.code(), "circuit_open" | "rate_limited" | "queue_full"),
        _ => false,
    }
}

/// The operation of [`HealthService::check`].
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

/// The operation of [`HealthService::service_info`].
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
