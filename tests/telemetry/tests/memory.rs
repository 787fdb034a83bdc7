//! What OpenTelemetry gets to see, through exporters to memory.

mod support;

use futures::FutureExt;
use opentelemetry::global;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use support::{assert_no_secrets, block_on, chunk, client, request, stream};
use tabbyapi::api::{CompletionRequest, EmbeddingsRequest};
use tabbyapi::hooks;
use tabbyapi::telemetry::OpenTelemetry;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Error, ErrorKind, Options};

struct Memory {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    spans: InMemorySpanExporter,
    points: InMemoryMetricExporter,
}

impl Memory {
    fn new() -> Self {
        let (spans, points) = (InMemorySpanExporter::default(), InMemoryMetricExporter::default());
        Memory {
            traces: SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build(),
            metrics: SdkMeterProvider::builder().with_reader(PeriodicReader::builder(points.clone()).build()).build(),
            spans,
            points,
        }
    }

    fn hook(&self) -> OpenTelemetry {
        OpenTelemetry::with(&self.traces, &self.metrics)
    }

    /// The spans that ended, the call's last.
    fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().unwrap()
    }

    /// The points of all metrics: name, sum, count and attributes.
    fn points(&self) -> Vec<(String, f64, u64, Vec<String>)> {
        self.metrics.force_flush().unwrap();
        let mut points = Vec::new();
        let words = |attributes: &mut dyn Iterator<Item = &KeyValue>| {
            let mut words: Vec<_> = attributes.map(|reported| format!("{}={}", reported.key, reported.value)).collect();
            words.sort();
            words
        };
        let exported = self.points.get_finished_metrics().unwrap();
        let last = exported.last().unwrap();
        for metric in last.scope_metrics().flat_map(|scope| scope.metrics()) {
            let name = metric.name().to_owned();
            match metric.data() {
                AggregatedMetrics::F64(MetricData::Histogram(histogram)) => points.extend(
                    histogram.data_points().map(|p| (name.clone(), p.sum(), p.count(), words(&mut p.attributes()))),
                ),
                AggregatedMetrics::U64(MetricData::Histogram(histogram)) => points.extend(
                    histogram
                        .data_points()
                        .map(|p| (name.clone(), p.sum() as f64, p.count(), words(&mut p.attributes()))),
                ),
                AggregatedMetrics::U64(MetricData::Sum(sum)) => points
                    .extend(sum.data_points().map(|p| (name.clone(), p.value() as f64, 1, words(&mut p.attributes())))),
                other => panic!("{name} is of another kind: {other:?}"),
            }
        }
        assert_no_secrets(&format!("{points:?}"));
        points.sort_by(|a, b| a.0.cmp(&b.0));
        points
    }
}

fn reported<'a>(span: &'a SpanData, name: &str) -> Option<&'a Value> {
    let mut values = span.attributes.iter().filter(|reported| reported.key.as_str() == name);
    let value = values.next().map(|reported| &reported.value);
    assert!(values.next().is_none(), "{name} is reported twice");
    value
}

fn words(words: &[&'static str]) -> Value {
    Value::Array(words.iter().map(|&word| StringValue::from(word)).collect::<Vec<_>>().into())
}

#[track_caller]
fn assert_error(span: &SpanData, expected: &[(&str, Value)]) {
    let mut names: Vec<_> = span.attributes.iter().map(|reported| reported.key.as_str()).collect();
    let mut wanted: Vec<_> = expected.iter().map(|(name, _)| *name).collect();
    names.sort();
    wanted.sort();
    assert_eq!(names, wanted);
    for (name, value) in expected {
        assert_eq!(reported(span, name), Some(value), "{name}");
    }
}

fn veto() -> Error {
    Error::custom(ErrorKind::Policy, "vetoed", "not this one")
}

#[test]
fn a_stream_with_a_retry() {
    let memory = Memory::new();
    let script = Script::new([Reply::refused("no"), stream()]);
    let client = client(memory.hook(), &script);
    let tracer = memory.traces.tracer("program");
    let parent = Context::new().with_span(tracer.start("handle"));
    let parent_id = parent.span().span_context().span_id();
    {
        let _entered = parent.clone().attach();
        block_on(client.chat().stream(&request()).finish()).unwrap();
    }

    let spans = memory.spans();
    let [first, second, call] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!(
        (call.name.as_ref(), &call.span_kind, call.parent_span_id),
        ("chat asked-7B", &SpanKind::Client, parent_id)
    );
    assert_eq!(call.instrumentation_scope.name(), "tabbyapi");
    assert_eq!(call.status, Status::Unset);
    assert_error(
        call,
        &[
            ("gen_ai.operation.name", "chat".into()),
            ("gen_ai.provider.name", "tabbyapi".into()),
            ("gen_ai.request.model", "asked-7B".into()),
            ("gen_ai.request.stream", true.into()),
            ("gen_ai.request.max_tokens", 20.into()),
            ("gen_ai.request.temperature", 0.5.into()),
            ("gen_ai.request.top_k", 40.into()),
            ("gen_ai.response.id", "chatcmpl-1".into()),
            ("gen_ai.response.model", "loaded-7B".into()),
            ("gen_ai.response.finish_reasons", words(&["stop"])),
            ("gen_ai.response.time_to_first_chunk", 0.1.into()),
            ("gen_ai.usage.input_tokens", 11.into()),
            ("gen_ai.usage.output_tokens", 3.into()),
            ("server.address", "tabby.test".into()),
            ("server.port", 5000.into()),
        ],
    );
    let events: Vec<_> = call.events.iter().map(|event| event.name.as_ref()).collect();
    assert_eq!(events, ["tabbyapi.retry", "tabbyapi.first_chunk"]);
    assert_eq!(call.events[0].attributes[0], KeyValue::new("error.type", "connect"));

    let url = ("url.full", "http://tabby.test:5000/prefix/v1/chat/completions".into());
    let sent = script.requests()[0].body().len() as i64;
    let common = [
        ("http.request.method", "POST".into()),
        url,
        ("server.address", "tabby.test".into()),
        ("server.port", 5000.into()),
        ("http.request.body.size", sent.into()),
    ];
    for (attempt, rest) in [
        (first, &[("error.type", "connect".into()), ("http.response.body.size", 0.into())][..]),
        (
            second,
            &[
                ("http.request.resend_count", 1.into()),
                ("http.response.status_code", 200.into()),
                ("http.response.body.size", reported(second, "http.response.body.size").unwrap().clone()),
            ],
        ),
    ] {
        assert_eq!((attempt.name.as_ref(), &attempt.span_kind), ("POST", &SpanKind::Client));
        assert_eq!(attempt.parent_span_id, call.span_context.span_id());
        assert_eq!(attempt.span_context.trace_id(), call.span_context.trace_id());
        assert_error(attempt, &[&common[..], rest].concat());
    }
    assert_eq!((&first.status, &second.status), (&Status::error(""), &Status::Unset));
    assert!(matches!(reported(second, "http.response.body.size"), Some(Value::I64(size)) if *size > 200));
    assert_no_secrets(&format!("{spans:?}"));
    for request in script.requests() {
        assert!(!request.headers().contains_key("traceparent"), "no header is sent unless it is asked for");
    }
}

#[test]
fn the_metrics_of_a_stream() {
    let memory = Memory::new();
    let script = Script::new([Reply::refused("no"), stream()]);
    block_on(client(memory.hook(), &script).chat().stream(&request()).finish()).unwrap();
    let server = ["server.address=tabby.test", "server.port=5000"];
    let call = |rest: &[&str]| {
        let mut words =
            vec!["gen_ai.operation.name=chat", "gen_ai.provider.name=tabbyapi", "gen_ai.request.model=asked-7B"];
        words.extend(rest.iter().chain(&server));
        words.sort();
        words.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let loaded = "gen_ai.response.model=loaded-7B";
    let point = |name: &str, sum, count, words| (name.to_owned(), sum, count, words);
    let points = memory.points();
    let (http, mut points): (Vec<_>, Vec<_>) = points.into_iter().partition(|point| point.0.starts_with("http"));
    // Two chunks after the first one: the second with text, and the one with the counts, which came at once.
    points.iter_mut().for_each(|point| point.1 = (point.1 * 1e6).round() / 1e6);
    assert_eq!(
        points,
        [
            point("gen_ai.client.inference.duration", 0.15, 1, call(&[loaded])),
            point("gen_ai.client.inference.operation.input_tokens", 11.0, 1, call(&[loaded])),
            point("gen_ai.client.inference.operation.output_tokens", 3.0, 1, call(&[loaded])),
            point("gen_ai.client.inference.time_per_output_chunk", 0.05, 2, call(&[loaded])),
            point("gen_ai.client.inference.time_to_first_chunk", 0.1, 1, call(&[loaded])),
            point("gen_ai.client.inference.usage.input_tokens", 11.0, 1, call(&[loaded, "gen_ai.token.modality=text"])),
            point("gen_ai.client.inference.usage.output_tokens", 3.0, 1, call(&[loaded, "gen_ai.token.modality=text"])),
        ]
    );
    assert_eq!(http.len(), 2, "{http:?}");
    assert!(http.iter().all(|point| point.0 == "http.client.request.duration" && point.2 == 1));
    assert!(http.iter().any(|point| point.3.contains(&"error.type=connect".to_owned())));
    assert!(http.iter().any(|point| point.3.contains(&"http.response.status_code=200".to_owned())));
}

#[test]
fn dropped_calls_end_their_spans_as_cancelled() {
    let memory = Memory::new();
    let script = Script::new([chunk(Reply::events(), 100, r#""delta":{"content":"the answer-text"}"#).hang()]);
    let client = client(memory.hook(), &script);
    let mut stream = client.chat().stream(&request());
    block_on(stream.next()).unwrap().unwrap();
    assert_eq!(memory.spans().len(), 0, "nothing is over yet");
    drop(stream);
    let spans = memory.spans();
    let [attempt, call] = &spans[..] else { panic!("{spans:#?}") };
    for span in [attempt, call] {
        assert_eq!((reported(span, "error.type"), reported(span, "tabbyapi.cancelled")), (None, Some(&true.into())));
        assert_eq!(span.status, Status::Unset);
    }
    assert_eq!(call.name, "chat asked-7B");
    assert_eq!(reported(call, "gen_ai.response.finish_reasons"), None);
    assert_eq!(attempt.parent_span_id, call.span_context.span_id());
    assert_no_secrets(&format!("{spans:?}"));
    let points = memory.points();
    let duration = points.iter().find(|point| point.0 == "gen_ai.client.inference.duration").unwrap();
    assert_eq!((duration.1, duration.2), (0.1, 1), "up to the last time that it was polled");
    assert!(duration.3.contains(&"tabbyapi.cancelled=true".to_owned()), "{duration:?}");
    let http = points.iter().find(|point| point.0 == "http.client.request.duration").unwrap();
    assert!(http.3.contains(&"tabbyapi.cancelled=true".to_owned()), "{http:?}");
    assert!(
        !points.iter().any(|point| point.3.iter().any(|reported| reported.starts_with("error.type"))),
        "{points:?}"
    );
    let tokens = points.iter().find(|point| point.0 == "gen_ai.client.inference.usage.output_tokens").unwrap();
    assert!(tokens.1 == 0.0 && tokens.3.contains(&"gen_ai.token.modality=unknown".to_owned()));

    // Calls that were never begun leave nothing.
    drop(client.chat().stream(&request()));
    // One that waits for its head.
    script.push(Reply::status(200).head_after(std::time::Duration::MAX));
    let mut waiting = client.chat().create(&request());
    assert!((&mut waiting).now_or_never().is_none());
    drop(waiting);
    assert_eq!(memory.spans().len(), 4);
}

#[test]
fn server_errors_and_vetoes() {
    let memory = Memory::new();
    let body = r#"{"detail": "the prompt-text is too long"}"#;
    let client = client(memory.hook(), &Script::new([Reply::json(400, body)]));
    let error = block_on(client.chat().create(&request())).unwrap_err();
    assert!(error.to_string().contains("prompt-text"), "the server's words are in the error: {error}");
    let spans = memory.spans();
    let [attempt, call] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!(reported(attempt, "error.type"), Some(&"400".into()));
    assert_eq!(reported(call, "error.type"), Some(&error.code().to_string().into()));
    assert_no_secrets(&format!("{spans:?}"));

    memory.spans.reset();
    let stopped = client.with(Options::new().hook(hooks::on_request(|_, _| Err(veto()))));
    block_on(stopped.chat().create(&request())).unwrap_err();
    let spans = memory.spans();
    assert_eq!(spans.len(), 2, "the attempt that was not made has ended, too: {spans:#?}");
    assert_eq!(reported(&spans[1], "error.type"), Some(&"vetoed".into()));
}

#[test]
fn other_operations() {
    let memory = Memory::new();
    let embeddings = r#"{"object":"list","data":[{"index":0,"embedding":[0.5]}],"model":"loaded-embed","usage":{"prompt_tokens":4,"completion_tokens":0,"total_tokens":4}}"#;
    let completion = r#"{"id":"cmpl-1","choices":[{"index":0,"text":"answer-text","finish_reason":"length"}],"model":"loaded-7B","usage":null}"#;
    let script = Script::new([
        Reply::json(200, embeddings),
        Reply::json(200, completion),
        Reply::json(200, r#"{"permission":"api"}"#),
    ]);
    let client = client(memory.hook(), &script);
    block_on(async {
        client.embeddings().create(&EmbeddingsRequest::new("the prompt-text")).await.unwrap();
        client.completions().create(&CompletionRequest::new("the prompt-text")).await.unwrap();
        client.auth().permission().await.unwrap();
    });
    let spans = memory.spans();
    let calls: Vec<_> = spans.iter().filter(|span| span.parent_span_id == opentelemetry::SpanId::INVALID).collect();
    let names: Vec<_> = calls.iter().map(|span| (span.name.as_ref(), span.span_kind.clone())).collect();
    let expected = [
        ("embeddings", SpanKind::Client),
        ("text_completion", SpanKind::Client),
        ("GET /v1/auth/permission", SpanKind::Internal),
    ];
    assert_eq!(names, expected);
    assert_eq!(reported(calls[0], "gen_ai.usage.input_tokens"), Some(&4.into()));
    assert_eq!(reported(calls[0], "gen_ai.usage.output_tokens"), None);
    assert_eq!(reported(calls[1], "gen_ai.request.stream"), None);
    assert_eq!(reported(calls[1], "gen_ai.response.finish_reasons"), Some(&words(&["length"])));
    assert_error(calls[2], &[("server.address", "tabby.test".into()), ("server.port", 5000.into())]);
    assert_no_secrets(&format!("{spans:?}"));
    let mut names: Vec<_> = memory.points().into_iter().map(|point| point.0).collect();
    names.dedup();
    assert_eq!(
        names,
        [
            "gen_ai.client.embeddings.duration",
            "gen_ai.client.embeddings.operation.input_tokens",
            "gen_ai.client.inference.duration",
            "gen_ai.client.inference.usage.input_tokens",
            "gen_ai.client.inference.usage.output_tokens",
            "http.client.request.duration",
        ]
    );
}

#[test]
fn content_and_trace_context_are_reported_if_they_are_asked_for() {
    let memory = Memory::new();
    global::set_text_map_propagator(TraceContextPropagator::new());
    let script = Script::new([stream()]);
    block_on(client(memory.hook().content(true).propagate(true), &script).chat().stream(&request()).finish()).unwrap();
    let spans = memory.spans();
    let json = |name: &str| -> serde_json::Value {
        serde_json::from_str(&reported(&spans[1], name).unwrap().as_str()).unwrap()
    };
    let said = |role: &str, text: &str| serde_json::json!({"role": role, "parts": [{"type": "text", "content": text}]});
    assert_eq!(json("gen_ai.input.messages"), serde_json::json!([said("user", "the prompt-text")]));
    let mut answer = said("assistant", "the answer-text");
    answer["finish_reason"] = "stop".into();
    assert_eq!(json("gen_ai.output.messages"), serde_json::json!([answer]));
    let all = format!("{spans:?}");
    assert!(!all.contains("the-key") && !all.contains("the-gateway"));
    let context = spans[0].span_context.clone();
    let expected = format!("00-{}-{}-01", context.trace_id(), context.span_id());
    assert_eq!(script.requests()[0].headers()["traceparent"], expected.as_str());
}
