//! Hints of errors: setting them, reading them, and writing them with other names.

use super::Error;
use crate::base::advice::{Advice, Place};

impl Error {
    /// Returns what to do about the error, if the library has advice.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Returns the hint as data, if it is one of the library's own.
    pub fn advice(&self) -> Option<&Advice> {
        self.0.advice.as_ref()
    }

    /// Sets the hint: what to do about the error, as the end of a sentence.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self.0.advice = None;
        self.0.remark.clear();
        self.0.quotes = None;
        self
    }

    /// Replaces the places that the hint names by the texts that `spell` returns, in [`hint`](Error::hint) and `Display`. For
    /// programs whose users do not see Rust. A setting at the start of the message, such as the base URL, is replaced the same
    /// way. Hints without an [`Advice`] do not change.
    #[must_use]
    pub fn spelled(mut self, mut spell: impl FnMut(Place) -> String) -> Self {
        let inner = &mut *self.0;
        if let Some(place) = inner.subject
            && let Some(rest) = inner.message.strip_prefix(&place.to_string())
        {
            inner.message = spell(place) + rest;
            inner.subject = None;
        }
        if let Some(words) = inner.quotes
            && let Some(quoted) = inner.source.as_ref().and_then(|source| source.error.downcast_ref::<Error>())
        {
            let mut spell: &mut dyn FnMut(Place) -> String = &mut spell;
            inner.hint = Some(words.to_owned() + &quoted.clone().spelled(&mut spell).sentence());
        }
        if let Some(advice) = self.0.advice {
            self.0.hint = Some(advice.spelled(spell) + &self.0.remark);
        }
        self
    }

    pub(crate) fn with_advice(mut self, advice: Advice) -> Self {
        self.0.hint = Some(advice.to_string());
        self.0.advice = Some(advice);
        self.0.remark.clear();
        self.0.quotes = None;
        self
    }

    /// Sets the hint to these words and the text of the cause.
    pub(crate) fn with_quoted(mut self, words: &'static str, cause: Error) -> Self {
        self.0.hint = Some(words.to_owned() + &cause.sentence());
        self.0.quotes = Some(words);
        self.with_source(cause)
    }

    /// Sets the hint to the advice, followed by text specific to this error.
    pub(crate) fn with_advice_and(mut self, advice: Advice, rest: &str) -> Self {
        self.0.hint = Some(advice.to_string() + rest);
        self.0.advice = Some(advice);
        rest.clone_into(&mut self.0.remark);
        self
    }

    /// Adds a remark to the hint, if there is one.
    pub(crate) fn with_remark(mut self, remark: &str) -> Self {
        let inner = &mut *self.0;
        if let Some(hint) = &mut inner.hint {
            let remark = format!(" ({remark})");
            hint.push_str(&remark);
            inner.remark.push_str(&remark);
        }
        self
    }

    /// An error about a setting.
    pub(crate) fn config_of(place: Place, what: &str) -> Self {
        let mut error = Error::config(place.to_string() + what);
        error.0.subject = Some(place);
        error
    }
}
