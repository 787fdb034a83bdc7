//! The names of the semantic conventions of OpenTelemetry: GenAI as of autumn 2026 (in development), HTTP 1.44
//! (stable).

#![cfg_attr(
    not(all(feature = "tracing", feature = "opentelemetry")),
    allow(dead_code, reason = "each feature uses its own")
)]

/// The name and target of what is emitted.
pub(super) const SCOPE: &str = "tabbyapi";

// Values.
pub(super) const PROVIDER: &str = "tabbyapi";
pub(super) const CHAT: &str = "chat";
pub(super) const TEXT_COMPLETION: &str = "text_completion";
pub(super) const EMBEDDINGS: &str = "embeddings";
pub(super) const MODALITY_TEXT: &str = "text";
pub(super) const MODALITY_UNKNOWN: &str = "unknown";
/// The value for a finish reason that did not arrive.
pub(super) const FINISH_ERROR: &str = "error";

// The request.
pub(super) const OPERATION_NAME: &str = "gen_ai.operation.name";
pub(super) const PROVIDER_NAME: &str = "gen_ai.provider.name";
pub(super) const OUTPUT_TYPE: &str = "gen_ai.output.type";
pub(super) const REQUEST_CHOICE_COUNT: &str = "gen_ai.request.choice.count";
pub(super) const REQUEST_FREQUENCY_PENALTY: &str = "gen_ai.request.frequency_penalty";
pub(super) const REQUEST_MAX_TOKENS: &str = "gen_ai.request.max_tokens";
pub(super) const REQUEST_MODEL: &str = "gen_ai.request.model";
pub(super) const REQUEST_PRESENCE_PENALTY: &str = "gen_ai.request.presence_penalty";
pub(super) const REQUEST_SEED: &str = "gen_ai.request.seed";
pub(super) const REQUEST_STREAM: &str = "gen_ai.request.stream";
pub(super) const REQUEST_TEMPERATURE: &str = "gen_ai.request.temperature";
pub(super) const REQUEST_TOP_K: &str = "gen_ai.request.top_k";
pub(super) const REQUEST_TOP_P: &str = "gen_ai.request.top_p";

// The response.
pub(super) const RESPONSE_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
pub(super) const RESPONSE_ID: &str = "gen_ai.response.id";
pub(super) const RESPONSE_MODEL: &str = "gen_ai.response.model";
pub(super) const RESPONSE_TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
pub(super) const USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub(super) const USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";

// Content, if enabled.
pub(super) const INPUT_MESSAGES: &str = "gen_ai.input.messages";
pub(super) const OUTPUT_MESSAGES: &str = "gen_ai.output.messages";

// All spans.
pub(super) const ERROR_TYPE: &str = "error.type";
/// Set if the caller dropped or cancelled the call, which is not an error.
pub(super) const CANCELLED: &str = "tabbyapi.cancelled";
pub(super) const SERVER_ADDRESS: &str = "server.address";
pub(super) const SERVER_PORT: &str = "server.port";

// An attempt.
pub(super) const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub(super) const HTTP_REQUEST_RESEND_COUNT: &str = "http.request.resend_count";
pub(super) const HTTP_REQUEST_BODY_SIZE: &str = "http.request.body.size";
pub(super) const HTTP_RESPONSE_BODY_SIZE: &str = "http.response.body.size";
pub(super) const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub(super) const URL_FULL: &str = "url.full";

// Events, which the conventions do not name.
pub(super) const EVENT_RETRY: &str = "tabbyapi.retry";
pub(super) const EVENT_FIRST_CHUNK: &str = "tabbyapi.first_chunk";
pub(super) const RETRY_WAIT: &str = "tabbyapi.retry.wait";

// Metrics.
pub(super) const METRIC_INFERENCE_DURATION: &str = "gen_ai.client.inference.duration";
pub(super) const METRIC_EMBEDDINGS_DURATION: &str = "gen_ai.client.embeddings.duration";
pub(super) const METRIC_TIME_TO_FIRST_CHUNK: &str = "gen_ai.client.inference.time_to_first_chunk";
pub(super) const METRIC_TIME_PER_OUTPUT_CHUNK: &str = "gen_ai.client.inference.time_per_output_chunk";
pub(super) const METRIC_USAGE_INPUT_TOKENS: &str = "gen_ai.client.inference.usage.input_tokens";
pub(super) const METRIC_USAGE_OUTPUT_TOKENS: &str = "gen_ai.client.inference.usage.output_tokens";
pub(super) const METRIC_OPERATION_INPUT_TOKENS: &str = "gen_ai.client.inference.operation.input_tokens";
pub(super) const METRIC_OPERATION_OUTPUT_TOKENS: &str = "gen_ai.client.inference.operation.output_tokens";
pub(super) const METRIC_EMBEDDINGS_INPUT_TOKENS: &str = "gen_ai.client.embeddings.operation.input_tokens";
pub(super) const METRIC_HTTP_DURATION: &str = "http.client.request.duration";
pub(super) const TOKEN_MODALITY: &str = "gen_ai.token.modality";

/// The histogram buckets of the conventions.
pub(super) const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
pub(super) const HTTP_SECONDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
pub(super) const TOKENS: [f64; 14] = [
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0,
    67108864.0,
];
