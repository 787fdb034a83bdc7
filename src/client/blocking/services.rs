//! The services, with the methods of those of the async client.

use std::time::Duration;

use super::{Client, ResponseStream};
use crate::api::models::{Wanted, unless_none_loaded};
use crate::api::*;
use crate::base::Result;
use crate::client::readiness::Readiness;
use crate::client::response::Response;
use crate::client::stream_state::StreamError;
use crate::client::tables::{service, stream_types};
use crate::decode::Empty;
use crate::protocol::estimate::Estimator;

stream_types!();

/// The return type of a method.
macro_rules! method {
    (@ $answer:ty) => { Result<Response<$answer>> };
    (@ $item:ty => $total:ty) => { ResponseStream<$item, $total> };
}

// For the client of the other dialect.
#[cfg(feature = "tabbyml")]
pub(crate) use method;

macro_rules! all {
    ($($name:ident)*) => { $(crate::api::$name::service!(service);)* };
}

crate::api::services!(all);

impl Tokens<'_> {
    /// Returns the estimator, calibrated to the loaded model by the counts of these texts.
    ///
    /// See [`calibrate`](crate::services::Tokens::calibrate) of the async client.
    ///
    /// # Errors
    ///
    /// Errors with the error of the call: see [`ErrorKind`](crate::ErrorKind) for its kinds.
    pub fn calibrate<S: AsRef<str>>(
        &self,
        estimator: &Estimator,
        samples: impl IntoIterator<Item = S>,
    ) -> Result<Estimator> {
        let mut counted = Vec::new();
        for text in samples {
            let text = text.as_ref().to_owned();
            let count = self.count(&EncodeRequest::new(text.as_str()).add_bos_token(false))?.length;
            counted.push((text, count));
        }
        Ok(estimator.calibrate(counted))
    }
}

impl Models<'_> {
    /// Unloads the loaded model and loads this one, which changes the parameters of a loaded model. Returns the stream of the
    /// load once the unload is done. The unload ends the running generations of all users of the server. So it errors with code
    /// `unknown_model`, and nothing is unloaded, unless the server's lists contain the model.
    ///
    /// See [`reload`](crate::services::Models::reload) of the async client.
    ///
    /// # Errors
    ///
    /// Errors with the error of a request before the load. Nothing is unloaded if the model is not in the server's list.
    pub fn reload(&self, request: &LoadRequest) -> Result<LoadStream, StreamError<LoadReport>> {
        let load = self.load(request);
        match self.unload_for(&Wanted::of(request)) {
            Ok(()) => Ok(load),
            Err(error) => Err(load.fail(error)),
        }
    }

    /// Unloads the loaded model if the model that replaces it is known to exist.
    fn unload_for(&self, wanted: &Wanted) -> Result<()> {
        if unless_none_loaded(self.current().map(drop))? {
            wanted.check_model(&*self.list()?)?;
            if wanted.has_draft() {
                wanted.check_draft(&*self.drafts()?)?;
            }
            unless_none_loaded(self.unload().map(drop))?;
        }
        Ok(())
    }
}

impl Health<'_> {
    /// Waits until a model is loaded, with four requests per second, and returns its card.
    ///
    /// See [`wait_until_ready`](crate::services::Health::wait_until_ready) of the async client.
    ///
    /// # Errors
    ///
    /// Errors with code `timeout_ready` if no model is loaded in time, or with an error that waiting does not resolve, such as a rejected key.
    pub fn wait_until_ready(&self, timeout: Duration) -> Result<Response<ModelCard>> {
        let mut wait = Readiness::new(self.client.now(), timeout);
        loop {
            let look = self.client.with(wait.options(self.client.now()));
            match look.call(&CurrentModel) {
                Ok(card) => return Ok(card),
                Err(error) => self.client.sleep(wait.pause(self.client.now(), error)?),
            }
        }
    }
}
