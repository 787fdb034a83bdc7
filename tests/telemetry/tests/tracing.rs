//! What a subscriber of `tracing` gets to see.

mod support;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use support::{assert_no_secrets, block_on, chunk, client, request, stream};
use tabbyapi::telemetry::Tracing;
use tabbyapi::transport::script::{Reply, Script};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

#[derive(Clone, Debug, Default, PartialEq)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        assert!(self.0.insert(field.name().to_owned(), format!("{value:?}")).is_none(), "{field} is reported twice");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// Spans that were closed and events, as `name < parent` with their fields.
#[derive(Clone, Default)]
struct Collect(Arc<Mutex<Vec<(String, Fields)>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collect {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(span.extensions_mut().get_mut::<Fields>().unwrap());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let parent = context.event_span(event).map_or("-", |span| span.name());
        let line = format!("{} < {parent}", event.metadata().level());
        self.0.lock().unwrap().push((line, fields));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        let fields = span.extensions().get::<Fields>().unwrap().clone();
        let line = format!("{} < {}", span.name(), span.parent().map_or("-", |parent| parent.name()));
        assert_eq!(span.metadata().target(), "tabbyapi");
        self.0.lock().unwrap().push((line, fields));
    }
}

fn collect(run: impl FnOnce()) -> Vec<(String, Fields)> {
    let collect = Collect::default();
    let subscriber = tracing_subscriber::registry().with(collect.clone());
    tracing::subscriber::with_default(subscriber, run);
    std::mem::take(&mut *collect.0.lock().unwrap())
}

#[test]
fn a_stream_with_a_retry() {
    let reported = collect(|| {
        let script = Script::new([Reply::refused("no"), stream()]);
        block_on(client(Tracing::new(), &script).chat().stream(&request()).finish()).unwrap();
    });
    let lines: Vec<_> = reported.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(
        lines,
        ["attempt < call", "WARN < call", "DEBUG < call", "attempt < call", "INFO < call", "call < -"],
        "{reported:#?}"
    );
    let call = &reported[5].1.0;
    for (name, value) in [
        ("otel.name", "chat asked-7B"),
        ("otel.kind", "client"),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "tabbyapi"),
        ("gen_ai.request.model", "asked-7B"),
        ("gen_ai.request.stream", "true"),
        ("gen_ai.request.temperature", "0.5"),
        ("gen_ai.response.id", "chatcmpl-1"),
        ("gen_ai.response.model", "loaded-7B"),
        ("gen_ai.response.finish_reasons", r#"["stop"]"#),
        ("gen_ai.response.time_to_first_chunk", "0.1"),
        ("gen_ai.usage.input_tokens", "11"),
        ("gen_ai.usage.output_tokens", "3"),
        ("server.address", "tabby.test"),
        ("server.port", "5000"),
    ] {
        assert_eq!(call.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!call.contains_key("error.type") && !call.contains_key("otel.status_code"));
    assert_eq!(
        (reported[0].1.0["error.type"].as_str(), reported[0].1.0["otel.status_code"].as_str()),
        ("connect", "ERROR")
    );
    assert_eq!(reported[1].1.0["tabbyapi.retry.wait"], "0.0");
    assert_eq!(reported[3].1.0["http.request.resend_count"], "1");
    assert_eq!(reported[3].1.0["url.full"], "http://tabby.test:5000/prefix/v1/chat/completions");
    assert_eq!((reported[4].1.0["attempts"].as_str(), reported[4].1.0["took"].as_str()), ("2", "0.15"));
    assert_no_secrets(&format!("{reported:?}"));
}

#[test]
fn dropped_and_failed_calls() {
    let reported = collect(|| {
        let script = Script::new([
            chunk(Reply::events(), 5, r#""delta":{"content":"answer-text"}"#).hang(),
            Reply::json(400, r#"{"detail": "prompt-text"}"#),
        ]);
        let client = client(Tracing::new(), &script);
        let mut stream = client.chat().stream(&request());
        block_on(stream.next()).unwrap().unwrap();
        drop(stream);
        block_on(client.chat().create(&request())).unwrap_err();
    });
    let lines: Vec<_> = reported.iter().map(|(line, _)| line.as_str()).collect();
    let ended = |level| ["attempt < call", level, "call < -"];
    assert_eq!(lines, [&["DEBUG < call"], &ended("INFO < call")[..], &ended("WARN < call")[..]].concat());
    // Who leaves is no error.
    for cancelled in &reported[1..4] {
        assert!(
            !cancelled.1.0.contains_key("error.type") && !cancelled.1.0.contains_key("otel.status_code"),
            "{cancelled:?}"
        );
    }
    assert_eq!(
        (reported[1].1.0["tabbyapi.cancelled"].as_str(), reported[3].1.0["tabbyapi.cancelled"].as_str()),
        ("true", "true")
    );
    assert!(!reported[3].1.0.contains_key("gen_ai.response.finish_reasons"));
    assert_eq!(reported[4].1.0["error.type"], "400");
    assert_no_secrets(&format!("{reported:?}"));
}

#[test]
fn content_is_reported_if_it_is_asked_for() {
    let reported = collect(|| {
        let script = Script::new([stream()]);
        block_on(client(Tracing::new().content(true), &script).chat().stream(&request()).finish()).unwrap();
    });
    let call = &reported.last().unwrap().1.0;
    assert!(call["gen_ai.input.messages"].contains("the prompt-text"));
    assert!(call["gen_ai.output.messages"].contains("the answer-text"));
    assert!(!format!("{reported:?}").contains("the-key"));
}
