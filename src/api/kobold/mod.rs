//! The routes of the KoboldAI API, which a server has only if its configuration lists `Kobold` in `api_servers`.

mod answer;
mod generate;

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use serde::Serialize;

use super::fields::{plain, posts};
use crate::api::kinds::json;
use crate::decode::{Empty, Events, Json};
use crate::{Advice, Calling, Client, Endpoint, Error, Remedy, Replay, Result, Scope, Streaming, json_body};

pub use answer::{
    KoboldAborted, KoboldLength, KoboldModel, KoboldResult, KoboldResults, KoboldSoftPrompt, KoboldSoftPrompts,
    KoboldToken, KoboldTokenCount, KoboldVersion,
};
pub use generate::{KoboldEvents, KoboldRequest, KoboldTotal};

/// The KoboldAI API: `client.kobold()`.
///
/// On a server without it every method errors with code `kobold_disabled`. Current servers have the routes, but fail on each
/// generation, with code `generation_aborted`; [`client.completions()`](Client::completions) does the same with more.
#[derive(Clone, Copy, Debug)]
pub struct Kobold<'a> {
    client: &'a Client,
}

/// A streamed generation of the KoboldAI API.
pub type KoboldStream = Streaming<Events<KoboldEvents>, KoboldTotal>;

impl Client {
    /// The KoboldAI API, where the server has it.
    ///
    /// `cargo run --example kobold` shows it at work, against an emulated server.
    pub fn kobold(&self) -> Kobold<'_> {
        Kobold { client: self }
    }
}

impl Kobold<'_> {
    /// The whole text.
    pub fn generate(&self, request: &KoboldRequest) -> Calling<Json<KoboldResults>> {
        self.client.call(request)
    }

    /// The text as it comes. The stream has no announced end: it is complete when the server closes it in good order.
    /// Dropping it ends the generation.
    pub fn stream(&self, request: &KoboldRequest) -> KoboldStream {
        self.client.stream(request)
    }

    /// Ends the generation that was begun with this `genkey`. The server says yes whether or not there is one.
    pub fn abort(&self, genkey: impl Into<String>) -> Calling<Json<KoboldAborted>> {
        self.client.call(&KoboldAbort::new(genkey))
    }

    /// What the running generation with this `genkey` has come to so far; empty if there is none or nothing yet.
    pub fn check(&self, genkey: impl Into<String>) -> Calling<Json<KoboldResults>> {
        self.client.call(&KoboldCheck::new(genkey))
    }

    /// The name of the loaded model, as `tabbyAPI/NAME`.
    pub fn model(&self) -> Calling<Json<KoboldModel>> {
        self.client.call(&GetKoboldModel)
    }

    /// The tokens of a text.
    pub fn count_tokens(&self, prompt: impl Into<String>) -> Calling<Json<KoboldTokenCount>> {
        self.client.call(&KoboldCountTokens::new(prompt))
    }

    /// The most tokens that can be generated; this server says its context size.
    pub fn max_length(&self) -> Calling<Json<KoboldLength>> {
        self.client.call(&GetKoboldMaxLength)
    }

    /// The context size, in tokens.
    pub fn max_context_length(&self) -> Calling<Json<KoboldLength>> {
        self.client.call(&GetKoboldMaxContextLength)
    }

    /// The context size, in tokens, by KoboldCpp's route.
    pub fn true_max_context_length(&self) -> Calling<Json<KoboldLength>> {
        self.client.call(&GetKoboldTrueMaxContextLength)
    }

    /// The version of the KoboldAI API that the server claims to have. Needs no key.
    pub fn version(&self) -> Calling<Json<KoboldVersion>> {
        self.client.call(&GetKoboldVersion)
    }

    /// The version of KoboldCpp that the server claims to be. Needs no key.
    pub fn extra_version(&self) -> Calling<Json<KoboldVersion>> {
        self.client.call(&GetKoboldExtraVersion)
    }

    /// The soft prompts that there are: none on this server. Needs no key.
    pub fn soft_prompts(&self) -> Calling<Json<KoboldSoftPrompts>> {
        self.client.call(&ListKoboldSoftPrompts)
    }

    /// The soft prompt in use: empty on this server. Needs no key.
    pub fn soft_prompt(&self) -> Calling<Json<KoboldSoftPrompt>> {
        self.client.call(&GetKoboldSoftPrompt)
    }

    /// Chooses a soft prompt, which this server takes and forgets. Needs no key.
    pub fn set_soft_prompt(&self, value: impl Into<String>) -> Calling<Json<Empty>> {
        self.client.call(&SetKoboldSoftPrompt::new(value))
    }
}

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

/// The operation of [`Kobold::abort`].
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

/// The operation of [`Kobold::check`].
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

/// The operation of [`Kobold::count_tokens`].
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

/// The operation of [`Kobold::set_soft_prompt`].
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
    /// The operation of [`Kobold::model`].
    GetKoboldModel: GET "/api/v1/model", Api, Safe, KoboldModel, read, explain
}

plain! {
    /// The operation of [`Kobold::max_length`].
    GetKoboldMaxLength: GET "/api/v1/config/max_length", Api, Safe, KoboldLength, read, explain
}

plain! {
    /// The operation of [`Kobold::max_context_length`].
    GetKoboldMaxContextLength: GET "/api/v1/config/max_context_length", Api, Safe, KoboldLength, read, explain
}

plain! {
    /// The operation of [`Kobold::true_max_context_length`].
    GetKoboldTrueMaxContextLength: GET "/api/extra/true_max_context_length", Api, Safe, KoboldLength, read, explain
}

plain! {
    /// The operation of [`Kobold::version`].
    GetKoboldVersion: GET "/api/v1/info/version", Public, Safe, KoboldVersion, read, explain
}

plain! {
    /// The operation of [`Kobold::extra_version`].
    GetKoboldExtraVersion: GET "/api/extra/version", Public, Safe, KoboldVersion, read, explain
}

plain! {
    /// The operation of [`Kobold::soft_prompts`].
    ListKoboldSoftPrompts: GET "/api/v1/config/soft_prompts_list", Public, Safe, KoboldSoftPrompts, read, explain
}

plain! {
    /// The operation of [`Kobold::soft_prompt`].
    GetKoboldSoftPrompt: GET "/api/v1/config/soft_prompt", Public, Safe, KoboldSoftPrompt, read, explain
}
