//! `GET /v1/models`, `/v1/model/list`, `/v1/model`, `/props`, `/v1/model/draft/list`.

use axum::Extension;
use serde::Serialize;

use super::route::{self, Route};
use crate::call::{Call, Permission};
use crate::clock::Moment;
use crate::refusal::{self, Outcome, Refusal};

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::get("/props", props),
        route::get("/v1/model", current),
        route::get("/v1/model/draft/list", drafts),
        route::get("/v1/model/list", list),
        route::get("/v1/models", list),
    ]
}

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
    logging: (),
    parameters: Option<Parameters>,
}

#[derive(Serialize)]
struct Parameters {
    max_seq_len: u32,
    cache_size: u32,
    cache_mode: String,
    rope_scale: f64,
    rope_alpha: f64,
    max_batch_size: u32,
    chunk_size: u32,
    prompt_template: Option<String>,
    prompt_template_content: Option<String>,
    use_vision: bool,
    draft: (),
}

#[derive(Serialize)]
struct Props {
    total_slots: u32,
    chat_template: String,
    default_generation_settings: Settings,
}

#[derive(Serialize)]
struct Settings {
    n_ctx: u32,
}

const SLOTS: u32 = 128;

/// Lists every directory for an admin, and the loaded model for others.
async fn list(Extension(call): Extension<Call>) -> Outcome {
    call.api()?;
    let permission = call.permission().ok_or(Refusal::Internal)?;
    let mut names = call.app.config.dummy_models.clone();
    match permission {
        Permission::Admin => names.extend(call.app.model_names(false)),
        Permission::Api => names.extend(call.app.model().map(|model| model.name.clone())),
    }
    Ok(answer(names))
}

/// The same for the draft directory.
async fn drafts(Extension(call): Extension<Call>) -> Outcome {
    call.api()?;
    let names = match call.permission().ok_or(Refusal::Internal)? {
        Permission::Admin => call.app.model_names(true),
        Permission::Api => call.app.model().and_then(|model| model.draft.clone()).into_iter().collect(),
    };
    Ok(answer(names))
}

/// A list of cards without parameters.
pub(super) fn answer(names: Vec<String>) -> axum::response::Response {
    let data = names.into_iter().map(|name| card(name, None)).collect();
    refusal::json(&List { object: "list", data })
}

/// One card without parameters.
pub(super) fn bare(name: String) -> axum::response::Response {
    refusal::json(&card(name, None))
}

fn card(id: String, parameters: Option<Parameters>) -> Card {
    let created = Moment::now().unix();
    Card { id, object: "model", created, owned_by: "tabbyAPI", logging: (), parameters }
}

async fn current(Extension(call): Extension<Call>) -> Outcome {
    call.api()?;
    let model = call.model()?;
    let template = model.template();
    let (prompt_template, prompt_template_content) = template.map(|found| (found.name, found.content)).unzip();
    let parameters = Parameters {
        max_seq_len: model.max_seq_len,
        cache_size: model.cache_size,
        cache_mode: model.cache_mode.clone(),
        rope_scale: 1.0,
        rope_alpha: 1.0,
        max_batch_size: SLOTS,
        chunk_size: model.chunk_size,
        prompt_template,
        prompt_template_content,
        use_vision: model.vision,
        draft: (),
    };
    Ok(refusal::json(&card(model.name.clone(), Some(parameters))))
}

async fn props(Extension(call): Extension<Call>) -> Outcome {
    call.api()?;
    let model = call.model()?;
    let template = model.template();
    Ok(refusal::json(&Props {
        total_slots: SLOTS,
        chat_template: template.map(|found| found.content).unwrap_or_default(),
        default_generation_settings: Settings { n_ctx: model.max_seq_len },
    }))
}
