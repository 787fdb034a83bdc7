//! The routes of the model service: what there is, what is loaded, loading and unloading, downloading.

mod card;
mod download;
mod load;
mod reload;

use crate::api::fields::plain;
use crate::decode::Empty;

pub(crate) use card::longest_prompt;
pub use card::{GenerationSettings, ModelCard, ModelList, ModelParameters, ModelProps};
pub use download::{DownloadRequest, Downloaded, HubToken, RepoType};
pub use load::{
    DraftModel, LoadEvents, LoadPart, LoadProgress, LoadReport, LoadRequest, LoadStatus, LoadTotal, ModelType,
    RopeAlpha,
};

pub(crate) use reload::{Wanted, unless_none_loaded};

plain! {
    /// The operation of [`Models::list`](crate::services::Models::list).
    ListModels: GET "/v1/models", List, Safe, ModelList, read
}

plain! {
    /// The operation of [`Models::list_as_api_key`](crate::services::Models::list_as_api_key).
    ListModelsAsApiKey: GET "/v1/models", Api, Safe, ModelList, read
}

plain! {
    /// The operation of [`Models::current`](crate::services::Models::current).
    CurrentModel: GET "/v1/model", Api, Safe, ModelCard, read
}

plain! {
    /// The operation of [`Models::props`](crate::services::Models::props).
    GetProps: GET "/props", Api, Safe, ModelProps, read
}

plain! {
    /// The operation of [`Models::unload`](crate::services::Models::unload). It is not sent again by itself: what is loaded may have changed meanwhile.
    UnloadModel: POST "/v1/model/unload", Admin, IfUnsent, Empty, read
}

plain! {
    /// The operation of [`Models::drafts`](crate::services::Models::drafts).
    ListDrafts: GET "/v1/model/draft/list", List, Safe, ModelList, read
}

plain! {
    /// The operation of [`Models::drafts_as_api_key`](crate::services::Models::drafts_as_api_key).
    ListDraftsAsApiKey: GET "/v1/model/draft/list", Api, Safe, ModelList, read
}
