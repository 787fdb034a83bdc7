//! A TabbyAPI server for demos and tests: it answers like the real one, without a model.
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
//! The server runs on a thread and a runtime of its own, so it may be started from sync code and
//! under any executor, and it stops when the [`Emulator`] is dropped. As a program:
//! `cargo run -p tabbyapi-emulator -- --port 5000`.
//!
//! Its types are its own: it shares none with a client, so that it cannot repeat a client's
//! mistakes. It speaks of the wire only what was recorded from a running server.
//!
//! # What it says
//!
//! Without further ado an echo of the prompt, token by token. With `enable_thinking`, a thought
//! first; with a JSON schema, JSON that satisfies it; if the prompt has the name of a tool that the
//! request brings, a call of that tool. [`Script`]s change this for the next generations, a
//! [directive](#the-directive) for the one whose prompt it is in, and [`CannedResponse`]s replace the
//! server's answers to whatever request.
//!
//! # The directive
//!
//! A prompt or message with `[[fake:{…}]]` in it, a JSON object between the marks, is answered
//! accordingly. An unknown key is answered with 400. The keys:
//!
//! | key | value | |
//! |---|---|---|
//! | `reply` | text, or a list with one for each choice | what is said, with `<think>…</think>` and `<tool_call><function=NAME><parameter=KEY>VALUE</parameter></function></tool_call>` as models write them |
//! | `tokens` | list of texts | what is said, token by token |
//! | `bytes` | true | takes the reply apart byte by byte; characters stay whole on the wire |
//! | `per_chunk` | count | tokens in one event of a stream |
//! | `delay`, `delay_ms` | seconds, milliseconds | before each token |
//! | `prefill_delay`, `prefill_delay_ms` | seconds, milliseconds | before the first token; a stream is open by then and pings |
//! | `head_delay_ms` | milliseconds | before the response head |
//! | `fail` | `"before"`, `"within"` | fails with 503 before any output; or after one token, or as many as `fail_at` says |
//! | `fail_at`, `fail_after` | count | fails after so many tokens: an error event in a stream, 503 otherwise |
//! | `fail_message` | text | what `/health` says of it |
//! | `cut_after` | count | closes the connection after so many events, without the final chunk |
//! | `reset` | true | the cut is a reset |
//! | `stall_after` | count | nothing but pings after so many events |
//! | `no_done` | true | ends without `[DONE]` |
//! | `gate` | true | each token, the ending one too, waits for [`Emulator::release`] |
//! | `eos` | false | goes on with filler up to the limit |
//! | `eos_token` | text | what is shown as `stop_str` |
//! | `finish_reason`, `eos_reason` | text | said at the end in place of the true ones |
//! | `non_finite` | `"-inf"`, `"inf"`, `"nan"`, true | the first token's log probability: null in plain answers, a bare word in streams |
//! | `raw` | text | the whole event stream, as it is |
//! | `split` | count | HTTP chunks of so many bytes |
//! | `no_stream` | true | a request for a stream is answered as plain JSON |
//! | `status`, `headers`, `body` | number, object of texts, text | answers with these instead |
//!
//! # Failures
//!
//! A generation that a script lets fail after its first token makes `/health` unhealthy until
//! [`Emulator::restart`], as on the server. Unlike there it fails alone: other generations go on.
//!
//! # The other services
//!
//! * Tokens: a small vocabulary, in which every text comes back whole. Bytes have the ids that they
//!   have with the recorded model.
//! * Templates can be switched and unloaded, but are not executed: all of them render alike.
//! * Embeddings: vectors of length one that depend on the text only.
//! * LoRA: every load fails, as on the server, but with [`EmulatorBuilder::loras_work`].
//! * Sampler overrides work on the fields that the emulator heeds, such as `max_tokens` and `stop`.
//! * Downloads fetch nothing. One that succeeds adds its model to the lists. One whose client goes
//!   away is rolled back, see [`Log::downloads_rolled_back`].
//! * The Kobold routes are there with [`EmulatorBuilder::kobold`], as broken as on the server, or
//!   with [`EmulatorBuilder::kobold_fixed`].
//!
//! # Not heeded
//!
//! Grammars, regular expressions and biases are taken and have no effect. Images are not fetched.
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

/// Every route that an emulator can serve, as verb and path; those below `/api` only with [`EmulatorBuilder::kobold`].
///
/// They are those of the recorded server, but `/docs`, `/redoc` and `/openapi.json`, which are for people.
///
/// ```
/// assert!(tabbyapi_emulator::routes().contains(&("GET", "/health".to_owned())));
/// ```
pub fn routes() -> Vec<(&'static str, String)> {
    routes::all()
}

/// The API key of an emulator that was given none.
pub const DEFAULT_API_KEY: &str = "emulator-api-key";
/// The admin key of an emulator that was given none.
pub const DEFAULT_ADMIN_KEY: &str = "emulator-admin-key";
