//! Fits a conversation into the context by removing its oldest turns.

use crate::api::{ChatMessage, ChatRequest, ModelParameters, Role};
use crate::base::{Advice, Error, ErrorCode, ErrorKind, Remedy, Result};
use crate::client::services::Chat;
use crate::protocol::estimate::{Estimate, Estimator};

/// A conversation that fits.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fitted {
    /// The messages that are kept, in order.
    pub messages: Vec<ChatMessage>,
    /// The number of messages that were removed.
    pub dropped: usize,
    /// The estimated tokens of the kept messages, with everything that the request adds. `high` is within the budget.
    pub estimate: Estimate,
}

/// Removes the oldest turns of a conversation until the rest fits into `budget` tokens, estimated by [`Estimate::high`].
///
/// A turn is a message of the user and everything up to the next one: responses, tool calls and their results. Turns are removed
/// whole, so a call keeps its result. Instructions (`system`, `developer`) and the last turn are always kept.
///
/// # Errors
///
/// Errors with code `conversation_too_long` if instructions and last turn alone do not fit.
///
/// ```
/// use tabbyapi::api::ChatMessage;
/// use tabbyapi::conversation::fit;
/// use tabbyapi::estimate::Estimator;
///
/// let messages = [
///     ChatMessage::system("Be brief."),
///     ChatMessage::user("Tell me about Oslo."),
///     ChatMessage::assistant("It is the capital of Norway, at the end of a fjord."),
///     ChatMessage::user("And Bergen?"),
/// ];
/// let fitted = fit(&messages, 50, &Estimator::new())?;
/// assert_eq!((fitted.messages.len(), fitted.dropped), (2, 2));
/// assert_eq!(fitted.messages[1].text(), Some("And Bergen?"));
/// # Ok::<(), tabbyapi::Error>(())
/// ```
pub fn fit(messages: &[ChatMessage], budget: u64, estimator: &Estimator) -> Result<Fitted> {
    fit_around(&ChatRequest::new([]), messages, budget, estimator)
}

impl ChatRequest {
    /// Returns the part of the conversation that fits into a context of this many tokens, together with the tools and a response
    /// of `max_tokens`, or of a quarter of the context if that is unset or 0. See [`fit`]. `client.models().props()` returns the
    /// context size as `n_ctx`. [`Chat::fit`](crate::services::Chat::fit) requests it.
    ///
    /// ```
    /// use tabbyapi::api::{ChatMessage, ChatRequest};
    /// use tabbyapi::estimate::Estimator;
    ///
    /// let mut request = ChatRequest::new([ChatMessage::user("Hi")]).max_tokens(500);
    /// request.messages = request.fit(4096, &Estimator::new())?.messages;
    /// # Ok::<(), tabbyapi::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Errors with code `conversation_too_long` if even the shortest conversation does not fit.
    pub fn fit(&self, context: u64, estimator: &Estimator) -> Result<Fitted> {
        fit_around(self, &self.messages, self.room(context), estimator)
    }

    /// Like [`fit`](Self::fit), for a model with these parameters. This also takes the cache into account: a server accepts a
    /// prompt only if a whole chunk fits into the cache with it; see [`ModelParameters::longest_prompt`].
    /// [`Chat::fit`](crate::services::Chat::fit) requests the parameters from the server.
    ///
    /// # Errors
    ///
    /// Errors with code `no_context` if the model has no context size, or with code `conversation_too_long` if even the shortest conversation
    /// does not fit.
    pub fn fit_into(&self, model: &ModelParameters, estimator: &Estimator) -> Result<Fitted> {
        let context = known_context(model.max_seq_len)?;
        let room = self.room(context);
        match model.longest_prompt() {
            Some(longest) if longest < room => {
                fit_around(self, &self.messages, longest, estimator).map_err(|error| {
                    error.with_advice(Advice::new(
                        Remedy::Change,
                        "shorten the last message, or load the model with a larger {field:cache_size} or a smaller {field:chunk_size}: a whole \
                         chunk is kept free beside the prompt",
                    ))
                })
            }
            _ => fit_around(self, &self.messages, room, estimator),
        }
    }

    /// Returns the part of a context that is left for the prompt.
    fn room(&self, context: u64) -> u64 {
        let asked = self.sampling.max_tokens.filter(|tokens| *tokens > 0).map(u64::from);
        context.saturating_sub(asked.unwrap_or(context / 4))
    }
}

pub(crate) fn known_context(context: Option<i64>) -> Result<u64> {
    let unknown =
        || Error::custom(ErrorKind::Decode, ErrorCode::NoContext, "the server did not report the size of its context");
    context.and_then(|context| u64::try_from(context).ok()).ok_or_else(unknown)
}

fn fit_around(around: &ChatRequest, messages: &[ChatMessage], budget: u64, estimator: &Estimator) -> Result<Fitted> {
    let turns = turns(messages);
    let last = turns.iter().copied().flatten().max().unwrap_or_default();
    // The cost of each turn. Instructions and the last turn are kept in any case.
    let mut costs = vec![Estimate::default(); last];
    let mut fixed = estimator.frame(around);
    for (message, turn) in messages.iter().zip(&turns) {
        let cost = match turn {
            Some(turn) if *turn < last => &mut costs[*turn],
            _ => &mut fixed,
        };
        *cost = *cost + estimator.message(message);
    }
    if fixed.high > budget {
        let message = format!(
            "the conversation does not fit: its instructions and its last turn alone take up to {} tokens of {budget}",
            fixed.high
        );
        return Err(Error::new(ErrorKind::Encode, ErrorCode::ConversationTooLong, message).with_advice(Advice::new(
            Remedy::Change,
            "shorten the last message, ask for fewer tokens with {field:max_tokens}, or calibrate the estimator",
        )));
    }
    let (mut first, mut estimate) = (last, fixed);
    for cost in costs.into_iter().rev() {
        let more = estimate + cost;
        if more.high > budget {
            break;
        }
        (first, estimate) = (first - 1, more);
    }
    let kept = messages.iter().zip(&turns).filter(|(_, turn)| turn.is_none_or(|turn| turn >= first));
    let kept: Vec<_> = kept.map(|(message, _)| message.clone()).collect();
    Ok(Fitted { dropped: messages.len() - kept.len(), messages: kept, estimate })
}

/// Returns the turn of each message, in order from 0. `None` for instructions, which belong to no turn.
fn turns(messages: &[ChatMessage]) -> Vec<Option<usize>> {
    let mut turn = 0;
    let mut begun = false;
    let number = |message: &ChatMessage| {
        if matches!(message.role, Role::System | Role::Developer) {
            return None;
        }
        if message.role == Role::User && begun {
            turn += 1;
        }
        begun = true;
        Some(turn)
    };
    messages.iter().map(number).collect()
}

impl Chat<'_> {
    /// Returns the part of a request's conversation that fits into the context of the loaded model, together with its tools and a
    /// response of `max_tokens`. See [`ChatRequest::fit_into`]. Requests the sizes of context, cache and chunks from the server.
    ///
    /// # Errors
    ///
    /// Errors with code `no_context` if the server does not report a context size, with code `conversation_too_long` if even the shortest
    /// conversation does not fit, or with the error of the request for the loaded model.
    pub async fn fit(&self, request: &ChatRequest, estimator: &Estimator) -> crate::base::Result<Fitted> {
        let models = self.client.models();
        match models.current().await?.into_inner().parameters.filter(|model| model.max_seq_len.is_some()) {
            Some(model) => request.fit_into(&model, estimator),
            None => request.fit_into(&models.props().await?.as_parameters(), estimator),
        }
    }
}

#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
impl crate::client::blocking::Chat<'_> {
    /// Returns the part of a request's conversation that fits into the context of the loaded model.
    ///
    /// See [`fit`](crate::services::Chat::fit) of the async client.
    ///
    /// # Errors
    ///
    /// Errors with code `no_context` if the server does not report a context size, with code `conversation_too_long` if even the shortest
    /// conversation does not fit, or with the error of the request for the loaded model.
    pub fn fit(&self, request: &ChatRequest, estimator: &Estimator) -> Result<Fitted> {
        let models = self.client.models();
        match models.current()?.into_inner().parameters.filter(|model| model.max_seq_len.is_some()) {
            Some(model) => request.fit_into(&model, estimator),
            None => request.fit_into(&models.props()?.as_parameters(), estimator),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Tool, ToolCall};
    use serde_json::json;

    fn conversation() -> Vec<ChatMessage> {
        let call = ToolCall::new("call_1", "get_weather", r#"{"city":"Oslo"}"#);
        vec![
            ChatMessage::assistant("Hello, how can I help?"),
            ChatMessage::system("Be brief."),
            ChatMessage::user("What is the weather in Oslo?"),
            ChatMessage { content: None, ..ChatMessage::assistant("").tool_calls([call]) },
            ChatMessage::tool("call_1", "4 °C, light rain"),
            ChatMessage::assistant("Four degrees and rain."),
            ChatMessage::new("developer", "Answer in English."),
            ChatMessage::user("And tomorrow?"),
            ChatMessage::assistant("I do not know."),
            ChatMessage::user("Thanks anyway."),
        ]
    }

    #[test]
    fn every_budget_keeps_whole_turns_and_all_instructions() {
        let messages = conversation();
        let estimator = Estimator::new();
        let mut kept = Vec::new();
        for budget in 0..400 {
            let Ok(fitted) = fit(&messages, budget, &estimator) else { continue };
            assert!(fitted.estimate.high <= budget);
            assert_eq!(fitted.dropped + fitted.messages.len(), messages.len());
            let roles: String = fitted.messages.iter().map(|message| &message.role.as_str()[..1]).collect();
            if kept.last() != Some(&roles) {
                kept.push(roles);
            }
        }
        // One step for each turn that fits more, oldest last.
        assert_eq!(kept, ["sdu", "sduau", "suataduau", "asuataduau"]);
    }

    #[test]
    fn what_cannot_fit_is_an_error() {
        let error = fit(&conversation(), 10, &Estimator::new()).unwrap_err();
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Encode, "conversation_too_long"));
        assert!(error.to_string().starts_with("the conversation does not fit: its instructions and its last turn"));
        assert_eq!(fit(&[], 100, &Estimator::new()).unwrap().messages, []);
    }

    #[test]
    fn tools_and_the_answer_take_their_part() {
        let estimator = Estimator::new();
        let request = ChatRequest::new(conversation());
        let whole = request.fit(1 << 20, &estimator).unwrap().estimate.high;
        let dropped = |request: ChatRequest, context| request.fit(context, &estimator).unwrap().dropped;
        assert_eq!(dropped(request.clone().max_tokens(100), whole + 100), 0);
        assert!(dropped(request.clone().max_tokens(101), whole + 100) > 0);
        // A quarter is kept free.
        assert_eq!(dropped(request.clone(), whole * 4 / 3 + 2), 0);
        assert!(dropped(request.clone(), whole * 4 / 3 - 2) > 0);
        let tool = Tool::new("get_weather", "Tells the weather in a city.", json!({"type": "object"}));
        let request = request.tools([tool]);
        let more = request.fit(1 << 20, &estimator).unwrap().estimate.high;
        assert!(more > whole);
        assert_eq!(dropped(request.clone().max_tokens(100), more + 100), 0);
        assert!(dropped(request.max_tokens(101), more + 100) > 0);
    }

    #[test]
    fn a_conversation_without_a_question_is_one_turn() {
        let messages = [ChatMessage::assistant("a"), ChatMessage::tool("x", "b")];
        assert_eq!(fit(&messages, 100, &Estimator::new()).unwrap().dropped, 0);
        assert!(fit(&messages, 5, &Estimator::new()).is_err());
    }
}
