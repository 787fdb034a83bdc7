//! The services, under the names and with the methods of the async client's.

use std::time::Duration;

use super::{Client, Streaming};
use crate::api::models::{Wanted, unless_none_loaded};
use crate::api::*;
use crate::base::Result;
use crate::client::answer::Answer;
use crate::client::readiness::Readiness;
use crate::client::streaming::Broken;
use crate::decode::{Empty, Events};
use crate::protocol::estimate::Estimator;

/// Declares services: who is asked is the async client's service of the same name, which knows the operation.
macro_rules! services {
    ($(
        $(#[$meta:meta])*
        $accessor:ident: $service:ident { $($methods:tt)* }
    )*) => {
        $(
            $(#[$meta])*
            #[doc = concat!("\n\nFrom [`Client::", stringify!($accessor), "`].")]
            #[derive(Clone, Copy, Debug)]
            pub struct $service<'a> {
                pub(crate) client: &'a Client,
            }

            impl Client {
                $(#[$meta])*
                pub fn $accessor(&self) -> $service<'_> {
                    $service { client: self }
                }
            }

            impl $service<'_> {
                services! { @ $accessor $service $($methods)* }
            }
        )*
    };
    (@ $accessor:ident $service:ident) => {};
    (@ $accessor:ident $service:ident
        $(#[$meta:meta])* call $name:ident($($arg:ident: $type:ty),*) -> $answer:ty; $($rest:tt)*) => {
        $(#[$meta])*
        #[doc = concat!(
            "\n\nSee [`", stringify!($name), "`](crate::services::", stringify!($service), "::", stringify!($name),
            ") of the async client."
        )]
        pub fn $name(&self, $($arg: $type),*) -> Result<Answer<$answer>> {
            self.client.run(self.client.inner.$accessor().$name($($arg),*))
        }
        services! { @ $accessor $service $($rest)* }
    };
    (@ $accessor:ident $service:ident
        $(#[$meta:meta])* stream $name:ident($($arg:ident: $type:ty),*) -> $stream:ty; $($rest:tt)*) => {
        $(#[$meta])*
        #[doc = concat!(
            "\n\nSee [`", stringify!($name), "`](crate::services::", stringify!($service), "::", stringify!($name),
            ") of the async client."
        )]
        pub fn $name(&self, $($arg: $type),*) -> $stream {
            self.client.start(self.client.inner.$accessor().$name($($arg),*))
        }
        services! { @ $accessor $service $($rest)* }
    };
}

/// A streamed conversation.
pub type ChatStream = Streaming<Events<ChatEvents>, ChatTotal>;
/// A streamed completion.
pub type CompletionStream = Streaming<Events<CompletionEvents>, CompletionTotal>;
/// A streamed generation of the KoboldAI API.
pub type KoboldStream = Streaming<Events<KoboldEvents>, KoboldTotal>;
/// The progress of a model load.
pub type LoadStream = Streaming<Events<LoadEvents>, LoadTotal>;

services! {
    /// What the client's key may do.
    auth: Auth {
        /// What the key may do that generation calls carry: the API key, or else the admin key.
        call permission() -> PermissionAnswer;
    }

    /// Conversations.
    chat: Chat {
        /// The whole answer.
        call create(request: &ChatRequest) -> ChatCompletion;
        /// The answer as it comes.
        stream stream(request: &ChatRequest) -> ChatStream;
    }

    /// Text completions.
    completions: Completions {
        /// The whole answer.
        call create(request: &CompletionRequest) -> Completion;
        /// The answer as it comes.
        stream stream(request: &CompletionRequest) -> CompletionStream;
    }

    /// What embedding models there are, what is loaded, loading and unloading.
    embedding_models: EmbeddingModels {
        /// The embedding models that can be loaded.
        call list() -> ModelList;
        /// The list as an API key sees it: the loaded embedding model, or nothing.
        call list_as_api_key() -> ModelList;
        /// The loaded embedding model.
        call current() -> ModelCard;
        /// Loads an embedding model; needs the admin key.
        call load(request: &EmbeddingLoadRequest) -> LoadProgress;
        /// Unloads the embedding model; needs the admin key.
        call unload() -> Empty;
    }

    /// Vectors of texts.
    embeddings: EmbeddingsService {
        /// One vector per text, in the order of the texts.
        call create(request: &EmbeddingsRequest) -> Embeddings;
    }

    /// Whether the server is there and ready.
    health: HealthService {
        /// The server's health. A 503 with a body is an answer, not an error.
        call check() -> Health;
        /// Names and addresses of the server's APIs.
        call service_info() -> ServiceInfo;
    }

    /// The KoboldAI API, where the server has it.
    kobold: Kobold {
        /// The whole text.
        call generate(request: &KoboldRequest) -> KoboldResults;
        /// The text as it comes.
        stream stream(request: &KoboldRequest) -> KoboldStream;
        /// Ends the generation that was begun with this `genkey`.
        call abort(genkey: impl Into<String>) -> KoboldAborted;
        /// What the running generation with this `genkey` has come to so far; empty if there is none or nothing yet.
        call check(genkey: impl Into<String>) -> KoboldResults;
        /// The name of the loaded model, as `tabbyAPI/NAME`.
        call model() -> KoboldModel;
        /// The tokens of a text.
        call count_tokens(prompt: impl Into<String>) -> KoboldTokenCount;
        /// The most tokens that can be generated; this server says its context size.
        call max_length() -> KoboldLength;
        /// The context size, in tokens.
        call max_context_length() -> KoboldLength;
        /// The context size, in tokens, by KoboldCpp's route.
        call true_max_context_length() -> KoboldLength;
        /// The version of the KoboldAI API that the server claims to have.
        call version() -> KoboldVersion;
        /// The version of KoboldCpp that the server claims to be.
        call extra_version() -> KoboldVersion;
        /// The soft prompts that there are: none on this server.
        call soft_prompts() -> KoboldSoftPrompts;
        /// The soft prompt in use: empty on this server.
        call soft_prompt() -> KoboldSoftPrompt;
        /// Chooses a soft prompt, which this server takes and forgets.
        call set_soft_prompt(value: impl Into<String>) -> Empty;
    }

    /// What LoRAs there are, what is active, loading and unloading.
    loras: Loras {
        /// The LoRAs that can be loaded.
        call list() -> LoraList;
        /// The list as an API key sees it: the active LoRAs.
        call list_as_api_key() -> LoraList;
        /// The active LoRAs with their scaling.
        call active() -> LoraList;
        /// Loads LoRAs in place of those that are active; needs the admin key.
        call load(request: &LoraLoadRequest) -> LoraReport;
        /// Unloads all LoRAs; needs the admin key.
        call unload() -> Empty;
    }

    /// What models there are, what is loaded, loading and unloading.
    models: Models {
        /// The models that can be loaded.
        call list() -> ModelList;
        /// The list as an API key sees it: the loaded model, or nothing.
        call list_as_api_key() -> ModelList;
        /// The loaded model.
        call current() -> ModelCard;
        /// Context size, chat template and slots of the loaded model.
        call props() -> ModelProps;
        /// Loads a model, which takes the place of the loaded one; needs the admin key. It can be used when
        /// [`finish`](Streaming::finish) gives the report.
        stream load(request: &LoadRequest) -> LoadStream;
        /// The draft models that can be loaded along.
        call drafts() -> ModelList;
        /// The list of draft models as an API key sees it: the loaded one, or nothing.
        call drafts_as_api_key() -> ModelList;
        /// Has the server download a model or a LoRA from the Hugging Face hub, and answers where it lies; needs the admin key.
        call download(request: &DownloadRequest) -> Downloaded;
        /// Unloads the model; needs the admin key.
        call unload() -> Empty;
    }

    /// Sampler parameters that the server sets for every request.
    sampling: SamplingService {
        /// The overrides in force and the names of all presets.
        call overrides() -> OverrideList;
        /// The same as an API key sees it: the overrides in force, but no names of presets.
        call overrides_as_api_key() -> OverrideList;
        /// Puts a preset of the server's `sampler_overrides` directory in force, in place of all overrides; needs the admin key.
        call switch_preset(name: impl Into<String>) -> Empty;
        /// Puts these overrides in force, in place of all others; needs the admin key.
        call set_overrides(overrides: &Overrides) -> Empty;
        /// Takes all overrides away; needs the admin key.
        call unload() -> Empty;
    }

    /// What chat templates there are, switching, unloading.
    templates: Templates {
        /// The names of the templates in the server's template directory.
        call list() -> TemplateList;
        /// The list as an API key sees it: the active template, or nothing.
        call list_as_api_key() -> TemplateList;
        /// Switches the loaded model to this template until it is loaded again; needs the admin key.
        call switch(name: impl Into<String>) -> Empty;
        /// Takes the loaded model's template away; needs the admin key.
        call unload() -> Empty;
    }

    /// Text to tokens of the loaded model and back.
    tokens: Tokens {
        /// The tokens of a text, or of a conversation as the chat template writes it.
        call encode(request: &EncodeRequest) -> Encoded;
        /// The text of tokens.
        call decode(request: &DecodeRequest) -> Decoded;
        /// How many tokens a text or a conversation has.
        call count(request: &EncodeRequest) -> TokenCount;
    }
}

impl Tokens<'_> {
    /// The estimator, calibrated to the loaded model by the counts of these texts.
    ///
    /// See [`calibrate`](crate::services::Tokens::calibrate) of the async client.
    pub fn calibrate<S: AsRef<str>>(
        &self,
        estimator: &Estimator,
        samples: impl IntoIterator<Item = S>,
    ) -> Result<Estimator> {
        let mut counted = Vec::new();
        for text in samples {
            let text = text.as_ref().to_owned();
            let count = self.count(&EncodeRequest::new(text.as_str()).add_bos_token(false))?.length;
            counted.push((text, count));
        }
        Ok(estimator.calibrate(counted))
    }
}

impl Models<'_> {
    /// Unloads whatever is loaded, then loads: the way to change the parameters of the loaded model. Returns the stream of the
    /// load once the unload is done. The unload ends the running generations of all users of the server, so it errors with
    /// code `unknown_model`, and nothing is unloaded, unless the server's lists show what is asked for.
    ///
    /// See [`reload`](crate::services::Models::reload) of the async client.
    pub fn reload(&self, request: &LoadRequest) -> Result<LoadStream, Broken<LoadReport>> {
        let load = self.load(request);
        match self.unload_for(&Wanted::of(request)) {
            Ok(()) => Ok(load),
            Err(error) => Err(load.broken(error)),
        }
    }

    /// Unloads what is loaded, if what is wanted in its place is known to be there.
    fn unload_for(&self, wanted: &Wanted) -> Result<()> {
        if unless_none_loaded(self.current().map(drop))? {
            wanted.check_model(&*self.list()?)?;
            if wanted.has_draft() {
                wanted.check_draft(&*self.drafts()?)?;
            }
            unless_none_loaded(self.unload().map(drop))?;
        }
        Ok(())
    }
}

impl HealthService<'_> {
    /// Waits until a model is loaded, by asking for it four times a second, and gives its card.
    ///
    /// See [`wait_until_ready`](crate::services::HealthService::wait_until_ready) of the async client.
    pub fn wait_until_ready(&self, timeout: Duration) -> Result<Answer<ModelCard>> {
        let mut wait = Readiness::new(self.client.now(), timeout);
        loop {
            let look = self.client.with(wait.options(self.client.now()));
            match look.call(&CurrentModel) {
                Ok(card) => return Ok(card),
                Err(error) => self.client.sleep(wait.pause(self.client.now(), error)?),
            }
        }
    }
}
