//! Input that does not fit the state: left over from an earlier exchange, or a mistake of the driver.

use super::Input;
use super::machine::{Machine, State};
use crate::base::Error;

impl Machine {
    /// Whether this input, if it does not fit the state, can belong to an earlier request of the call.
    pub(super) fn may_be_stale(&self, input: &Input) -> bool {
        let attempts = self.record.attempt_count;
        match (&self.state, input) {
            (_, Input::Key(_)) => self.asked,
            // The last attempt is over.
            (State::Ready { .. } | State::Keying(_), _) => attempts > 0,
            // The attempt continues, so the input is of an earlier one.
            _ => attempts > 1,
        }
    }
}

impl Input {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Input::Head(_) => "a head",
            Input::Chunk(_) => "a chunk",
            Input::End => "an end",
            Input::Failed(_) => "a failure",
            Input::Key(_) => "a key",
        }
    }
}

/// The error of an input that was not requested.
pub(super) fn misplaced(name: &str, state: &State) -> Error {
    let doing = match state {
        State::Ready { .. } => "had nothing in flight",
        State::Keying(_) => "was waiting for a key",
        State::Sending { .. } => "was waiting for a head",
        State::Reading(_) => "was reading a body",
        State::Done(_) => "was over",
    };
    Error::misuse([name, " was handed to a call that ", doing].concat())
}
