//! Models.

use std::future::Future;

use crate::api::models::{Wanted, unless_none_loaded};
use crate::api::{
    CurrentModel, DownloadRequest, Downloaded, GetProps, ListDrafts, ListDraftsAsApiKey, ListModels,
    ListModelsAsApiKey, LoadEvents, LoadReport, LoadRequest, LoadTotal, ModelCard, ModelList, ModelProps, UnloadModel,
};
use crate::base::{MaybeSend, Result};
use crate::client::answer::Calling;
use crate::client::client::Client;
use crate::client::streaming::{Broken, Streaming};
use crate::decode::{Empty, Json};

/// The model service, from [`Client::models`].
#[derive(Clone, Copy, Debug)]
pub struct Models<'a> {
    pub(crate) client: &'a Client,
}

/// The stream of a model load.
pub type LoadStream = Streaming<crate::decode::Events<LoadEvents>, LoadTotal>;

impl Client {
    /// What models there are, what is loaded, loading and unloading.
    ///
    /// `cargo run --example models` shows it at work, against an emulated server.
    pub fn models(&self) -> Models<'_> {
        Models { client: self }
    }
}

impl Models<'_> {
    /// The models that can be loaded. It is asked with the admin key if there is one, since with an API key the server shows
    /// the loaded model alone.
    pub fn list(&self) -> Calling<Json<ModelList>> {
        self.client.call(&ListModels)
    }

    /// The list as an API key sees it: the loaded model, or nothing. With an admin key alone it is the whole list.
    pub fn list_as_api_key(&self) -> Calling<Json<ModelList>> {
        self.client.call(&ListModelsAsApiKey)
    }

    /// The loaded model. Errors with code `no_model_loaded` if there is none, as while one is being loaded.
    pub fn current(&self) -> Calling<Json<ModelCard>> {
        self.client.call(&CurrentModel)
    }

    /// Context size, chat template and slots of the loaded model. Errors with code `no_model_loaded` if there is none.
    pub fn props(&self) -> Calling<Json<ModelProps>> {
        self.client.call(&GetProps)
    }

    /// Loads a model, which takes the place of the loaded one; needs the admin key. The stream yields progress, and the model can
    /// be used when [`finish`](Streaming::finish) gives the report: "finished" events come before that.
    ///
    /// * Loading the directory that is loaded already does nothing, even if other parameters differ; see [`reload`](Models::reload).
    /// * It waits for running generations, and for other loads.
    /// * Dropping the stream does not stop the load.
    /// * After a failed load no model is loaded.
    pub fn load(&self, request: &LoadRequest) -> LoadStream {
        self.client.stream(request)
    }

    /// Unloads whatever is loaded, then loads: the way to change the parameters of the loaded model. Returns the stream of the load
    /// once the unload is done. Needs the admin key.
    ///
    /// The unload ends the running generations of all users of the server. So nothing is unloaded unless the server's lists show
    /// the model of the request, and its draft model if it names one. Otherwise it errors with code `unknown_model`. The lists are
    /// complete for the admin key only, an API key is shown the loaded model alone, and models in subfolders are in no list; for
    /// those call [`unload`](Models::unload), then [`load`](Models::load). If no model is loaded, nothing is checked or unloaded.
    pub fn reload(
        &self,
        request: &LoadRequest,
    ) -> impl Future<Output = Result<LoadStream, Broken<LoadReport>>> + MaybeSend + 'static + use<> {
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
                Err(error) => Err(load.broken(error)),
            }
        }
    }

    /// The draft models that can be loaded along. It is asked with the admin key if there is one, since with an API key the
    /// server shows the loaded draft model alone.
    pub fn drafts(&self) -> Calling<Json<ModelList>> {
        self.client.call(&ListDrafts)
    }

    /// The list of draft models as an API key sees it: the loaded one, or nothing. With an admin key alone it is the whole
    /// list.
    pub fn drafts_as_api_key(&self) -> Calling<Json<ModelList>> {
        self.client.call(&ListDraftsAsApiKey)
    }

    /// Has the server download a model or a LoRA from the Hugging Face hub, and answers where it lies; needs the admin key.
    ///
    /// The answer comes when all of it is there, so there is no deadline and no progress. Dropping the call cancels the
    /// download, and the server removes what it had. Nothing of it is tried again by itself.
    ///
    /// Errors have the codes `unknown_repo`, `already_exists`, `nothing_to_download` (the filters leave no file),
    /// `download_timeout` (the request's own `timeout`), or `bad_request` with the hub's words.
    pub fn download(&self, request: &DownloadRequest) -> Calling<Json<Downloaded>> {
        self.client.call(request)
    }

    /// Unloads the model; needs the admin key. Running generations are cut: plain ones answer with what they have, streams
    /// hang until their pace ends them. Errors with code `no_model_loaded` if there is none.
    pub fn unload(&self) -> Calling<Json<Empty>> {
        self.client.call(&UnloadModel)
    }
}
