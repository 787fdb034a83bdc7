//! Sampler parameters, for every generation request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::fields::setters;
use crate::api::one_or_many::OneOrMany;
use crate::base::text::from_texts;
use crate::base::{Error, ErrorCode, ErrorKind, OrderedJson, Result};

/// Declares [`SamplingParams`]: all fields optional, with `name: Type => serde(attribute)` where deserialization needs more.
macro_rules! sampling {
    (
        $(#[$meta:meta])*
        pub struct $struct:ident {
            $( $(#[doc = $doc:expr])* $name:ident: $type:ty $(as $arg:ty)? $(=> $serde:meta)?, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #[non_exhaustive]
        pub struct $struct {
            $(
                $(#[doc = $doc])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                $(#[$serde])?
                pub $name: Option<$type>,
            )*
        }

        impl $struct {
            /// Creates parameters with nothing set: the server's defaults and overrides apply.
            pub fn new() -> Self {
                $struct::default()
            }

            /// Copies the fields that are set in `other`.
            #[must_use]
            pub fn overlay(mut self, other: SamplingParams) -> Self {
                $( if other.$name.is_some() { self.$name = other.$name; } )*
                self
            }

            setters! { $( $(#[doc = $doc])* $name: $type $(as $arg)?, )* }

            /// The fields that JSON cannot represent: numbers that are not finite.
            pub(super) fn not_finite(&self) -> impl Iterator<Item = &'static str> {
                [$( (stringify!($name), self.$name.as_ref().is_some_and(|value| !value.finite())) ),*]
                    .into_iter()
                    .filter_map(|(name, infinite)| infinite.then_some(name))
            }

            /// JSON has no infinite numbers: they would be sent as null, which the server fails on.
            pub(crate) fn check(&self) -> Result<()> {
                // Without a list of the fields, since it precedes each request.
                $(
                    if self.$name.as_ref().is_some_and(|value| !value.finite()) {
                        return Err(not_finite(stringify!($name)));
                    }
                )*
                Ok(())
            }
        }
    };
}

sampling! {
    /// Sampler parameters.
    ///
    /// Unset fields are not sent, so that the server's defaults and sampler overrides apply. Parameters without an effect on
    /// the current backend (exllamav3) are accepted by the server and marked here.
    ///
    /// Some fields have other names on the wire, which are listed here. A server that receives several uses the name used
    /// here. For a server that knows only another name, send it as an extra field of the request.
    ///
    /// The server silently ignores invalid constraints (schema, regex, grammar).
    ///
    /// ```
    /// use tabbyapi::api::SamplingParams;
    ///
    /// let sampling = SamplingParams::new().max_tokens(64).temperature(0.7).stop(["\n\n", "User:"]);
    /// assert_eq!(sampling.max_tokens, Some(64));
    /// ```
    pub struct SamplingParams {
        /// The maximum number of tokens to generate. Unset or 0 fills the context. A streamed completion fails without it. Above 1 the
        /// current backend generates one token fewer than requested. Other names: `max_completion_tokens` (current servers),
        /// `max_length`.
        max_tokens: u32,
        /// The minimum number of tokens to generate; from 0, default 0. More than `max_tokens` is an internal error of the server. Other
        /// name: `min_length`.
        min_tokens: u32,
        /// Strings and token ids that end the output. They are not part of it. Text is held back as long as it may be the start of
        /// one of them. None by default. Other name: `stop_sequence`.
        stop: OneOrMany<Stop> as impl Into<OneOrMany<Stop>>,
        /// Strings that the output must not contain; none by default.
        banned_strings: OneOrMany<String> as impl Into<OneOrMany<String>>,
        /// Ids of tokens that are never sampled; none by default. Other name: `custom_token_bans`.
        banned_tokens: Vec<u32> as impl Into<Vec<u32>> => serde(deserialize_with = "token_list"),
        /// Ids of the only tokens to sample; all by default. No effect on the current backend. Other name:
        /// `allowed_token_ids`.
        allowed_tokens: Vec<u32> as impl Into<Vec<u32>> => serde(deserialize_with = "token_list"),
        /// Whether the last token of the prompt is sampled again, so that it can merge with the output; default false.
        token_healing: bool,
        /// 0 to 10, default 1; 0 is greedy.
        temperature: f64,
        /// Whether temperature is applied after the other samplers; default false.
        temperature_last: bool,
        /// From 0, default 0, which is off. No effect on the current backend.
        smoothing_factor: f64,
        /// The number of most likely tokens to keep; from -1, default 0; 0 and -1 are off.
        top_k: i32,
        /// The probability mass to keep; 0 to 1, default 1, which is off.
        top_p: f64,
        /// Default 0, which is off. No effect on the current backend.
        top_a: f64,
        /// The minimum probability, as a fraction of that of the most likely token; 0 to 1, default 0, which is off. The server
        /// does not check the range, and fails on other values.
        min_p: f64,
        /// Tail-free sampling; default 1, which is off. No effect on the current backend.
        tfs: f64,
        /// Locally typical sampling; above 0 to 1, default 1, which is off. No effect on the current backend. Other
        /// name: `typical_p`.
        typical: f64,
        /// Default 0, which is off. No effect on the current backend.
        skew: f64,
        /// The probability of removing the most likely tokens; 0 to 1, default 0, which is off.
        xtc_probability: f64,
        /// The minimum probability of tokens that XTC may remove; 0 to 1, default 0.1.
        xtc_threshold: f64,
        /// A penalty that grows with each occurrence of a token; from 0 (negative is rejected), default 0.
        frequency_penalty: f64,
        /// A penalty for every token that occurred; from 0 (negative is rejected), default 0.
        presence_penalty: f64,
        /// A factor for tokens that occurred; above 0, default 1, which is off. Other name: `rep_pen`.
        repetition_penalty: f64,
        /// The number of previous tokens that penalties consider; default -1, all of them. Other names: `repetition_range`,
        /// `repetition_penalty_range`, `rep_pen_range`.
        penalty_range: i64,
        /// The number of further tokens over which penalties fade out; default 0.
        repetition_decay: i64,
        /// The strength of the DRY penalty against repeated sequences; default 0, which is off. No effect on the current backend.
        dry_multiplier: f64,
        /// The growth of DRY's penalty with the length of the repetition; default 0. No effect on the current backend.
        dry_base: f64,
        /// The length up to which repetitions have no DRY penalty; default 0. No effect on the current backend.
        dry_allowed_length: i64,
        /// The number of previous tokens that DRY considers; default 0. No effect on the current backend. Other name:
        /// `dry_penalty_last_n`.
        dry_range: i64,
        /// Strings at which DRY restarts; none by default. No effect on the current backend.
        dry_sequence_breakers: OneOrMany<String> as impl Into<OneOrMany<String>>,
        /// Default 0, which is off. No effect on the current backend. Other name: `mirostat`, which servers of 2025 read as a
        /// separate flag.
        mirostat_mode: i64,
        /// Default 1.5. No effect on the current backend.
        mirostat_tau: f64,
        /// Default 0.3. No effect on the current backend.
        mirostat_eta: f64,
        /// Whether the model's begin token is added to the prompt; the model's own setting by default. Chat ignores it: the template
        /// decides.
        add_bos_token: bool,
        /// Whether the end token is never sampled; default false. No effect on the current backend. Other name: `ignore_eos`.
        ban_eos_token: bool,
        /// Values to add to the logits of tokens, by id. Ids beyond the vocabulary are ignored. There is no range.
        logit_bias: BTreeMap<u32, f64> as impl Into<BTreeMap<u32, f64>> => serde(deserialize_with = "token_keys"),
        /// A JSON schema for the output: an object, OpenAI's wrapper `{"name", "schema"}`, or JSON text.
        json_schema: OrderedJson as impl Into<OrderedJson>,
        /// A regular expression for the output.
        regex_pattern: String as impl Into<String>,
        /// A grammar for the output, in Lark or GBNF.
        grammar_string: String as impl Into<String>,
        /// The upper end of dynamic temperature; from 0, default 1. Below `min_temp` it is an internal error of the server. No
        /// effect on the current backend. Other name: `dynatemp_high`.
        max_temp: f64,
        /// The lower end of dynamic temperature; from 0, default 1. No effect on the current backend. Other name: `dynatemp_low`.
        min_temp: f64,
        /// The exponent of dynamic temperature; from 0, default 1. No effect on the current backend. Other name:
        /// `dynatemp_exponent`.
        temp_exponent: f64,
        /// Whether log probabilities are reported; default 0. Any number above 0 reports them, and above 1 it is also the number
        /// of alternatives. More than the size of the vocabulary is an error.
        logprobs: u32 => serde(deserialize_with = "count_or_flag"),
        /// The number of alternatives whose log probabilities are reported; default 0. Requires `logprobs`.
        top_logprobs: u32,
        /// The target probability of adaptive sampling; default 1, which is off.
        adaptive_target: f64,
        /// The decay of adaptive sampling; default 0.9.
        adaptive_decay: f64,
        /// The number of repeated tokens after which the generation ends; from 0, default 800; 0 is off.
        loop_detect_window: u32,
        /// The strength of guidance against `negative_prompt`; default 1, which is off. Supported by servers of 2025,
        /// ignored by current ones.
        cfg_scale: f64,
        /// The text that `cfg_scale` guides away from. Supported by servers of 2025, ignored by current ones.
        negative_prompt: String as impl Into<String>,
        /// The number of tokens that are freed when the context is full; default 512. Supported by servers of 2025, ignored by
        /// current ones.
        generate_window: i64,
        /// Whether special tokens are removed from the text; default true. Supported by servers of 2025, ignored by current ones.
        skip_special_tokens: bool,
        /// Whether n-grams of the text so far are used as a draft. Supported by servers of 2025, ignored by current ones.
        speculative_ngram: bool,
    }
}

/// Setters of common sampler parameters, for a request with a field `sampling`.
macro_rules! sampling_setters {
    () => {
        /// Copies the sampler parameters that are set in `sampling`. Others keep their value.
        #[must_use]
        pub fn sampling(mut self, sampling: crate::api::sampling::SamplingParams) -> Self {
            self.sampling = self.sampling.overlay(sampling);
            self
        }

        crate::api::sampling::sampling_setters! {
            max_tokens: u32, min_tokens: u32, temperature: f64, top_k: i32, top_p: f64, min_p: f64,
            frequency_penalty: f64, presence_penalty: f64, repetition_penalty: f64,
            stop: impl Into<crate::api::one_or_many::OneOrMany<crate::api::sampling::Stop>>,
            banned_strings: impl Into<crate::api::one_or_many::OneOrMany<String>>,
            logit_bias: impl Into<::std::collections::BTreeMap<u32, f64>>,
            json_schema: impl Into<crate::base::OrderedJson>,
            regex_pattern: impl Into<String>,
            grammar_string: impl Into<String>,
            logprobs: u32, top_logprobs: u32,
        }
    };
    ($($name:ident: $arg:ty,)*) => {
        $(
            #[doc = concat!("Sets [`", stringify!($name), "`](crate::api::sampling::SamplingParams#structfield.", stringify!($name), ") of `sampling`.")]
            #[must_use]
            pub fn $name(mut self, $name: $arg) -> Self {
                self.sampling = self.sampling.$name($name);
                self
            }
        )*
    };
}
pub(crate) use sampling_setters;

/// A string or token that ends the output.
///
/// ```
/// use tabbyapi::api::{SamplingParams, Stop};
///
/// let params = SamplingParams::new().stop([Stop::from("User:"), Stop::from(2_u32)]);
/// assert_eq!(params.stop.unwrap().0.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum Stop {
    /// This string.
    Text(String),
    /// The token with this id.
    Token(u32),
}

impl From<&str> for Stop {
    fn from(text: &str) -> Self {
        Stop::Text(text.to_owned())
    }
}

impl From<String> for Stop {
    fn from(text: String) -> Self {
        Stop::Text(text)
    }
}

from_texts!(Stop);

impl From<u32> for Stop {
    fn from(token: u32) -> Self {
        Stop::Token(token)
    }
}

pub(crate) fn not_finite(name: &str) -> Error {
    Error::new(ErrorKind::Encode, ErrorCode::NotFinite, format!("`{name}` is not a finite number"))
}

/// Whether a value can be serialized as JSON without becoming null.
trait Finite {
    fn finite(&self) -> bool {
        true
    }
}

impl Finite for f64 {
    fn finite(&self) -> bool {
        self.is_finite()
    }
}

impl Finite for BTreeMap<u32, f64> {
    fn finite(&self) -> bool {
        self.values().all(|value| value.is_finite())
    }
}

impl Finite for bool {}
impl Finite for u32 {}
impl Finite for i32 {}
impl Finite for i64 {}
impl Finite for String {}
impl Finite for OrderedJson {}
impl<T> Finite for Vec<T> {}
impl<T> Finite for OneOrMany<T> {}

/// Keys of a flattened map reach serde as strings, which it does not convert to numbers.
fn token_keys<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeMap<u32, f64>>, D::Error> {
    let Some(map) = Option::<BTreeMap<String, f64>>::deserialize(deserializer)? else { return Ok(None) };
    let parse = |(key, value): (String, f64)| match key.trim().parse() {
        Ok(token) => Ok((token, value)),
        Err(_) => Err(serde::de::Error::custom(format_args!("`{key}` is not a token id"))),
    };
    map.into_iter().map(parse).collect::<Result<_, _>>().map(Some)
}

/// The server accepts a list of ids, or text separated by commas.
fn token_list<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u32>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        List(Vec<u32>),
        Text(String),
    }
    match Option::<Form>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Form::List(list)) => Ok(Some(list)),
        Some(Form::Text(text)) => {
            let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
            ids.map(|id| id.parse().map_err(serde::de::Error::custom)).collect::<Result<_, _>>().map(Some)
        }
    }
}

/// OpenAI's chat API has a flag where the server has a count.
fn count_or_flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Count(u32),
        Flag(bool),
    }
    Ok(Option::<Form>::deserialize(deserializer)?.map(|form| match form {
        Form::Count(count) => count,
        Form::Flag(flag) => flag.into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json, to_value};

    #[test]
    fn unset_is_left_out() {
        assert_eq!(to_value(SamplingParams::new()).unwrap(), json!({}));
    }

    #[test]
    fn every_form_is_written_as_the_server_reads_it() {
        let sampling = SamplingParams::new()
            .max_tokens(8)
            .top_k(-1)
            .temperature(0.5)
            .stop(vec![Stop::from("a"), Stop::from(7)])
            .banned_strings("x")
            .banned_tokens([1, 2])
            .logit_bias([(5, -1.0)])
            .json_schema(json!({"type": "object"}))
            .logprobs(1);
        let expected = json!({
            "max_tokens": 8, "top_k": -1, "temperature": 0.5, "stop": ["a", 7], "banned_strings": ["x"],
            "banned_tokens": [1, 2], "logit_bias": {"5": -1.0}, "json_schema": {"type": "object"}, "logprobs": 1,
        });
        assert_eq!(to_value(&sampling).unwrap(), expected);
        assert_eq!(from_value::<SamplingParams>(expected).unwrap(), sampling);
    }

    #[test]
    fn other_forms_are_read() {
        let read: SamplingParams =
            from_value(json!({"banned_tokens": "2400, 2401", "stop": "x", "logprobs": true, "top_p": null})).unwrap();
        assert_eq!(read, SamplingParams::new().banned_tokens([2400, 2401]).stop("x").logprobs(1));
    }

    #[test]
    fn fields_of_older_servers_have_their_names() {
        let sampling = SamplingParams::new()
            .cfg_scale(1.5)
            .negative_prompt("no")
            .generate_window(256)
            .skip_special_tokens(false)
            .speculative_ngram(true);
        let expected = json!({"cfg_scale": 1.5, "negative_prompt": "no", "generate_window": 256,
            "skip_special_tokens": false, "speculative_ngram": true});
        assert_eq!(to_value(sampling).unwrap(), expected);
    }

    #[test]
    fn overlay_keeps_what_the_other_leaves_unset() {
        let base = SamplingParams::new().max_tokens(8).top_p(0.5);
        let merged = base.overlay(SamplingParams::new().top_p(0.9));
        assert_eq!(merged, SamplingParams::new().max_tokens(8).top_p(0.9));
    }

    #[test]
    fn numbers_that_json_lacks_are_refused_by_name() {
        let error = SamplingParams::new().min_p(f64::NAN).check().unwrap_err();
        assert_eq!(error.to_string(), "`min_p` is not a finite number");
        assert!(SamplingParams::new().logit_bias([(1, f64::INFINITY)]).check().is_err());
        assert!(SamplingParams::new().temperature(1.0).check().is_ok());
    }
}
