//! `GET /v1/loras`, `GET /v1/lora/list`, `GET /v1/lora`, `POST /v1/lora/load`, `POST /v1/lora/unload`.
//!
//! Current servers do not apply LoRAs: every requested name is in `failure`. Older servers did, and so does the emulator if it is
//! configured.

use axum::Extension;
use serde::Serialize;

use super::route::{self, Route};
use crate::app::lock;
use crate::call::{Call, Permission};
use crate::clock::Moment;
use crate::json::Json;
use crate::refusal::{self, Outcome, Refusal, detail};
use crate::schema::{Field, Kind, Limits};

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::get("/v1/lora", active),
        route::get("/v1/lora/list", list),
        route::post("/v1/lora/load", load),
        route::post("/v1/lora/unload", unload),
        route::get("/v1/loras", list),
    ]
}

static LORA: &[Field] =
    &[Field::required(&["name"], Kind::Str), Field::optional(&["scaling"], Kind::Float(Limits::NONE))];
static LORA_KIND: Kind = Kind::Model(LORA);
static FIELDS: &[Field] =
    &[Field::required(&["loras"], Kind::List(&LORA_KIND)), Field::unset(&["skip_queue"], Kind::Bool)];

#[derive(Serialize)]
struct List {
    object: &'static str,
    data: Vec<Card>,
}

#[derive(Serialize)]
struct Card {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    scaling: Option<f64>,
}

#[derive(Default, Serialize)]
struct Loaded {
    success: Vec<String>,
    failure: Vec<String>,
}

/// Lists every directory for an admin, and the applied ones for others.
async fn list(Extension(call): Extension<Call>) -> Outcome {
    call.api()?;
    Ok(match call.permission().ok_or(Refusal::Internal)? {
        Permission::Admin => {
            let directories = call.app.config.services.loras.iter().cloned();
            let folders = lock(&call.app.services.folders);
            let downloaded = folders.iter().filter_map(|path| path.strip_prefix("loras/")).map(str::to_owned);
            answer(directories.chain(downloaded).map(|name| (name, None)))
        }
        Permission::Api => {
            let applied = call.app.model().map(|model| lock(&model.loras).clone());
            answer(applied.into_iter().flatten().map(|(name, scaling)| (name, Some(scaling))))
        }
    })
}

async fn active(Extension(call): Extension<Call>) -> Outcome {
    call.api()?;
    let applied = lock(&call.model()?.loras).clone();
    Ok(answer(applied.into_iter().map(|(name, scaling)| (name, Some(scaling)))))
}

async fn load(Extension(call): Extension<Call>) -> Outcome {
    let payload = call.payload()?;
    call.admin()?;
    let model = call.model()?;
    let body = payload.check(&[FIELDS])?;
    let asked = body.get("loras").and_then(Json::as_list).unwrap_or_default();
    if asked.is_empty() {
        return Err(detail(400, "List of loras to load is not found."));
    }
    let config = &call.app.config.services;
    let (mut loaded, mut applied) = (Loaded::default(), Vec::new());
    for lora in asked {
        let name = lora.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
        if config.loras_work && config.loras.contains(&name) {
            applied.push((name.clone(), lora.get("scaling").and_then(Json::as_float).unwrap_or(1.0)));
            loaded.success.push(name);
        } else {
            loaded.failure.push(name);
        }
    }
    if config.loras_work {
        *lock(&model.loras) = applied;
    }
    Ok(refusal::json(&loaded))
}

async fn unload(Extension(call): Extension<Call>) -> Outcome {
    call.admin()?;
    lock(&call.model()?.loras).clear();
    Ok(refusal::json(&()))
}

fn answer(loras: impl Iterator<Item = (String, Option<f64>)>) -> axum::response::Response {
    let created = Moment::now().unix();
    let card = |(id, scaling)| Card { id, object: "lora", created, owned_by: "tabbyAPI", scaling };
    refusal::json(&List { object: "list", data: loras.map(card).collect() })
}
