//! The routes of the KoboldAI API. A server has them only if its configuration lists `Kobold` in `api_servers`.

mod answer;
mod generate;

use serde::Serialize;

use crate::api::operation::endpoints;
use crate::api::streamed::Streamed;
use crate::base::{Advice, Error, ErrorCode, Remedy};
use crate::decode::Empty;

pub use answer::{
    KoboldAborted, KoboldLength, KoboldModel, KoboldResult, KoboldResults, KoboldSoftPrompt, KoboldSoftPrompts,
    KoboldToken, KoboldTokenCount, KoboldVersion,
};
pub use generate::{KoboldEvents, KoboldRequest, KoboldTotal};

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// The KoboldAI API: `client.kobold()`.
            ///
            /// On a server without this API every method errors with code `kobold_disabled`. Current servers have the routes, but every generation
            /// fails with code `generation_aborted`. Use [`client.completions()`](Client::completions) instead.
            /// `cargo run --example kobold` runs it against an emulated server.
            ///
            /// ```no_run
            /// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
            /// use tabbyapi::api::KoboldRequest;
            ///
            /// let request = KoboldRequest::new("Once upon a time").genkey("story");
            /// println!("{}", client.kobold().generate(&request).await?.text());
            /// client.kobold().abort("story").await?;
            /// println!("{} tokens", client.kobold().count_tokens("Once upon a time").await?.value);
            /// # Ok(())
            /// # }
            /// ```
            kobold: Kobold {
                /// Generates a continuation of the prompt, and returns it whole.
                call generate(request: &KoboldRequest) -> KoboldResults = request =>
                    own [KoboldRequest]: POST "/api/v1/generate", Api, IfUnsent, generate, generate::map_error;
                /// Generates a continuation of the prompt, and streams it. Dropping the stream ends the generation.
                ///
                /// The stream has no end event. It is complete when the server closes it cleanly.
                stream stream(request: &KoboldRequest) -> KoboldToken => KoboldResults = request =>
                    own [Streamed<'_, KoboldRequest>]: POST "/api/extra/generate/stream", Api, IfUnsent, stream, generate::map_error;
                /// Ends the generation with this `genkey`. The server confirms it even if there is none.
                call abort(genkey: impl Into<String>) -> KoboldAborted = &KoboldAbort::new(genkey) =>
                    json [KoboldAbort]: POST "/api/extra/abort", Api, IfUnsent, read, map_error;
                /// Returns what the running generation with this `genkey` has produced so far. Empty if there is none.
                call check(genkey: impl Into<String>) -> KoboldResults = &KoboldCheck::new(genkey) =>
                    json [KoboldCheck]: POST "/api/extra/generate/check", Api, Idempotent, read, map_error;
                /// Returns the name of the loaded model, as `tabbyAPI/NAME`.
                call model() -> KoboldModel = &GetKoboldModel =>
                    unit [GetKoboldModel]: GET "/api/v1/model", Api, Idempotent, read, map_error;
                /// Returns the number of tokens of a text.
                call count_tokens(prompt: impl Into<String>) -> KoboldTokenCount = &KoboldCountTokens::new(prompt) =>
                    json [KoboldCountTokens]: POST "/api/extra/tokencount", Api, Idempotent, read, map_error;
                /// Returns the maximum number of tokens that can be generated. This server returns its context size.
                call max_length() -> KoboldLength = &GetKoboldMaxLength =>
                    unit [GetKoboldMaxLength]: GET "/api/v1/config/max_length", Api, Idempotent, read, map_error;
                /// Returns the context size, in tokens.
                call max_context_length() -> KoboldLength = &GetKoboldMaxContextLength =>
                    unit [GetKoboldMaxContextLength]: GET "/api/v1/config/max_context_length", Api, Idempotent, read, map_error;
                /// Returns the context size, in tokens, by KoboldCpp's route.
                call true_max_context_length() -> KoboldLength = &GetKoboldTrueMaxContextLength =>
                    unit [GetKoboldTrueMaxContextLength]: GET "/api/extra/true_max_context_length", Api, Idempotent, read, map_error;
                /// Returns the version of the KoboldAI API that the server reports. Does not require a key.
                call version() -> KoboldVersion = &GetKoboldVersion =>
                    unit [GetKoboldVersion]: GET "/api/v1/info/version", Public, Idempotent, read, map_error;
                /// Returns the version of KoboldCpp that the server reports. Does not require a key.
                call extra_version() -> KoboldVersion = &GetKoboldExtraVersion =>
                    unit [GetKoboldExtraVersion]: GET "/api/extra/version", Public, Idempotent, read, map_error;
                /// Returns the available soft prompts: none on this server. Does not require a key.
                call soft_prompts() -> KoboldSoftPrompts = &ListKoboldSoftPrompts =>
                    unit [ListKoboldSoftPrompts]: GET "/api/v1/config/soft_prompts_list", Public, Idempotent, read, map_error;
                /// Returns the active soft prompt: empty on this server. Does not require a key.
                call soft_prompt() -> KoboldSoftPrompt = &GetKoboldSoftPrompt =>
                    unit [GetKoboldSoftPrompt]: GET "/api/v1/config/soft_prompt", Public, Idempotent, read, map_error;
                /// Sets a soft prompt, which this server accepts and ignores. Does not require a key.
                call set_soft_prompt(value: impl Into<String>) -> Empty = &SetKoboldSoftPrompt::new(value) =>
                    json [SetKoboldSoftPrompt]: PUT "/api/v1/config/soft_prompt", Public, IfUnsent, read, map_error;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

/// A 404 of these routes means that the server does not have them.
fn map_error(error: Error) -> Error {
    if error.code() == &ErrorCode::NotFound {
        return error.with_code(ErrorCode::KoboldDisabled).with_advice(Advice::new(
            Remedy::Configure,
            "the server has no KoboldAI API: add `Kobold` to `api_servers` in its `config.yml`, and check {url}",
        ));
    }
    error
}

/// The generation to end.
///
/// The operation of [`Kobold::abort`](crate::services::Kobold::abort).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KoboldAbort {
    /// The key that the generation was started with.
    pub genkey: String,
}

impl KoboldAbort {
    /// Creates a request to end the generation with this key.
    pub fn new(genkey: impl Into<String>) -> Self {
        KoboldAbort { genkey: genkey.into() }
    }
}

/// The generation to read.
///
/// The operation of [`Kobold::check`](crate::services::Kobold::check).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KoboldCheck {
    /// The key that the generation was started with.
    pub genkey: String,
}

impl KoboldCheck {
    /// Creates a request to read the generation with this key.
    pub fn new(genkey: impl Into<String>) -> Self {
        KoboldCheck { genkey: genkey.into() }
    }
}

/// A text whose tokens are counted.
///
/// The operation of [`Kobold::count_tokens`](crate::services::Kobold::count_tokens).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KoboldCountTokens {
    /// The text.
    pub prompt: String,
}

impl KoboldCountTokens {
    /// Creates a request to count the tokens of this text.
    pub fn new(prompt: impl Into<String>) -> Self {
        KoboldCountTokens { prompt: prompt.into() }
    }
}

/// The soft prompt to use.
///
/// The operation of [`Kobold::set_soft_prompt`](crate::services::Kobold::set_soft_prompt).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SetKoboldSoftPrompt {
    /// The name of the soft prompt.
    pub value: String,
}

impl SetKoboldSoftPrompt {
    /// Creates a request to set this soft prompt.
    pub fn new(value: impl Into<String>) -> Self {
        SetKoboldSoftPrompt { value: value.into() }
    }
}
