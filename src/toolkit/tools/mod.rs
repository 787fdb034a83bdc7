//! Tools: typed functions that a model may call, and the loop that runs them.
//!
//! [`Tools`] holds the functions. [`Chat::run`](crate::services::Chat::run) runs them. [`ToolLoop`] is the state machine behind it; it does no IO and
//! can be driven by hand.
//!
//! ```text
//!          ┌────────── results, in the order of the calls ───────────┐
//!          ▼                                                         │
//!  step() = Ask ── answer() ──► tool calls? ── yes ──► step() = Call, Call, Wait ── result()
//!                                    │
//!                                    no ──► step() = Done(ToolEnd)
//! ```
//!
//! By default a failed call does not end the run. Instead of the result the model receives the JSON object `{"error": KIND,
//! "message": TEXT}`, and may try again.
//!
//! | `error` | when |
//! |---|---|
//! | `unknown_tool` | there is no tool of that name; the message lists the names |
//! | `bad_arguments` | the arguments do not match the function; the message has the location |
//! | `failed` | the function returned an error; the message is its text |
//! | `timed_out` | it took longer than [`ToolLimits::timeout`] |
//! | `too_large` | its result is larger than [`ToolLimits::result_bytes`] |
//! | `too_many_calls` | the response has more calls than [`ToolLimits::calls`] |
//! | `not_run` | the run ended before the call's turn |

#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
pub mod blocking;
mod registry;
mod rounds;
mod run;

use std::fmt;
use std::time::Duration;

pub use registry::{ToolFuture, Tools};
pub use rounds::{ToolEnd, ToolLoop, ToolOutput, ToolStep};
pub use run::{ToolEvent, ToolRun};

/// The result of one call: the text that the model receives, or the failure that it receives instead.
pub type ToolResult = Result<String, ToolFailure>;

/// The limits of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolLimits {
    /// The maximum number of responses of the model, including the last one; 8 by default, at least 1.
    pub rounds: u32,
    /// The maximum number of concurrent calls of one response; 4 by default, at least 1.
    pub parallel: usize,
    /// The maximum number of calls of one response; 16 by default. For the others the model receives the failure
    /// `too_many_calls`.
    pub calls: usize,
    /// The time limit of one call; 60 s by default. `None` means no limit.
    pub timeout: Option<Duration>,
    /// The maximum size of a result, in bytes; 64 KiB by default. Results go into the context, so larger ones rarely help.
    pub result_bytes: usize,
    /// Whether the first failure ends the run; false by default: the model receives the failure.
    pub stop_on_failure: bool,
}

impl Default for ToolLimits {
    fn default() -> Self {
        ToolLimits {
            rounds: 8,
            parallel: 4,
            calls: 16,
            timeout: Some(Duration::from_secs(60)),
            result_bytes: 64 * 1024,
            stop_on_failure: false,
        }
    }
}

impl ToolLimits {
    /// Creates the default limits.
    pub fn new() -> Self {
        ToolLimits::default()
    }

    /// Sets the maximum number of responses of the model.
    #[must_use]
    pub fn rounds(mut self, rounds: u32) -> Self {
        self.rounds = rounds;
        self
    }

    /// Sets the maximum number of concurrent calls.
    #[must_use]
    pub fn parallel(mut self, parallel: usize) -> Self {
        self.parallel = parallel;
        self
    }

    /// Sets the maximum number of calls of one response.
    #[must_use]
    pub fn calls(mut self, calls: usize) -> Self {
        self.calls = calls;
        self
    }

    /// Sets the time limit of one call.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Sets the maximum size of a result, in bytes.
    #[must_use]
    pub fn result_bytes(mut self, bytes: usize) -> Self {
        self.result_bytes = bytes;
        self
    }

    /// Sets whether the first failure ends the run.
    #[must_use]
    pub fn stop_on_failure(mut self, stop: bool) -> Self {
        self.stop_on_failure = stop;
        self
    }
}

/// Why a call has no result. `Display` writes the JSON that the model receives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolFailure {
    /// The class of the failure.
    pub kind: ToolFailureKind,
    /// What happened, for the model.
    pub message: String,
}

impl ToolFailure {
    /// Creates a failure of this kind.
    pub fn new(kind: ToolFailureKind, message: impl Into<String>) -> Self {
        ToolFailure { kind, message: message.into() }
    }

    pub(crate) fn timed_out(timeout: std::time::Duration) -> Self {
        let seconds = timeout.as_secs_f64();
        let message = format!("the call took longer than {seconds} seconds and was given up");
        ToolFailure::new(ToolFailureKind::TimedOut, message)
    }
}

impl fmt::Display for ToolFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::json!({"error": self.kind.as_str(), "message": self.message});
        fmt::Display::fmt(&text, f)
    }
}

impl std::error::Error for ToolFailure {}

/// The class of a [`ToolFailure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ToolFailureKind {
    /// There is no tool of that name.
    UnknownTool,
    /// The arguments are not JSON, or do not match the function.
    BadArguments,
    /// The function returned an error, or a result that JSON cannot express.
    Failed,
    /// It took too long.
    TimedOut,
    /// Its result is too large.
    TooLarge,
    /// There were too many calls in one response.
    TooManyCalls,
    /// The run ended before the call's turn.
    NotRun,
}

impl ToolFailureKind {
    /// Returns the word that the model receives.
    pub fn as_str(self) -> &'static str {
        match self {
            ToolFailureKind::UnknownTool => "unknown_tool",
            ToolFailureKind::BadArguments => "bad_arguments",
            ToolFailureKind::Failed => "failed",
            ToolFailureKind::TimedOut => "timed_out",
            ToolFailureKind::TooLarge => "too_large",
            ToolFailureKind::TooManyCalls => "too_many_calls",
            ToolFailureKind::NotRun => "not_run",
        }
    }
}
