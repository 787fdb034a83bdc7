//! The choices of a stream: which there are, and which have ended.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::common::FinishReason;
use crate::base::{Error, ErrorCode, ErrorKind, Extra, Result};
use crate::decode::answer_error_field;

/// More choices than this are not distinguished; no request has so many.
const MOST: usize = 1 << 16;

/// What is known of the choices of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choices {
    /// How many were asked for, if that is known.
    expected: Option<u64>,
    /// Those that came, and whether they have ended.
    seen: BTreeMap<u32, bool>,
    /// An event had more than one.
    several: bool,
}

impl Choices {
    /// For a stream of so many choices.
    pub(crate) fn expecting(expected: Option<u64>) -> Self {
        Choices { expected, ..Choices::default() }
    }

    /// For another attempt.
    pub(crate) fn reset(&mut self) {
        *self = Choices::expecting(self.expected);
    }

    /// Sees one of the `count` choices of an event. Where only one was asked for, it is the first: some servers count tokens by
    /// its index.
    pub(crate) fn see(&mut self, index: &mut u32, count: usize, ended: bool) {
        self.several |= count > 1;
        if self.expected == Some(1) && !self.several {
            *index = 0;
        }
        if self.seen.len() < MOST {
            *self.seen.entry(*index).or_default() |= ended;
        }
    }

    /// Whether all choices have ended, so that nothing is missing but the announcement of the stream's end.
    pub(crate) fn all_ended(&self) -> bool {
        let count = self.seen.len() as u64;
        count > 0
            && count < MOST as u64
            && count >= self.expected.unwrap_or(1)
            && self.seen.values().all(|ended| *ended)
    }
}

/// How many choices a request asks for: in its own field, or among fields without a name, its own ones first. `None` if it
/// is not known.
pub(crate) fn asked_for(n: Option<u32>, extras: [&Extra; 2]) -> Option<u64> {
    match (n, extras.into_iter().find_map(|extra| extra.get("n"))) {
        (Some(n), _) => Some(u64::from(n)),
        (None, None | Some(Value::Null)) => Some(1),
        (None, Some(n)) => n.as_u64(),
    }
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
            let message = "the generation failed, and the server does not say why";
            return Err(Error::new(ErrorKind::Server, ErrorCode::ServerError, message));
        }
    }
    Ok(())
}
