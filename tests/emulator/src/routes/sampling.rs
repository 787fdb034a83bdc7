//! `GET /v1/sampling/overrides`, `GET /v1/sampling/override/list`, `POST /v1/sampling/override/switch`,
//! `POST /v1/sampling/override/unload`.

use axum::Extension;
use serde::Serialize;

use super::route::{self, Route};
use crate::app::lock;
use crate::call::{Call, Permission};
use crate::json::Json;
use crate::overrides::Overrides;
use crate::refusal::{self, Outcome, Refusal, detail};
use crate::schema::{Field, Kind};

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::get("/v1/sampling/override/list", list),
        route::post("/v1/sampling/override/switch", switch),
        route::post("/v1/sampling/override/unload", unload),
        route::get("/v1/sampling/overrides", list),
    ]
}

static FIELDS: &[Field] = &[Field::optional(&["preset"], Kind::Str), Field::optional(&["overrides"], Kind::Dict)];

#[derive(Serialize)]
struct List {
    selected_preset: Option<String>,
    overrides: Json,
    presets: Vec<String>,
}

/// Only an admin sees the presets, but everybody sees the active overrides.
async fn list(Extension(call): Extension<Call>) -> Outcome {
    call.api()?;
    let presets = match call.permission().ok_or(Refusal::Internal)? {
        Permission::Admin => call.app.config.services.presets.iter().map(|(name, _)| name.clone()).collect(),
        Permission::Api => Vec::new(),
    };
    let overrides = lock(&call.app.services.overrides);
    let (selected_preset, overrides) = (overrides.selected.clone(), overrides.applied.clone());
    Ok(refusal::json(&List { selected_preset, overrides, presets }))
}

async fn switch(Extension(call): Extension<Call>) -> Outcome {
    let payload = call.payload()?;
    call.admin()?;
    let body = payload.check(&[FIELDS])?;
    let preset = body.get("preset").and_then(Json::as_str).filter(|name| !name.is_empty());
    let mut overrides = lock(&call.app.services.overrides);
    match (preset, body.get("overrides")) {
        (Some(name), _) => {
            let presets = &call.app.config.services.presets;
            let Some((name, fields)) = presets.iter().find(|(known, _)| known == name) else {
                let text = format!("Sampler override preset with name {name} does not exist. Check the spelling?");
                return Err(detail(400, text));
            };
            *overrides = Overrides { selected: Some(name.clone()), applied: fields.clone() };
        }
        // Their content is not checked, and the name of the preset is kept.
        (None, Some(fields @ Json::Dict(members))) if !members.is_empty() => overrides.applied = fields.clone(),
        _ => return Err(detail(400, "A sampler override preset or dictionary wasn't provided.")),
    }
    Ok(refusal::json(&()))
}

/// The name of the preset is kept here, too.
async fn unload(Extension(call): Extension<Call>) -> Outcome {
    call.admin()?;
    lock(&call.app.services.overrides).applied = Json::Dict(Vec::new());
    Ok(refusal::json(&()))
}
