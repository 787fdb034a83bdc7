//! `GET /health` and `GET /.well-known/serviceinfo`: without a key.

use axum::Extension;
use serde::Serialize;

use super::route::{self, Route};
use crate::app::Issue;
use crate::call::Call;
use crate::python;
use crate::refusal::{self, Outcome};

pub(super) fn routes() -> Vec<Route> {
    vec![route::get("/health", health), route::get("/.well-known/serviceinfo", service_info)]
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    issues: Vec<Issue>,
}

async fn health(Extension(call): Extension<Call>) -> Outcome {
    let issues = call.app.issues();
    let (status, code) = match issues.is_empty() {
        true => ("healthy", 200),
        false => ("unhealthy", 503),
    };
    let body = python::compact(&Health { status, issues });
    Ok(refusal::with_body(code, "application/json", body))
}

#[derive(Serialize)]
struct ServiceInfo {
    version: f64,
    software: Software,
    api: Apis,
}

#[derive(Serialize)]
struct Software {
    name: &'static str,
    repository: &'static str,
    homepage: &'static str,
}

#[derive(Serialize)]
struct Apis {
    openai: Api,
    koboldai: Api,
}

#[derive(Serialize)]
struct Api {
    name: &'static str,
    relative_url: &'static str,
    documentation: &'static str,
    version: u32,
}

async fn service_info() -> Outcome {
    let home = "https://github.com/theroyallab/tabbyAPI";
    let documentation = "https://theroyallab.github.io/tabbyAPI";
    let api = |name, relative_url| Api { name, relative_url, documentation, version: 1 };
    Ok(refusal::json(&ServiceInfo {
        version: 0.1,
        software: Software { name: "TabbyAPI", repository: home, homepage: home },
        api: Apis { openai: api("OpenAI API", "/v1"), koboldai: api("KoboldAI API", "/api") },
    }))
}
