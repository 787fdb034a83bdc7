//! The routes of models: listing, loading, unloading, downloading.

mod card;
mod download;
mod load;
mod reload;

use crate::api::operation::endpoints;
use crate::decode::Empty;

pub(crate) use card::longest_prompt;
pub use card::{GenerationSettings, ModelCard, ModelList, ModelParameters, ModelProps};
pub use download::{DownloadRequest, Downloaded, HubToken, RepoType};
pub use load::{
    DraftModel, LoadEvents, LoadPart, LoadProgress, LoadReport, LoadRequest, LoadStatus, LoadTotal, ModelType,
    RopeAlpha,
};

pub(crate) use reload::{Wanted, unless_none_loaded};

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Models, which are listed, loaded, unloaded and downloaded: `client.models()`.
            ///
            /// `cargo run --example models` runs them against an emulated server.
            ///
            /// ```no_run
            /// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
            /// use tabbyapi::api::{DownloadRequest, LoadRequest};
            ///
            /// client.models().download(&DownloadRequest::new("acme/thing-exl3")).await?;
            /// println!("{} models, {} draft models", client.models().list().await?.data.len(), client.models().drafts().await?.data.len());
            /// client.models().load(&LoadRequest::new("thing-exl3").max_seq_len(8192)).finish().await?;
            /// println!("{}: {:?}", client.models().current().await?.id, client.models().props().await?.context_size());
            /// client.models().unload().await?;
            /// # Ok(())
            /// # }
            /// ```
            models: Models {
                /// Returns the available models.
                ///
                /// Uses the admin key if it is set. With an API key the server lists only the loaded model.
                call list() -> ModelList = &ListModels =>
                    unit [ListModels]: GET "/v1/models", PreferAdmin, Idempotent, read;
                /// Returns the loaded model.
                ///
                /// # Errors
                ///
                /// `no_model_loaded`: no model is loaded, or one is being loaded.
                call current() -> ModelCard = &CurrentModel =>
                    unit [CurrentModel]: GET "/v1/model", Api, Idempotent, read;
                /// Returns context size, chat template and slots of the loaded model.
                ///
                /// # Errors
                ///
                /// `no_model_loaded`: no model is loaded, or one is being loaded.
                call props() -> ModelProps = &GetProps =>
                    unit [GetProps]: GET "/props", Api, Idempotent, read;
                /// Loads a model and replaces the loaded one. Requires the admin key.
                ///
                /// The stream yields progress. The model is usable once the stream has ended, which is after the event with the status `finished`.
                ///
                /// [`finish`](ResponseStream::finish) waits for that, and returns the report.
                ///
                /// * Loading the directory that is already loaded does nothing, even if other parameters differ; see [`reload`](Models::reload).
                /// * The server first waits for running generations and for other loads.
                /// * Dropping the stream does not stop the load.
                /// * After a failed load no model is loaded.
                stream load(request: &LoadRequest) -> LoadProgress => LoadReport = request =>
                    own [LoadRequest]: POST "/v1/model/load", Admin, IfUnsent, load;
                /// Returns the available draft models.
                ///
                /// Uses the admin key if it is set. With an API key the server lists only the loaded one.
                call drafts() -> ModelList = &ListDrafts =>
                    unit [ListDrafts]: GET "/v1/model/draft/list", PreferAdmin, Idempotent, read;
                /// Makes the server download a model or a LoRA from the Hugging Face hub, and returns its directory. Requires the admin key.
                ///
                /// The response arrives when everything is downloaded. There is no deadline by default, and no progress. Cancelling the call
                /// cancels the download, and the server removes the partial files. It is never retried.
                ///
                /// # Errors
                ///
                /// * `unknown_repo`, `already_exists`.
                /// * `nothing_to_download`: the filters do not match any file.
                /// * `download_timeout`: the [`timeout`](crate::api::DownloadRequest::timeout) of the request passed.
                /// * `bad_request`, with the hub's message.
                call download(request: &DownloadRequest) -> Downloaded = request =>
                    json [DownloadRequest]: POST "/v1/download", Admin, Never, download, download::map_error;
                /// Unloads the model. Requires the admin key.
                ///
                /// Running generations are cut: whole responses contain what was generated, streams are silent until a timeout ends them. The call
                /// is retried only if it was not sent, since another model may be loaded by then.
                ///
                /// # Errors
                ///
                /// `no_model_loaded`: no model is loaded.
                call unload() -> Empty = &UnloadModel =>
                    unit [UnloadModel]: POST "/v1/model/unload", Admin, IfUnsent, read;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);
