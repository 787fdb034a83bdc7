//! The routes, one file per route or group of routes.

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
mod route;
mod sampling;
mod templates;
mod tokens;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::app::App;
use crate::front::front;
use crate::services::Kobold;

/// The methods that each path accepts.
static VERBS: LazyLock<BTreeMap<String, Vec<&'static str>>> = LazyLock::new(|| {
    let mut verbs = BTreeMap::<_, Vec<_>>::new();
    for route in routes() {
        verbs.entry(route.path).or_default().push(route.verb);
    }
    verbs
});

/// All routes, including those of the Kobold API.
fn routes() -> Vec<route::Route> {
    let all = [
        chat::routes(),
        completions::routes(),
        download::routes(),
        embedding_models::routes(),
        embeddings::routes(),
        health::routes(),
        kobold::routes(),
        load::routes(),
        loras::routes(),
        models::routes(),
        permission::routes(),
        sampling::routes(),
        templates::routes(),
        tokens::routes(),
    ];
    all.into_iter().flatten().collect()
}

/// Returns all routes as method and path, including those of the Kobold API.
pub(crate) fn all() -> Vec<(&'static str, String)> {
    routes().into_iter().map(|route| (route.verb, route.path)).collect()
}

pub(crate) fn methods_of(app: &App, path: &str) -> Option<&'static [&'static str]> {
    if path.starts_with("/api/") && app.config.services.kobold == Kobold::Off {
        return None;
    }
    VERBS.get(path).map(Vec::as_slice)
}

pub(crate) fn router(app: &Arc<App>) -> Router {
    let routes = routes().into_iter().fold(Router::new(), |router, route| router.route(&route.path, route.answer));
    // Around the whole router, because the router adds headers after layers on the routes.
    Router::new().fallback_service(routes).layer(from_fn_with_state(app.clone(), front))
}
