//! The KoboldAI API.

use crate::api::{
    GetKoboldExtraVersion, GetKoboldMaxContextLength, GetKoboldMaxLength, GetKoboldModel, GetKoboldSoftPrompt,
    GetKoboldTrueMaxContextLength, GetKoboldVersion, KoboldAbort, KoboldAborted, KoboldCheck, KoboldCountTokens,
    KoboldEvents, KoboldLength, KoboldModel, KoboldRequest, KoboldResults, KoboldSoftPrompt, KoboldSoftPrompts,
    KoboldTokenCount, KoboldTotal, KoboldVersion, ListKoboldSoftPrompts, SetKoboldSoftPrompt,
};
use crate::client::answer::Calling;
use crate::client::client::Client;
use crate::client::streaming::Streaming;
use crate::decode::{Empty, Events, Json};

/// The KoboldAI API: `client.kobold()`.
///
/// On a server without it every method errors with code `kobold_disabled`. Current servers have the routes, but fail on each
/// generation, with code `generation_aborted`; [`client.completions()`](Client::completions) does the same with more.
#[derive(Clone, Copy, Debug)]
pub struct Kobold<'a> {
    pub(crate) client: &'a Client,
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
