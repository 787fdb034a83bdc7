//! Sampler overrides: values that complete or replace those of a request.

use crate::app::{App, lock};
use crate::json::Json;
use crate::refusal::Refusal;
use crate::sampler::{SAMPLER, field};
use crate::services::ServiceConfig;

/// The active overrides.
pub(crate) struct Overrides {
    /// The preset that was switched to last. An unload keeps it.
    pub(crate) selected: Option<String>,
    /// An object, from a field to `{"override": …, "force": …, "additive": …}`.
    pub(crate) applied: Json,
}

impl Default for Overrides {
    fn default() -> Overrides {
        Overrides { selected: None, applied: Json::Dict(Vec::new()) }
    }
}

impl Overrides {
    /// Creates the overrides of the preset in the configuration.
    pub(crate) fn at_start(config: &ServiceConfig) -> Overrides {
        let named = |name: &String| config.presets.iter().find(|(preset, _)| preset == name);
        match config.active_preset.as_ref().and_then(named) {
            Some((name, fields)) => Overrides { selected: Some(name.clone()), applied: fields.clone() },
            None => Overrides::default(),
        }
    }
}

/// Errors on every generation if an override is malformed. The server accepts it unchecked, and then fails before it reads a
/// request.
pub(crate) fn check(app: &App) -> Result<(), Refusal> {
    match &lock(&app.services.overrides).applied {
        Json::Dict(fields) if fields.iter().all(|(_, one)| matches!(one, Json::Dict(_))) => Ok(()),
        _ => Err(Refusal::Internal),
    }
}

/// Returns the body with the overrides applied.
pub(crate) fn apply(app: &App, body: Json) -> Json {
    let overrides = lock(&app.services.overrides);
    match (body, &overrides.applied) {
        (Json::Dict(members), Json::Dict(fields)) => {
            Json::Dict(fields.iter().fold(members, |members, (name, one)| put(members, name, one)))
        }
        (body, _) => body,
    }
}

/// Alternative names of a field are valid only in requests.
fn put(members: Vec<(String, Json)>, name: &str, one: &Json) -> Vec<(String, Json)> {
    let known = SAMPLER.iter().find(|field| field.names[0] == name);
    let (Some(known), Some(value)) = (known, one.get("override").filter(|value| **value != Json::Null)) else {
        return members;
    };
    let body = Json::Dict(members);
    let given = field(&body, known.names).cloned();
    let says = |flag| one.get(flag).and_then(Json::as_bool).unwrap_or(false);
    let new = match (given, value) {
        (None, _) => value.clone(),
        (Some(_), _) if says("force") && is_true(value) => value.clone(),
        (Some(Json::List(own)), Json::List(more)) if says("additive") => Json::List([more.clone(), own].concat()),
        // The server has converted it to a list by then.
        (Some(text @ Json::Str(_)), Json::List(more)) if says("additive") => Json::List([&more[..], &[text]].concat()),
        (Some(own), _) => own,
    };
    let Json::Dict(mut members) = body else { return Vec::new() };
    members.retain(|(key, _)| !known.names.contains(&key.as_str()));
    members.push((name.to_owned(), new));
    members
}

/// Whether a value is forced: zero and empty values are not.
fn is_true(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(b) => *b,
        Json::Int(n) => *n != 0,
        Json::Float(f) => *f != 0.0,
        Json::Str(text) => !text.is_empty(),
        Json::List(items) => !items.is_empty(),
        Json::Dict(members) => !members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn becomes(body: &str, name: &str, one: &str, expected: &str) {
        let (body, one) = (Json::parse(body).unwrap(), Json::parse(one).unwrap());
        let Json::Dict(members) = body else { panic!("no object") };
        assert_eq!(Json::Dict(put(members, name, &one)), Json::parse(expected).unwrap());
    }

    #[test]
    fn the_three_kinds() {
        becomes("{}", "max_tokens", r#"{"override":6}"#, r#"{"max_tokens":6}"#);
        becomes(r#"{"max_length":9}"#, "max_tokens", r#"{"override":6}"#, r#"{"max_tokens":9}"#);
        becomes(r#"{"max_length":9}"#, "max_tokens", r#"{"override":6,"force":true}"#, r#"{"max_tokens":6}"#);
        becomes(r#"{"max_tokens":9}"#, "max_tokens", r#"{"override":0,"force":true}"#, r#"{"max_tokens":9}"#);
        let more = r#"{"override":["a"],"additive":true}"#;
        becomes(r#"{"stop":["b"]}"#, "stop", more, r#"{"stop":["a","b"]}"#);
        becomes(r#"{"stop":"b"}"#, "stop", more, r#"{"stop":["a","b"]}"#);
        becomes("{}", "stop", more, r#"{"stop":["a"]}"#);
        becomes("{}", "no_such_field", r#"{"override":1}"#, "{}");
    }
}
