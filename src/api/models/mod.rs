//! The routes of the model service: what there is, what is loaded, loading and unloading, downloading.

mod card;
mod download;
mod load;
mod reload;

use std::future::Future;

use super::fields::plain;
use crate::decode::{Empty, Json};
use crate::transport::MaybeSend;
use crate::{Broken, Calling, Client, Result, Streaming};

pub(crate) use card::longest_prompt;
pub use card::{GenerationSettings, ModelCard, ModelList, ModelParameters, ModelProps};
pub use download::{DownloadRequest, Downloaded, HubToken, RepoType};
pub use load::{
    DraftModel, LoadEvents, LoadPart, LoadProgress, LoadReport, LoadRequest, LoadStatus, LoadTotal, ModelType,
    RopeAlpha,
};

pub(crate) use reload::{Wanted, unless_none_loaded};

/// The stream of a model load.
pub type LoadStream = Streaming<crate::decode::Events<LoadEvents>, LoadTotal>;

/// The model service, from [`Client::models`].
#[derive(Clone, Copy, Debug)]
pub struct Models<'a> {
    pub(crate) client: &'a Client,
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

plain! {
    /// The operation of [`Models::list`].
    ListModels: GET "/v1/models", List, Safe, ModelList, read
}

plain! {
    /// The operation of [`Models::list_as_api_key`].
    ListModelsAsApiKey: GET "/v1/models", Api, Safe, ModelList, read
}

plain! {
    /// The operation of [`Models::current`].
    CurrentModel: GET "/v1/model", Api, Safe, ModelCard, read
}

plain! {
    /// The operation of [`Models::props`].
    GetProps: GET "/props", Api, Safe, ModelProps, read
}

plain! {
    /// The operation of [`Models::unload`]. It is not sent again by itself: what is loaded may have changed meanwhile.
    UnloadModel: POST "/v1/model/unload", Admin, IfUnsent, Empty, read
}

plain! {
    /// The operation of [`Models::drafts`].
    ListDrafts: GET "/v1/model/draft/list", List, Safe, ModelList, read
}

plain! {
    /// The operation of [`Models::drafts_as_api_key`].
    ListDraftsAsApiKey: GET "/v1/model/draft/list", Api, Safe, ModelList, read
}
