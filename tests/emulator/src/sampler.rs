//! The fields of generation requests, and those that the emulator supports.

use crate::json::Json;
use crate::schema::{Field, Kind, Limits};

const POSITIVE: Limits = Limits::ge(0.0);
const UNIT: Limits = Limits::ge(0.0).le(1.0);

static INT: Kind = Kind::Int(Limits::NONE);
static STR: Kind = Kind::Str;

/// One text or several.
pub(crate) static STR_OR_STRS: &[(&str, Kind)] = &[("str", Kind::Str), ("list[str]", Kind::List(&STR))];
static INTS_OR_STR: &[(&str, Kind)] = &[("list[int]", Kind::List(&INT)), ("str", Kind::Str)];
static STOP_ITEM: Kind = Kind::Union(&[("str", Kind::Str), ("int", Kind::Int(Limits::NONE))]);
static STOP: &[(&str, Kind)] = &[("str", Kind::Str), ("list[union[str,int]]", Kind::List(&STOP_ITEM))];
static STREAM_OPTIONS: &[Field] = &[Field::optional(&["include_usage"], Kind::Bool)];
static RESPONSE_FORMAT: &[Field] = &[Field::unset(&["type"], Kind::Str), Field::optional(&["json_schema"], Kind::Any)];

const fn int(names: &'static [&'static str], limits: Limits) -> Field {
    Field::optional(names, Kind::Int(limits))
}

const fn float(names: &'static [&'static str], limits: Limits) -> Field {
    Field::optional(names, Kind::Float(limits))
}

const fn flag(names: &'static [&'static str]) -> Field {
    Field::optional(names, Kind::Bool)
}

const fn text(names: &'static [&'static str]) -> Field {
    Field::optional(names, Kind::Str)
}

/// The fields of all generation requests, including Kobold's, in the order in which errors list them.
pub(crate) static SAMPLER: &[Field] = &[
    int(MAX_TOKENS, POSITIVE),
    int(MIN_TOKENS, POSITIVE),
    Field::optional(STOPS, Kind::Union(STOP)),
    Field::optional(&["banned_strings"], Kind::Union(STR_OR_STRS)),
    Field::optional(&["banned_tokens", "custom_token_bans"], Kind::Union(INTS_OR_STR)),
    Field::optional(&["allowed_tokens", "allowed_token_ids"], Kind::Union(INTS_OR_STR)),
    flag(&["token_healing"]),
    float(&["temperature"], POSITIVE.le(10.0)),
    flag(&["temperature_last"]),
    float(&["smoothing_factor"], POSITIVE),
    int(&["top_k"], Limits::ge(-1.0)),
    float(&["top_p"], UNIT),
    float(&["top_a"], Limits::NONE),
    float(&["min_p"], Limits::NONE),
    float(&["tfs"], Limits::NONE),
    float(&["typical", "typical_p"], Limits::gt(0.0).le(1.0)),
    float(&["skew"], Limits::NONE),
    float(&["xtc_probability"], UNIT),
    float(&["xtc_threshold"], UNIT),
    float(&["frequency_penalty"], POSITIVE),
    float(&["presence_penalty"], POSITIVE),
    float(REPETITION, Limits::gt(0.0)),
    int(RANGE, Limits::NONE),
    int(&["repetition_decay"], Limits::NONE),
    float(&["dry_multiplier"], Limits::NONE),
    float(&["dry_base"], Limits::NONE),
    int(&["dry_allowed_length"], Limits::NONE),
    int(&["dry_range", "dry_penalty_last_n"], Limits::NONE),
    Field::optional(&["dry_sequence_breakers"], Kind::Union(STR_OR_STRS)),
    int(&["mirostat_mode", "mirostat"], Limits::NONE),
    float(&["mirostat_tau"], Limits::NONE),
    float(&["mirostat_eta"], Limits::NONE),
    flag(&["add_bos_token"]),
    flag(&["ban_eos_token", "ignore_eos"]),
    Field::optional(&["logit_bias"], Kind::IntToFloat),
    Field::optional(&["json_schema"], Kind::Any),
    text(&["regex_pattern"]),
    text(&["grammar_string"]),
    float(MAX_TEMP, POSITIVE),
    float(MIN_TEMP, POSITIVE),
    float(&["temp_exponent", "dynatemp_exponent"], POSITIVE),
    int(&["logprobs"], POSITIVE),
    int(&["top_logprobs"], POSITIVE),
    float(&["adaptive_target"], Limits::NONE),
    float(&["adaptive_decay"], Limits::NONE),
    int(&["loop_detect_window"], POSITIVE),
];

/// The additional fields of completions and chat.
pub(crate) static COMMON: &[Field] = &[
    text(&["model"]),
    flag(&["stream"]),
    Field::optional(&["stream_options"], Kind::Model(STREAM_OPTIONS)),
    Field::optional(&["response_format"], Kind::Model(RESPONSE_FORMAT)),
    int(&["n"], Limits::ge(1.0)),
    int(&["best_of"], Limits::NONE),
    flag(&["echo"]),
    text(&["suffix"]),
    text(&["user"]),
];

const MAX_TOKENS: &[&str] = &["max_tokens", "max_completion_tokens", "max_length"];
const MIN_TOKENS: &[&str] = &["min_tokens", "min_length"];
const STOPS: &[&str] = &["stop", "stop_sequence"];
const REPETITION: &[&str] = &["repetition_penalty", "rep_pen"];
const RANGE: &[&str] = &["penalty_range", "repetition_range", "repetition_penalty_range", "rep_pen_range"];
const MAX_TEMP: &[&str] = &["max_temp", "dynatemp_high"];
const MIN_TEMP: &[&str] = &["min_temp", "dynatemp_low"];

/// Fields for which null passes validation and then breaks the generation.
const NO_NULL: &[&[&str]] = &[
    STOPS,
    &["temperature"],
    &["top_k"],
    &["top_p"],
    &["min_p"],
    &["xtc_probability"],
    &["frequency_penalty"],
    &["presence_penalty"],
    REPETITION,
    RANGE,
    &["logprobs"],
    &["top_logprobs"],
    &["adaptive_target"],
    &["n"],
];

/// The fields that the emulator supports.
#[derive(Clone, Debug)]
pub(crate) struct Params {
    /// `None` means up to the end of the context.
    pub(crate) max_tokens: Option<usize>,
    pub(crate) stops: Vec<String>,
    pub(crate) stop_ids: Vec<u32>,
    pub(crate) n: usize,
    pub(crate) stream: bool,
    pub(crate) usage: bool,
    pub(crate) logprobs: bool,
    pub(crate) top_logprobs: usize,
    /// A JSON schema that the response must satisfy.
    pub(crate) schema: Option<Json>,
    /// The server accepts the request and then fails.
    pub(crate) breaks: bool,
    /// The server fails before it generates.
    pub(crate) crashes: bool,
    /// The constraint that does not compile, which the recorded server ignores.
    pub(crate) uncompilable: Option<&'static str>,
}

/// Returns the value of a field under the first of its names that is present.
pub(crate) fn field<'a>(body: &'a Json, names: &[&str]) -> Option<&'a Json> {
    names.iter().find_map(|name| body.get(name))
}

impl Params {
    /// Reads a body that was validated against [`SAMPLER`], and against [`COMMON`] unless it is Kobold's.
    pub(crate) fn read(body: &Json) -> Params {
        let int = |names: &[&str]| {
            field(body, names).and_then(Json::as_int).map(|n| usize::try_from(n).unwrap_or(usize::MAX))
        };
        let float = |names: &[&str]| field(body, names).and_then(Json::as_float);
        let flag = |name| body.get(name).and_then(Json::as_bool).unwrap_or(false);
        let max_tokens = int(MAX_TOKENS).filter(|n| *n > 0);
        let logprobs = int(&["logprobs"]).unwrap_or(0);
        let asked_top = int(&["top_logprobs"]).unwrap_or(0);
        let mut stops = Vec::new();
        let mut stop_ids = Vec::new();
        match field(body, STOPS) {
            Some(Json::Str(text)) => stops.push(text.clone()),
            Some(Json::List(items)) => {
                for item in items {
                    match item {
                        Json::Str(text) => stops.push(text.clone()),
                        other => stop_ids.extend(other.as_int().and_then(|n| u32::try_from(n).ok())),
                    }
                }
            }
            _ => {}
        }
        stops.retain(|stop| !stop.is_empty());
        let over = |low: Option<f64>, high: Option<f64>| low.is_some_and(|low| high.is_some_and(|high| low > high));
        let min_over_max = max_tokens.is_some_and(|max| int(MIN_TOKENS).unwrap_or(0) > max);
        let usage = body.get("stream_options").and_then(|options| options.get("include_usage"));
        Params {
            max_tokens,
            stops,
            stop_ids,
            n: int(&["n"]).unwrap_or(1),
            stream: flag("stream"),
            usage: usage.and_then(Json::as_bool).unwrap_or(false),
            logprobs: logprobs > 0,
            top_logprobs: match logprobs {
                0 => 0,
                1 => asked_top,
                more => more,
            },
            schema: schema(body),
            uncompilable: uncompilable(body),
            breaks: NO_NULL.iter().any(|names| field(body, names) == Some(&Json::Null)),
            crashes: min_over_max
                || over(float(MIN_TEMP), Some(float(MAX_TEMP).unwrap_or(1.0)))
                || body.get("response_format") == Some(&Json::Null),
        }
    }
}

/// Detects only obvious errors.
fn uncompilable(body: &Json) -> Option<&'static str> {
    let text = |name| body.get(name).and_then(Json::as_str);
    let schema = body.get("json_schema").filter(|schema| **schema != Json::Null);
    let unbalanced = |open: char, close: char| {
        text("regex_pattern").is_some_and(|regex| regex.matches(open).count() != regex.matches(close).count())
    };
    if schema.is_some() && self::schema(body).is_none() {
        Some("JSON schema")
    } else if unbalanced('(', ')') || unbalanced('[', ']') {
        Some("regular expression")
    } else if text("grammar_string").is_some_and(|grammar| !grammar.contains("start") && !grammar.contains("root")) {
        Some("grammar")
    } else {
        None
    }
}

/// The requested schema in either place. Anything except a schema is silently ignored.
fn schema(body: &Json) -> Option<Json> {
    let format = body.get("response_format");
    let asked = match format.and_then(|format| format.get("type")).and_then(Json::as_str) {
        Some("json") => return Some(Json::Dict(vec![("type".to_owned(), "object".into())])),
        Some("json_schema") => format.and_then(|format| format.get("json_schema")),
        _ => body.get("json_schema"),
    };
    let asked = match asked? {
        Json::Str(text) => Json::parse(text).ok()?,
        other => other.clone(),
    };
    let inner = asked.get("schema").filter(|inner| matches!(inner, Json::Dict(_))).cloned();
    Some(inner.unwrap_or(asked)).filter(|schema| matches!(schema, Json::Dict(_)))
}
