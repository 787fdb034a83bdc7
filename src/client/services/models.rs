//! `reload`: unloads the model and loads one.

use std::future::Future;

use super::{LoadStream, Models};
use crate::api::models::{Wanted, unless_none_loaded};
use crate::api::{LoadReport, LoadRequest};
use crate::base::{MaybeSend, Result};
use crate::client::stream_state::StreamError;

impl Models<'_> {
    /// Unloads the loaded model and loads this one, which changes the parameters of a loaded model. Returns the stream of the
    /// load once the unload is done. Requires the admin key.
    ///
    /// The unload ends the running generations of all users of the server. So nothing is unloaded unless the server's lists
    /// contain the model of the request, and its draft model if it names one. Otherwise it errors with code `unknown_model`. The
    /// lists are complete only for the admin key; with an API key they contain only the loaded model. Models in subfolders are in
    /// no list: use [`unload`](Models::unload), then [`load`](Models::load). If no model is loaded, nothing is checked or
    /// unloaded.
    pub fn reload(
        &self,
        request: &LoadRequest,
    ) -> impl Future<Output = Result<LoadStream, StreamError<LoadReport>>> + MaybeSend + 'static + use<> {
        let load = self.load(request);
        let client = self.client.clone();
        let wanted = Wanted::of(request);
        async move {
            let unloaded = async {
                let models = client.models();
                let loaded = unless_none_loaded(models.current().await.map(drop))?;
                if loaded {
                    wanted.check_model(&*models.list().await?)?;
                    if wanted.has_draft() {
                        wanted.check_draft(&*models.drafts().await?)?;
                    }
                    unless_none_loaded(models.unload().await.map(drop))?;
                }
                Ok(())
            };
            match unloaded.await {
                Ok(()) => Ok(load),
                Err(error) => Err(load.fail(error)),
            }
        }
    }
}
