//! Waiting until a model is loaded.

use std::future::Future;
use std::time::Duration;

use super::Health;
use crate::api::{CurrentModel, ModelCard};
use crate::base::{MaybeSend, Result};
use crate::client::readiness::Readiness;
use crate::client::response::Response;

impl Health<'_> {
    /// Waits until a model is loaded, by asking for it four times a second, and gives its card.
    ///
    /// A server that cannot be reached, answers 502 to 504, or has no model is waited for, and so is a
    /// [breaker](crate::policy::Breaker) that is open or a rate or queue that is full; a wrong key or any other error is returned at once. Errors of kind [`Timeout`](crate::ErrorKind::Timeout) carry what the last look said.
    pub fn wait_until_ready(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<Response<ModelCard>>> + MaybeSend + 'static + use<> {
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
