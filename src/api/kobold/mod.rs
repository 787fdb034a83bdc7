//! The routes of the KoboldAI API, which a server has only if its configuration lists `Kobold` in `api_servers`.

mod answer;
mod generate;

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use serde::Serialize;

use crate::api::fields::{plain, posts};
use crate::api::kinds::json;
use crate::base::{Advice, Error, Remedy, Result};
use crate::decode::{Empty, Json};
use crate::protocol::{Endpoint, Replay, Scope, json_body};

pub use answer::{
    KoboldAborted, KoboldLength, KoboldModel, KoboldResult, KoboldResults, KoboldSoftPrompt, KoboldSoftPrompts,
    KoboldToken, KoboldTokenCount, KoboldVersion,
};
pub use generate::{KoboldEvents, KoboldRequest, KoboldTotal};

/// A 404 of these routes: the server has none of them.
fn explain(error: Error) -> Error {
    if error.code() == "not_found" {
        return error.with_code("kobold_disabled").with_advice(Advice::new(
            Remedy::Configure,
            "the server has no KoboldAI API: add `Kobold` to `api_servers` in its `config.yml`, and check {url}",
        ));
    }
    error
}

/// The operation of [`Kobold::abort`](crate::services::Kobold::abort).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KoboldAbort {
    /// The key that the generation was begun with.
    pub genkey: String,
}

impl KoboldAbort {
    /// Ends the generation of this key.
    pub fn new(genkey: impl Into<String>) -> Self {
        KoboldAbort { genkey: genkey.into() }
    }
}

posts!(KoboldAbort: "/api/extra/abort", Api, IfUnsent, KoboldAborted, read, explain);

/// The operation of [`Kobold::check`](crate::services::Kobold::check).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KoboldCheck {
    /// The key that the generation was begun with.
    pub genkey: String,
}

impl KoboldCheck {
    /// Asks for the generation of this key.
    pub fn new(genkey: impl Into<String>) -> Self {
        KoboldCheck { genkey: genkey.into() }
    }
}

// The server has it under GET too, but with a body, which many HTTP stacks do not send.
posts!(KoboldCheck: "/api/extra/generate/check", Api, Safe, KoboldResults, read, explain);

/// The operation of [`Kobold::count_tokens`](crate::services::Kobold::count_tokens).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KoboldCountTokens {
    /// The text.
    pub prompt: String,
}

impl KoboldCountTokens {
    /// Counts the tokens of this text.
    pub fn new(prompt: impl Into<String>) -> Self {
        KoboldCountTokens { prompt: prompt.into() }
    }
}

posts!(KoboldCountTokens: "/api/extra/tokencount", Api, Safe, KoboldTokenCount, read, explain);

/// The operation of [`Kobold::set_soft_prompt`](crate::services::Kobold::set_soft_prompt).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SetKoboldSoftPrompt {
    /// The name of the soft prompt.
    pub value: String,
}

impl SetKoboldSoftPrompt {
    /// Chooses this soft prompt.
    pub fn new(value: impl Into<String>) -> Self {
        SetKoboldSoftPrompt { value: value.into() }
    }
}

impl Endpoint for SetKoboldSoftPrompt {
    type Decoder = Json<Empty>;
    const METHOD: Method = Method::PUT;
    const SCOPE: Scope = Scope::Public;
    const REPLAY: Replay = Replay::IfUnsent;

    fn path(&self) -> Cow<'_, str> {
        "/api/v1/config/soft_prompt".into()
    }

    fn body(&self) -> Result<Option<Bytes>> {
        json_body(self)
    }

    fn decoder(&self) -> Self::Decoder {
        json()
    }

    fn explain(error: Error) -> Error {
        explain(error)
    }
}

plain! {
    /// The operation of [`Kobold::model`](crate::services::Kobold::model).
    GetKoboldModel: GET "/api/v1/model", Api, Safe, KoboldModel, read, explain
}

plain! {
    /// The operation of [`Kobold::max_length`](crate::services::Kobold::max_length).
    GetKoboldMaxLength: GET "/api/v1/config/max_length", Api, Safe, KoboldLength, read, explain
}

plain! {
    /// The operation of [`Kobold::max_context_length`](crate::services::Kobold::max_context_length).
    GetKoboldMaxContextLength: GET "/api/v1/config/max_context_length", Api, Safe, KoboldLength, read, explain
}

plain! {
    /// The operation of [`Kobold::true_max_context_length`](crate::services::Kobold::true_max_context_length).
    GetKoboldTrueMaxContextLength: GET "/api/extra/true_max_context_length", Api, Safe, KoboldLength, read, explain
}

plain! {
    /// The operation of [`Kobold::version`](crate::services::Kobold::version).
    GetKoboldVersion: GET "/api/v1/info/version", Public, Safe, KoboldVersion, read, explain
}

plain! {
    /// The operation of [`Kobold::extra_version`](crate::services::Kobold::extra_version).
    GetKoboldExtraVersion: GET "/api/extra/version", Public, Safe, KoboldVersion, read, explain
}

plain! {
    /// The operation of [`Kobold::soft_prompts`](crate::services::Kobold::soft_prompts).
    ListKoboldSoftPrompts: GET "/api/v1/config/soft_prompts_list", Public, Safe, KoboldSoftPrompts, read, explain
}

plain! {
    /// The operation of [`Kobold::soft_prompt`](crate::services::Kobold::soft_prompt).
    GetKoboldSoftPrompt: GET "/api/v1/config/soft_prompt", Public, Safe, KoboldSoftPrompt, read, explain
}
