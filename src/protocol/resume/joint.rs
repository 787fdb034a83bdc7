//! `Joint`: decides how a broken stream continues. Independent of the request and the items.

use std::time::Duration;

use bytes::Bytes;

use super::Resume;
use crate::base::time::jittered;
use crate::base::{Error, ErrorCode, ErrorKind, MaybeSend, Phase, Text};

/// Joins the parts of one kind of stream. One instance per stream.
pub trait Join<T>: MaybeSend {
    /// Returns the relevant properties of an item.
    fn piece(&self, item: &T) -> Piece;
    /// Adds an item of the first part.
    fn taken(&mut self, item: &T);
    /// Adds an item of a later part, and converts it to one of the joined stream. Returns whether it still has content.
    fn join(&mut self, item: &mut T) -> bool;
    /// Starts another part.
    fn next_part(&mut self);
    /// Returns the relevant properties of the request. Errors with the reason why the rest cannot be requested.
    fn ask(&self, body: &Bytes) -> Result<Ask, ErrorCode>;
    /// Returns the body of the request for the rest. `tokens` tokens of the response are known to have arrived.
    fn rest(&mut self, body: &Bytes, tokens: u64, way: Way) -> Result<Bytes, ErrorCode>;
    /// Returns the item that ends a stream whose tokens are used up.
    fn ending(&mut self) -> T;
    /// Called when the latest item does not belong to the stream.
    fn dropped(&mut self) {}
}

/// How the rest is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The text that arrived follows the prompt: as `response_prefix`, or at the end of the prompt of a completion.
    Prefix,
    /// The text is the last message, which is continued.
    Message,
}

/// How a kind of stream is joined, if that is possible.
#[derive(Debug)]
pub struct Joins<T>(pub(crate) Option<MakeJoin<T>>);

type MakeJoin<T> = fn() -> Box<dyn Join<T>>;

impl<T> Joins<T> {
    /// The stream cannot be joined.
    pub const NONE: Self = Joins(None);
}

impl<T> Clone for Joins<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Joins<T> {}

/// The relevant properties of an item.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// The model, empty if unknown.
    pub model: Text,
    /// Whether it has text.
    pub text: bool,
    /// Whether it has reasoning.
    pub reasoning: bool,
    /// Whether it has a tool call, or a part of one.
    pub calls: bool,
    /// Whether it ends the choice.
    pub ended: bool,
    /// Whether it belongs to one of several choices.
    pub several: bool,
    /// Whether its log probabilities cannot be joined with those of another part.
    pub apart: bool,
    /// The number of tokens in its log probabilities.
    pub logprobs: u64,
    /// The number of tokens so far, as counted by the server.
    pub counted: Option<u64>,
}

/// The properties of a request that affect its rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask {
    /// The number of choices. `None` if it is not known.
    pub choices: Option<u64>,
    /// Whether a schema, grammar or regex is set.
    pub constrained: bool,
    /// The maximum number of tokens of the response.
    pub max_tokens: Option<u64>,
    /// Whether the prompt ends with the start of a response, which a prefix requires.
    pub opens: bool,
    /// Whether the request continues its last message.
    pub continues: bool,
}

/// What to do about a break.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    /// The stream did not break: the error is from the server or the caller.
    Pass,
    /// Only the announced end is missing.
    Complete,
    /// All tokens have arrived.
    Length,
    /// Send another request after this delay, for the rest or for everything.
    Again { wait: Duration, rest: Option<Way> },
    /// End with the error, for this reason.
    Refuse(ErrorCode),
}

/// A break.
#[derive(Clone, Copy)]
pub(crate) struct Break<'a> {
    pub(crate) error: &'a Error,
    /// Whether a successful response head arrived.
    pub(crate) answered: bool,
    /// Whether another server could take the rest at once.
    pub(crate) elsewhere: bool,
    /// A number from 0 to 1, for jitter.
    pub(crate) random: f64,
}

/// The longest `Retry-After` that is waited for.
const RETRY_AFTER_CAP: Duration = Duration::from_secs(60);

/// The state of one stream.
pub(crate) struct Joint {
    resume: Resume,
    resumes: u32,
    model: Text,
    /// Text arrived before this part.
    text_before: bool,
    text: bool,
    reasoning: bool,
    calls: bool,
    several: bool,
    apart: bool,
    ended: bool,
    /// Tokens that are known to have arrived before this part, and in it.
    tokens_before: u64,
    chunks: u64,
    logprobs: u64,
    counted: Option<u64>,
}

impl Joint {
    pub(crate) fn new(resume: Resume) -> Self {
        Joint {
            resume,
            resumes: 0,
            model: Text::default(),
            text_before: false,
            text: false,
            reasoning: false,
            calls: false,
            several: false,
            apart: false,
            ended: false,
            tokens_before: 0,
            chunks: 0,
            logprobs: 0,
            counted: None,
        }
    }

    pub(crate) fn resume(&self) -> &Resume {
        &self.resume
    }

    pub(crate) fn resumes(&self) -> u32 {
        self.resumes
    }

    /// Whether this is not the first part.
    pub(crate) fn is_resumed(&self) -> bool {
        self.resumes > 0
    }

    /// Processes the next item. Errors with the reason why it does not belong to the earlier parts.
    pub(crate) fn see(&mut self, piece: &Piece) -> Result<(), ErrorCode> {
        if self.text_before {
            let other = !piece.model.is_empty() && !self.model.is_empty() && piece.model != self.model;
            if other && !self.resume.any_model {
                return Err(ErrorCode::OtherModel);
            }
            if piece.reasoning {
                return Err(ErrorCode::ReasoningRestarted);
            }
            if piece.several {
                return Err(ErrorCode::SeveralChoices);
            }
        }
        if self.model.is_empty() || !self.text_before {
            self.model = piece.model.clone();
        }
        self.text |= piece.text;
        self.reasoning |= piece.reasoning;
        self.calls |= piece.calls;
        self.several |= piece.several;
        self.apart |= piece.apart;
        self.ended |= piece.ended;
        self.chunks += u64::from(piece.text || piece.reasoning);
        self.logprobs += piece.logprobs;
        self.counted = piece.counted.or(self.counted);
        Ok(())
    }

    /// The number of tokens that are known to have arrived: the server's count, the number of log probabilities, or one per chunk, which is
    /// the minimum.
    pub(crate) fn tokens(&self) -> u64 {
        self.tokens_before + self.counted.unwrap_or(self.chunks.max(self.logprobs))
    }

    fn has_arrived(&self) -> bool {
        self.text || self.reasoning || self.calls
    }

    /// Decides about a break. `ask` returns the properties of the request.
    pub(crate) fn decide(&self, broke: Break<'_>, ask: impl FnOnce() -> Result<Ask, ErrorCode>) -> Decision {
        let refuse = Decision::Refuse;
        let (begun, error) = (self.has_arrived() || self.is_resumed(), broke.error);
        if !is_break(error, broke.answered, self.has_arrived(), begun) {
            // The server accepted the original request, and rejected the continuation.
            let refused = error.kind() == ErrorKind::Server && !broke.answered && self.is_resumed();
            return if refused { refuse(refusal(error)) } else { Decision::Pass };
        }
        if self.ended {
            return Decision::Complete;
        }
        if self.has_arrived() {
            let cannot = [
                (self.several, ErrorCode::SeveralChoices),
                (self.calls, ErrorCode::ToolsCalled),
                (self.reasoning && !self.text, ErrorCode::ReasoningUnfinished),
                (self.apart, ErrorCode::LogprobsApart),
            ];
            if let Some((_, code)) = cannot.into_iter().find(|(is_so, _)| *is_so) {
                return refuse(code);
            }
            let ask = match ask() {
                Ok(ask) => ask,
                Err(code) => return refuse(code),
            };
            if ask.choices != Some(1) {
                return refuse(ErrorCode::SeveralChoices);
            }
            if ask.constrained {
                return refuse(ErrorCode::Constrained);
            }
            if ask.max_tokens.is_some_and(|most| most > 0 && self.tokens() >= most) {
                return Decision::Length;
            }
            return match self.way(&ask) {
                Ok(way) => self.again(broke, Some(way)),
                Err(code) => refuse(code),
            };
        }
        self.again(broke, None)
    }

    /// Returns how the rest is requested. A prefix is in the prompt as it was generated; only the template knows where reasoning ends.
    fn way(&self, ask: &Ask) -> Result<Way, ErrorCode> {
        match (self.reasoning, ask.continues) {
            // The reasoning would be placed after the text that it preceded.
            (true, true) => Err(ErrorCode::NotText),
            (true, false) => Ok(Way::Message),
            (false, true) => Ok(Way::Prefix),
            (false, false) if self.resume.final_message => Ok(Way::Message),
            (false, false) if ask.opens => Ok(Way::Prefix),
            (false, false) => Err(ErrorCode::NotResumable),
        }
    }

    /// A part was dropped because it does not belong to what came before: another server may have the rest.
    pub(crate) fn decide_apart(
        &self,
        code: ErrorCode,
        broke: Break<'_>,
        ask: impl FnOnce() -> Result<Ask, ErrorCode>,
    ) -> Decision {
        if code != ErrorCode::OtherModel || !broke.elsewhere {
            return Decision::Refuse(code);
        }
        match ask().and_then(|ask| self.way(&ask)) {
            Ok(way) => self.again(broke, Some(way)),
            Err(code) => Decision::Refuse(code),
        }
    }

    fn again(&self, broke: Break<'_>, rest: Option<Way>) -> Decision {
        if self.resumes >= self.resume.attempts {
            return Decision::Refuse(ErrorCode::AttemptsUsedUp);
        }
        let wait = match broke.error.retry_after() {
            _ if broke.elsewhere => Duration::ZERO,
            Some(wait) if wait > RETRY_AFTER_CAP => return Decision::Refuse(broke.error.code().clone()),
            Some(wait) => wait,
            None => jittered(self.resume.base, self.resume.cap, self.resumes, broke.random),
        };
        Decision::Again { wait, rest }
    }

    /// Starts another part.
    pub(crate) fn next_part(&mut self) {
        self.tokens_before = self.tokens();
        (self.chunks, self.logprobs, self.counted) = (0, 0, None);
        self.text_before = self.text;
        self.resumes += 1;
    }
}

/// Whether this error means a stalled or broken stream, whose rest can be requested.
fn is_break(error: &Error, answered: bool, has_arrived: bool, begun: bool) -> bool {
    match error.kind() {
        ErrorKind::Timeout => error.phase() != Some(Phase::Total),
        ErrorKind::Truncated | ErrorKind::Transport => true,
        // Before the response has started, the retry policy handles these.
        ErrorKind::Connect => begun && error.code() != &ErrorCode::Certificate,
        ErrorKind::Server if answered => {
            // A generation that is aborted at once is aborted because of the request.
            error.is_retryable() || (has_arrived && error.code() == &ErrorCode::GenerationAborted)
        }
        ErrorKind::Server => begun && error.is_retryable(),
        _ => false,
    }
}

/// Why a server rejected the continuation.
fn refusal(error: &Error) -> ErrorCode {
    match error.code() {
        ErrorCode::TemplateError | ErrorCode::NoTemplate => ErrorCode::CannotContinue,
        code => code.clone(),
    }
}

/// The reason as text for the hint.
pub(crate) fn reason(code: &ErrorCode) -> &'static str {
    match code {
        ErrorCode::AttemptsUsedUp => "not resumed: its attempts are used up",
        ErrorCode::CannotContinue => "not resumed: the chat template cannot continue a message",
        ErrorCode::Constrained => "not resumed: a schema, grammar or regex is set, which would start over",
        ErrorCode::LogprobsApart => "not resumed: the offsets of its log probabilities cannot be joined",
        ErrorCode::NotResumable => "not resumed: such streams cannot be continued",
        ErrorCode::OtherModel => "not resumed: the server has another model",
        ErrorCode::ReasoningRestarted => "not resumed: the model began to reason again",
        ErrorCode::ReasoningUnfinished => "not resumed: the model was reasoning",
        ErrorCode::RetryBudgetUsedUp => "not resumed: the retry budget is used up",
        ErrorCode::SeveralChoices => "not resumed: it has several choices",
        ErrorCode::TimeoutTotal => "not resumed: no time was left",
        ErrorCode::ToolsCalled => "not resumed: it calls tools",
        ErrorCode::ContextLengthExceeded => "not resumed: prompt and answer do not fit into the context",
        _ => "not resumed: the server refused to continue it",
    }
}
