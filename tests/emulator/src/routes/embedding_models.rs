//! `GET /v1/model/embedding/list`, `GET /v1/model/embedding`, `POST /v1/model/embedding/load`,
//! `POST /v1/model/embedding/unload`.

use axum::Extension;
use serde::Serialize;

use super::route::{self, Route};
use crate::app::{last_component, lock};
use crate::call::{Call, Permission};
use crate::json::Json;
use crate::refusal::{self, Outcome, Refusal, detail};
use crate::routes::models;
use crate::schema::{Field, Kind};

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::get("/v1/model/embedding", current),
        route::get("/v1/model/embedding/list", list),
        route::post("/v1/model/embedding/load", load),
        route::post("/v1/model/embedding/unload", unload),
    ]
}

static FIELDS: &[Field] =
    &[Field::required(&["embedding_model_name"], Kind::Str), Field::optional(&["embeddings_device"], Kind::Str)];

#[derive(Serialize)]
struct Loaded {
    model_type: &'static str,
    module: u32,
    modules: u32,
    status: &'static str,
}

/// The name of the loaded embedding model. 503 if there is none.
pub(super) fn loaded(call: &Call) -> Result<String, Refusal> {
    let name = lock(&call.app.services.embedding).clone();
    name.ok_or_else(|| detail(503, "No embedding models are currently loaded."))
}

/// Lists every directory for an admin, and the loaded model for others.
async fn list(Extension(call): Extension<Call>) -> Outcome {
    call.api()?;
    let names = match call.permission().ok_or(Refusal::Internal)? {
        Permission::Admin => {
            let models = &call.app.config.services.embedding_models;
            models.iter().map(|(name, _)| name.clone()).collect()
        }
        Permission::Api => lock(&call.app.services.embedding).clone().into_iter().collect(),
    };
    Ok(models::answer(names))
}

async fn current(Extension(call): Extension<Call>) -> Outcome {
    call.api()?;
    Ok(models::bare(loaded(&call)?))
}

/// Unlike the load of a model, this responds with JSON when it is complete.
async fn load(Extension(call): Extension<Call>) -> Outcome {
    let payload = call.payload()?;
    call.admin()?;
    let body = payload.check(&[FIELDS])?;
    let name = body.get("embedding_model_name").and_then(Json::as_str).unwrap_or_default();
    if name.is_empty() {
        return Err(detail(400, "A model name was not provided for load."));
    }
    let name = last_component(name);
    let models = &call.app.config.services.embedding_models;
    let Some((_, failure)) = models.iter().find(|(known, _)| known == name) else {
        let text = "Could not find the embedding model path for load. Check model name or config.yml?";
        return Err(detail(400, text));
    };
    if lock(&call.app.services.embedding).as_deref() == Some(name) {
        return Err(detail(400, format!("Embeddings model \"{name}\" is already loaded! Aborting.")));
    }
    // After a failed load no model is loaded.
    *lock(&call.app.services.embedding) = None;
    tokio::time::sleep(call.app.config.load_delay).await;
    if let Some(message) = failure {
        return Err(detail(400, message));
    }
    *lock(&call.app.services.embedding) = Some(name.to_owned());
    Ok(refusal::json(&Loaded { model_type: "embedding_model", module: 1, modules: 1, status: "finished" }))
}

async fn unload(Extension(call): Extension<Call>) -> Outcome {
    call.admin()?;
    loaded(&call)?;
    *lock(&call.app.services.embedding) = None;
    Ok(refusal::json(&()))
}
