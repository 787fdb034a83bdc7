//! Telemetry: the record of each call as spans, events and metrics, by the semantic conventions of OpenTelemetry.
//!
//! | feature | hook | emits |
//! |---|---|---|
//! | `tracing` | `Tracing` | spans and events of the crate [tracing](https://docs.rs/tracing) |
//! | `opentelemetry` | `OpenTelemetry` | spans, events and metrics through the API of OpenTelemetry; the SDK and its exporters are yours |
//!
//! Both are [`hooks`](crate::hooks), so they are off until they are set, and the same under every executor. Set them before
//! other hooks: then they are the first to hear of a call, and the last to hear how it ended, with what other hooks made of it.
//!
//! # What is emitted
//!
//! * A span for each call, over all its retries and the whole of a stream. Generations and embeddings are named by operation and
//!   model, such as `chat alpha-7B`, are of kind client, and carry `gen_ai.*`: what was asked (temperature, maximum and the
//!   like), the answer's id, model and finish reasons, the time to the first chunk, tokens. Others are named by verb and path.
//!   Failed calls have `error.type`, the [code](crate::Error::code) of the error. A call that was dropped or cancelled is not an error: it has
//!   `tabbyapi.cancelled` set to true, as have its attempt and its metrics.
//! * Below it a span for each attempt, named by its verb, with `url.full` (values of a query are redacted), status, sizes and
//!   `http.request.resend_count`.
//! * In the call's span an event when its first chunk comes, and one for each retry, with cause and wait.
//! * Metrics (OpenTelemetry alone): durations of calls and attempts, time to the first chunk and per chunk, tokens.
//!
//! The conventions for GenAI are still in development; the names are those of autumn 2026.
//!
//! # What is not
//!
//! Keys and headers never. Prompts and answers, and with them the server's own words in errors, only if content is asked for.
//! No header is sent along (it would break CORS), unless `OpenTelemetry::propagate` asks for trace context.

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
