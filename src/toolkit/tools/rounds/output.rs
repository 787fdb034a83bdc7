//! `ToolOutput`: the result of a run.

use super::ToolLoop;
use crate::api::{ChatCompletion, ChatMessage, Usage};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ToolEnd {
    /// The model responded without calling tools. The response's `finish_reason` has the reason of its end.
    Answered,
    /// The model started to call tools, but the server could not parse the calls, or they were cut off by `max_tokens`: the
    /// response has the finish reason `tool_calls` and no calls. It contains the text, if any. A repeated request may succeed.
    Unreadable,
    /// The model still called tools after [`ToolLimits::rounds`](crate::tools::ToolLimits::rounds) responses. The calls of the last one were not run.
    RoundLimit,
    /// A call failed, and [`ToolLimits::stop_on_failure`](crate::tools::ToolLimits::stop_on_failure) is set.
    ToolFailed,
    /// The run did not end, as in the [`partial`](crate::StreamError::partial) of a run that failed.
    Unfinished,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ToolOutput {
    /// How it ended.
    pub end: ToolEnd,
    /// The last response. For a run that failed, the part of it that arrived.
    pub answer: ChatCompletion,
    /// The whole conversation, from the request's first message to the last response, including reasoning. Every call in it is
    /// followed by its result, so it can be continued. A response that broke or was [`Unreadable`](ToolEnd::Unreadable) without
    /// any text is not included.
    pub messages: Vec<ChatMessage>,
    /// The number of responses.
    pub rounds: u32,
    /// The number of calls.
    pub calls: u32,
    /// The number of failed calls, including those that were not run.
    pub failures: u32,
    /// Tokens and times of all rounds, summed. A prompt counts in each round that sent it. Rates are omitted. `None` if the
    /// server reported no usage.
    pub usage: Option<Usage>,
}

impl ToolOutput {
    /// The result of a run: of its rounds, unless it could not be set up, and of a partial response.
    pub(crate) fn of(rounds: Option<ToolLoop>, partial: Option<ChatCompletion>) -> Self {
        let mut output = rounds.map(ToolLoop::into_output).unwrap_or_else(|| ToolOutput {
            end: ToolEnd::Unfinished,
            answer: ChatCompletion::default(),
            messages: Vec::new(),
            rounds: 0,
            calls: 0,
            failures: 0,
            usage: None,
        });
        if let Some(partial) = partial {
            output.answer = partial;
        }
        output
    }

    /// Returns the text of the last response. Empty if it has none.
    pub fn text(&self) -> &str {
        self.answer.text()
    }

    /// Returns the reasoning of the last response. Empty if it has none.
    pub fn reasoning(&self) -> &str {
        self.answer.message().and_then(|message| message.reasoning_content.as_deref()).unwrap_or_default()
    }
}
