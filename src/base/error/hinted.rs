//! The hints of errors: set, read, and spelled in the words of others.

use super::Error;
use crate::base::advice::{Advice, Place};

impl Error {
    /// What to do about it, when the library knows.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The same as data, where the hint is one of the library's own.
    pub fn advice(&self) -> Option<&Advice> {
        self.0.advice.as_ref()
    }

    /// The same error with this hint: what to do about it, as the end of a sentence.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self.0.advice = None;
        self.0.remark.clear();
        self.0.quotes = None;
        self
    }

    /// The same error with the places that its hint names spelled so, for programs whose users do not see Rust: in
    /// [`hint`](Error::hint) and `Display`; likewise a setting that the message begins with, such as the base URL. Hints that are
    /// no [`Advice`] stay.
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

    /// The same error with these words and the text of its cause as its hint.
    pub(crate) fn with_quoted(mut self, words: &'static str, cause: Error) -> Self {
        self.0.hint = Some(words.to_owned() + &cause.sentence());
        self.0.quotes = Some(words);
        self.with_source(cause)
    }

    /// The same, where the hint goes on with what only this error knows.
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

    /// What is wrong with a setting.
    pub(crate) fn config_of(place: Place, what: &str) -> Self {
        let mut error = Error::config(place.to_string() + what);
        error.0.subject = Some(place);
        error
    }
}
