//! The whole response to a completion.

use serde::{Deserialize, Serialize};

use super::LikelyTokens;
use crate::api::common::{EosReason, FinishReason, Usage};
use crate::api::kinds::kinds;
use crate::base::{Extra, Text};
use crate::decode::in_place::{filled, in_place_objects, listed, row, said};

/// The response to a [`CompletionRequest`](super::CompletionRequest).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Completion {
    /// The id of the response.
    #[serde(default, deserialize_with = "filled")]
    pub id: Text,
    /// The choices, by index; `n` of them for each prompt.
    #[serde(deserialize_with = "listed")]
    pub choices: Vec<CompletionChoice>,
    /// The time of the response, in seconds since 1970.
    #[serde(default, deserialize_with = "filled")]
    pub created: u64,
    /// The directory name of the model that generated the response, regardless of the requested model.
    #[serde(default, deserialize_with = "filled")]
    pub model: Text,
    /// `text_completion`.
    #[serde(default, deserialize_with = "filled")]
    pub object: Text,
    /// Token counts, if requested.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Completion {
    /// Returns why the first choice ended. `None` while it continues.
    pub fn finish_reason(&self) -> Option<&FinishReason> {
        self.choices.first()?.finish_reason.as_ref()
    }

    /// Returns the text of the first choice. Empty if there is none.
    pub fn text(&self) -> &str {
        self.choices.first().map_or("", |choice| &choice.text)
    }
}

/// One continuation of a text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CompletionChoice {
    /// The index of the choice: the index of the prompt times `n`, plus the number of the continuation.
    #[serde(default, deserialize_with = "filled")]
    pub index: u32,
    /// Why it ended.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
    /// The precise reason.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub eos_reason: Option<EosReason>,
    /// Log probabilities, if requested.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<CompletionLogprobs>,
    /// The text.
    #[serde(deserialize_with = "said")]
    pub text: String,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Log probabilities of the tokens of a completion. The lists have the same length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CompletionLogprobs {
    /// The texts of the tokens.
    #[serde(default, deserialize_with = "row")]
    pub tokens: Vec<Text>,
    /// The log probabilities. `None` if the server has no finite number, such as for a token of probability 0 that a
    /// grammar forced.
    #[serde(default, deserialize_with = "row")]
    pub token_logprobs: Vec<Option<f64>>,
    /// For each token, the most likely ones at its position, by text. `None` if not requested. The server sends
    /// -1000 for a probability of 0.
    #[serde(default, deserialize_with = "row")]
    pub top_logprobs: Vec<Option<LikelyTokens>>,
    /// The offset of each token in the text, in characters. In a chunk of a stream it is relative to the chunk.
    /// After accumulation it is relative to the text.
    #[serde(default, deserialize_with = "row")]
    pub text_offset: Vec<u64>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

in_place_objects!(CompletionChoice, CompletionLogprobs);

kinds! {
    Completion: "choices";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::from_json;

    #[test]
    fn recorded_answers() {
        let text = r#"{"id":"cmpl-f45002ad46ae4f8f8c1fce8e92b82853","choices":[{"index":0,"finish_reason":"length","eos_reason":"max_new_tokens","logprobs":null,"text":"Echo: Once up"}],"created":1795359305,"model":"alpha-7B-exl3","object":"text_completion","usage":null}"#;
        let answer: Completion = from_json(text).unwrap();
        assert_eq!((answer.text(), answer.usage.is_none()), ("Echo: Once up", true));
        assert_eq!(answer.choices[0].finish_reason, Some(FinishReason::Length));
        assert_eq!(answer.choices[0].eos_reason, Some(EosReason::MaxNewTokens));
        assert_eq!(from_json::<Completion>(&serde_json::to_string(&answer).unwrap()).unwrap(), answer);
    }

    #[test]
    fn logprobs_without_a_number_survive() {
        let text = r#"{"tokens":[" comp","ch"],"token_logprobs":[null,0.0],"top_logprobs":[{"E":0.0,"now":-1000.0},null],"text_offset":[0,5]}"#;
        let logprobs: CompletionLogprobs = from_json(text).unwrap();
        assert_eq!(logprobs.token_logprobs, [None, Some(0.0)]);
        assert_eq!(logprobs.top_logprobs[0].as_ref().unwrap()["now"], Some(-1000.0));
        assert_eq!(logprobs.top_logprobs[1], None);
        assert_eq!(serde_json::to_string(&logprobs).unwrap(), text);
        let bare: CompletionLogprobs = from_json(&text.replace("null,0.0", "-Infinity,0.0")).unwrap();
        assert_eq!(bare, logprobs);
    }

    #[test]
    fn another_document_is_no_answer() {
        assert!(from_json::<Completion>("{}").is_err());
        assert!(from_json::<Completion>("null").is_err());
    }
}
