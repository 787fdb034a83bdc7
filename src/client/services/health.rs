//! Health of the server, and waiting until it is ready.

use std::future::Future;
use std::time::Duration;

use crate::api::{CheckHealth, CurrentModel, GetServiceInfo, Health, ModelCard, ServiceInfo};
use crate::base::{MaybeSend, Result};
use crate::client::answer::{Answer, Calling};
use crate::client::client::Client;
use crate::client::readiness::Readiness;
use crate::decode::Json;

/// The health service, from [`Client::health`].
///
/// Health is not readiness: after one failed generation the server reports itself unhealthy until it is restarted, although it
/// works on. It is reachable if `check` gives any answer, and ready if a model is loaded.
#[derive(Clone, Copy, Debug)]
pub struct HealthService<'a> {
    pub(crate) client: &'a Client,
}

impl Client {
    /// Whether the server is there and ready.
    ///
    /// `cargo run --example health` shows it at work, against an emulated server.
    pub fn health(&self) -> HealthService<'_> {
        HealthService { client: self }
    }
}

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
    /// [breaker](crate::policy::Breaker) that is open or a rate or queue that is full; a wrong key or any other error is returned at once. Errors of kind [`Timeout`](crate::ErrorKind::Timeout) carry what the last look said.
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
