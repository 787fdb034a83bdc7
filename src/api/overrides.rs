//! The routes of sampler overrides: sampler parameters that the server sets for every request.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::api::fields::{plain, posts};
use crate::api::kinds::{json, kinds};
use crate::api::sampling::Sampling;
use crate::base::{Error, ErrorKind, Extra, OrderedJson, Result};
use crate::decode::fill::filled;
use crate::decode::open_enum::null_as_default;
use crate::decode::{Empty, Json};
use crate::protocol::{Endpoint, Replay, Scope, json_body};

/// Overrides to put in force, made of sampler parameters, so that names and types are right.
///
/// ```
/// use tabbyapi::api::{Overrides, Sampling};
///
/// let overrides = Overrides::new()
///     .fallback(Sampling::new().temperature(0.8))
///     .force(Sampling::new().top_p(0.9))
///     .append(Sampling::new().stop(["User:"]));
/// # assert_eq!(serde_json::to_value(&overrides).unwrap(), serde_json::json!({
/// #     "stop": {"override": ["User:"], "additive": true}, "temperature": {"override": 0.8},
/// #     "top_p": {"override": 0.9, "force": true},
/// # }));
/// ```
///
/// The server takes anything for an override, and then fails on every generation if one is a bare value, such as
/// `{"top_p": 0.5}`; that cannot be built here.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Overrides(BTreeMap<String, SamplerOverride>);

impl Overrides {
    /// None.
    pub fn new() -> Self {
        Overrides::default()
    }

    /// The parameters that are set in `sampling` apply where a request leaves them unset.
    #[must_use]
    pub fn fallback(self, sampling: Sampling) -> Self {
        self.with_all(&sampling, |value| value)
    }

    /// The parameters that are set in `sampling` apply in place of those of requests. The server does not force values
    /// that are zero, false or empty: they are defaults only.
    #[must_use]
    pub fn force(self, sampling: Sampling) -> Self {
        self.with_all(&sampling, SamplerOverride::force)
    }

    /// The lists that are set in `sampling`, such as `stop`, apply beside those of requests. What is not a list is a default only.
    #[must_use]
    pub fn append(self, sampling: Sampling) -> Self {
        self.with_all(&sampling, SamplerOverride::additive)
    }

    /// An override of any field, such as one that this library has no name for. The server skips those it does not know.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: SamplerOverride) -> Self {
        self.0.insert(field.into(), value);
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The overrides, by field.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SamplerOverride)> {
        self.0.iter().map(|(field, value)| (field.as_str(), value))
    }

    fn with_all(mut self, sampling: &Sampling, how: fn(SamplerOverride) -> SamplerOverride) -> Self {
        // A struct with fields always becomes an object.
        if let Ok(fields) = OrderedJson::from_serialize(sampling) {
            self.0.extend(
                fields.fields().map(|(field, value)| (field.to_owned(), how(SamplerOverride::new(value.clone())))),
            );
        }
        self
    }
}

/// The override of one sampler parameter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SamplerOverride {
    /// The value (wire: `override`); without `force` and `additive` it applies where a request leaves the field unset.
    #[serde(default, rename = "override")]
    pub value: OrderedJson,
    /// Whether it applies in place of the request's value; false by default.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
    /// Whether it is appended to the request's list; false by default. `force` goes before it.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub additive: Option<bool>,
    /// Fields that this library has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

impl SamplerOverride {
    /// Applies where a request leaves the field unset.
    pub fn new(value: impl Into<OrderedJson>) -> Self {
        SamplerOverride { value: value.into(), ..SamplerOverride::default() }
    }

    /// Applies in place of the request's value.
    #[must_use]
    pub fn force(mut self) -> Self {
        self.force = Some(true);
        self
    }

    /// Is appended to the request's list.
    #[must_use]
    pub fn additive(mut self) -> Self {
        self.additive = Some(true);
        self
    }
}

/// The overrides in force, and the presets that there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OverrideList {
    /// The preset that was switched to last. It stays here after other overrides were set or all were unloaded.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub selected_preset: Option<String>,
    /// The overrides in force, by field.
    #[serde(default, deserialize_with = "null_as_default")]
    pub overrides: AppliedOverrides,
    /// The names of all presets; empty for an API key.
    #[serde(default, deserialize_with = "filled")]
    pub presets: Vec<String>,
    /// Fields that this library has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Overrides in force; derefs to a map by field.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AppliedOverrides {
    well_formed: BTreeMap<String, SamplerOverride>,
    malformed: Extra,
}

impl AppliedOverrides {
    /// Overrides that are bare values, which some other client has set. As long as there are any, the server fails on every
    /// generation; [`SamplingService::unload`](crate::services::SamplingService::unload) takes them away.
    pub fn malformed(&self) -> &Extra {
        &self.malformed
    }
}

impl std::ops::Deref for AppliedOverrides {
    type Target = BTreeMap<String, SamplerOverride>;
    fn deref(&self) -> &Self::Target {
        &self.well_formed
    }
}

impl<'de> Deserialize<'de> for AppliedOverrides {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut applied = AppliedOverrides::default();
        let serde_json::Value::Object(fields) = serde_json::Value::deserialize(deserializer)? else {
            return Ok(applied);
        };
        for (field, value) in fields {
            match value.is_object().then(|| SamplerOverride::deserialize(&value)) {
                Some(Ok(read)) => _ = applied.well_formed.insert(field, read),
                _ => _ = applied.malformed.insert(field, value),
            }
        }
        Ok(applied)
    }
}

impl Serialize for AppliedOverrides {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(self.well_formed.len() + self.malformed.len()))?;
        self.well_formed.iter().try_for_each(|(field, value)| map.serialize_entry(field, value))?;
        self.malformed.iter().try_for_each(|(field, value)| map.serialize_entry(field, value))?;
        map.end()
    }
}

/// The operation of [`SamplingService::switch_preset`](crate::services::SamplingService::switch_preset).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SwitchPreset {
    /// The name of the preset, without `.yml`.
    pub preset: String,
}

impl SwitchPreset {
    /// Switches to this preset.
    pub fn new(name: impl Into<String>) -> Self {
        SwitchPreset { preset: name.into() }
    }
}

posts!(SwitchPreset: "/v1/sampling/override/switch", Admin, IfUnsent, Empty, read);

/// The operation of [`SamplingService::set_overrides`](crate::services::SamplingService::set_overrides).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetOverrides<'a>(pub &'a Overrides);

impl Endpoint for SetOverrides<'_> {
    type Decoder = Json<Empty>;
    const METHOD: http::Method = http::Method::POST;
    const SCOPE: Scope = Scope::Admin;
    const REPLAY: Replay = Replay::IfUnsent;

    fn path(&self) -> std::borrow::Cow<'_, str> {
        "/v1/sampling/override/switch".into()
    }

    fn body(&self) -> Result<Option<Bytes>> {
        #[derive(Serialize)]
        struct Body<'a> {
            overrides: &'a Overrides,
        }
        // What is not a finite number became null on the way here, and the server takes null for no override.
        if let Some((field, _)) = self.0.iter().find(|(_, entry)| entry.value.is_null()) {
            return Err(Error::new(ErrorKind::Encode, "not_finite", format!("the override of `{field}` has no value")));
        }
        json_body(&Body { overrides: self.0 })
    }

    fn decoder(&self) -> Self::Decoder {
        json()
    }
}

plain! {
    /// The operation of [`SamplingService::overrides`](crate::services::SamplingService::overrides).
    ListOverrides: GET "/v1/sampling/overrides", List, Safe, OverrideList, read
}

plain! {
    /// The operation of [`SamplingService::overrides_as_api_key`](crate::services::SamplingService::overrides_as_api_key).
    ListOverridesAsApiKey: GET "/v1/sampling/overrides", Api, Safe, OverrideList, read
}

plain! {
    /// The operation of [`SamplingService::unload`](crate::services::SamplingService::unload).
    UnloadOverrides: POST "/v1/sampling/override/unload", Admin, IfUnsent, Empty, read
}

kinds! {
    OverrideList: "selected_preset", "overrides", "presets";
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn later_ways_replace_earlier_ones() {
        let overrides = Overrides::new()
            .fallback(Sampling::new().top_p(0.9).max_tokens(6))
            .force(Sampling::new().top_p(0.5))
            .append(Sampling::new().banned_tokens([1]))
            .with("new", SamplerOverride::new("x").force());
        let expected = json!({
            "top_p": {"override": 0.5, "force": true}, "max_tokens": {"override": 6},
            "banned_tokens": {"override": [1], "additive": true}, "new": {"override": "x", "force": true},
        });
        assert_eq!(serde_json::to_value(&overrides).unwrap(), expected);
        assert_eq!(overrides.iter().count(), 4);
    }

    #[test]
    fn an_override_without_value_is_refused() {
        let overrides = Overrides::new().force(Sampling::new().top_p(f64::NAN));
        let error = SetOverrides(&overrides).body().unwrap_err();
        assert_eq!(error.to_string(), "the override of `top_p` has no value");
    }

    #[test]
    fn bare_values_of_others_are_told_apart() {
        let wire = json!({"overrides": {"top_p": 0.5, "stop": {"override": ["x"], "note": 1}}, "presets": null});
        let list: OverrideList = serde_json::from_value(wire).unwrap();
        assert_eq!(list.overrides.malformed()["top_p"], 0.5);
        assert_eq!(list.overrides["stop"].value, json!(["x"]));
        assert_eq!(list.overrides.len(), 1);
        let back = serde_json::to_value(&list).unwrap();
        assert_eq!(back["overrides"], json!({"top_p": 0.5, "stop": {"override": ["x"], "note": 1}}));
    }
}
