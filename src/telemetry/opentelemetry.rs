//! The hook that emits through the OpenTelemetry API.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::propagation::Injector;
use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, InstrumentationScope, KeyValue};

use crate::base::{Attempt, Error, Result};
use crate::protocol::hooks::{Hook, Outgoing, View};
use crate::telemetry::facts::{Attributes, Chunk, End, Facts, attempt_end};
use crate::telemetry::key_values::key_values;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::names as n;

/// Emits each call as spans, events and metrics of OpenTelemetry. See [`telemetry`](crate::telemetry).
///
/// ```
/// use tabbyapi::Client;
/// use tabbyapi::telemetry::OpenTelemetry;
///
/// // Through the providers that the program has set globally.
/// let builder = Client::builder("http://127.0.0.1:5000").hook(OpenTelemetry::new());
/// ```
///
/// The span of a call is a child of the span in the [`Context`] that is current when the call is polled for the first time. Spans
/// begin and end by the clock of the SDK, metrics use the clock of the transport. The duration of a dropped call is
/// measured up to its last poll.
pub struct OpenTelemetry {
    means: Arc<Means>,
    content: bool,
    propagate: bool,
    state: Option<State>,
}

/// The state that calls share.
struct Means {
    tracer: BoxedTracer,
    metrics: Metrics,
}

/// The state of one call.
struct State {
    facts: Facts,
    /// The context with the call's span.
    call: Context,
    /// The context with the span of the current attempt.
    attempt: Option<Context>,
}

impl OpenTelemetry {
    /// Creates the hook with the current global providers. Set those before.
    pub fn new() -> Self {
        OpenTelemetry::with(&global::tracer_provider(), &*global::meter_provider())
    }

    /// Creates the hook with these providers.
    pub fn with<P, S>(traces: &P, metrics: &(impl MeterProvider + ?Sized)) -> Self
    where
        P: TracerProvider,
        P::Tracer: Tracer<Span = S> + Send + Sync + 'static,
        S: Span + Send + Sync + 'static,
    {
        let scope = InstrumentationScope::builder(n::SCOPE).with_version(env!("CARGO_PKG_VERSION")).build();
        let tracer = BoxedTracer::new(Box::new(traces.tracer_with_scope(scope.clone())));
        let metrics = Metrics::new(&metrics.meter_with_scope(scope));
        OpenTelemetry { means: Arc::new(Means { tracer, metrics }), content: false, propagate: false, state: None }
    }

    /// Sets whether to include content: prompts, responses, and error messages. Off by default.
    #[must_use]
    pub fn content(mut self, content: bool) -> Self {
        self.content = content;
        self
    }

    /// Sets whether to send trace context by the global propagator, such as the header `traceparent`. Off by default, because
    /// browsers block such headers unless the server allows them.
    #[must_use]
    pub fn propagate(mut self, propagate: bool) -> Self {
        self.propagate = propagate;
        self
    }

    fn span(&self, parent: &Context, name: String, kind: SpanKind, attributes: Attributes) -> Context {
        let tracer = &self.means.tracer;
        let builder = tracer.span_builder(name).with_kind(kind).with_attributes(key_values(attributes));
        parent.with_span(tracer.build_with_context(builder, parent))
    }
}

impl Default for OpenTelemetry {
    fn default() -> Self {
        OpenTelemetry::new()
    }
}

impl Hook for OpenTelemetry {
    fn start(&mut self, call: &View<'_>) -> Result<()> {
        let facts = Facts::new(call, self.content);
        let kind = if facts.work.is_some() { SpanKind::Client } else { SpanKind::Internal };
        let call = self.span(&Context::current(), facts.name(call), kind, facts.request());
        self.state = Some(State { facts, call, attempt: None });
        Ok(())
    }

    fn request(&mut self, call: &View<'_>, request: &mut Outgoing<'_>) -> Result<()> {
        let Some(mut state) = self.state.take() else { return Ok(()) };
        let attributes = state.facts.attempt(call, request.uri);
        let attempt = self.span(&state.call, call.method.to_string(), SpanKind::Client, attributes);
        if self.propagate {
            global::get_text_map_propagator(|propagator| {
                propagator.inject_context(&attempt, &mut Headers(request.headers));
            });
        }
        state.attempt = Some(attempt);
        self.state = Some(state);
        Ok(())
    }

    fn item(&mut self, call: &View<'_>, item: &mut dyn Any) -> Result<()> {
        let Some(state) = &mut self.state else { return Ok(()) };
        if let Some(chunk) = state.facts.item(call, item) {
            if let Chunk::First(wait) = &chunk {
                let wait = KeyValue::new(n::RESPONSE_TIME_TO_FIRST_CHUNK, wait.as_secs_f64());
                state.call.span().add_event(n::EVENT_FIRST_CHUNK, vec![wait]);
            }
            self.means.metrics.chunk(&state.facts, &chunk);
        }
        Ok(())
    }

    fn attempt(&mut self, call: &View<'_>, attempt: &Attempt, error: Option<&Error>) -> Result<()> {
        let Some(state) = &mut self.state else { return Ok(()) };
        self.means.metrics.attempt(call, &state.facts, attempt, error);
        if let Some(context) = state.attempt.take() {
            let attributes = attempt_end(attempt, error);
            let failed = attributes.iter().any(|(name, _)| *name == n::ERROR_TYPE);
            end(&context, attributes, failed, "");
        }
        if let Some(wait) = attempt.retry_after {
            let cause = attempt.cause.as_ref().map(|cause| KeyValue::new(n::ERROR_TYPE, cause.to_string()));
            let wait = KeyValue::new(n::RETRY_WAIT, wait.as_secs_f64());
            state.call.span().add_event(n::EVENT_RETRY, cause.into_iter().chain([wait]).collect());
        }
        Ok(())
    }

    fn outcome(&mut self, call: &View<'_>, error: Option<&mut Error>) -> Result<()> {
        let Some(State { facts, call: context, attempt }) = self.state.take() else { return Ok(()) };
        // An attempt that a hook rejected before it was sent.
        if let Some(attempt) = attempt {
            attempt.span().end();
        }
        let how = End::of(error.as_deref());
        self.means.metrics.outcome(&facts, call.record, how);
        let words = match how {
            End::Failed(error) if facts.includes_content() => error.to_string(),
            _ => String::new(),
        };
        end(&context, facts.outcome(how), matches!(how, End::Failed(_)), &words);
        Ok(())
    }
}

impl Clone for OpenTelemetry {
    /// Clones only the settings: spans belong to one call.
    fn clone(&self) -> Self {
        let OpenTelemetry { means, content, propagate, .. } = self;
        OpenTelemetry { means: means.clone(), content: *content, propagate: *propagate, state: None }
    }
}

impl fmt::Debug for OpenTelemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTelemetry")
            .field("content", &self.content)
            .field("propagate", &self.propagate)
            .finish_non_exhaustive()
    }
}

fn end(context: &Context, attributes: Attributes, failed: bool, words: &str) {
    let span = context.span();
    span.set_attributes(key_values(attributes));
    if failed {
        span.set_status(Status::error(words.to_owned()));
    }
    span.end();
}

/// The headers of a request, for propagators.
struct Headers<'a>(&'a mut HeaderMap);

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (key.parse::<HeaderName>(), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}
