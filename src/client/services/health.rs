//! Waiting until a model is loaded.

use std::future::Future;
use std::time::Duration;

use super::Health;
use crate::api::{CurrentModel, ModelCard};
use crate::base::{MaybeSend, Result};
use crate::client::readiness::Readiness;
use crate::client::response::Response;

impl Health<'_> {
    /// Waits until a model is loaded, with four requests per second, and returns its card.
    ///
    /// Waits while the server cannot be reached, answers 502 to 504, or has no model, and while a
    /// [breaker](crate::policy::Breaker) is open or a rate limit or queue is full.
    ///
    /// # Errors
    ///
    /// Errors with code `timeout_ready` if no model is loaded in time; the hint has the last error. Any other error, such as a rejected
    /// key, is returned at once.
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
