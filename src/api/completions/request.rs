//! `POST /v1/completions`
//!
//! Continues a text, or several.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::resume::CompletionJoin;
use super::{Completion, CompletionChoice, CompletionChunk, CompletionEvents, CompletionTotal};
use crate::api::choices::{asked_for, whole_choices};
use crate::api::common::{ResponseFormat, StreamOptions, cut_by_unload};
use crate::api::fields::request;
use crate::api::kinds::json;
use crate::api::operation::described;
use crate::api::sampling::{SamplingParams, sampling_setters};
use crate::api::streamed::Streamed;
use crate::api::written;
use crate::base::text::from_texts;
use crate::base::{Error, ErrorCode, ErrorKind, Extra, Limits, Result};
use crate::decode::{Events, Json};
use crate::protocol::estimate::Estimator;
use crate::protocol::resume::joint::Joins;
use crate::protocol::{Endpoint, StreamEndpoint, json_body_of};

request! {
    /// A text to continue, or several.
    ///
    /// `client.completions().create(&request)` returns a [`Completion`]. `client.completions().stream(&request)` returns a
    /// stream of [`CompletionChunk`](super::CompletionChunk)s that accumulates to one.
    ///
    /// ```
    /// use tabbyapi::api::CompletionRequest;
    ///
    /// let one = CompletionRequest::new("Once upon a time").max_tokens(100).stop("\n");
    /// let two = CompletionRequest::new(["Once upon a time", "Far away"]).max_tokens(100).n(2);
    /// # let _ = (one, two);
    /// ```
    pub struct CompletionRequest {
        required {
            /// The text. Choice `k` of prompt `p` has the index `p * n + k`.
            prompt: Prompt,
        }
        optional {
            /// The directory of another model. Ignored unless the server loads models inline, which requires the admin key.
            /// Otherwise its only effect is that a missing model becomes an internal error.
            model: String as impl Into<String>,
            /// The number of choices for each prompt; from 1, default 1, no upper limit.
            n: u32,
            /// The format of the output. `sampling.json_schema` is a shorter equivalent for schemas.
            response_format: ResponseFormat,
            /// How the response is delivered. Usage is requested if this is unset.
            stream_options: StreamOptions,
            /// The user. No effect on the server.
            user: String as impl Into<String>,
            /// No effect on the server.
            best_of: u32,
            /// No effect on the server.
            echo: bool,
            /// No effect on the server.
            suffix: String as impl Into<String>,
        }
        flatten {
            /// Sampler parameters, at the same level of the JSON.
            sampling: SamplingParams
        }
    }
}

impl CompletionRequest {
    /// Creates a request with one or several prompts, and the server's defaults.
    pub fn new(prompt: impl Into<Prompt>) -> Self {
        CompletionRequest::blank(prompt.into())
    }

    sampling_setters!();

    pub(super) fn write(&self, stream: Option<bool>) -> Result<Option<Bytes>> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(flatten)]
            request: &'a CompletionRequest,
            #[serde(skip_serializing_if = "Option::is_none")]
            stream_options: Option<StreamOptions>,
            #[serde(skip_serializing_if = "Option::is_none")]
            stream: Option<bool>,
        }
        if matches!(&self.prompt, Prompt::Many(prompts) if prompts.is_empty()) {
            return Err(Error::new(ErrorKind::Encode, ErrorCode::NoPrompt, "the list of prompts is empty")
                .with_hint("the server fails on it, or its stream never ends"));
        }
        self.sampling.check()?;
        let stream_options = StreamOptions::or_usage(&self.stream_options);
        let prompts = match &self.prompt {
            Prompt::One(prompt) => written::texts([&**prompt]),
            Prompt::Many(prompts) => written::texts(prompts.iter().map(String::as_str)),
        };
        json_body_of(&Body { request: self, stream_options, stream }, written::REST + prompts)
    }

    /// The estimated number of tokens, prompts and responses.
    fn weight(&self) -> u64 {
        let prompts = match &self.prompt {
            Prompt::One(text) => std::slice::from_ref(text),
            Prompt::Many(texts) => texts,
        };
        let estimator = Estimator::new();
        let text: u64 = prompts.iter().map(|text| estimator.text(text).tokens).sum();
        let choices = (prompts.len() as u64).saturating_mul(u64::from(self.n.unwrap_or(1).max(1)));
        let answer = self.sampling.max_tokens.unwrap_or_default();
        text.saturating_add(choices.saturating_mul(u64::from(answer)))
    }

    /// Whether `max_tokens` is set, under any of its names.
    pub(crate) fn is_bounded(&self) -> bool {
        self.sampling.max_tokens.is_some()
            || ["max_completion_tokens", "max_length"].iter().any(|name| self.extra.contains_key(name))
    }
}

/// One text or several. The server does not accept token ids.
///
/// ```
/// use tabbyapi::api::Prompt;
///
/// assert_eq!(Prompt::from("a"), Prompt::One("a".to_owned()));
/// assert_eq!(Prompt::from(["a", "b"]), Prompt::Many(vec!["a".to_owned(), "b".to_owned()]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum Prompt {
    /// One text.
    One(String),
    /// Several texts, each of which is continued; at least one.
    Many(Vec<String>),
}

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        Prompt::One(text.to_owned())
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        Prompt::One(text)
    }
}

from_texts!(Prompt);

impl<S: Into<String>> From<Vec<S>> for Prompt {
    fn from(texts: Vec<S>) -> Self {
        Prompt::Many(texts.into_iter().map(Into::into).collect())
    }
}

impl<S: Into<String>, const N: usize> From<[S; N]> for Prompt {
    fn from(texts: [S; N]) -> Self {
        Prompt::Many(texts.into_iter().map(Into::into).collect())
    }
}

impl Endpoint for CompletionRequest {
    type Decoder = Json<Completion>;

    described!();

    fn body(&self) -> Result<Option<Bytes>> {
        self.write(None)
    }

    fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn tokens(&self) -> u64 {
        self.weight()
    }

    fn decoder(&self) -> Self::Decoder {
        let check: fn(&Completion, &str) -> Result<()> = |answer, body| {
            let complete = |choice: &CompletionChoice| choice.eos_reason.is_some();
            if answer.usage.is_some() || answer.choices.iter().all(complete) {
                return Ok(());
            }
            cut_by_unload(body, answer.text()).map_or(Ok(()), Err)
        };
        let decoder = json().checked(|answer: &mut Completion| {
            whole_choices(answer.choices.iter().map(|choice| (&choice.extra, &choice.finish_reason)))
        });
        decoder.text_checked(StreamOptions::wants_usage(&self.stream_options).then_some(check))
    }
}

impl Endpoint for Streamed<'_, CompletionRequest> {
    type Decoder = Events<CompletionEvents>;

    described!();

    fn body(&self) -> Result<Option<Bytes>> {
        self.0.write(Some(true))
    }

    fn model(&self) -> Option<&str> {
        self.0.model.as_deref()
    }

    fn tokens(&self) -> u64 {
        self.0.weight()
    }

    fn decoder(&self) -> Self::Decoder {
        self.decoder_with(&Extra::new())
    }

    fn decoder_with(&self, extra: &Extra) -> Self::Decoder {
        let prompts = match &self.0.prompt {
            Prompt::One(_) => 1,
            Prompt::Many(prompts) => prompts.len() as u64,
        };
        let choices = asked_for(self.0.n, [&self.0.extra, extra]).map(|choices| choices.saturating_mul(prompts));
        let wants_usage = StreamOptions::wants_usage(&self.0.stream_options);
        Events::new(CompletionEvents::new(self.0.is_bounded()).expecting(choices, wants_usage))
    }
}

impl StreamEndpoint for CompletionRequest {
    type Decoder = Events<CompletionEvents>;
    type Streamed<'a> = Streamed<'a, CompletionRequest>;
    type Total = CompletionTotal;

    fn streamed(&self) -> Streamed<'_, CompletionRequest> {
        Streamed(self)
    }

    fn total(&self, limits: &Limits) -> CompletionTotal {
        CompletionTotal::new(limits)
    }

    fn joins() -> Joins<CompletionChunk> {
        Joins(Some(CompletionJoin::boxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[track_caller]
    fn assert_body(endpoint: &impl Endpoint, expected: Value) {
        let body = endpoint.body().unwrap().unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected, "{}", String::from_utf8_lossy(&body));
    }

    #[test]
    fn the_method_decides_streaming_and_usage_is_asked_for() {
        let request = CompletionRequest::new("Once").max_tokens(8).extra("stream", false);
        let usage = json!({"include_usage": true});
        assert_body(&request, json!({"prompt": "Once", "max_tokens": 8, "stream_options": usage}));
        assert_body(
            &request.streamed(),
            json!({"prompt": "Once", "max_tokens": 8, "stream_options": usage, "stream": true}),
        );
    }

    #[test]
    fn every_field_has_its_name_on_one_level() {
        let request = CompletionRequest::new(["a", "b"])
            .model("m")
            .n(2)
            .response_format(ResponseFormat::json())
            .stream_options(StreamOptions::new().include_usage(false))
            .user("u")
            .best_of(1)
            .echo(true)
            .suffix("s")
            .sampling(SamplingParams::new().xtc_probability(0.5).grammar_string("start: \"a\""))
            .regex_pattern("a+")
            .extra("custom", 1);
        let expected = json!({
            "prompt": ["a", "b"], "model": "m", "n": 2, "response_format": {"type": "json"},
            "stream_options": {"include_usage": false}, "user": "u", "best_of": 1, "echo": true, "suffix": "s",
            "xtc_probability": 0.5, "grammar_string": "start: \"a\"", "regex_pattern": "a+", "custom": 1,
        });
        assert_body(&request, expected.clone());
        assert_eq!(serde_json::from_value::<CompletionRequest>(expected).unwrap(), request);
    }

    #[test]
    fn no_prompt_at_all_is_refused_here() {
        let error = CompletionRequest::new(Vec::<String>::new()).streamed().body().unwrap_err();
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Encode, "no_prompt"));
        assert!(CompletionRequest::new("").body().is_ok());
    }

    #[test]
    fn max_tokens_has_three_names() {
        assert!(!CompletionRequest::new("").is_bounded());
        assert!(CompletionRequest::new("").max_tokens(1).is_bounded());
        assert!(CompletionRequest::new("").extra("max_completion_tokens", 1).is_bounded());
    }
}
