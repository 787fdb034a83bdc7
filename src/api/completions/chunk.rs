//! The chunks of a streamed completion.

use serde::{Deserialize, Serialize};

use super::{Completion, CompletionLogprobs};
use crate::api::common::{EosReason, FinishReason, Usage};
use crate::base::{Extra, InlineVec, Text};
use crate::decode::in_place::{fill_struct, in_place_objects};

/// One event of a streamed completion. The chunks of a stream share the memory of `id`, `object` and `model`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema), schemars(!from))]
#[serde(from = "Form")]
#[non_exhaustive]
pub struct CompletionChunk {
    /// The id of the response.
    pub id: Text,
    /// `text_completion`.
    pub object: Text,
    /// The new content, by choice. TabbyAPI sends one choice per chunk.
    pub choices: InlineVec<CompletionChunkChoice>,
    /// The time of the response, in seconds since 1970.
    pub created: u64,
    /// Token counts, in the last chunk, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Box<Usage>>,
    /// The directory name of the model (wire: `model_name`, or `model`).
    #[serde(rename = "model_name")]
    pub model: Text,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A chunk with both names of the model.
#[derive(Default)]
struct Form {
    id: Text,
    object: Text,
    choices: InlineVec<CompletionChunkChoice>,
    created: u64,
    usage: Option<Box<Usage>>,
    model_name: Option<Text>,
    model: Option<Text>,
    extra: Extra,
}

fill_struct! {
    Form {
        "id" => id,
        "object" => object,
        "choices" => choices,
        "created" => created,
        "usage" => usage,
        "model_name" => model_name,
        "model" => model,
    }
}

impl From<Form> for CompletionChunk {
    fn from(form: Form) -> Self {
        CompletionChunk {
            id: form.id,
            object: form.object,
            choices: form.choices,
            created: form.created,
            usage: form.usage,
            model: form.model_name.or(form.model).unwrap_or_default(),
            extra: form.extra,
        }
    }
}

impl CompletionChunk {
    /// Returns why the first choice ended. `None` while it continues.
    pub fn finish_reason(&self) -> Option<&FinishReason> {
        self.choices.first()?.finish_reason.as_ref()
    }

    /// Returns the new text of the first choice in this chunk. Empty if there is none. With several prompts or `n` above 1,
    /// use [`choices`](CompletionChunk::choices).
    pub fn text(&self) -> &str {
        self.choices.first().map_or("", |choice| &choice.text)
    }
}

/// The new content of one choice.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CompletionChunkChoice {
    /// The index of the choice. Chunks of different choices are interleaved.
    pub index: u32,
    /// New text.
    pub text: Text,
    /// Why the choice ended, in its last chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
    /// The precise reason. If usage was requested, the server omits it for the choice that ends last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eos_reason: Option<EosReason>,
    /// Log probabilities of the tokens of `text`, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<Box<CompletionLogprobs>>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

fill_struct! {
    CompletionChunkChoice {
        "index" => index,
        "text" => text,
        "finish_reason" => finish_reason,
        "eos_reason" => eos_reason,
        "logprobs" => logprobs,
    }
}

in_place_objects!(Box<CompletionLogprobs>);

/// Converts a whole response to chunks, one for each choice.
pub(super) fn chunks(answer: Completion) -> Vec<CompletionChunk> {
    let base = CompletionChunk {
        id: answer.id,
        object: answer.object,
        created: answer.created,
        model: answer.model,
        ..CompletionChunk::default()
    };
    let mut chunks: Vec<CompletionChunk> = answer
        .choices
        .into_iter()
        .map(|choice| CompletionChunk {
            choices: InlineVec::one(CompletionChunkChoice {
                index: choice.index,
                text: choice.text.into(),
                finish_reason: choice.finish_reason,
                eos_reason: choice.eos_reason,
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
        let chunk: CompletionChunk = from_str(r#"{"id": "chatcmpl-f08e41af751a443b8d9e5c602eaa8815", "object": "text_completion", "choices": [{"index": 0, "text": " up", "finish_reason": null}], "created": 1795359306, "model_name": "alpha-7B-exl3"}"#).unwrap();
        assert_eq!((chunk.text(), &*chunk.model), (" up", "alpha-7B-exl3"));
        assert!(chunk.extra.is_empty());
        let text = serde_json::to_string(&chunk).unwrap();
        assert!(text.contains(r#""model_name":"alpha-7B-exl3""#));
        assert_eq!(from_str::<CompletionChunk>(&text).unwrap(), chunk);
    }

    #[test]
    fn the_model_has_two_names() {
        for (text, model) in [
            (r#"{"model":"a"}"#, "a"),
            (r#"{"model_name":"b","model":"a"}"#, "b"),
            (r#"{"model_name":null,"model":"a"}"#, "a"),
            (r#"{"choices":null,"id":null}"#, ""),
        ] {
            assert_eq!(from_str::<CompletionChunk>(text).unwrap().model, model);
        }
    }
}
