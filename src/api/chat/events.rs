//! The event format of a streamed conversation.

use std::borrow::Cow;

use super::chunk::chunks;
use super::logprobs::logprobs;
use super::whole::Delivered;
use super::{ChatChunk, ChatCompletion, ChatLogprobs, ChunkChoice, Delta};
use crate::api::choices::{Choices, whole_choices};
use crate::api::common::{cut_by_unload, failed_choice};
use crate::api::kinds::Kind;
use crate::base::{Error, Extra, InlineVec, Limits, Result, Text};
use crate::decode::{
    Bounds, EventFormat, Exact, Halves, Slot, Step, Templates, answer, error_beside, event_error, from_frequent_event,
    from_json, is_noise,
};

/// Decodes the events of `POST /v1/chat/completions`: chunks, errors, `[DONE]`.
#[derive(Debug, Default)]
pub struct ChatEvents {
    seen: Shared,
    templates: Templates<ChatChunk>,
    bounds: Bounds,
    halves: Halves,
    choices: Choices,
    delivered: Delivered,
    /// Usage was requested, so a response without it was cut.
    wants_usage: bool,
    /// The error of a whole response.
    fault: Option<Error>,
}

/// Strings that all chunks of a stream share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    id: Text,
    object: Text,
    model: Text,
}

impl Shared {
    pub(crate) fn share(&mut self, id: &mut Text, object: &mut Text, model: &mut Text) {
        for (seen, new) in [(&mut self.id, id), (&mut self.object, object), (&mut self.model, model)] {
            if *seen == *new {
                new.clone_from(seen);
            } else {
                seen.clone_from(new);
            }
        }
    }
}

impl ChatEvents {
    /// Creates a format for one stream.
    pub fn new() -> Self {
        ChatEvents::default()
    }

    /// Creates a format for a stream of this many choices, if known, with or without usage.
    pub(crate) fn expecting(choices: Option<u64>, wants_usage: bool) -> Self {
        ChatEvents { choices: Choices::expecting(choices), wants_usage, ..ChatEvents::default() }
    }

    /// Normalizes a chunk, and returns the error that it carries.
    fn settle(&mut self, chunk: &mut ChatChunk, data: &str) -> Option<Error> {
        let count = chunk.choices.len();
        let mut error = error_beside(&chunk.extra);
        for choice in chunk.choices.iter_mut() {
            let reason = choice.finish_reason.as_ref();
            error = error
                .or_else(|| error_beside(&choice.extra))
                .or_else(|| error_beside(&choice.delta.extra))
                .or_else(|| failed_choice(reason));
            self.choices.see(&mut choice.index, count, reason.is_some_and(|reason| !reason.as_str().is_empty()));
            self.delivered.merge(choice);
        }
        let empty = count == 0 && chunk.usage.is_none();
        error.or_else(|| if empty || chunk.object == "error" { event_error(data) } else { None })
    }
}

impl EventFormat for ChatEvents {
    type Item = ChatChunk;

    fn event(&mut self, kind: &str, data: &str) -> Result<Step<ChatChunk>> {
        if data.trim_ascii() == "[DONE]" {
            return Ok(Step::Done);
        }
        if is_noise(kind, data) {
            return Ok(Step::Skip);
        }
        if kind == "message"
            && self.halves.is_empty()
            && let Some(chunk) = self.templates.known_whole(data)
        {
            self.delivered.see_deltas();
            return Ok(Step::Item(chunk));
        }
        let joined = self.halves.join(data, &self.bounds);
        let mut chunk: ChatChunk = from_frequent_event(kind, &joined, &self.bounds.joined(&joined, data))?;
        let error = self.settle(&mut chunk, &joined);
        self.seen.share(&mut chunk.id, &mut chunk.object, &mut chunk.model);
        match error {
            Some(error) if says_something(&chunk) => Ok(Step::Last(chunk, error)),
            Some(error) => Err(error),
            None => {
                if matches!(joined, Cow::Borrowed(_)) {
                    let bounds = &self.bounds;
                    self.templates.learn(data, &chunk, bounds, |data| from_frequent_event(kind, data, bounds).ok());
                }
                Ok(Step::Item(chunk))
            }
        }
    }

    #[inline]
    fn known(&mut self, bytes: &[u8]) -> Option<(usize, Text)> {
        if self.halves.is_empty() { self.templates.known(bytes) } else { None }
    }

    #[inline]
    fn known_item(&mut self, text: Text, place: &mut Option<ChatChunk>) {
        self.delivered.see_deltas();
        self.templates.item(text, place);
    }

    fn whole(&mut self, body: &str) -> Result<Vec<ChatChunk>> {
        let whole = answer::<ChatCompletion>(body, Some(ChatCompletion::FIELDS), &self.bounds)?;
        let choices = whole.choices.iter().map(|choice| (&choice.extra, &choice.finish_reason));
        self.fault = whole_choices(choices).err();
        if self.fault.is_none() && self.wants_usage {
            self.fault = cut_by_unload(body, whole.text());
        }
        Ok(chunks(whole))
    }

    fn whole_end(&mut self) -> Result<()> {
        self.fault.take().map_or(Ok(()), Err)
    }

    fn held(&mut self) -> Option<ChatChunk> {
        let mut chunk: ChatChunk = from_json(&self.halves.flush()?.to_string()).ok()?;
        self.seen.share(&mut chunk.id, &mut chunk.object, &mut chunk.model);
        Some(chunk)
    }

    /// Servers may omit `[DONE]`. The end of every choice means the same.
    fn end(&mut self) -> Result<()> {
        if self.choices.all_ended() { Ok(()) } else { Err(Error::truncated()) }
    }

    fn reset(&mut self) {
        let mut choices = std::mem::take(&mut self.choices);
        choices.reset();
        *self = ChatEvents { choices, wants_usage: self.wants_usage, ..ChatEvents::default() };
    }

    fn limits(&mut self, limits: &Limits) {
        self.bounds = Bounds::of(limits);
    }
}

/// Whether a chunk has content.
fn says_something(chunk: &ChatChunk) -> bool {
    chunk.choices.iter().any(|choice| {
        let delta = &choice.delta;
        let text = [&delta.content, &delta.reasoning_content].into_iter().flatten().any(|text| !text.is_empty());
        text || !delta.tool_calls.is_empty()
    })
}

/// A chunk that has only content or only reasoning, with that text removed.
#[derive(Clone, Debug)]
pub(crate) struct Brief {
    id: Text,
    object: Text,
    created: u64,
    model: Text,
    index: u32,
    is_reasoning: bool,
}

impl Slot for ChatChunk {
    type Brief = Brief;
    type Details = ChatLogprobs;

    fn slot(&mut self) -> Option<&mut Text> {
        let [choice] = &mut self.choices[..] else { return None };
        if choice.logprobs.is_some() {
            return None;
        }
        let delta = &mut choice.delta;
        match (&mut delta.content, &mut delta.reasoning_content, &mut delta.tool_calls[..]) {
            (Some(text), None, []) | (None, Some(text), []) => Some(text),
            (None, None, [call]) => call.function.arguments.as_mut(),
            _ => None,
        }
    }

    fn may_have_slot(&self) -> bool {
        self.choices.len() == 1
    }

    fn details(&mut self) -> Option<&mut Option<Box<ChatLogprobs>>> {
        let [choice] = &mut self.choices[..] else { return None };
        Some(&mut choice.logprobs)
    }

    fn read_details(exact: &mut Exact<'_>) -> Option<ChatLogprobs> {
        logprobs(exact)
    }

    fn time(&mut self) -> &mut u64 {
        &mut self.created
    }

    fn brief(&self) -> Option<Brief> {
        let [choice] = &self.choices[..] else { return None };
        Some(Brief {
            id: self.id.clone(),
            object: self.object.clone(),
            created: self.created,
            model: self.model.clone(),
            index: choice.index,
            is_reasoning: choice.delta.reasoning_content.is_some(),
        })
    }

    // Not inlined, so that each field is written into its place, and not moved there.
    #[inline(never)]
    fn expand(brief: &Brief, text: Text, place: &mut Option<ChatChunk>) {
        let brief = brief.clone();
        let is_reasoning = brief.is_reasoning;
        let chunk = |content, reasoning_content| ChatChunk {
            id: brief.id,
            object: brief.object,
            created: brief.created,
            choices: InlineVec::one(ChunkChoice {
                index: brief.index,
                delta: Delta { role: None, content, reasoning_content, tool_calls: Vec::new(), extra: Extra::new() },
                finish_reason: None,
                eos_reason: None,
                stop_str: None,
                logprobs: None,
                extra: Extra::new(),
            }),
            usage: None,
            model: brief.model,
            extra: Extra::new(),
        };
        // Two assignments, since a text that may be in either field would be moved twice.
        if is_reasoning {
            *place = Some(chunk(None, Some(text)));
        } else {
            *place = Some(chunk(Some(text), None));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorKind;
    use crate::protocol::Accumulate;

    const CHUNK: &str = r#"{"id": "chatcmpl-83875a2758b84016889c4d0ae00a28e9", "object": "chat.completion.chunk", "created": 1, "choices": [{"index": 0, "delta": {"content": "E"}, "finish_reason": null}], "model": "a-model-with-a-rather-long-name"}"#;

    fn item(events: &mut ChatEvents, data: &str) -> ChatChunk {
        match events.event("message", data).unwrap() {
            Step::Item(chunk) => chunk,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn chunks_of_a_stream_share_their_strings() {
        let mut events = ChatEvents::new();
        let (a, b) = (item(&mut events, CHUNK), item(&mut events, CHUNK));
        assert_eq!(a, b);
        assert_eq!(a.id.as_ptr(), b.id.as_ptr());
        assert_eq!(a.model.as_ptr(), b.model.as_ptr());
    }

    #[test]
    fn the_end_is_announced() {
        let mut events = ChatEvents::new();
        assert!(matches!(events.event("message", "[DONE]"), Ok(Step::Done)));
        assert_eq!(events.end().unwrap_err().kind(), ErrorKind::Truncated);
    }

    #[test]
    fn errors_in_every_place() {
        let mut events = ChatEvents::new();
        for (data, code) in [
            (
                r#"{"error":{"message":"Chat completion aborted. Please check the server console.","trace":null}}"#,
                "generation_aborted",
            ),
            (
                r#"{"error": {"message": "Prompt length 9 exceeds", "type": "invalid_request_error", "param": null, "code": "context_length_exceeded"}}"#,
                "context_length_exceeded",
            ),
            (r#"{"choices":[],"error":{"message":"late"}}"#, "stream_error"),
            (r#"{"detail":"odd"}"#, "stream_error"),
        ] {
            let error = events.event("message", data).unwrap_err();
            assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Server, code), "{data}");
        }
        assert_eq!(events.event("message", "{\"id\": ").unwrap_err().kind(), ErrorKind::Decode);
        assert_eq!(events.event("message", "[1]").unwrap_err().kind(), ErrorKind::Decode);
    }

    #[test]
    fn a_whole_answer_accumulates_to_itself() {
        let body = r#"{"id":"cmpl-1","choices":[
            {"index":0,"finish_reason":"tool_calls","eos_reason":"stop_token","stop_str":"<|im_end|>","weight":1,"message":{"role":"assistant","content":"Let me look.","reasoning_content":"hm","tool_calls":[{"id":"call_1","function":{"name":"f","arguments":"{\"city\": \"Oslo\"}"},"type":"function","index":0},{"id":"call_2","function":{"name":"f","arguments":"{}"},"type":"function","index":1}],"mood":"good"},"logprobs":{"content":[{"token":"x","token_id":1,"logprob":null,"top_logprobs":[]}]}},
            {"index":1,"finish_reason":"length","message":{"role":"assistant","content":null}}],
            "created":7,"model":"m","object":"chat.completion","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"note":"n"}"#;
        let mut total = crate::api::chat::ChatTotal::new(&Limits::default());
        for chunk in ChatEvents::new().whole(body).unwrap() {
            total.push(&chunk).unwrap();
        }
        assert_eq!(total.into_output(), crate::decode::from_json::<ChatCompletion>(body).unwrap());
    }

    #[test]
    fn a_whole_error_is_an_error() {
        let error = ChatEvents::new().whole(r#"{"error":{"message":"no"}}"#).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        assert_eq!(ChatEvents::new().whole("null").unwrap_err().kind(), ErrorKind::Decode);
    }
}
