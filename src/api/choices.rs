//! The choices of a stream, and which of them have ended.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::common::FinishReason;
use crate::base::{Error, ErrorCode, ErrorKind, Extra, Result};
use crate::decode::answer_error_field;

/// The maximum number of choices that are distinguished.
const MOST: usize = 1 << 16;

/// The state of the choices of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choices {
    /// The number of requested choices, if known.
    expected: Option<u64>,
    /// The choices so far, and whether they have ended.
    seen: BTreeMap<u32, bool>,
    /// Whether an event had more than one.
    several: bool,
}

impl Choices {
    /// Creates the state for a stream of this many choices.
    pub(crate) fn expecting(expected: Option<u64>) -> Self {
        Choices { expected, ..Choices::default() }
    }

    /// Resets the state for another attempt.
    pub(crate) fn reset(&mut self) {
        *self = Choices::expecting(self.expected);
    }

    /// Notes one of the `count` choices of an event. If only one was requested, it is the first: some servers count tokens in its
    /// index.
    pub(crate) fn see(&mut self, index: &mut u32, count: usize, ended: bool) {
        self.several |= count > 1;
        if self.expected == Some(1) && !self.several {
            *index = 0;
        }
        if self.seen.len() < MOST {
            *self.seen.entry(*index).or_default() |= ended;
        }
    }

    /// Whether all choices have ended, so that only the end of the stream is missing.
    pub(crate) fn all_ended(&self) -> bool {
        let count = self.seen.len() as u64;
        count > 0
            && count < MOST as u64
            && count >= self.expected.unwrap_or(1)
            && self.seen.values().all(|ended| *ended)
    }
}

/// Returns the number of choices that a request asks for. Its own field takes precedence over extra fields. `None` if it is not
/// known.
pub(crate) fn asked_for(n: Option<u32>, extras: [&Extra; 2]) -> Option<u64> {
    match (n, extras.into_iter().find_map(|extra| extra.get("n"))) {
        (Some(n), _) => Some(u64::from(n)),
        (None, None | Some(Value::Null)) => Some(1),
        (None, Some(n)) => n.as_u64(),
    }
}

/// Errors if a choice of a generation failed: it has an error, or its finish reason is an error. The body in the error contains
/// the other choices.
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
