//! `Continuation`: continues an interrupted response.

use crate::api::common::add_usage;
use crate::api::{
    ChatCompletion, ChatMessage, ChatRequest, Content, ContentPart, FinishReason, ResponseFormatType, Role,
};
use crate::base::{Error, ErrorKind, Result};
use crate::client::StreamError;
use crate::protocol::estimate::Estimator;

/// An interrupted response, and the request that continues it.
///
/// It is not automatic: the server processes the prompt again, and generates what follows the text that arrived. The request is
/// the first one with that text as its last message, `continue_final_message` and `add_generation_prompt: false`. `max_tokens`
/// and `min_tokens` are reduced by the estimated tokens of the text. A `response_prefix` moves into the message.
///
/// ```
/// use tabbyapi::api::{ChatMessage, ChatRequest};
/// use tabbyapi::Continuation;
/// use tabbyapi::transport::script::{Reply, Script};
/// # futures::executor::block_on(async {
///
/// let chunk = |text: &str| format!("data: {{\"choices\": [{{\"delta\": {{\"content\": \"{text}\"}}}}]}}\n\n");
/// let script = Script::new([
///     Reply::events().chunk(chunk("The Rhi")).fail("connection reset"),
///     Reply::events().chunk(chunk("ne.")).chunk("data: [DONE]\n\n"),
/// ]);
/// let client = tabbyapi::Client::builder("http://tabby.test").build_with(script)?;
///
/// let request = ChatRequest::new([ChatMessage::user("Name a river.")]);
/// let broken = client.chat().stream(&request).finish().await.unwrap_err();
/// let continuation = broken.continuation(&request)?;
/// let rest = client.chat().stream(continuation.request()).finish().await.map_err(|broken| broken.error)?;
/// assert_eq!(continuation.join(rest.into_inner()).text(), "The Rhine.");
/// # Ok::<(), tabbyapi::Error>(())
/// # }).unwrap();
/// ```
///
/// If that breaks too, join what arrived and continue again: `Continuation::new(&request, continuation.join(broken.partial))`.
#[derive(Clone, Debug, PartialEq)]
pub struct Continuation {
    request: ChatRequest,
    before: ChatCompletion,
}

impl StreamError<ChatCompletion> {
    /// Returns the continuation of a response to this request; see [`Continuation::new`].
    ///
    /// # Errors
    /// Errors as in [`Continuation::new`].
    /// Errors as [`Continuation::new`] does.
    pub fn continuation(&self, request: &ChatRequest) -> Result<Continuation> {
        Continuation::new(request, self.partial.clone())
    }
}

impl Continuation {
    /// Creates the continuation of this part of a response to a request.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Encode`](ErrorKind::Encode) if the part cannot be continued:
    ///
    /// | code | |
    /// |---|---|
    /// | `nothing_to_continue` | no text arrived, at most reasoning: repeat the request |
    /// | `already_complete` | the response is complete |
    /// | `several_choices` | the request asks for several choices |
    /// | `tools_called` | a tool call had started |
    /// | `constrained` | a schema, grammar or regex is set, which would start over in the middle of the text |
    /// | `not_text` | the request continues a last message that is not plain text |
    pub fn new(request: &ChatRequest, partial: ChatCompletion) -> Result<Self> {
        let cannot = |code: &str, why: &str| {
            let error = Error::new(ErrorKind::Encode, code, format!("cannot continue this response: {why}"));
            Err(error.with_hint("repeat the request from the beginning"))
        };
        if request.n.is_some_and(|n| n > 1) || partial.choices.len() > 1 {
            return cannot("several_choices", "it has several choices, and only one can be continued");
        }
        let Some(choice) = partial.choices.first() else {
            return cannot("nothing_to_continue", "nothing of it arrived");
        };
        if !choice.message.tool_calls.is_empty() || choice.finish_reason == Some(FinishReason::ToolCalls) {
            return cannot("tools_called", "it calls tools, and only text can be continued");
        }
        if choice.finish_reason.is_some() {
            return cannot("already_complete", "it is complete");
        }
        let text = partial.text();
        if text.is_empty() {
            return cannot("nothing_to_continue", "no text of it arrived");
        }
        let sampling = &request.sampling;
        let formatted = request.response_format.as_ref().is_some_and(|format| format.kind != ResponseFormatType::Text);
        if formatted
            || sampling.json_schema.is_some()
            || sampling.regex_pattern.is_some()
            || sampling.grammar_string.is_some()
        {
            return cannot("constrained", "it is constrained by a schema, grammar or regex, which would start over");
        }

        let mut request = request.clone();
        let said = request.response_prefix.take().unwrap_or_default() + text;
        if request.continue_final_message == Some(true) {
            let place = request.messages.last_mut().and_then(|message| message.content.as_mut()).and_then(last_text);
            match place {
                Some(place) => place.push_str(&said),
                None => return cannot("not_text", "the last message of the request, which it continues, has no text"),
            }
        } else {
            let message = ChatMessage { role: Role::Assistant, ..ChatMessage::assistant(said) };
            let thought = choice.message.reasoning_content.clone();
            request.messages.push(ChatMessage { reasoning_content: thought, ..message });
        }
        request.continue_final_message = Some(true);
        request.add_generation_prompt = Some(false);
        let spent = match &partial.usage {
            Some(usage) => usage.completion_tokens,
            None => {
                let thought = choice.message.reasoning_content.as_deref().unwrap_or_default();
                [text, thought].into_iter().map(|text| Estimator::new().text(text).tokens).sum()
            }
        };
        let spent = u32::try_from(spent).unwrap_or(u32::MAX);
        let sampling = &mut request.sampling;
        sampling.max_tokens = sampling.max_tokens.map(|most| most.saturating_sub(spent).max(1));
        sampling.min_tokens = sampling.min_tokens.map(|least| least.saturating_sub(spent));
        Ok(Continuation { request, before: partial })
    }

    /// Returns the request that continues the response, to be created or streamed.
    pub fn request(&self) -> &ChatRequest {
        &self.request
    }

    /// Returns the part that arrived before.
    pub fn before(&self) -> &ChatCompletion {
        &self.before
    }

    /// Joins both parts to one response. Text, reasoning and log probabilities are concatenated. Ids are those of the first part,
    /// finish reasons and tool calls those of the rest. Usage is summed as far as the server reported it. A part that broke off
    /// has no usage, so its tokens count only in the prompt of the rest.
    pub fn join(&self, rest: ChatCompletion) -> ChatCompletion {
        let mut whole = self.before.clone();
        let mut choices = rest.choices.into_iter();
        if let (Some(choice), Some(more)) = (whole.choices.first_mut(), choices.next()) {
            let text = more.message.text().unwrap_or_default().to_owned();
            match choice.message.content.get_or_insert_with(|| Content::Text(String::new())) {
                Content::Text(content) => content.push_str(&text),
                Content::Parts(parts) => parts.push(ContentPart::Text { text }),
            }
            if let Some(thought) = more.message.reasoning_content {
                choice.message.reasoning_content.get_or_insert_default().push_str(&thought);
            }
            choice.message.tool_calls.extend(more.message.tool_calls);
            if let Some(logprobs) = more.logprobs {
                choice.logprobs.get_or_insert_default().content.extend(logprobs.content);
            }
            choice.finish_reason = more.finish_reason;
            choice.eos_reason = more.eos_reason;
            choice.stop_str = more.stop_str;
            choice.extra.extend(more.extra);
        }
        if whole.id.is_empty() {
            whole.id = rest.id;
        }
        if whole.model.is_empty() {
            whole.model = rest.model;
        }
        if let Some(usage) = &rest.usage {
            add_usage(whole.usage.get_or_insert_default(), usage);
        }
        whole.extra.extend(rest.extra);
        whole
    }
}

/// Returns the last text of a message.
fn last_text(content: &mut Content) -> Option<&mut String> {
    match content {
        Content::Text(text) => Some(text),
        Content::Parts(parts) => parts.iter_mut().rev().find_map(|part| match part {
            ContentPart::Text { text } => Some(text),
            _ => None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ResponseFormat, ToolCall};
    use serde_json::json;

    fn partial(message: serde_json::Value) -> ChatCompletion {
        serde_json::from_value(json!({"id": "a", "choices": [{"index": 0, "message": message}]})).unwrap()
    }

    fn half() -> ChatCompletion {
        partial(json!({"role": "assistant", "content": "Half", "reasoning_content": "Hm."}))
    }

    fn ask() -> ChatRequest {
        ChatRequest::new([ChatMessage::user("q")])
    }

    #[test]
    fn the_request_goes_on_with_the_text() {
        let request = ask().max_tokens(100).min_tokens(50).response_prefix("Sure: ");
        let next = Continuation::new(&request, half()).unwrap();
        let last = next.request().messages.last().unwrap();
        assert_eq!(
            (&last.role, last.text(), last.reasoning_content.as_deref()),
            (&Role::Assistant, Some("Sure: Half"), Some("Hm."))
        );
        assert_eq!(next.request().messages.len(), 2);
        assert_eq!(
            (next.request().continue_final_message, next.request().add_generation_prompt),
            (Some(true), Some(false))
        );
        assert_eq!(next.request().response_prefix, None);
        let (most, least) = (next.request().sampling.max_tokens.unwrap(), next.request().sampling.min_tokens.unwrap());
        assert!((90..100).contains(&most) && most - least == 50, "{most} {least}");
    }

    #[test]
    fn a_continuation_is_gone_on_with_in_its_message() {
        let request = Continuation::new(&ask(), half()).unwrap().request().clone();
        let next = Continuation::new(&request, partial(json!({"content": " of"}))).unwrap();
        assert_eq!(next.request().messages.len(), 2);
        assert_eq!(next.request().messages[1].text(), Some("Half of"));
        let mut parts = request.clone();
        parts.messages[1].content = Some(Content::Parts(vec![ContentPart::text("a"), ContentPart::image_url("u")]));
        let next = Continuation::new(&parts, half()).unwrap();
        let expected = Content::Parts(vec![ContentPart::text("aHalf"), ContentPart::image_url("u")]);
        assert_eq!(next.request().messages[1].content, Some(expected));
        parts.messages[1].content = None;
        assert_eq!(Continuation::new(&parts, half()).unwrap_err().code().as_str(), "not_text");
    }

    #[test]
    fn what_cannot_be_gone_on_with_says_why() {
        let call = partial(json!({"content": "a", "tool_calls": [ToolCall::new("1", "f", "{")]}));
        let mut complete = half();
        complete.choices[0].finish_reason = Some(FinishReason::Stop);
        let cases = [
            (ask().n(2), half(), "several_choices"),
            (ask(), ChatCompletion::default(), "nothing_to_continue"),
            (ask(), partial(json!({"reasoning_content": "Hm"})), "nothing_to_continue"),
            (ask(), call, "tools_called"),
            (ask(), complete, "already_complete"),
            (ask().response_format(ResponseFormat::json()), half(), "constrained"),
            (ask().grammar_string("start: x"), half(), "constrained"),
        ];
        for (request, partial, code) in cases {
            let error = Continuation::new(&request, partial).unwrap_err();
            assert_eq!((error.code().as_str(), error.kind()), (code, ErrorKind::Encode));
        }
        assert!(Continuation::new(&ask().response_format(ResponseFormat::text()), half()).is_ok());
    }

    #[test]
    fn the_parts_are_joined() {
        let next = Continuation::new(&ask(), half()).unwrap();
        let rest = json!({"id": "b", "model": "m", "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"content": " done",
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}]});
        let whole = next.join(serde_json::from_value(rest).unwrap());
        assert_eq!((whole.text(), &*whole.id, &*whole.model), ("Half done", "a", "m"));
        assert_eq!(whole.message().unwrap().reasoning_content.as_deref(), Some("Hm."));
        assert_eq!(whole.tool_calls().len(), 1);
        assert_eq!(whole.choices[0].finish_reason, Some(FinishReason::ToolCalls));
        assert_eq!(whole.usage.as_ref().unwrap().completion_tokens, 2);
        assert_eq!(next.join(ChatCompletion::default()), half());
    }
}
