//! What the public types promise by their auto traits, held at compile time.

use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};

use tabbyapi::Continuation;
use tabbyapi::api::{
    ChatChunk, ChatCompletion, ChatMessage, ChatRequest, Completion, CompletionChunk, CompletionRequest, EmbeddingList,
    Encoded, HealthReport, LoadProgress, LoadReport, LoadRequest, LoraList, ModelList, OverrideList, Overrides,
    SamplingParams, TemplateList, Usage,
};
use tabbyapi::auth::{Credential, KeySource};
use tabbyapi::batch::{Batch, EmbedMany, EmbedParts, Iter, PartRecord};
use tabbyapi::call::{Call, Changed, Input, Output, Record, Retry, Settings, Shared, Time};
use tabbyapi::decode::Json;
use tabbyapi::errors::ErrorLog;
use tabbyapi::flow::{Clock, Hedged, Limited, Mux, Pausable, PauseHandle, Tee};
use tabbyapi::services::{ChatStream, CompletionStream, LoadStream};
use tabbyapi::transport::script::Script;
use tabbyapi::transport::{BoxFuture, TransportError};
use tabbyapi::{
    BaseUrl, Client, ClientBuilder, Endpoint, Error, Extra, Limits, Options, OrderedJson, Response, ResponseFuture,
    Result, Scope, StreamError, Text, Timeouts,
};

const fn shared<T: Send + Sync + 'static>() {}
const fn sent<T: Send + 'static>() {}
const fn cloned<T: Clone>() {}
const fn unpinned<T: Unpin>() {}
const fn debugged<T: Debug>() {}
const fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
const fn error<T: std::error::Error + Send + Sync + 'static>() {}

// Clients go wherever the program goes.
const _: () = {
    shared::<Client>();
    cloned::<Client>();
    debugged::<Client>();
    sent::<ClientBuilder>();
    shared::<Shared>();
    cloned::<Shared>();
    sent::<Settings>();
    shared::<Script>();
    #[cfg(feature = "reqwest")]
    shared::<tabbyapi::transport::Reqwest>();
};

// Calls move between the threads of a runtime, and nothing must be pinned by hand.
const _: () = {
    sent::<ResponseFuture<ChatCompletion>>();
    unpinned::<ResponseFuture<ChatCompletion>>();
    sent::<ChatStream>();
    unpinned::<ChatStream>();
    sent::<CompletionStream>();
    sent::<LoadStream>();
    sent::<Call<Json<ModelList>>>();
    sent::<Changed>();
    sent::<Input>();
    sent::<Output<ModelList>>();
};

// Values are data.
const _: () = {
    error::<Error>();
    error::<TransportError>();
    error::<StreamError<LoadReport>>();
    error::<StreamError<ChatCompletion>>();
    shared::<Response<ChatCompletion>>();
    cloned::<Response<ChatCompletion>>();
    shared::<Completion>();
    shared::<CompletionChunk>();
    shared::<ChatChunk>();
    shared::<ChatMessage>();
    shared::<ChatRequest>();
    shared::<CompletionRequest>();
    shared::<LoadRequest>();
    shared::<LoadProgress>();
    shared::<SamplingParams>();
    shared::<HealthReport>();
    shared::<Text>();
    shared::<Record>();
    shared::<Credential>();
    shared::<(BaseUrl, Limits, Options, Timeouts, Retry, Time)>();
};

// And whole after a panic elsewhere: nothing in them is shared and changed.
const _: () = {
    unwind_safe::<ChatCompletion>();
    unwind_safe::<ChatChunk>();
    unwind_safe::<ChatMessage>();
    unwind_safe::<ChatRequest>();
    unwind_safe::<Completion>();
    unwind_safe::<CompletionChunk>();
    unwind_safe::<CompletionRequest>();
    unwind_safe::<EmbeddingList>();
    unwind_safe::<HealthReport>();
    unwind_safe::<LoadProgress>();
    unwind_safe::<LoadReport>();
    unwind_safe::<LoadRequest>();
    unwind_safe::<LoraList>();
    unwind_safe::<ModelList>();
    unwind_safe::<OverrideList>();
    unwind_safe::<Overrides>();
    unwind_safe::<SamplingParams>();
    unwind_safe::<TemplateList>();
    unwind_safe::<Encoded>();
    unwind_safe::<Usage>();
    unwind_safe::<(Extra, OrderedJson, Text, Timeouts, Limits, BaseUrl)>();
};

// A box, so that results stay small.
const _: () = assert!(size_of::<Error>() == size_of::<usize>());

// What is put together of streams and calls goes where those go.
const _: () = {
    sent::<Mux<String, ChatStream>>();
    sent::<Pausable<ChatStream>>();
    shared::<PauseHandle>();
    sent::<Tee<ChatStream, ChatChunk>>();
    sent::<Limited<ChatStream>>();
    sent::<Hedged<ModelList>>();
    sent::<Batch<Iter<std::vec::IntoIter<ChatRequest>>, ChatRequest>>();
    sent::<EmbedMany>();
    unpinned::<EmbedMany>();
    sent::<EmbedParts>();
    unpinned::<EmbedParts>();
    shared::<PartRecord>();
    shared::<Clock>();
    shared::<ErrorLog>();
    shared::<Continuation>();
    cloned::<Error>();
};

/// Sources of keys are used as objects.
fn _key_sources(source: &'static dyn KeySource) -> BoxFuture<Result<Option<Credential>>> {
    source.key(Scope::Api, false)
}

/// Calls borrow the request only until they are made.
fn _calls_outlive_requests(client: &Client) -> (ResponseFuture<ChatCompletion>, ChatStream) {
    let request = ChatRequest::new([ChatMessage::user("hello")]);
    (client.chat().create(&request), client.chat().stream(&request))
}

/// And they outlive the client.
fn _calls_outlive_clients(client: Client) -> impl Future<Output = Result<Response<ModelList>>> + Send + 'static {
    client.models().list()
}

/// Also those that are made of several calls.
fn _composed_calls_are_sent(client: &'static Client, request: &LoadRequest) {
    fn sent(_: impl Future + Send + 'static) {}
    sent(client.models().reload(request));
    sent(client.health().wait_until_ready(std::time::Duration::from_secs(1)));
}

/// Any endpoint can be called, borrowed or owned.
fn _endpoints<E: Endpoint<Decoder = Json<ModelList>>>(client: &Client, endpoint: E) {
    let _ = (client.call(&&endpoint), client.call(&endpoint));
}
