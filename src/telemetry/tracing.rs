//! The hook that emits through the crate `tracing`.

use std::any::Any;
use std::fmt;

use tracing::field::Empty;
use tracing::{Level, Span};

use crate::base::{Attempt, Error, Result};
use crate::protocol::hooks::{Hook, Outgoing, View};
use crate::telemetry::facts::{Attributes, Chunk, End, Facts, Value, attempt_end};
use crate::telemetry::names as n;

/// Emits each call as spans and events of `tracing`. See [`telemetry`](crate::telemetry).
///
/// ```
/// use tabbyapi::Client;
/// use tabbyapi::telemetry::Tracing;
///
/// let builder = Client::builder("http://127.0.0.1:5000").hook(Tracing::new());
/// ```
///
/// The span of a call is a child of the span that is entered when the call is polled for the first time. Targets are `tabbyapi`.
/// Call spans have level `INFO`, attempt spans `DEBUG`. An event at the end of a call has its result: `INFO`, or `WARN` if it
/// failed. A dropped or cancelled call has not failed. The fields `otel.name`, `otel.kind` and `otel.status_code` are for
/// `tracing-opentelemetry`.
#[derive(Default)]
pub struct Tracing {
    content: bool,
    state: Option<State>,
}

/// The state of one call.
struct State {
    facts: Facts,
    call: Span,
    attempt: Option<Span>,
}

impl Tracing {
    /// Creates the hook without content.
    pub fn new() -> Self {
        Tracing::default()
    }

    /// Sets whether to include content: prompts, responses, and error messages. Off by default.
    #[must_use]
    pub fn content(mut self, content: bool) -> Self {
        self.content = content;
        self
    }
}

impl Hook for Tracing {
    fn start(&mut self, call: &View<'_>) -> Result<()> {
        let facts = Facts::new(call, self.content);
        let name = facts.name(call);
        let kind = if facts.work.is_some() { "client" } else { "internal" };
        let span = tracing::span!(
            target: n::SCOPE,
            Level::INFO,
            "call",
            otel.name = name,
            otel.kind = kind,
            otel.status_code = Empty,
            otel.status_description = Empty,
            { n::OPERATION_NAME } = Empty,
            { n::PROVIDER_NAME } = Empty,
            { n::OUTPUT_TYPE } = Empty,
            { n::REQUEST_CHOICE_COUNT } = Empty,
            { n::REQUEST_FREQUENCY_PENALTY } = Empty,
            { n::REQUEST_MAX_TOKENS } = Empty,
            { n::REQUEST_MODEL } = Empty,
            { n::REQUEST_PRESENCE_PENALTY } = Empty,
            { n::REQUEST_SEED } = Empty,
            { n::REQUEST_STREAM } = Empty,
            { n::REQUEST_TEMPERATURE } = Empty,
            { n::REQUEST_TOP_K } = Empty,
            { n::REQUEST_TOP_P } = Empty,
            { n::RESPONSE_FINISH_REASONS } = Empty,
            { n::RESPONSE_ID } = Empty,
            { n::RESPONSE_MODEL } = Empty,
            { n::RESPONSE_TIME_TO_FIRST_CHUNK } = Empty,
            { n::USAGE_INPUT_TOKENS } = Empty,
            { n::USAGE_OUTPUT_TOKENS } = Empty,
            { n::INPUT_MESSAGES } = Empty,
            { n::OUTPUT_MESSAGES } = Empty,
            { n::ERROR_TYPE } = Empty,
            { n::CANCELLED } = Empty,
            { n::SERVER_ADDRESS } = Empty,
            { n::SERVER_PORT } = Empty,
        );
        record(&span, facts.request());
        self.state = Some(State { facts, call: span, attempt: None });
        Ok(())
    }

    fn request(&mut self, call: &View<'_>, request: &mut Outgoing<'_>) -> Result<()> {
        let Some(state) = &mut self.state else { return Ok(()) };
        let span = tracing::span!(
            target: n::SCOPE,
            parent: &state.call,
            Level::DEBUG,
            "attempt",
            otel.name = call.method.as_str(),
            otel.kind = "client",
            otel.status_code = Empty,
            { n::HTTP_REQUEST_METHOD } = Empty,
            { n::URL_FULL } = Empty,
            { n::SERVER_ADDRESS } = Empty,
            { n::SERVER_PORT } = Empty,
            { n::HTTP_REQUEST_RESEND_COUNT } = Empty,
            { n::HTTP_REQUEST_BODY_SIZE } = Empty,
            { n::HTTP_RESPONSE_BODY_SIZE } = Empty,
            { n::HTTP_RESPONSE_STATUS_CODE } = Empty,
            { n::ERROR_TYPE } = Empty,
            { n::CANCELLED } = Empty,
        );
        record(&span, state.facts.attempt(call, request.uri));
        state.attempt = Some(span);
        Ok(())
    }

    fn item(&mut self, call: &View<'_>, item: &mut dyn Any) -> Result<()> {
        let Some(state) = &mut self.state else { return Ok(()) };
        if let Some(Chunk::First(wait)) = state.facts.item(call, item) {
            tracing::event!(
                name: n::EVENT_FIRST_CHUNK,
                target: n::SCOPE,
                parent: &state.call,
                Level::DEBUG,
                { n::RESPONSE_TIME_TO_FIRST_CHUNK } = wait.as_secs_f64(),
                "the first chunk arrived",
            );
        }
        Ok(())
    }

    fn attempt(&mut self, _: &View<'_>, attempt: &Attempt, error: Option<&Error>) -> Result<()> {
        let Some(state) = &mut self.state else { return Ok(()) };
        if let Some(span) = state.attempt.take() {
            let attributes = attempt_end(attempt, error);
            if attributes.iter().any(|(name, _)| *name == n::ERROR_TYPE) {
                span.record("otel.status_code", "ERROR");
            }
            record(&span, attributes);
        }
        if let Some(wait) = attempt.retry_after {
            tracing::event!(
                name: n::EVENT_RETRY,
                target: n::SCOPE,
                parent: &state.call,
                Level::WARN,
                { n::ERROR_TYPE } = attempt.cause.as_deref(),
                { n::RETRY_WAIT } = wait.as_secs_f64(),
                "an attempt failed and is retried",
            );
        }
        Ok(())
    }

    fn outcome(&mut self, call: &View<'_>, error: Option<&mut Error>) -> Result<()> {
        let Some(State { facts, call: span, attempt }) = self.state.take() else { return Ok(()) };
        // An attempt that a hook rejected before it was sent.
        drop(attempt);
        let how = End::of(error.as_deref());
        record(&span, facts.outcome(how));
        let record = call.record;
        let took = record.elapsed().unwrap_or_default().as_secs_f64();
        let (attempts, items, waited) = (record.attempt_count, record.items, record.waited.as_secs_f64());
        match how {
            End::Complete => tracing::event!(
                target: n::SCOPE, parent: &span, Level::INFO, took, attempts, items, waited, "the call ended"
            ),
            End::Cancelled => tracing::event!(
                target: n::SCOPE, parent: &span, Level::INFO, took, attempts, items, waited, "the call was cancelled"
            ),
            End::Failed(error) => {
                let words = facts.includes_content().then(|| error.to_string());
                span.record("otel.status_code", "ERROR");
                if let Some(words) = &words {
                    span.record("otel.status_description", words);
                }
                tracing::event!(
                    target: n::SCOPE,
                    parent: &span,
                    Level::WARN,
                    { n::ERROR_TYPE } = error.code().as_str(),
                    error = words,
                    took,
                    attempts,
                    items,
                    waited,
                    "the call failed"
                );
            }
        }
        Ok(())
    }
}

impl Clone for Tracing {
    /// Clones only the settings: spans belong to one call.
    fn clone(&self) -> Self {
        Tracing { content: self.content, state: None }
    }
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracing").field("content", &self.content).finish_non_exhaustive()
    }
}

fn record(span: &Span, attributes: Attributes) {
    for (name, value) in attributes {
        match value {
            Value::Text(text) => span.record(name, text),
            Value::Number(number) => span.record(name, number),
            Value::Decimal(number) => span.record(name, number),
            Value::Flag(flag) => span.record(name, flag),
            // `tracing` does not support lists.
            Value::Texts(texts) => span.record(name, serde_json::Value::from(texts).to_string()),
        };
    }
}
