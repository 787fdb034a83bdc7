//! The chunks of a streamed response.

use std::ops::Deref;

use serde::Serialize;
use serde_json::Value;

use super::{ChatCompletion, ChatLogprobs, ChatMessage, Content, ContentPart, Role, ToolCall, ToolKind};
use crate::api::common::{EosReason, FinishReason, Usage};
use crate::base::{Extra, InlineVec, Text};
use crate::decode::in_place::{fill_struct, in_place_objects};

/// One event of a streamed response. The chunks of a stream share the memory of `id`, `object` and `model`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ChatChunk {
    /// The id of the response.
    pub id: Text,
    /// `chat.completion.chunk`.
    pub object: Text,
    /// The time of the response, in seconds since 1970.
    pub created: u64,
    /// The new content, by choice. TabbyAPI sends one choice per chunk.
    pub choices: InlineVec<ChunkChoice>,
    /// Token counts, in the last chunk, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Box<Usage>>,
    /// The directory name of the model.
    pub model: Text,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

fill_struct! {
    ChatChunk {
        "id" => id,
        "object" => object,
        "created" => created,
        "choices" => choices,
        "usage" => usage,
        "model" => model,
    }
}

impl ChatChunk {
    /// Returns the new text of the first choice in this chunk. Empty if there is none. With `n` above 1, use
    /// [`choices`](ChatChunk::choices).
    pub fn text(&self) -> &str {
        self.choices.first().and_then(|choice| choice.delta.content.as_deref()).unwrap_or_default()
    }

    /// Returns why the first choice ended. `None` while it continues.
    pub fn finish_reason(&self) -> Option<&FinishReason> {
        self.choices.first()?.finish_reason.as_ref()
    }

    /// Returns the new reasoning of the first choice in this chunk. Empty if there is none.
    pub fn reasoning(&self) -> &str {
        self.choices.first().and_then(|choice| choice.delta.reasoning_content.as_deref()).unwrap_or_default()
    }
}

/// The new content of one choice.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ChunkChoice {
    /// The index of the choice. Chunks of different choices are interleaved.
    pub index: u32,
    /// The new content.
    pub delta: Delta,
    /// Why the choice ended, in its last chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
    /// The precise reason. If usage was requested, the server omits it for the choice that ends last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eos_reason: Option<EosReason>,
    /// The stop string that ended it. Only present if the server answered without streaming.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_str: Option<Text>,
    /// Log probabilities of the tokens of `delta.content`, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<Box<ChatLogprobs>>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

fill_struct! {
    ChunkChoice {
        "index" => index,
        "delta" => delta,
        "finish_reason" => finish_reason,
        "eos_reason" => eos_reason,
        "stop_str" => stop_str,
        "logprobs" => logprobs,
    }
}

/// A part of a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Delta {
    /// The role. TabbyAPI does not send it; the role is the assistant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// New text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Text>,
    /// New reasoning (wire: `reasoning_content`, or `reasoning`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<Text>,
    /// Tool calls, or parts of them. TabbyAPI sends complete calls in the last chunk with content.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallDelta>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

fill_struct! {
    Delta {
        "role" => role,
        "content" => content as DeltaText,
        "reasoning_content" => reasoning_content as DeltaText,
        "tool_calls" => tool_calls,
    }
    then unify
}

impl Delta {
    /// Merges both names of the reasoning.
    #[inline]
    fn unify(&mut self) {
        if !self.extra.is_empty() {
            unify_reasoning(&mut self.reasoning_content, &mut self.extra);
        }
    }
}

/// Moves reasoning that a server sent as `reasoning`, or under both names.
pub(super) fn unify_reasoning<T: Deref<Target = str> + for<'a> From<&'a str>>(to: &mut Option<T>, extra: &mut Extra) {
    match extra.get("reasoning") {
        Some(Value::String(text)) => {
            if to.as_ref().is_none_or(|known| known.is_empty()) {
                *to = Some(text.as_str().into());
            }
        }
        Some(Value::Null) => {}
        _ => return,
    }
    extra.remove("reasoning");
}

/// A tool call, or a part of one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ToolCallDelta {
    /// The id of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// The index of the call among the calls of the choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// The kind (wire: `type`).
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ToolKind>,
    /// The function and its arguments.
    pub function: FunctionDelta,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

fill_struct! {
    ToolCallDelta {
        "id" => id,
        "index" => index,
        "type" => kind,
        "function" => function,
    }
}

/// The function of a tool call, or a part of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FunctionDelta {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// The arguments as JSON text, or a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Text>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

fill_struct! {
    FunctionDelta {
        "name" => name,
        "arguments" => arguments as JsonText,
    }
}

in_place_objects!(Box<ChatLogprobs>);

impl From<ToolCall> for ToolCallDelta {
    fn from(call: ToolCall) -> Self {
        ToolCallDelta {
            id: Some(call.id).filter(|id| !id.is_empty()),
            index: call.index,
            kind: Some(call.kind),
            function: FunctionDelta {
                name: Some(call.function.name),
                arguments: Some(call.function.arguments.into()),
                extra: call.function.extra,
            },
            extra: call.extra,
        }
    }
}

impl From<ChatMessage> for Delta {
    fn from(message: ChatMessage) -> Self {
        let content = message.content.map(|content| match content {
            Content::Text(text) => text.into(),
            Content::Parts(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    ContentPart::Text { text } => Some(text.as_str()),
                    _ => None,
                })
                .collect::<String>()
                .into(),
        });
        Delta {
            role: Some(message.role),
            content,
            reasoning_content: message.reasoning_content.map(Text::from),
            tool_calls: message.tool_calls.into_iter().map(ToolCallDelta::from).collect(),
            extra: message.extra,
        }
    }
}

/// Converts a whole response to chunks, one for each choice.
pub(super) fn chunks(answer: ChatCompletion) -> Vec<ChatChunk> {
    let base = ChatChunk {
        id: answer.id,
        object: "chat.completion.chunk".into(),
        created: answer.created,
        model: answer.model,
        ..ChatChunk::default()
    };
    let mut chunks: Vec<ChatChunk> = answer
        .choices
        .into_iter()
        .map(|choice| ChatChunk {
            choices: InlineVec::one(ChunkChoice {
                index: choice.index,
                delta: choice.message.into(),
                finish_reason: choice.finish_reason,
                eos_reason: choice.eos_reason,
                stop_str: choice.stop_str,
                logprobs: choice.logprobs.map(Box::new),
                extra: choice.extra,
            }),
            ..base.clone()
        })
        .collect();
    if chunks.is_empty() {
        chunks.push(base);
    }
    if let Some(last) = chunks.last_mut() {
        last.usage = answer.usage.map(Box::new);
        last.extra = answer.extra;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::from_str;

    #[test]
    fn recorded_chunks() {
        let chunk: ChatChunk = from_str(r#"{"id": "chatcmpl-83875a2758b84016889c4d0ae00a28e9", "object": "chat.completion.chunk", "created": 1795359313, "choices": [{"index": 0, "delta": {"content": "ch"}, "finish_reason": null}], "model": "alpha-7B-exl3"}"#).unwrap();
        assert_eq!((chunk.text(), chunk.reasoning(), chunk.created), ("ch", "", 1795359313));
        assert_eq!(chunk.choices[0].finish_reason, None);
        assert!(chunk.extra.is_empty() && chunk.choices[0].extra.is_empty() && chunk.choices[0].delta.extra.is_empty());

        let last: ChatChunk = from_str(r#"{"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1795359339, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 166, "prompt_time": 0.0, "prompt_tokens_per_sec": "Indeterminate", "completion_tokens": 58, "completion_time": 0.15, "completion_tokens_per_sec": 374.36, "total_tokens": 224, "total_time": 0.16}, "model": "alpha-7B-exl3"}"#).unwrap();
        assert_eq!(last.usage.as_ref().unwrap().total_tokens, 224);
        assert_eq!(last.choices[0].finish_reason, Some(FinishReason::ToolCalls));
        assert_eq!(from_str::<ChatChunk>(&serde_json::to_string(&last).unwrap()).unwrap(), last);
    }

    #[test]
    fn null_equals_absent() {
        let chunk: ChatChunk = from_str(r#"{"id":null,"object":null,"created":null,"model":null,"usage":null,"choices":[{"index":null,"delta":null,"logprobs":null},{"delta":{"content":null,"role":null,"tool_calls":null}}]}"#).unwrap();
        assert_eq!(chunk.choices.len(), 2);
        assert_eq!(chunk.choices[0], ChunkChoice::default());
        assert_eq!(chunk.choices[1], ChunkChoice::default());
    }

    #[test]
    fn of_a_key_that_comes_twice_the_last_value_counts() {
        let chunk: ChatChunk = from_str(r#"{"id":"a","id":"b","x":1,"x":2,"choices":[{"index":1},{}],"choices":[{"delta":{"content":"a","y":1},"delta":{"reasoning_content":"b"}}]}"#).unwrap();
        let delta = Delta { reasoning_content: Some("b".into()), ..Delta::default() };
        assert_eq!((&*chunk.id, &chunk.extra["x"]), ("b", &2.into()));
        assert_eq!(chunk.choices, InlineVec::one(ChunkChoice { delta, ..ChunkChoice::default() }));
        assert_eq!(from_str::<ChatChunk>(r#"{"id":"a","id":null}"#).unwrap(), ChatChunk::default());
    }

    #[test]
    fn null_is_no_chunk_and_no_element() {
        for text in ["null", "[]", "1", "\"\""] {
            assert!(from_str::<ChatChunk>(text).is_err(), "{text}");
        }
        for (text, count) in [("[null]", 0), ("[null,{},1,{},[]]", 2), ("[{},null]", 1), ("{}", 1), ("7", 0)] {
            let chunk: ChatChunk = from_str(&format!(r#"{{"choices":{text},"created":-1}}"#)).unwrap();
            assert_eq!((chunk.choices.len(), chunk.created), (count, 0), "{text}");
        }
    }

    #[test]
    fn chunks_stay_small() {
        assert!(size_of::<ChatChunk>() <= 272, "{}", size_of::<ChatChunk>());
    }
}
