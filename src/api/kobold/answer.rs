//! The responses of the KoboldAI routes.

use serde::{Deserialize, Serialize};

use crate::api::kinds::kinds;
use crate::base::{Extra, Text};
use crate::decode::in_place::{filled, in_place_objects, listed, meant};
use crate::decode::open_enum::null_as_default;

/// Generated texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KoboldResults {
    /// The texts: one, or none if nothing has been generated yet.
    #[serde(default, deserialize_with = "listed")]
    pub results: Vec<KoboldResult>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

impl KoboldResults {
    /// Returns the text. Empty if there is none.
    pub fn text(&self) -> &str {
        self.results.first().map_or("", |result| &result.text)
    }
}

/// A generated text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KoboldResult {
    /// The text.
    #[serde(default, deserialize_with = "filled")]
    pub text: String,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

in_place_objects!(KoboldResult);

/// One event of a stream: the next part of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KoboldToken {
    /// The text: one token or several.
    #[serde(deserialize_with = "filled")]
    pub token: Text,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The result of an abort.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KoboldAborted {
    /// Always true on this server.
    #[serde(deserialize_with = "meant")]
    pub success: bool,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The loaded model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KoboldModel {
    /// Its owner and name, such as `tabbyAPI/alpha-7B-exl3`.
    #[serde(deserialize_with = "meant")]
    pub result: String,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The tokens of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KoboldTokenCount {
    /// The number of tokens.
    #[serde(deserialize_with = "meant")]
    pub value: u64,
    /// The token ids.
    #[serde(default, deserialize_with = "filled")]
    pub ids: Vec<u32>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A number of tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KoboldLength {
    /// The number. Servers may omit it.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The version that the server reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KoboldVersion {
    /// The version, such as `1.2.5`; or the software, such as `KoboldCpp`.
    #[serde(deserialize_with = "meant")]
    pub result: String,
    /// The version of the software.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The available soft prompts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KoboldSoftPrompts {
    /// The soft prompts.
    #[serde(default, deserialize_with = "null_as_default")]
    pub values: Vec<serde_json::Value>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The soft prompt in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KoboldSoftPrompt {
    /// The name. Empty if there is none.
    #[serde(default, deserialize_with = "filled")]
    pub value: String,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

kinds! {
    KoboldAborted: "success";
    KoboldLength: "value";
    KoboldModel: "result";
    KoboldResults: "results";
    KoboldSoftPrompt: "value";
    KoboldSoftPrompts: "values";
    KoboldTokenCount: "value";
    KoboldVersion: "result";
}
