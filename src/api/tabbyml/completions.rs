//! `POST /v1/completions`: completes the code at the cursor.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::failure::refined;
use super::{Segments, Snippet};
use crate::api::fields::request;
use crate::api::kinds::{json, kinds};
use crate::api::operation::{described, endpoints};
use crate::base::{Advice, Error, ErrorCode, ErrorKind, Extra, Remedy, Result, Text};
use crate::decode::Json;
use crate::decode::in_place::{filled, in_place_objects, listed};
use crate::decode::open_enum::open_enum;
use crate::protocol::{Endpoint, json_body};

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Code completions: `client.completions()`.
            completions: Completions {
                /// Completes the code at the cursor. Dropping the call cancels it on the server.
                ///
                /// The server never streams completions. An empty text can mean that its model backend failed, so a retry may succeed.
                ///
                /// # Errors
                ///
                /// * `no_completion_model`: the server has no model for code completion.
                /// * `request_timeout`: the server's own time limit passed, 30 s by default.
                /// * `request_too_large`: the request is larger than 2 MiB.
                /// * `bad_request`: there are no segments, or there is no edit history for a prediction of the next edit.
                /// * `validation_failed`: a field has a type that the server does not accept.
                /// * `unauthorized`, `rate_limited`, `not_found`.
                call create(request: &CompletionRequest) -> CompletionResponse = request =>
                    own [CompletionRequest]: POST "/v1/completions", Api, IfUnsent, generate, map_error;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

request! {
    /// A position at which code is completed.
    ///
    /// ```
    /// use tabbyapi::tabbyml::{CompletionRequest, Segments};
    ///
    /// let request = CompletionRequest::new("python", Segments::new("def fib(n):\n    ").suffix("\n    return a"));
    /// assert_eq!(request.language.as_deref(), Some("python"));
    /// ```
    pub struct CompletionRequest {
        required {}
        optional {
            /// The language, as an id of VS Code, such as `python`; the server's default is `unknown`. It selects stop words and the
            /// syntax of comments.
            language: String as impl Into<String>,
            /// The code around the cursor. Required, unless `debug_options` has a raw prompt.
            segments: Segments,
            /// The user. A server with accounts replaces it by the id of the user that the token belongs to.
            user: String as impl Into<String>,
            /// The temperature; the server's default is 0.1. The server does not check its range.
            temperature: f64,
            /// The seed; depends on the time by default. Some backends ignore it.
            seed: u64,
            /// The kind of completion; the standard mode by default. Since 0.29.
            mode: CompletionMode,
            /// What is reported about the completion.
            debug_options: DebugOptions,
        }
    }
}

impl CompletionRequest {
    /// Creates a request to complete code of this language.
    pub fn new(language: impl Into<String>, segments: Segments) -> Self {
        CompletionRequest::blank().language(language).segments(segments)
    }

    /// Creates a request to continue a prompt that is already in the format of the model.
    pub fn raw_prompt(prompt: impl Into<String>) -> Self {
        CompletionRequest::blank().debug_options(DebugOptions::new().raw_prompt(prompt))
    }
}

open_enum! {
    /// The kind of a completion.
    CompletionMode {
        /// The code at the cursor. The server treats unknown modes as this one.
        Standard = "standard",
        /// The next edit of the code around the cursor, which requires
        /// [`Segments::edit_history`](super::Segments::edit_history).
        NextEditSuggestion = "next_edit_suggestion",
    }
}

request! {
    /// What is reported about a completion. With any options the response has [`DebugData`].
    pub struct DebugOptions {
        required {}
        optional {
            /// A prompt that is sent to the model unchanged. The segments are then ignored.
            raw_prompt: String as impl Into<String>,
            /// Whether to return the snippets that the server added; default false.
            return_snippets: bool,
            /// Whether to return the prompt; default false.
            return_prompt: bool,
            /// Whether to omit snippets of indexed repositories; default false.
            disable_retrieval_augmented_code_completion: bool,
        }
    }
}

impl DebugOptions {
    /// Creates options with nothing set.
    pub fn new() -> Self {
        DebugOptions::blank()
    }
}

impl Default for DebugOptions {
    fn default() -> Self {
        DebugOptions::new()
    }
}

impl Endpoint for CompletionRequest {
    type Decoder = Json<CompletionResponse>;

    described!();

    fn body(&self) -> Result<Option<Bytes>> {
        if self.temperature.is_some_and(|temperature| !temperature.is_finite()) {
            return Err(Error::new(ErrorKind::Encode, ErrorCode::NotFinite, "`temperature` is not a finite number"));
        }
        json_body(self)
    }

    fn decoder(&self) -> Self::Decoder {
        json()
    }
}

/// The response to a [`CompletionRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CompletionResponse {
    /// The id, such as `cmpl-c1fd26da-1577-4327-a12c-8a6dd85f3751`; events about the completion name it.
    #[serde(default, deserialize_with = "filled")]
    pub id: Text,
    /// The choices: exactly one on current servers, none on some others.
    #[serde(default, deserialize_with = "listed")]
    pub choices: Vec<CompletionChoice>,
    /// The data that the request's [`DebugOptions`] requested.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub debug_data: Option<DebugData>,
    /// The mode. Servers before 0.29 do not send it.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub mode: Option<CompletionMode>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

impl CompletionResponse {
    /// Returns the text of the first choice. Empty if there is none.
    pub fn text(&self) -> &str {
        self.choices.first().map_or("", |choice| &choice.text)
    }
}

/// A completion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CompletionChoice {
    /// The index of the choice.
    #[serde(default, deserialize_with = "filled")]
    pub index: u32,
    /// The text to insert at the cursor. Line breaks are CR LF if the segments have any.
    #[serde(default, deserialize_with = "filled")]
    pub text: String,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What is reported about a completion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DebugData {
    /// The snippets that the server added, for [`DebugOptions::return_snippets`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snippets: Option<Vec<Snippet>>,
    /// The prompt, for [`DebugOptions::return_prompt`].
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

in_place_objects!(CompletionChoice, DebugData);

kinds! {
    CompletionResponse: "choices";
}

fn map_error(error: Error) -> Error {
    let error = refined(error);
    match (error.kind(), error.status().map_or(0, |status| status.as_u16()), error.code().as_str()) {
        (ErrorKind::Server, 501, _) => error.with_code(ErrorCode::NoCompletionModel).with_advice(Advice::new(
            Remedy::Configure,
            "this server has no model for code completion: start it with one, such as with `--model`",
        )),
        (ErrorKind::Server, 400, "bad_request") => error.with_advice(Advice::new(
            Remedy::Give,
            "set {field:segments} with a {field:prefix}, or a raw prompt; predictions of the next edit require {field:edit_history}",
        )),
        (ErrorKind::Server, 408, _) => error.with_advice(Advice::new(
            Remedy::Configure,
            "the model did not finish within the server's time limit for completions, 30 s by default: shorten the prompt, or raise the \
             limit in the server's `config.toml`",
        )),
        _ => error,
    }
}
