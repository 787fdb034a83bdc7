//! The routes of sampler overrides: sampler parameters that the server sets for every request.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::api::kinds::{json, kinds};
use crate::api::operation::{described, endpoints};
use crate::api::sampling::SamplingParams;
use crate::base::{Error, ErrorCode, ErrorKind, Extra, OrderedJson, Result};
use crate::decode::in_place::filled;
use crate::decode::open_enum::null_as_default;
use crate::decode::{Empty, Json};
use crate::protocol::{Endpoint, json_body};

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Sampler overrides: `client.sampling()`. They apply to the requests of every client of the server.
            ///
            /// `cargo run --example sampling` runs them against an emulated server.
            ///
            /// ```no_run
            /// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
            /// use tabbyapi::api::{Overrides, SamplingParams};
            ///
            /// println!("presets: {:?}", client.sampling().overrides().await?.presets);
            /// client.sampling().switch_preset("safe").await?;
            /// client.sampling().set_overrides(&Overrides::new().fallback(SamplingParams::new().temperature(0.8))).await?;
            /// client.sampling().unload().await?;
            /// # Ok(())
            /// # }
            /// ```
            sampling: Sampling {
                /// Returns the active overrides and the names of all presets.
                ///
                /// Uses the admin key if it is set. With an API key the server does not list presets.
                call overrides() -> OverrideList = &ListOverrides =>
                    unit [ListOverrides]: GET "/v1/sampling/overrides", PreferAdmin, Idempotent, read;
                /// Activates a preset of the server's `sampler_overrides` directory and replaces all overrides. Requires the admin key.
                ///
                /// # Errors
                ///
                /// * `unknown_preset`: the file does not exist.
                /// * `nothing_named`: the name is empty.
                call switch_preset(name: impl Into<String>) -> Empty = &SwitchPreset::new(name) =>
                    json [SwitchPreset]: POST "/v1/sampling/override/switch", Admin, IfUnsent, read;
                /// Sets these overrides and replaces all others. Requires the admin key.
                ///
                /// The list keeps the name of the preset that was active before.
                ///
                /// # Errors
                ///
                /// `nothing_named`: there are no overrides. Use [`unload`](Sampling::unload) to remove them.
                call set_overrides(overrides: &Overrides) -> Empty = &SetOverrides(overrides) =>
                    own [SetOverrides<'_>]: POST "/v1/sampling/override/switch", Admin, IfUnsent, read;
                /// Removes all overrides. Requires the admin key.
                ///
                /// The list keeps the name of the preset that was active.
                call unload() -> Empty = &UnloadOverrides =>
                    unit [UnloadOverrides]: POST "/v1/sampling/override/unload", Admin, IfUnsent, read;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

/// Overrides to set, built from sampler parameters so that names and types are correct.
///
/// ```
/// use tabbyapi::api::{Overrides, SamplingParams};
///
/// let overrides = Overrides::new()
///     .fallback(SamplingParams::new().temperature(0.8))
///     .force(SamplingParams::new().top_p(0.9))
///     .append(SamplingParams::new().stop(["User:"]));
/// # assert_eq!(serde_json::to_value(&overrides).unwrap(), serde_json::json!({
/// #     "stop": {"override": ["User:"], "additive": true}, "temperature": {"override": 0.8},
/// #     "top_p": {"override": 0.9, "force": true},
/// # }));
/// ```
///
/// The server accepts any value as an override, and then fails on every generation if one is a bare value, such as
/// `{"top_p": 0.5}`. This type cannot represent those.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Overrides(BTreeMap<String, SamplerOverride>);

impl Overrides {
    /// Creates an empty set.
    pub fn new() -> Self {
        Overrides::default()
    }

    /// Adds the parameters that are set in `sampling`. They apply where a request leaves them unset.
    #[must_use]
    pub fn fallback(self, sampling: SamplingParams) -> Self {
        self.with_all(&sampling, |value| value)
    }

    /// Adds the parameters that are set in `sampling`. They replace those of requests. The server does not force values
    /// that are zero, false or empty: they are defaults only.
    #[must_use]
    pub fn force(self, sampling: SamplingParams) -> Self {
        self.with_all(&sampling, SamplerOverride::force)
    }

    /// Adds the lists that are set in `sampling`, such as `stop`. They are appended to those of requests. Other values are defaults only.
    #[must_use]
    pub fn append(self, sampling: SamplingParams) -> Self {
        self.with_all(&sampling, SamplerOverride::additive)
    }

    /// Adds an override of any field, such as one that this library does not define. The server skips fields that it does not know.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: SamplerOverride) -> Self {
        self.0.insert(field.into(), value);
        self
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the overrides, by field.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SamplerOverride)> {
        self.0.iter().map(|(field, value)| (field.as_str(), value))
    }

    fn with_all(mut self, sampling: &SamplingParams, how: fn(SamplerOverride) -> SamplerOverride) -> Self {
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
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SamplerOverride {
    /// The value (wire: `override`). Without `force` and `additive` it applies where a request leaves the field unset.
    #[serde(default, rename = "override")]
    pub value: OrderedJson,
    /// Whether it replaces the value of the request; false by default.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
    /// Whether it is appended to the list of the request; false by default. `force` takes precedence.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub additive: Option<bool>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

impl SamplerOverride {
    /// Creates an override that applies where a request leaves the field unset.
    pub fn new(value: impl Into<OrderedJson>) -> Self {
        SamplerOverride { value: value.into(), ..SamplerOverride::default() }
    }

    /// Makes it replace the value of the request.
    #[must_use]
    pub fn force(mut self) -> Self {
        self.force = Some(true);
        self
    }

    /// Makes it append to the list of the request.
    #[must_use]
    pub fn additive(mut self) -> Self {
        self.additive = Some(true);
        self
    }
}

/// The active overrides, and the available presets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct OverrideList {
    /// The preset that was activated last. Not reset when other overrides are set or all are removed.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub selected_preset: Option<String>,
    /// The active overrides, by field.
    #[serde(default, deserialize_with = "null_as_default")]
    pub overrides: AppliedOverrides,
    /// The names of all presets; empty for an API key.
    #[serde(default, deserialize_with = "filled")]
    pub presets: Vec<String>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Active overrides. Dereferences to a map by field.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AppliedOverrides {
    well_formed: BTreeMap<String, SamplerOverride>,
    malformed: Extra,
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for AppliedOverrides {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AppliedOverrides".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        BTreeMap::<String, SamplerOverride>::json_schema(generator)
    }
}

impl AppliedOverrides {
    /// Returns overrides that are bare values, set by another client. While there are any, the server fails on every
    /// generation. [`Sampling::unload`](crate::services::Sampling::unload) removes them.
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

/// The preset to switch to.
///
/// The operation of [`Sampling::switch_preset`](crate::services::Sampling::switch_preset).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SwitchPreset {
    /// The name of the preset, without `.yml`.
    pub preset: String,
}

impl SwitchPreset {
    /// Creates a request to switch to this preset.
    pub fn new(name: impl Into<String>) -> Self {
        SwitchPreset { preset: name.into() }
    }
}

/// The operation of [`Sampling::set_overrides`](crate::services::Sampling::set_overrides).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetOverrides<'a>(pub &'a Overrides);

/// Overrides of sampling parameters to set.
#[derive(Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemars", schemars(rename = "SetOverrides"))]
struct SetOverridesBody<'a> {
    /// The overrides, by sampler parameter.
    overrides: &'a Overrides,
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for SetOverrides<'_> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SetOverrides".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        SetOverridesBody::json_schema(generator)
    }
}

impl Endpoint for SetOverrides<'_> {
    type Decoder = Json<Empty>;

    described!();

    fn body(&self) -> Result<Option<Bytes>> {
        // A number that is not finite became null in the serialization, and the server reads null as no override.
        if let Some((field, _)) = self.0.iter().find(|(_, entry)| entry.value.is_null()) {
            return Err(Error::new(
                ErrorKind::Encode,
                ErrorCode::NotFinite,
                format!("the override of `{field}` has no value"),
            ));
        }
        json_body(&SetOverridesBody { overrides: self.0 })
    }

    fn decoder(&self) -> Self::Decoder {
        json()
    }
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
            .fallback(SamplingParams::new().top_p(0.9).max_tokens(6))
            .force(SamplingParams::new().top_p(0.5))
            .append(SamplingParams::new().banned_tokens([1]))
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
        let overrides = Overrides::new().force(SamplingParams::new().top_p(f64::NAN));
        let error = SetOverrides(&overrides).body().unwrap_err();
        assert_eq!(error.to_string(), "the override of `top_p` has no value");
    }

    #[test]
    fn bare_values_of_others_are_distinguished() {
        let wire = json!({"overrides": {"top_p": 0.5, "stop": {"override": ["x"], "note": 1}}, "presets": null});
        let list: OverrideList = serde_json::from_value(wire).unwrap();
        assert_eq!(list.overrides.malformed()["top_p"], 0.5);
        assert_eq!(list.overrides["stop"].value, json!(["x"]));
        assert_eq!(list.overrides.len(), 1);
        let back = serde_json::to_value(&list).unwrap();
        assert_eq!(back["overrides"], json!({"top_p": 0.5, "stop": {"override": ["x"], "note": 1}}));
    }
}
