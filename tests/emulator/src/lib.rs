//! A TabbyAPI server for demos and tests. It responds like the real one, without a model.
//!
//! ```
//! use tabbyapi_emulator::{Emulator, Script};
//!
//! let emulator = Emulator::builder().start().unwrap();
//! println!("{} with key {}", emulator.url(), emulator.api_key());
//! emulator.script(Script::new().reply("Hello!").fail_at(1));
//! assert!(emulator.requests().is_empty());
//! ```
//!
//! The server runs on its own thread and runtime, so it can be started from sync code and under any executor. It stops when the
//! [`Emulator`] is dropped. As a program: `cargo run -p tabbyapi-emulator -- --port 5000`.
//!
//! It shares no types with a client, so that it cannot repeat a client's mistakes. Its behaviour was recorded from a running
//! server.
//!
//! # Responses
//!
//! The default response is an echo of the prompt, token by token. With `enable_thinking` it begins with reasoning. With a JSON
//! schema, it is JSON that satisfies the schema. If the prompt contains the name of a tool of the request, it is a call of that
//! tool. [`Script`]s change the next generations, a [directive](#the-directive) changes the generation of the prompt that
//! contains it, and [`CannedResponse`]s replace the responses to any request.
//!
//! # The directive
//!
//! A prompt or message that contains `[[fake:{…}]]`, a JSON object between the marks, controls its response. An unknown key is
//! rejected with 400. The keys:
//!
//! | key | value | |
//! |---|---|---|
//! | `reply` | text, or a list with one for each choice | the response, with `<think>…</think>` and `<tool_call><function=NAME><parameter=KEY>VALUE</parameter></function></tool_call>` as models write them |
//! | `tokens` | list of texts | the response, token by token |
//! | `bytes` | true | splits the reply into bytes; characters stay whole on the wire |
//! | `per_chunk` | count | tokens in one event of a stream |
//! | `delay`, `delay_ms` | seconds, milliseconds | before each token |
//! | `prefill_delay`, `prefill_delay_ms` | seconds, milliseconds | before the first token; a stream is already open and sends pings |
//! | `head_delay_ms` | milliseconds | before the response head |
//! | `fail` | `"before"`, `"within"` | fails with 503 before any output; or after one token, or as many as `fail_at` sets |
//! | `fail_at`, `fail_after` | count | fails after this many tokens: an error event in a stream, 503 otherwise |
//! | `fail_message` | text | the error in `/health` |
//! | `cut_after` | count | closes the connection after this many events, without the final chunk |
//! | `reset` | true | the cut is a reset |
//! | `stall_after` | count | only pings after this many events |
//! | `no_done` | true | ends without `[DONE]` |
//! | `gate` | true | each token, including the end token, waits for [`Emulator::release`] |
//! | `eos` | false | continues with filler up to the limit |
//! | `eos_token` | text | shown as `stop_str` |
//! | `finish_reason`, `eos_reason` | text | replace the real ones at the end |
//! | `non_finite` | `"-inf"`, `"inf"`, `"nan"`, true | the first token's log probability: null in plain responses, a bare word in streams |
//! | `raw` | text | the whole event stream, unchanged |
//! | `split` | count | HTTP chunks of this many bytes |
//! | `no_stream` | true | a request for a stream is answered with plain JSON |
//! | `status`, `headers`, `body` | number, object of texts, text | the response has these instead |
//!
//! # Failures
//!
//! A generation that fails after its first token by a script makes `/health` unhealthy until [`Emulator::restart`], as on the
//! server. Unlike on the server, only this generation fails.
//!
//! # The other services
//!
//! * Tokens: a small vocabulary that reproduces every text. Bytes have the ids of the recorded model.
//! * Templates can be switched and unloaded, but are not executed: all of them render the same.
//! * Embeddings: vectors of length one that depend only on the text.
//! * LoRA: every load fails, as on the server, except with [`EmulatorBuilder::loras_work`].
//! * Sampler overrides apply to the fields that the emulator supports, such as `max_tokens` and `stop`.
//! * Downloads fetch nothing. A successful one adds its model to the lists. If its client disconnects, it is rolled back; see
//!   [`Log::downloads_rolled_back`].
//! * The Kobold routes exist with [`EmulatorBuilder::kobold`], as broken as on the server, or with
//!   [`EmulatorBuilder::kobold_fixed`].
//!
//! # Ignored fields
//!
//! Grammars, regular expressions and biases are accepted and have no effect. Images are not fetched.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod app;
mod builder;
mod call;
mod canned;
mod chat_request;
mod clock;
mod constrain;
mod emulator;
mod front;
mod generate;
mod job;
mod json;
mod log;
mod markup;
mod model;
mod net;
mod overrides;
mod python;
mod refusal;
mod routes;
mod sampler;
mod schema;
mod script;
mod service_builder;
mod services;
mod sse;
pub mod tabbyml;
mod token;

pub use builder::EmulatorBuilder;
pub use canned::CannedResponse;
pub use emulator::{Emulator, StartError};
pub use log::{Disconnect, Log, SeenRequest};
pub use model::ModelSpec;
pub use script::Script;

/// Returns every route that an emulator can serve, as method and path. Those below `/api` require [`EmulatorBuilder::kobold`].
///
/// They are those of the recorded server, except `/docs`, `/redoc` and `/openapi.json`, which are for people.
///
/// ```
/// assert!(tabbyapi_emulator::routes().contains(&("GET", "/health".to_owned())));
/// ```
pub fn routes() -> Vec<(&'static str, String)> {
    routes::all()
}

/// The default API key.
pub const DEFAULT_API_KEY: &str = "emulator-api-key";
/// The default admin key.
pub const DEFAULT_ADMIN_KEY: &str = "emulator-admin-key";
