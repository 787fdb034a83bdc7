//! The responses of TabbyAPI. Only fields that all versions send are required. The drift check lists the others.

use super::shape::Need::{Open, Set, There};
use super::shape::Shape::{self, *};

/// The response of a route with status 200.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// One document.
    Json(&'static Shape),
    /// A document, or a stream of chunks if the request asks for it.
    Chat,
    Completion,
    /// Always a stream of progress.
    Load,
    /// Always a stream of Kobold's tokens.
    Kobold,
    /// Anything: a page, or a document whose shape is not checked.
    Other,
}

/// Returns the response of a route.
pub(super) fn of(method: &str, path: &str) -> Option<Answer> {
    let kobold = path.replacen("/api/latest/", "/api/v1/", 1);
    Some(match (method, &*kobold) {
        ("GET", "/health") => Answer::Json(&HEALTH),
        ("GET", "/.well-known/serviceinfo") => Answer::Json(&SERVICE),
        ("GET", "/v1/auth/permission") => Answer::Json(&PERMISSION),
        ("GET", "/v1/models" | "/v1/model/list" | "/v1/model/draft/list" | "/v1/model/embedding/list") => {
            Answer::Json(&MODELS)
        }
        ("GET", "/v1/model") => Answer::Json(&LOADED),
        ("GET", "/v1/model/embedding") => Answer::Json(&MODEL),
        ("GET", "/props") => Answer::Json(&PROPS),
        ("GET", "/v1/loras" | "/v1/lora/list" | "/v1/lora") => Answer::Json(&LORAS),
        ("GET", "/v1/templates" | "/v1/template/list") => Answer::Json(&TEMPLATES),
        ("GET", "/v1/sampling/overrides" | "/v1/sampling/override/list") => Answer::Json(&OVERRIDES),
        ("POST", "/v1/token/encode") => Answer::Json(&ENCODED),
        ("POST", "/v1/token/decode") => Answer::Json(&DECODED),
        ("POST", "/v1/embeddings") => Answer::Json(&EMBEDDINGS),
        ("POST", "/v1/model/load") => Answer::Load,
        ("POST", "/v1/chat/completions") => Answer::Chat,
        ("POST", "/v1/completions") => Answer::Completion,
        ("GET", "/api/v1/model") => Answer::Json(&RESULT),
        ("GET", "/api/v1/info/version" | "/api/extra/version") => Answer::Json(&RESULT),
        ("GET", "/api/v1/config/max_length" | "/api/v1/config/max_context_length") => Answer::Json(&VALUE),
        ("GET", "/api/extra/true_max_context_length") => Answer::Json(&VALUE),
        ("POST", "/api/extra/tokencount") => Answer::Json(&COUNT),
        ("POST", "/api/extra/generate/stream") => Answer::Kobold,
        ("GET", "/openapi.json") => Answer::Other,
        _ if path.starts_with("/v1/") || path.starts_with("/api/") => Answer::Json(&Any),
        _ => return None,
    })
}

macro_rules! shapes {
    ($($name:ident: $($field:literal $need:ident $shape:expr),*;)*) => {
        $(pub(super) static $name: Shape = Object(&[$(($field, $need, $shape)),*]);)*
    };
}

shapes! {
    HEALTH: "status" Set Is(&["healthy", "unhealthy"]), "issues" Set List(&ISSUE);
    ISSUE: "time" Set Text, "description" Set Text;
    SERVICE: "version" Set NumberOrText, "software" Set Object(&[("name", Set, Text)]), "api" Set Map(&Any);
    PERMISSION: "permission" Set Is(&["api", "admin"]);
    MODELS: "object" Set Is(&["list"]), "data" Set List(&MODEL);
    MODEL: "id" Set Text, "object" Set Is(&["model"]), "created" Set Int, "owned_by" Set Text,
        "parameters" There PARAMETERS_SHAPE;
    LOADED: "id" Set Text, "object" Set Is(&["model"]), "created" Set Int, "owned_by" Set Text,
        "parameters" Set PARAMETERS_SHAPE;
    PROPS: "total_slots" Set Int, "chat_template" There Text,
        "default_generation_settings" Set Object(&[("n_ctx", Set, Int)]);
    LORAS: "object" Set Is(&["list"]), "data" Set List(&LORA);
    LORA: "id" Set Text, "object" Set Is(&["lora"]), "created" Set Int, "owned_by" Set Text, "scaling" Open Number;
    TEMPLATES: "object" Set Is(&["list"]), "data" Set List(&Text);
    OVERRIDES: "selected_preset" There Text, "overrides" Set Map(&Any), "presets" There List(&Text);
    ENCODED: "tokens" Set List(&Int), "length" Set Int;
    DECODED: "text" Set Text;
    EMBEDDINGS: "object" Set Is(&["list"]), "data" Set List(&EMBEDDING), "model" Set Text, "usage" Set EMBED_USAGE_SHAPE;
    EMBEDDING: "object" Set Is(&["embedding"]), "embedding" Set Vector, "index" Set Int;
    RESULT: "result" Set Text;
    VALUE: "value" Set Int;
    COUNT: "value" Set Int, "ids" Set List(&Int);

    CHAT: "id" Set Text, "object" Set Is(&["chat.completion"]), "created" Set Int, "model" Set Text,
        "choices" Set List(&CHOICE), "usage" Open USAGE_SHAPE;
    CHOICE: "index" Set Int, "finish_reason" There Text, "message" Set Object(&[
        ("role", Set, Text), ("content", There, Text), ("reasoning_content", Open, Text), ("tool_calls", Open, List(&CALL)),
    ]), "logprobs" Open CHAT_LOGPROBS_SHAPE;
    CALL: "id" Set Text, "type" Set Is(&["function"]), "function" Set Object(&[("name", Set, Text), ("arguments", Set, Text)]),
        "index" Open Int;
    CHAT_CHUNK: "id" Set Text, "object" Set Is(&["chat.completion.chunk"]), "created" Set Int, "model" Set Text,
        "choices" Set List(&DELTA), "usage" Open USAGE_SHAPE;
    DELTA: "index" Set Int, "finish_reason" There Text, "delta" Set Object(&[
        ("role", Open, Text), ("content", Open, Text), ("reasoning_content", Open, Text), ("tool_calls", Open, List(&PART)),
    ]), "logprobs" Open CHAT_LOGPROBS_SHAPE;
    PART: "id" Open Text, "type" Open Is(&["function"]), "index" Open Int,
        "function" Set Object(&[("name", Open, Text), ("arguments", Open, Text)]);
    LOGPROB: "token" Set Text, "logprob" There Number, "top_logprobs" Open List(&Map(&Any));

    COMPLETION: "id" Set Text, "object" Set Is(&["text_completion"]), "created" Set Int, "model" Set Text,
        "choices" Set List(&TEXT), "usage" Open USAGE_SHAPE;
    COMPLETION_CHUNK: "id" Set Text, "object" Set Is(&["text_completion"]), "created" Set Int, "model_name|model" Set Text,
        "choices" Set List(&TEXT), "usage" Open USAGE_SHAPE;
    TEXT: "index" Set Int, "text" Set Text, "finish_reason" There Text, "logprobs" Open Object(&[
        ("tokens", Open, List(&Text)), ("text_offset", Open, List(&Int)), ("token_logprobs", Open, List(&Any)),
    ]);

    PROGRESS: "model_type" Set Text, "module" Set Int, "modules" Set Int, "status" Set Is(&["processing", "finished"]);
    TOKEN: "token" Set Text;
}

const PARAMETERS_SHAPE: Shape = Object(&[
    ("max_seq_len", Open, Int),
    ("cache_size", Open, Int),
    ("cache_mode", Open, Text),
    ("max_batch_size", Open, Int),
    ("chunk_size", Open, Int),
    ("prompt_template", Open, Text),
    ("prompt_template_content", Open, Text),
    ("use_vision", Open, Bool),
    ("rope_scale", Open, Number),
    ("rope_alpha", Open, NumberOrText),
]);

const USAGE_SHAPE: Shape = Object(&[
    ("prompt_tokens", Set, Int),
    ("completion_tokens", Set, Int),
    ("total_tokens", Set, Int),
    ("prompt_time", Open, Number),
    ("completion_time", Open, Number),
    ("total_time", Open, Number),
    ("prompt_tokens_per_sec", Open, NumberOrText),
    ("completion_tokens_per_sec", Open, NumberOrText),
    ("prompt_tokens_details", Open, Object(&[("cached_tokens", Open, Int)])),
    ("completion_tokens_details", Open, Map(&Any)),
]);

const EMBED_USAGE_SHAPE: Shape = Object(&[("prompt_tokens", Set, Int), ("total_tokens", Set, Int)]);

const CHAT_LOGPROBS_SHAPE: Shape = Object(&[("content", Open, List(&LOGPROB))]);
