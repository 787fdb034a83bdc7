//! Telemetry: the record of each call as spans, events and metrics, by the semantic conventions of OpenTelemetry.
//!
//! | feature | hook | emits |
//! |---|---|---|
//! | `tracing` | `Tracing` | spans and events of the crate [tracing](https://docs.rs/tracing) |
//! | `opentelemetry` | `OpenTelemetry` | spans, events and metrics through the OpenTelemetry API; the application brings the SDK and exporters |
//!
//! Both are [`hooks`](crate::hooks), off by default, and behave the same under every executor. Add them before
//! other hooks: then they run first at the start of a call, and last at its end, after the changes of other hooks.
//!
//! # What is emitted
//!
//! * A span for each call, including all retries and the whole stream. Generations and embeddings are named by operation and
//!   model, such as `chat alpha-7B`, have kind client, and carry `gen_ai.*`: request parameters (temperature, maximum tokens
//!   etc.), the id, model and finish reasons of the response, the time to the first chunk, tokens. Other calls are named by method and
//!   path. Failed calls have `error.type`, the [code](crate::Error::code) of the error. A dropped or cancelled call is not an error: the
//!   call, its attempt and its metrics have `tabbyapi.cancelled` set to true.
//! * A child span for each attempt, named by its method, with `url.full` (values of a query are redacted), status, sizes and
//!   `http.request.resend_count`.
//! * In the call's span, an event for the first chunk, and one for each retry with cause and wait.
//! * Metrics (OpenTelemetry only): durations of calls and attempts, time to the first chunk and per chunk, tokens.
//!
//! The conventions for GenAI are still in development; the names are those of autumn 2026.
//!
//! # What is not emitted
//!
//! Keys and headers are never emitted. Prompts, responses and the server's error messages are emitted only if content is enabled.
//! The request is not changed (extra headers would break CORS), unless `OpenTelemetry::propagate` enables trace context.

mod content;
mod facts;
#[cfg(feature = "opentelemetry")]
mod key_values;
#[cfg(feature = "opentelemetry")]
mod metrics;
mod names;
#[cfg(feature = "opentelemetry")]
mod opentelemetry;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "opentelemetry")]
pub use crate::telemetry::opentelemetry::OpenTelemetry;
#[cfg(feature = "tracing")]
pub use crate::telemetry::tracing::Tracing;
