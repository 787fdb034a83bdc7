//! The instruments of OpenTelemetry.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};

use crate::base::{Attempt, Error, Record};
use crate::protocol::hooks::View;
use crate::telemetry::facts::{Chunk, End, Facts, Work, attempt_attribute};
use crate::telemetry::key_values::key_values;
use crate::telemetry::names as n;

/// The instruments, created once for all calls.
pub(super) struct Metrics {
    inference: Histogram<f64>,
    embeddings: Histogram<f64>,
    first_chunk: Histogram<f64>,
    next_chunk: Histogram<f64>,
    input: Counter<u64>,
    output: Counter<u64>,
    input_each: Histogram<u64>,
    output_each: Histogram<u64>,
    embeddings_each: Histogram<u64>,
    http: Histogram<f64>,
}

impl Metrics {
    pub(super) fn new(meter: &Meter) -> Self {
        let seconds = |name, buckets: [f64; 14], what: &'static str| {
            meter.f64_histogram(name).with_unit("s").with_description(what).with_boundaries(buckets.into()).build()
        };
        let tokens =
            |name, what: &'static str| meter.u64_counter(name).with_unit("{token}").with_description(what).build();
        let tokens_each = |name, what: &'static str| {
            let histogram = meter.u64_histogram(name).with_unit("{token}").with_description(what);
            histogram.with_boundaries(n::TOKENS.into()).build()
        };
        Metrics {
            inference: seconds(n::METRIC_INFERENCE_DURATION, n::SECONDS, "Duration of a generation, retries included."),
            embeddings: seconds(n::METRIC_EMBEDDINGS_DURATION, n::SECONDS, "Duration of embedding, retries included."),
            first_chunk: seconds(n::METRIC_TIME_TO_FIRST_CHUNK, n::SECONDS, "Time to the first chunk of a stream."),
            next_chunk: seconds(
                n::METRIC_TIME_PER_OUTPUT_CHUNK,
                n::SECONDS,
                "Time from one chunk of a stream to the next.",
            ),
            input: tokens(n::METRIC_USAGE_INPUT_TOKENS, "Tokens of prompts."),
            output: tokens(n::METRIC_USAGE_OUTPUT_TOKENS, "Tokens of answers."),
            input_each: tokens_each(n::METRIC_OPERATION_INPUT_TOKENS, "Tokens of each prompt."),
            output_each: tokens_each(n::METRIC_OPERATION_OUTPUT_TOKENS, "Tokens of each answer."),
            embeddings_each: tokens_each(n::METRIC_EMBEDDINGS_INPUT_TOKENS, "Tokens of each input that was embedded."),
            http: seconds(n::METRIC_HTTP_DURATION, n::HTTP_SECONDS, "Duration of one HTTP request."),
        }
    }

    pub(super) fn chunk(&self, facts: &Facts, chunk: &Chunk) {
        let (histogram, time) = match chunk {
            Chunk::First(time) => (&self.first_chunk, time),
            Chunk::Next(time) => (&self.next_chunk, time),
        };
        histogram.record(time.as_secs_f64(), &key_values(facts.metric()));
    }

    pub(super) fn attempt(&self, call: &View<'_>, facts: &Facts, attempt: &Attempt, error: Option<&Error>) {
        let mut attributes = vec![KeyValue::new(n::HTTP_REQUEST_METHOD, call.method.to_string())];
        attributes.extend(key_values(facts.server()));
        attributes.extend(
            attempt.status.map(|status| KeyValue::new(n::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()))),
        );
        attributes.extend(key_values(attempt_attribute(attempt, error).into_iter().collect()));
        let ended = attempt.ended.unwrap_or(call.now);
        self.http.record(ended.since(attempt.sent).as_secs_f64(), &attributes);
    }

    pub(super) fn outcome(&self, facts: &Facts, record: &Record, end: End<'_>) {
        let Some(work) = facts.work else { return };
        let attributes = key_values(facts.metric());
        let mut durations = attributes.clone();
        durations.extend(key_values(end.attribute().into_iter().collect()));
        let took = record.elapsed().unwrap_or_default().as_secs_f64();
        if work == Work::Embeddings {
            self.embeddings.record(took, &durations);
            if let Some((input, _)) = facts.usage() {
                self.embeddings_each.record(input, &attributes);
            }
            return;
        }
        self.inference.record(took, &durations);
        // Calls without token counts are recorded as well, so that it is visible that the sums are too low.
        let (input, output) = facts.usage().unwrap_or_default();
        let modality = |modality| match facts.usage() {
            Some(_) => KeyValue::new(n::TOKEN_MODALITY, modality),
            None => KeyValue::new(n::TOKEN_MODALITY, n::MODALITY_UNKNOWN),
        };
        let with = |modality| attributes.iter().cloned().chain([modality]).collect::<Vec<_>>();
        self.input.add(input, &with(modality(facts.input_modality())));
        self.output.add(output, &with(modality(n::MODALITY_TEXT)));
        if facts.usage().is_some() {
            self.input_each.record(input, &attributes);
            self.output_each.record(output, &attributes);
        }
    }
}
