//! One file per route or group of routes; the table says which method each path takes.

mod chat;
mod completions;
mod health;
pub(crate) mod load;
mod models;
mod permission;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::app::App;
use crate::front::front;

/// Every path, with the methods it takes.
const TABLE: &[(&str, &[&str])] = &[
    ("/health", &["GET"]),
    ("/.well-known/serviceinfo", &["GET"]),
    ("/props", &["GET"]),
    ("/v1/auth/permission", &["GET"]),
    ("/v1/chat/completions", &["POST"]),
    ("/v1/completions", &["POST"]),
    ("/v1/model", &["GET"]),
    ("/v1/model/draft/list", &["GET"]),
    ("/v1/model/list", &["GET"]),
    ("/v1/model/load", &["POST"]),
    ("/v1/model/unload", &["POST"]),
    ("/v1/models", &["GET"]),
];

pub(crate) fn methods_of(path: &str) -> Option<&'static [&'static str]> {
    TABLE.iter().find(|(known, _)| *known == path).map(|(_, methods)| *methods)
}

pub(crate) fn router(app: &Arc<App>) -> Router {
    let routes = Router::new()
        .route("/health", get(health::health))
        .route("/.well-known/serviceinfo", get(health::service_info))
        .route("/props", get(models::props))
        .route("/v1/auth/permission", get(permission::permission))
        .route("/v1/chat/completions", post(chat::chat))
        .route("/v1/completions", post(completions::completions))
        .route("/v1/model", get(models::current))
        .route("/v1/model/draft/list", get(models::drafts))
        .route("/v1/model/list", get(models::list))
        .route("/v1/model/load", post(load::load))
        .route("/v1/model/unload", post(load::unload))
        .route("/v1/models", get(models::list));
    // Around the whole, for a layer on the routes would still have headers added behind its back.
    Router::new().fallback_service(routes).layer(from_fn_with_state(app.clone(), front))
}
