//! `GET /v1/templates`, `GET /v1/template/list`, `POST /v1/template/switch`, `POST /v1/template/unload`.

use axum::Extension;
use serde::Serialize;

use super::route::{self, Route};
use crate::app::lock;
use crate::call::{Call, Permission};
use crate::json::Json;
use crate::refusal::{self, Outcome, Refusal, detail};
use crate::schema::{Field, Kind};

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::get("/v1/template/list", list),
        route::post("/v1/template/switch", switch),
        route::post("/v1/template/unload", unload),
        route::get("/v1/templates", list),
    ]
}

static FIELDS: &[Field] = &[Field::required(&["prompt_template_name"], Kind::Str)];

#[derive(Serialize)]
struct List {
    object: &'static str,
    data: Vec<String>,
}

/// Lists every template file for an admin, and the active template for others.
async fn list(Extension(call): Extension<Call>) -> Outcome {
    call.api()?;
    let data = match call.permission().ok_or(Refusal::Internal)? {
        Permission::Admin => call.app.config.services.templates.iter().map(|template| template.name.clone()).collect(),
        Permission::Api => {
            let template = call.app.model().and_then(|model| model.template());
            template.into_iter().map(|template| template.name).collect()
        }
    };
    Ok(refusal::json(&List { object: "list", data }))
}

async fn switch(Extension(call): Extension<Call>) -> Outcome {
    let payload = call.payload()?;
    call.admin()?;
    let model = call.model()?;
    let body = payload.check(&[FIELDS])?;
    let name = body.get("prompt_template_name").and_then(Json::as_str).unwrap_or_default();
    if name.is_empty() {
        return Err(detail(400, "New template name not found."));
    }
    // The server does not handle a missing file.
    let template = call.app.config.services.template(name).ok_or(Refusal::Internal)?;
    *lock(&model.template) = Some(template);
    Ok(refusal::json(&()))
}

async fn unload(Extension(call): Extension<Call>) -> Outcome {
    call.admin()?;
    *lock(&call.model()?.template) = None;
    Ok(refusal::json(&()))
}
