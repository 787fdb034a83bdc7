//! What arrives at a collector by OTLP.

mod support;

use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use support::{SECRETS, block_on, client, request, stream};
use tabbyapi::telemetry::OpenTelemetry;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi_telemetry::{Collector, Plain};

fn reported<'a>(span: &'a Span, name: &str) -> Option<&'a Value> {
    span.attributes.iter().find(|reported| reported.key == name)?.value.as_ref()?.value.as_ref()
}

#[test]
fn a_collector_gets_spans_and_metrics() {
    let collector = Collector::start().unwrap();
    let spans = SpanExporter::builder()
        .with_http()
        .with_http_client(Plain)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(collector.url("traces"))
        .build()
        .unwrap();
    let points = MetricExporter::builder()
        .with_http()
        .with_http_client(Plain)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(collector.url("metrics"))
        .build()
        .unwrap();
    let traces = SdkTracerProvider::builder().with_simple_exporter(spans).build();
    let metrics = SdkMeterProvider::builder().with_reader(PeriodicReader::builder(points).build()).build();

    let script = Script::new([Reply::json(429, "{}"), stream(), Reply::json(500, r#"{"detail":"prompt-text"}"#)]);
    let client = client(OpenTelemetry::with(&traces, &metrics), &script);
    block_on(client.chat().stream(&request()).finish()).unwrap();
    block_on(client.chat().create(&request())).unwrap_err();
    let mut dropped = client.chat().stream(&request());
    script.push(support::chunk(Reply::events(), 5, r#""delta":{"content":"answer-text"}"#).hang());
    block_on(dropped.next()).unwrap().unwrap();
    drop(dropped);
    traces.force_flush().unwrap();
    metrics.force_flush().unwrap();

    let spans = collector.spans().unwrap();
    let (calls, attempts): (Vec<_>, Vec<_>) = spans.iter().partition(|span| span.parent_span_id.is_empty());
    assert_eq!((calls.len(), attempts.len()), (3, 4));
    for call in &calls {
        assert_eq!((call.name.as_str(), call.kind), ("chat asked-7B", SpanKind::Client as i32));
        assert_eq!(reported(call, "gen_ai.provider.name"), Some(&Value::StringValue("tabbyapi".to_owned())));
    }
    let errors: Vec<_> = calls.iter().map(|call| reported(call, "error.type").cloned()).collect();
    let word = |word: &str| Some(Value::StringValue(word.to_owned()));
    assert_eq!(errors, [None, word("server_error"), None]);
    assert_eq!(reported(calls[2], "tabbyapi.cancelled"), Some(&Value::BoolValue(true)));
    assert_eq!(reported(calls[0], "gen_ai.usage.output_tokens"), Some(&Value::IntValue(3)));
    let statuses: Vec<_> = attempts.iter().map(|span| reported(span, "http.response.status_code").cloned()).collect();
    assert_eq!(statuses, [429, 200, 500, 200].map(|status| Some(Value::IntValue(status))));
    let parents: Vec<_> = attempts.iter().map(|span| span.parent_span_id.clone()).collect();
    let ids: Vec<_> = calls.iter().map(|span| span.span_id.clone()).collect();
    assert_eq!(parents, [ids[0].clone(), ids[0].clone(), ids[1].clone(), ids[2].clone()]);
    assert_eq!(reported(attempts[1], "http.request.resend_count"), Some(&Value::IntValue(1)));

    let metrics = collector.metrics().unwrap();
    let duration = metrics.iter().find(|metric| metric.name == "gen_ai.client.inference.duration").unwrap();
    let Some(Data::Histogram(histogram)) = &duration.data else { panic!("{duration:?}") };
    assert_eq!((duration.unit.as_str(), histogram.data_points.len()), ("s", 3));
    assert_eq!(histogram.data_points[0].explicit_bounds[..3], [0.01, 0.02, 0.04]);

    for (path, body) in collector.received() {
        for secret in SECRETS {
            let found = body.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} went to {path}");
        }
    }
}
