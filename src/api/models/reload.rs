//! Checks before a reload unloads the model.

use super::{LoadRequest, ModelList};
use crate::base::{Advice, Error, ErrorCode, ErrorKind, Remedy, Result};

/// The models that a load requires.
pub(crate) struct Wanted {
    model: String,
    draft: Option<String>,
}

impl Wanted {
    pub(crate) fn of(request: &LoadRequest) -> Self {
        let draft = request.draft_model.as_ref().map(|draft| draft.draft_model_name.clone());
        Wanted { model: request.model_name.clone(), draft }
    }

    pub(crate) fn has_draft(&self) -> bool {
        self.draft.is_some()
    }

    /// Errors if the model is not in this list. The card of the loaded model is not sufficient: its id lacks the path of a subfolder, so
    /// another model may have the same name.
    pub(crate) fn check_model(&self, list: &ModelList) -> Result<()> {
        check(&self.model, "models", list)
    }

    /// Errors if the draft model is not in this list.
    pub(crate) fn check_draft(&self, list: &ModelList) -> Result<()> {
        self.draft.as_ref().map_or(Ok(()), |draft| check(draft, "draft models", list))
    }
}

fn check(name: &str, what: &str, list: &ModelList) -> Result<()> {
    if list.data.iter().any(|card| *card.id == *name) {
        return Ok(());
    }
    let name = name.escape_debug();
    let message = format!("`{name}` is not in the server's list of {what}, so nothing was unloaded");
    Err(Error::new(ErrorKind::Encode, ErrorCode::UnknownModel, message).with_advice(Advice::new(
        Remedy::Check,
        "the whole list requires the admin key, and models in subfolders are in no list; if the model exists, call {method:models.unload} \
         and then {method:models.load}",
    )))
}

/// Returns true for a response, and false for the error that no model is loaded. Passes on other errors.
pub(crate) fn unless_none_loaded(result: Result<()>) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.code() == &ErrorCode::NoModelLoaded => Ok(false),
        Err(error) => Err(error),
    }
}
