//! Types that several services share: token counts, reasons, stream options, response formats.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::base::{Advice, Error, ErrorCode, ErrorKind, Extra, OrderedJson, Remedy, Text};
use crate::decode::in_place::{DeserializeInPlace, Object, filled, in_place_objects};
use crate::decode::open_enum::open_enum;

open_enum! {
    /// Why a choice ended.
    FinishReason {
        /// A stop token or stop string was generated, or a grammar was complete.
        Stop = "stop",
        /// `max_tokens` was reached.
        Length = "length",
        /// Tool calls were generated. If their text was cut off or could not be parsed, there are none.
        ToolCalls = "tool_calls",
    }
}

open_enum! {
    /// The precise reason why a choice ended; TabbyAPI's refinement of [`FinishReason`].
    EosReason {
        /// The model's end token, or a token of `stop`.
        StopToken = "stop_token",
        /// A string of `stop`.
        StopString = "stop_string",
        /// `max_tokens`.
        MaxNewTokens = "max_new_tokens",
        /// The grammar, regex or schema was complete.
        EndFilter = "end_filter",
        /// The model repeated itself for `loop_detect_window` tokens.
        LoopDetected = "loop_detected",
    }
}

/// Tokens and times of one request. With several choices, the prompt values are those of the first choice and the
/// completion tokens are summed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of the prompt.
    #[serde(default, deserialize_with = "filled")]
    pub prompt_tokens: u64,
    /// Processing time of the prompt in seconds.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub prompt_time: Option<f64>,
    /// Prompt tokens per second.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub prompt_tokens_per_sec: Option<Rate>,
    /// Generated tokens.
    #[serde(default, deserialize_with = "filled")]
    pub completion_tokens: u64,
    /// Generation time in seconds.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<f64>,
    /// Generated tokens per second.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub completion_tokens_per_sec: Option<Rate>,
    /// All tokens.
    #[serde(default, deserialize_with = "filled")]
    pub total_tokens: u64,
    /// Total time of the request on the server in seconds, including waiting.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub total_time: Option<f64>,
    /// Details of the prompt tokens, from servers that report them.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub prompt_tokens_details: Option<PromptTokensDetails>,
    /// Details of the generated tokens, from servers that report them.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub completion_tokens_details: Option<CompletionTokensDetails>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Details of the prompt tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PromptTokensDetails {
    /// Tokens that were in the server's cache and took no time.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Details of the generated tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CompletionTokensDetails {
    /// Tokens that were predicted, for example by a draft model, and accepted.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub accepted_prediction_tokens: Option<u64>,
    /// Tokens that were predicted and rejected.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub rejected_prediction_tokens: Option<u64>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

in_place_objects!(Usage, Box<Usage>, PromptTokensDetails, CompletionTokensDetails);

impl<'de> DeserializeInPlace<'de> for Option<Rate> {
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(rate) => *self = rate.as_f64().map(Rate::PerSecond),
            Value::String(words) => *self = Some(Rate::Words(words.into())),
            _ => {}
        }
        Ok(())
    }
}

/// The error of a choice that ended with an error reason and no details.
pub(crate) fn failed_choice(reason: Option<&FinishReason>) -> Option<Error> {
    let failed = reason.is_some_and(|reason| *reason == "error");
    failed.then(|| {
        Error::new(ErrorKind::Server, ErrorCode::StreamError, "the generation failed, and the server does not say why")
            .in_stream()
    })
}

/// The error of a whole response that was cut because the model was unloaded. Such a response looks complete except for a null
/// `eos_reason`, and null usage although it was requested. `text` is the generated text.
pub(crate) fn cut_by_unload(body: &str, text: &str) -> Option<Error> {
    // The response is in memory too, so the body is not decoded a second time.
    let answer: Ending = crate::decode::look(body)?;
    (answer.usage.0 && answer.choices).then(|| {
        Error::new(
            ErrorKind::Truncated,
            ErrorCode::GenerationCut,
            "the model was unloaded before the generation was complete",
        )
        .with_advice(Advice::new(
            Remedy::Call,
            "{setting:error.partial_text} has the text so far; load the model and repeat the request",
        ))
        .with_partial_text(text)
    })
}

/// The fields of a whole response that show that it was cut.
#[derive(Deserialize)]
struct Ending {
    #[serde(default)]
    usage: IsNull,
    /// Whether one of them was cut.
    #[serde(deserialize_with = "any_cut")]
    choices: bool,
}

/// The same for one of its choices.
#[derive(Deserialize)]
struct ChoiceEnding {
    #[serde(default, deserialize_with = "filled")]
    finish_reason: Option<FinishReason>,
    #[serde(default)]
    eos_reason: IsNull,
}

/// Whether a field is present and null.
#[derive(Default)]
struct IsNull(bool);

impl<'de> Deserialize<'de> for IsNull {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(IsNull(Option::<IgnoredAny>::deserialize(deserializer)?.is_none()))
    }
}

fn any_cut<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Visit;
    impl<'de> Visitor<'de> for Visit {
        type Value = bool;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut choices: A) -> Result<bool, A::Error> {
            let mut cut = false;
            while let Some(choice) = choices.next_element_seed(Object::<ChoiceEnding>(PhantomData))? {
                cut |= choice
                    .is_some_and(|choice| choice.eos_reason.0 && choice.finish_reason == Some(FinishReason::Stop));
            }
            Ok(cut)
        }
    }
    deserializer.deserialize_seq(Visit)
}

/// A speed in tokens per second. The server sends `Indeterminate` if the time was too short to measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum Rate {
    /// Tokens per second.
    PerSecond(f64),
    /// A text instead of the number, such as `Indeterminate`.
    Words(Text),
}

impl Rate {
    /// Returns tokens per second, if the server sent a number.
    pub fn per_second(&self) -> Option<f64> {
        match self {
            Rate::PerSecond(rate) => Some(*rate),
            Rate::Words(words) => words.parse().ok().filter(|rate: &f64| rate.is_finite()),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rate::PerSecond(rate) => fmt::Display::fmt(rate, f),
            Rate::Words(words) => fmt::Display::fmt(words, f),
        }
    }
}

/// Options for the delivery of a response.
///
/// If a request has none, the library requests usage, streamed or not. In a stream the server then omits the `eos_reason` of
/// the last choice. Set empty options to keep it.
///
/// ```
/// use tabbyapi::api::{ChatMessage, ChatRequest, StreamOptions};
///
/// let request = ChatRequest::new([ChatMessage::user("Hi")]).stream_options(StreamOptions::new().include_usage(false));
/// assert_eq!(request.stream_options.unwrap().include_usage, Some(false));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct StreamOptions {
    /// Whether to report [`Usage`]; the server's default is false. Also applies to responses that are not streamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_usage: Option<bool>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl StreamOptions {
    /// Creates options with the server's defaults.
    pub fn new() -> Self {
        StreamOptions::default()
    }

    /// Sets `include_usage`.
    #[must_use]
    pub fn include_usage(mut self, include_usage: bool) -> Self {
        self.include_usage = Some(include_usage);
        self
    }

    /// Whether usage is requested, by the user or by default.
    pub(crate) fn wants_usage(set: &Option<StreamOptions>) -> bool {
        set.as_ref().is_none_or(|options| options.include_usage == Some(true))
    }

    /// The options that are sent if the user set none.
    pub(crate) fn or_usage(set: &Option<StreamOptions>) -> Option<StreamOptions> {
        set.is_none().then(|| StreamOptions::new().include_usage(true))
    }
}

open_enum! {
    /// The kind of a [`ResponseFormat`].
    ResponseFormatType {
        /// Free text.
        Text = "text",
        /// Any JSON object.
        Json = "json",
        /// JSON that matches a schema.
        JsonSchema = "json_schema",
    }
}

/// The format of the output.
///
/// The server silently ignores kinds that it does not know, including `json_object`, and invalid schemas. The output is then
/// free text.
///
/// ```
/// use tabbyapi::api::{ChatMessage, ChatRequest, ResponseFormat};
/// use tabbyapi::ordered_json;
///
/// let schema = ordered_json!({"type": "object", "properties": {"name": {"type": "string"}}});
/// let request = ChatRequest::new([ChatMessage::user("Name a river.")]).response_format(ResponseFormat::json_schema(schema));
/// assert!(request.response_format.unwrap().json_schema.is_some());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ResponseFormat {
    /// The kind (wire: `type`).
    #[serde(rename = "type")]
    pub kind: ResponseFormatType,
    /// The schema, for the type `json_schema`, plain or in OpenAI's wrapper `{"name", "schema"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_schema: Option<OrderedJson>,
    /// Other fields.
    #[serde(flatten, deserialize_with = "crate::api::fields::ordered")]
    pub extra: Extra,
}

impl ResponseFormat {
    /// Creates a format of this kind.
    pub fn new(kind: ResponseFormatType) -> Self {
        ResponseFormat { kind, json_schema: None, extra: Extra::new() }
    }

    /// Creates a format for free text.
    pub fn text() -> Self {
        ResponseFormat::new(ResponseFormatType::Text)
    }

    /// Creates a format for any JSON object.
    pub fn json() -> Self {
        ResponseFormat::new(ResponseFormatType::Json)
    }

    /// Creates a format for JSON that matches this schema.
    pub fn json_schema(schema: impl Into<OrderedJson>) -> Self {
        ResponseFormat { json_schema: Some(schema.into()), ..ResponseFormat::new(ResponseFormatType::JsonSchema) }
    }
}

/// A request that names a model while none is loaded fails with a plain 500 instead of 503.
pub(crate) fn map_generation_error(error: Error) -> Error {
    match error.status() {
        Some(status) if status == 500 && error.code() == &ErrorCode::ServerError => error.with_advice(Advice::new(
            Remedy::Look,
            "the server failed on this request; its console shows why, often a field or name that it does not check, or a {field:model} \
             that is named while none is loaded",
        )),
        _ => error,
    }
}

/// Adds the usage of another response.
pub(crate) fn add_usage(total: &mut Usage, usage: &Usage) {
    fn sum(to: &mut Option<f64>, more: Option<f64>) {
        if let Some(more) = more {
            *to.get_or_insert_default() += more;
        }
    }
    fn count(to: &mut Option<u64>, more: Option<u64>) {
        if let Some(more) = more {
            *to = Some(to.unwrap_or_default().saturating_add(more));
        }
    }
    total.prompt_tokens = total.prompt_tokens.saturating_add(usage.prompt_tokens);
    total.completion_tokens = total.completion_tokens.saturating_add(usage.completion_tokens);
    total.total_tokens = total.total_tokens.saturating_add(usage.total_tokens);
    sum(&mut total.prompt_time, usage.prompt_time);
    sum(&mut total.completion_time, usage.completion_time);
    sum(&mut total.total_time, usage.total_time);
    if let Some(more) = &usage.prompt_tokens_details {
        let details = total.prompt_tokens_details.get_or_insert_default();
        count(&mut details.cached_tokens, more.cached_tokens);
    }
    if let Some(more) = &usage.completion_tokens_details {
        let details = total.completion_tokens_details.get_or_insert_default();
        count(&mut details.accepted_prediction_tokens, more.accepted_prediction_tokens);
        count(&mut details.rejected_prediction_tokens, more.rejected_prediction_tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_str, json, to_value};

    #[test]
    fn usage_takes_words_for_rates_and_may_be_partial() {
        let text = r#"{"prompt_tokens":13,"prompt_time":0.0,"prompt_tokens_per_sec":"Indeterminate","completion_tokens":9,
            "completion_time":0.02,"completion_tokens_per_sec":390.74,"total_tokens":22,"total_time":null,"new":1}"#;
        let usage: Usage = from_str(text).unwrap();
        assert_eq!(usage.prompt_tokens_per_sec, Some(Rate::Words("Indeterminate".into())));
        assert_eq!(usage.prompt_tokens_per_sec.as_ref().and_then(Rate::per_second), None);
        assert_eq!(usage.completion_tokens_per_sec.as_ref().and_then(Rate::per_second), Some(390.74));
        assert_eq!((usage.total_tokens, usage.total_time), (22, None));
        assert_eq!(usage.extra["new"], 1);
        assert_eq!(from_str::<Usage>(&serde_json::to_string(&usage).unwrap()).unwrap(), usage);
        assert_eq!(from_str::<Usage>(r#"{"prompt_tokens":null}"#).unwrap(), Usage::default());
        assert_eq!(Rate::Words("12.5".into()).per_second(), Some(12.5));
    }

    #[test]
    fn response_formats() {
        assert_eq!(to_value(ResponseFormat::json()).unwrap(), json!({"type": "json"}));
        let schema = json!({"type": "object"});
        assert_eq!(
            to_value(ResponseFormat::json_schema(schema.clone())).unwrap(),
            json!({"type": "json_schema", "json_schema": schema})
        );
        let unknown: ResponseFormat = from_str(r#"{"type":"json_object","strict":true}"#).unwrap();
        assert_eq!(unknown.kind, "json_object");
        assert_eq!(to_value(&unknown).unwrap(), json!({"type": "json_object", "strict": true}));
    }
}
