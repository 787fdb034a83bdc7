//! By which fields each kind of answer is known, and what is none although its status is a success.

use super::chat::ChatCompletion;
use super::completions::Completion;
use super::embeddings::Embeddings;
use super::health::{Health, ServiceInfo};
use super::kobold::{
    KoboldAborted, KoboldLength, KoboldModel, KoboldResults, KoboldSoftPrompt, KoboldSoftPrompts, KoboldTokenCount,
    KoboldVersion,
};
use super::loras::{LoraList, LoraReport};
use super::models::{Downloaded, LoadProgress, ModelCard, ModelList, ModelProps};
use super::overrides::OverrideList;
use super::templates::TemplateList;
use super::tokens::{Decoded, Encoded, TokenCount};
use super::{FinishReason, auth::PermissionAnswer};
use crate::decode::{Empty, Json, answer_error_field};
use crate::{Error, ErrorKind, Extra, Result};

/// An answer of this API.
pub(crate) trait Kind: Sized {
    /// At least one of them is there.
    const FIELDS: &'static [&'static str];
}

/// A decoder of such an answer.
pub(crate) const fn json<T: Kind>() -> Json<T> {
    Json::new().with_fields(T::FIELDS)
}

macro_rules! kinds {
    ($($answer:ty: $($field:literal),*;)*) => {
        $(impl Kind for $answer {
            const FIELDS: &'static [&'static str] = &[$($field),*];
        })*
    };
}

kinds! {
    ChatCompletion: "choices";
    Completion: "choices";
    Decoded: "text";
    Downloaded: "download_path";
    Embeddings: "data";
    // Nothing, null, or what this library does not look at.
    Empty: ;
    Encoded: "tokens", "length";
    Health: "status";
    KoboldAborted: "success";
    KoboldLength: "value";
    KoboldModel: "result";
    KoboldResults: "results";
    KoboldSoftPrompt: "value";
    KoboldSoftPrompts: "values";
    KoboldTokenCount: "value";
    KoboldVersion: "result";
    LoadProgress: "model_type";
    LoraList: "data";
    LoraReport: "success", "failure";
    ModelCard: "id";
    ModelList: "data";
    ModelProps: "total_slots", "chat_template", "default_generation_settings";
    OverrideList: "selected_preset", "overrides", "presets";
    PermissionAnswer: "permission";
    ServiceInfo: "version", "software", "api";
    TemplateList: "data";
    TokenCount: "length";
}

/// Errors if a choice of a generation failed: it has an error of its own, or says so by the reason of its end. The other choices are
/// in the body that the error keeps.
pub(crate) fn whole_choices<'a>(
    choices: impl IntoIterator<Item = (&'a Extra, &'a Option<FinishReason>)>,
) -> Result<()> {
    for (extra, reason) in choices {
        if let Some(error) = extra.get("error").and_then(answer_error_field) {
            return Err(error);
        }
        if reason.as_ref().is_some_and(|reason| *reason == "error") {
            let message = "the generation failed, and the server does not tell why";
            return Err(Error::new(ErrorKind::Server, "server_error", message));
        }
    }
    Ok(())
}
