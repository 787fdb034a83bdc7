//! Conversations.

mod answer;
mod chunk;
mod continuation;
pub(crate) mod events;
mod extras;
mod image;
#[cfg(not(target_arch = "wasm32"))]
mod image_file;
mod message;
mod request;
mod tools;
mod total;
mod whole;

pub use answer::{ChatChoice, ChatCompletion, ChatLogprobs, TokenLogprob, TopLogprob};
pub use chunk::{ChatChunk, ChunkChoice, Delta, FunctionDelta, ToolCallDelta};
pub use continuation::Continuation;
pub use events::ChatEvents;
pub use message::{ChatMessage, Content, ContentPart, ImageUrl, Role};
pub use request::{ChatRequest, ReasoningOptions};
pub use tools::{Function, FunctionCall, Tool, ToolCall, ToolChoice, ToolKind};
pub use total::ChatTotal;

use serde::de::DeserializeOwned;

use crate::conversation::Fitted;
use crate::decode::{Events, Json};
use crate::estimate::Estimator;
use crate::structured::{self, Structured, StructuredError};
use crate::tools::{ToolRun, Tools};
use crate::{Calling, Client, OrderedJson, Streaming};

/// Conversations: `client.chat()`.
#[derive(Clone, Copy, Debug)]
pub struct Chat<'a> {
    client: &'a Client,
}

/// A streamed conversation.
pub type ChatStream = Streaming<Events<ChatEvents>, ChatTotal>;

impl Client {
    /// Conversations.
    ///
    /// `cargo run --example chat` shows it at work, against an emulated server; `tools` and `structured` are examples too.
    pub fn chat(&self) -> Chat<'_> {
        Chat { client: self }
    }
}

impl Chat<'_> {
    /// The whole answer. Usage is asked for unless the request's `stream_options` say otherwise.
    pub fn create(&self, request: &ChatRequest) -> Calling<Json<ChatCompletion>> {
        self.client.call(request)
    }

    /// The answer as it comes. Dropping the stream ends the generation.
    pub fn stream(&self, request: &ChatRequest) -> ChatStream {
        self.client.stream(request)
    }

    /// The answer of a model that may call these tools: asks, runs the tools that it calls, tells it the results, and
    /// asks again until it calls none, within the [`ToolLimits`](crate::tools::ToolLimits) of `tools`. Everything is
    /// streamed. See [`tools`](crate::tools) for what the model is told when a call fails.
    ///
    /// ```no_run
    /// # async fn run(client: tabbyapi::Client, tools: tabbyapi::tools::Tools) -> Result<(), Box<dyn std::error::Error>> {
    /// use tabbyapi::api::{ChatMessage, ChatRequest};
    /// use tabbyapi::tools::ToolEvent;
    ///
    /// let request = ChatRequest::new([ChatMessage::user("What is the weather in Oslo?")]);
    /// let mut run = client.chat().run(&request, &tools);
    /// while let Some(event) = run.next().await {
    ///     match event? {
    ///         ToolEvent::Chunk(chunk) => print!("{}", chunk.text()),
    ///         ToolEvent::Started { call } => println!("calling {}", call.function.name),
    ///         _ => {}
    ///     }
    /// }
    /// let output = run.finish().await?;
    /// println!("{} answers, {:?}", output.rounds, output.end);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run(&self, request: &ChatRequest, tools: &Tools) -> ToolRun {
        ToolRun::new(self.client, request, tools)
    }

    /// What of a request's conversation fits into the context of the loaded model, together with its tools and an answer
    /// of `max_tokens`: see [`ChatRequest::fit_into`]. It asks the server how large context, cache and chunks are.
    pub async fn fit(&self, request: &ChatRequest, estimator: &Estimator) -> crate::Result<Fitted> {
        let models = self.client.models();
        match models.current().await?.into_value().parameters.filter(|model| model.max_seq_len.is_some()) {
            Some(model) => request.fit_into(&model, estimator),
            None => request.fit_into(&models.props().await?.as_parameters(), estimator),
        }
    }

    /// The answer as a value of a type, to whose derived schema the model is held.
    ///
    /// The request's `response_format` is replaced; a `response_prefix` would be missing from the JSON. See
    /// [`structured`](crate::structured) for what the server makes of schemas.
    ///
    /// ```no_run
    /// # async fn run(client: tabbyapi::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use tabbyapi::api::{ChatMessage, ChatRequest};
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct City {
    ///     name: String,
    ///     people: u64,
    /// }
    ///
    /// let request = ChatRequest::new([ChatMessage::user("The largest city of Norway?")]).max_tokens(200);
    /// let city = client.chat().response_as::<City>(&request).await?.value;
    /// println!("{} has {} people", city.name, city.people);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "schemars")]
    pub async fn response_as<T: DeserializeOwned + schemars::JsonSchema>(
        &self,
        request: &ChatRequest,
    ) -> Result<Structured<T>, StructuredError> {
        self.response_as_with_schema(request, structured::schema_for::<T>()).await
    }

    /// The answer as a value of a type, the model being held to this schema.
    pub async fn response_as_with_schema<T: DeserializeOwned>(
        &self,
        request: &ChatRequest,
        schema: impl Into<OrderedJson>,
    ) -> Result<Structured<T>, StructuredError> {
        structured::typed(self.create(&structured::held_to(request, schema.into())).await?)
    }
}
