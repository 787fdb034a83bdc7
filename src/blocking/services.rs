//! The services, under the names and with the methods of the async client's.

use std::time::Duration;

use super::{Client, Streaming};
use crate::api::*;
use crate::decode::{Empty, Events};
use crate::{Answer, Broken, Result};

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
                client: &'a Client,
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
            "\n\nSee [`", stringify!($name), "`](crate::api::", stringify!($service), "::", stringify!($name),
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
            "\n\nSee [`", stringify!($name), "`](crate::api::", stringify!($service), "::", stringify!($name),
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
/// The progress of a model load.
pub type LoadStream = Streaming<Events<LoadEvents>, LoadTotal>;

services! {
    /// What the client's key may do.
    auth: Auth {
        /// What the key may do that generation calls carry.
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

    /// Whether the server is there and ready.
    health: HealthService {
        /// The server's health. A 503 with a body is an answer, not an error.
        call check() -> Health;
        /// Names and addresses of the server's APIs.
        call service_info() -> ServiceInfo;
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
        /// Loads a model. It can be used when [`finish`](Streaming::finish) gives the report.
        stream load(request: &LoadRequest) -> LoadStream;
        /// Unloads the model.
        call unload() -> Empty;
    }
}

impl Models<'_> {
    /// Unloads whatever is loaded, then loads: the way to change the parameters of the loaded model. It gives the stream of
    /// the load once the unload is done; that no model was loaded is no error.
    pub fn reload(&self, request: &LoadRequest) -> Result<LoadStream, Broken<LoadReport>> {
        let load = self.load(request);
        match self.unload() {
            Err(error) if error.code() != "no_model_loaded" => Err(load.broken(error)),
            _ => Ok(load),
        }
    }
}

impl HealthService<'_> {
    /// Waits until a model is loaded, by asking for it four times a second, and gives its card.
    ///
    /// See [`wait_until_ready`](crate::api::HealthService::wait_until_ready) of the async client.
    pub fn wait_until_ready(&self, timeout: Duration) -> Result<Answer<ModelCard>> {
        let wait = Readiness::new(self.client.now(), timeout);
        loop {
            let look = self.client.with(wait.options(self.client.now()));
            match look.call(&CurrentModel) {
                Ok(card) => return Ok(card),
                Err(error) => self.client.sleep(wait.pause(self.client.now(), error)?),
            }
        }
    }
}
