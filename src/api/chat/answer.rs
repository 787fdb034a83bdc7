//! The whole response to a conversation.

use serde::{Deserialize, Deserializer, Serialize};

use super::{ChatMessage, ToolCall};
use crate::api::common::{EosReason, FinishReason, Usage};
use crate::api::kinds::kinds;
use crate::base::{Extra, Text};
use crate::decode::in_place::{filled, in_place_objects, listed, or_default};

/// The response to a [`ChatRequest`](super::ChatRequest).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ChatCompletion {
    /// The id of the response.
    #[serde(default, deserialize_with = "filled")]
    pub id: Text,
    /// The choices, by index; `n` of them.
    #[serde(deserialize_with = "listed")]
    pub choices: Vec<ChatChoice>,
    /// The time of the response, in seconds since 1970.
    #[serde(default, deserialize_with = "filled")]
    pub created: u64,
    /// The directory name of the model that generated the response, regardless of the requested model.
    #[serde(default, deserialize_with = "filled")]
    pub model: Text,
    /// `chat.completion`.
    #[serde(default, deserialize_with = "filled")]
    pub object: Text,
    /// Token counts, if requested.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ChatCompletion {
    /// Returns the message of the first choice.
    pub fn message(&self) -> Option<&ChatMessage> {
        self.choices.first().map(|choice| &choice.message)
    }

    /// Returns the text of the first choice. Empty if it has none.
    pub fn text(&self) -> &str {
        self.message().and_then(ChatMessage::text).unwrap_or_default()
    }

    /// Returns why the first choice ended. `None` while it continues.
    pub fn finish_reason(&self) -> Option<&FinishReason> {
        self.choices.first()?.finish_reason.as_ref()
    }

    /// Returns the reasoning of the first choice. Empty if it has none.
    pub fn reasoning(&self) -> &str {
        self.message().map_or("", ChatMessage::reasoning)
    }

    /// Returns the tool calls of the first choice.
    pub fn tool_calls(&self) -> &[ToolCall] {
        self.message().map_or(&[], |message| &message.tool_calls)
    }

    /// Whether it has choices and no sign of an error.
    fn is_sure(&self) -> bool {
        !self.choices.is_empty() && self.object != "error" && !self.extra.contains_key("error")
    }
}

/// One of the generated messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ChatChoice {
    /// The index of the choice.
    #[serde(default, deserialize_with = "filled")]
    pub index: u32,
    /// Why it ended.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
    /// The precise reason.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub eos_reason: Option<EosReason>,
    /// The stop string that ended it. Not sent in streams.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub stop_str: Option<Text>,
    /// The generated message.
    #[serde(deserialize_with = "answered")]
    pub message: ChatMessage,
    /// Log probabilities, if requested.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<ChatLogprobs>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

fn answered<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ChatMessage, D::Error> {
    or_default(deserializer).map(ChatMessage::unified)
}

in_place_objects!(ChatChoice, ChatLogprobs, TokenLogprob, TopLogprob);

/// Log probabilities of a choice's content.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ChatLogprobs {
    /// The tokens of the content. In a stream, reasoning and tool calls have no log probabilities.
    #[serde(default, deserialize_with = "filled")]
    pub content: Vec<TokenLogprob>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The log probability of one token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TokenLogprob {
    /// The text of the token. `�` if it is a part of a character.
    #[serde(default, deserialize_with = "filled")]
    pub token: Text,
    /// The token id.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub token_id: Option<u64>,
    /// The log probability. `None` if the server has no finite number, such as for a token of probability 0 that a
    /// grammar forced.
    #[serde(default, deserialize_with = "filled")]
    pub logprob: Option<f64>,
    /// The most likely tokens at this position, possibly including this one, if requested.
    #[serde(default, deserialize_with = "filled")]
    pub top_logprobs: Vec<TopLogprob>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One of the most likely tokens at a position.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TopLogprob {
    /// The text of the token.
    #[serde(default, deserialize_with = "filled")]
    pub token: Text,
    /// The token id.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub token_id: Option<u64>,
    /// The log probability. The server sends -1000 for a probability of 0. `None` if it is not a finite number.
    #[serde(default, deserialize_with = "filled")]
    pub logprob: Option<f64>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

kinds! {
    ChatCompletion: "choices", sure if is_sure;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::from_json;
    use serde_json::json;

    #[test]
    fn a_recorded_answer() {
        let text = r#"{"id":"cmpl-233d865ee2f846e1b1b0a7cbc4b45ea2","choices":[{"index":0,"finish_reason":"stop","eos_reason":"stop_token","stop_str":"<|im_end|>","message":{"role":"assistant","content":"Echo: Hello there","reasoning_content":null,"tool_calls":null,"tool_call_id":null},"logprobs":null}],"created":1795359312,"model":"alpha-7B-exl3","object":"chat.completion","usage":null}"#;
        let answer: ChatCompletion = from_json(text).unwrap();
        assert_eq!(answer.text(), "Echo: Hello there");
        assert_eq!(answer.choices[0].finish_reason, Some(FinishReason::Stop));
        assert_eq!(answer.choices[0].eos_reason, Some(EosReason::StopToken));
        assert_eq!(answer.choices[0].stop_str.as_deref(), Some("<|im_end|>"));
        assert!(answer.tool_calls().is_empty());
        let stored = serde_json::to_string(&answer).unwrap();
        assert_eq!(from_json::<ChatCompletion>(&stored).unwrap(), answer);
    }

    #[test]
    fn logprobs_without_a_number_survive() {
        let text = r#"{"content":[{"token":" arg","token_id":644,"logprob":-Infinity,"top_logprobs":[{"token":"E","token_id":36,"logprob":0.0},{"token":"now","token_id":1626,"logprob":-1000.0}]},{"token":"x","logprob":null,"top_logprobs":null}]}"#;
        let logprobs: ChatLogprobs = from_json(text).unwrap();
        assert_eq!(logprobs.content[0].logprob, None);
        assert_eq!(logprobs.content[0].top_logprobs[1].logprob, Some(-1000.0));
        assert_eq!((logprobs.content[1].logprob, logprobs.content[1].token_id), (None, None));
    }

    #[test]
    fn unknown_reasons_and_fields_are_kept_everywhere() {
        let wire = json!({"id": "a", "created": 1, "model": "m", "object": "chat.completion", "system_fingerprint": "f",
            "choices": [{"index": 0, "finish_reason": "tired", "eos_reason": "yawn", "weight": 2,
                "message": {"role": "assistant", "content": "x", "mood": "good"},
                "logprobs": {"content": [{"token": "x", "logprob": -1.0, "bytes": [120], "top_logprobs": []}], "refusal": []}}]});
        let answer: ChatCompletion = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(answer.choices[0].finish_reason.as_ref().unwrap(), &"tired");
        assert_eq!(answer.extra["system_fingerprint"], "f");
        assert_eq!(serde_json::to_value(&answer).unwrap(), wire);
    }

    #[test]
    fn an_answer_with_a_sign_of_an_error_is_not_sure() {
        let choice = r#""choices":[{"message":{"content":"a"}}]"#;
        for (text, sure) in [
            (format!("{{{choice}}}"), true),
            (format!(r#"{{"object":"chat.completion",{choice},"x":{{"error":1}}}}"#), true),
            (format!(r#"{{{choice},"error":{{"message":"m"}}}}"#), false),
            (format!(r#"{{{choice},"error":null}}"#), false),
            (format!(r#"{{{choice},"\u0065rror":"m"}}"#), false),
            (format!(r#"{{{choice},"object":"error"}}"#), false),
            (r#"{"choices":[]}"#.to_owned(), false),
            (r#"{"choices":null}"#.to_owned(), false),
        ] {
            assert_eq!(from_json::<ChatCompletion>(&text).unwrap().is_sure(), sure, "{text}");
        }
    }

    #[test]
    fn another_document_is_no_answer() {
        assert_eq!(
            from_json::<ChatCompletion>(r#"{"models":[]}"#).unwrap_err().kind(),
            crate::base::error::ErrorKind::Decode
        );
        assert!(from_json::<ChatCompletion>("null").is_err());
    }
}
