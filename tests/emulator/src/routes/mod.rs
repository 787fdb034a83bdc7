//! One file per route or group of routes; the table says which methods each path takes.

mod chat;
mod completions;
mod download;
mod embedding_models;
mod embeddings;
mod health;
mod kobold;
pub(crate) mod load;
mod loras;
mod models;
mod permission;
mod sampling;
mod templates;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::app::App;
use crate::front::front;
use crate::services::Kobold;

/// Every path, with the methods it takes.
const TABLE: &[(&str, &[&str])] = &[
    ("/health", &["GET"]),
    ("/.well-known/serviceinfo", &["GET"]),
    ("/props", &["GET"]),
    ("/v1/auth/permission", &["GET"]),
    ("/v1/chat/completions", &["POST"]),
    ("/v1/completions", &["POST"]),
    ("/v1/download", &["POST"]),
    ("/v1/embeddings", &["POST"]),
    ("/v1/lora", &["GET"]),
    ("/v1/lora/list", &["GET"]),
    ("/v1/lora/load", &["POST"]),
    ("/v1/lora/unload", &["POST"]),
    ("/v1/loras", &["GET"]),
    ("/v1/model", &["GET"]),
    ("/v1/model/draft/list", &["GET"]),
    ("/v1/model/embedding", &["GET"]),
    ("/v1/model/embedding/list", &["GET"]),
    ("/v1/model/embedding/load", &["POST"]),
    ("/v1/model/embedding/unload", &["POST"]),
    ("/v1/model/list", &["GET"]),
    ("/v1/model/load", &["POST"]),
    ("/v1/model/unload", &["POST"]),
    ("/v1/models", &["GET"]),
    ("/v1/sampling/override/list", &["GET"]),
    ("/v1/sampling/override/switch", &["POST"]),
    ("/v1/sampling/override/unload", &["POST"]),
    ("/v1/sampling/overrides", &["GET"]),
    ("/v1/template/list", &["GET"]),
    ("/v1/template/switch", &["POST"]),
    ("/v1/template/unload", &["POST"]),
    ("/v1/templates", &["GET"]),
    ("/v1/token/decode", &["POST"]),
    ("/v1/token/encode", &["POST"]),
];

/// The same below `/api/v1` and `/api/latest`.
const KOBOLD: &[(&str, &[&str])] = &[
    ("/config/max_context_length", &["GET"]),
    ("/config/max_length", &["GET"]),
    ("/config/soft_prompt", &["GET", "PUT"]),
    ("/config/soft_prompts_list", &["GET"]),
    ("/generate", &["POST"]),
    ("/info/version", &["GET"]),
    ("/model", &["GET"]),
];

/// The same below `/api/extra`.
const KOBOLD_EXTRA: &[(&str, &[&str])] = &[
    ("/abort", &["POST"]),
    ("/generate/check", &["GET", "POST"]),
    ("/generate/stream", &["POST"]),
    ("/tokencount", &["POST"]),
    ("/true_max_context_length", &["GET"]),
    ("/version", &["GET"]),
];

/// Every route there is, as verb and path, those of the Kobold API included.
pub(crate) fn all() -> Vec<(&'static str, String)> {
    let tables = [(TABLE, ""), (KOBOLD, "/api/v1"), (KOBOLD, "/api/latest"), (KOBOLD_EXTRA, "/api/extra")];
    let mut routes = Vec::new();
    for (table, prefix) in tables {
        for (path, methods) in table {
            routes.extend(methods.iter().map(|method| (*method, format!("{prefix}{path}"))));
        }
    }
    routes
}

pub(crate) fn methods_of(app: &App, path: &str) -> Option<&'static [&'static str]> {
    let (table, path) = match path.strip_prefix("/api") {
        None => (TABLE, path),
        Some(_) if app.config.services.kobold == Kobold::Off => return None,
        Some(rest) => match rest.strip_prefix("/extra") {
            Some(rest) => (KOBOLD_EXTRA, rest),
            None => (KOBOLD, rest.strip_prefix("/v1").or_else(|| rest.strip_prefix("/latest"))?),
        },
    };
    table.iter().find(|(known, _)| *known == path).map(|(_, methods)| *methods)
}

pub(crate) fn router(app: &Arc<App>) -> Router {
    let kobold = Router::new()
        .route("/config/max_context_length", get(kobold::max_length))
        .route("/config/max_length", get(kobold::max_length))
        .route("/config/soft_prompt", get(kobold::soft_prompt).put(kobold::set_soft_prompt))
        .route("/config/soft_prompts_list", get(kobold::soft_prompts))
        .route("/generate", post(kobold::generate))
        .route("/info/version", get(kobold::version))
        .route("/model", get(kobold::model));
    let routes = Router::new()
        .route("/health", get(health::health))
        .route("/.well-known/serviceinfo", get(health::service_info))
        .route("/api/extra/abort", post(kobold::abort))
        .route("/api/extra/generate/check", get(kobold::check).post(kobold::check))
        .route("/api/extra/generate/stream", post(kobold::stream))
        .route("/api/extra/tokencount", post(kobold::token_count))
        .route("/api/extra/true_max_context_length", get(kobold::max_length))
        .route("/api/extra/version", get(kobold::extra_version))
        .nest("/api/latest", kobold.clone())
        .nest("/api/v1", kobold)
        .route("/props", get(models::props))
        .route("/v1/auth/permission", get(permission::permission))
        .route("/v1/chat/completions", post(chat::chat))
        .route("/v1/completions", post(completions::completions))
        .route("/v1/download", post(download::download))
        .route("/v1/embeddings", post(embeddings::embeddings))
        .route("/v1/lora", get(loras::active))
        .route("/v1/lora/list", get(loras::list))
        .route("/v1/lora/load", post(loras::load))
        .route("/v1/lora/unload", post(loras::unload))
        .route("/v1/loras", get(loras::list))
        .route("/v1/model", get(models::current))
        .route("/v1/model/draft/list", get(models::drafts))
        .route("/v1/model/embedding", get(embedding_models::current))
        .route("/v1/model/embedding/list", get(embedding_models::list))
        .route("/v1/model/embedding/load", post(embedding_models::load))
        .route("/v1/model/embedding/unload", post(embedding_models::unload))
        .route("/v1/model/list", get(models::list))
        .route("/v1/model/load", post(load::load))
        .route("/v1/model/unload", post(load::unload))
        .route("/v1/models", get(models::list))
        .route("/v1/sampling/override/list", get(sampling::list))
        .route("/v1/sampling/override/switch", post(sampling::switch))
        .route("/v1/sampling/override/unload", post(sampling::unload))
        .route("/v1/sampling/overrides", get(sampling::list))
        .route("/v1/template/list", get(templates::list))
        .route("/v1/template/switch", post(templates::switch))
        .route("/v1/template/unload", post(templates::unload))
        .route("/v1/templates", get(templates::list))
        .route("/v1/token/decode", post(tokens::decode))
        .route("/v1/token/encode", post(tokens::encode));
    // Around the whole, for a layer on the routes would still have headers added behind its back.
    Router::new().fallback_service(routes).layer(from_fn_with_state(app.clone(), front))
}
