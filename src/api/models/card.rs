//! The server's descriptions of models.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::kinds::kinds;
use crate::base::{Extra, Text};
use crate::decode::in_place::{filled, in_place_objects, listed, or_default};

/// A list of models.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ModelList {
    /// The models, in no particular order. Dummy names come first if the server has any.
    #[serde(default, deserialize_with = "listed")]
    pub data: Vec<ModelCard>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ModelCard {
    /// The name of its directory, without the path to it.
    #[serde(default, deserialize_with = "filled")]
    pub id: Text,
    /// The time of the response, in seconds since 1970 (not the age of the model).
    #[serde(default, deserialize_with = "filled")]
    pub created: i64,
    /// `tabbyAPI`.
    #[serde(default, deserialize_with = "filled")]
    pub owned_by: Text,
    /// The load parameters. `None` in lists.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Box<ModelParameters>>,
    /// The logging settings of the server, from servers that report them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Value>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

in_place_objects!(ModelCard, Box<ModelParameters>, GenerationSettings);

// The largest of all boxed types.
const _: () = assert!(size_of::<ModelParameters>() <= crate::decode::BOXED);

/// The parameters of a loaded model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ModelParameters {
    /// The context size, in tokens.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub max_seq_len: Option<i64>,
    /// The size of the cache, in tokens.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub cache_size: Option<i64>,
    /// The quantization of the cache, as requested. Unknown modes are reported here although `FP16` is used.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub cache_mode: Option<Text>,
    /// Linear RoPE scaling.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub rope_scale: Option<f64>,
    /// NTK RoPE scaling.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub rope_alpha: Option<f64>,
    /// The maximum number of concurrent generations.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub max_batch_size: Option<i64>,
    /// The number of prompt tokens processed at once.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub chunk_size: Option<i64>,
    /// The name of the chat template.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub prompt_template: Option<Text>,
    /// The chat template itself, in Jinja.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub prompt_template_content: Option<String>,
    /// Whether the model accepts images. Otherwise the server silently drops image parts.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub use_vision: Option<bool>,
    /// The draft model. Current servers omit it even if there is one.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub draft: Option<ModelCard>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ModelParameters {
    /// Returns the maximum number of prompt tokens, by the cache. `None` if `cache_size` or `chunk_size` is not known.
    ///
    /// The server rejects a prompt with 400 unless `prompt - 1 + chunk_size` tokens, rounded up to 256, fit into the cache. With a result of 0
    /// it rejects every prompt.
    ///
    /// ```
    /// use tabbyapi::api::ModelParameters;
    ///
    /// let model: ModelParameters =
    ///     serde_json::from_str(r#"{"max_seq_len": 8192, "cache_size": 8192, "chunk_size": 2048}"#)?;
    /// assert_eq!(model.longest_prompt(), Some(6145));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn longest_prompt(&self) -> Option<u64> {
        let known = |size: Option<i64>| size.and_then(|size| u64::try_from(size).ok());
        Some(longest_prompt(known(self.cache_size)?, known(self.chunk_size)?))
    }
}

/// Pages of the cache have 256 tokens.
pub(crate) fn longest_prompt(cache: u64, chunk: u64) -> u64 {
    (cache / 256 * 256 + 1).saturating_sub(chunk)
}

/// Properties of the loaded model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ModelProps {
    /// The maximum number of concurrent generations.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub total_slots: Option<i64>,
    /// The chat template, in Jinja. Empty if there is none.
    #[serde(default, deserialize_with = "filled")]
    pub chat_template: String,
    /// The settings for generation.
    #[serde(default, deserialize_with = "or_default")]
    pub default_generation_settings: GenerationSettings,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ModelProps {
    /// Returns the context size, in tokens.
    pub fn context_size(&self) -> Option<i64> {
        self.default_generation_settings.n_ctx
    }

    /// Converts to parameters that have only the context size.
    pub(crate) fn as_parameters(&self) -> ModelParameters {
        ModelParameters { max_seq_len: self.context_size(), ..ModelParameters::default() }
    }
}

/// Settings for generation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GenerationSettings {
    /// The context size, in tokens.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub n_ctx: Option<i64>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

kinds! {
    ModelCard: "id";
    ModelList: "data";
    ModelProps: "total_slots", "chat_template", "default_generation_settings";
}
