//! `GET /v1/auth/permission`: the permission of a key.

use axum::Extension;
use serde::Serialize;

use super::route::{self, Route};
use crate::call::{Call, Permission};
use crate::refusal::{self, Outcome, detail};

pub(super) fn routes() -> Vec<Route> {
    vec![route::get("/v1/auth/permission", permission)]
}

#[derive(Serialize)]
struct Body {
    permission: &'static str,
}

async fn permission(Extension(call): Extension<Call>) -> Outcome {
    call.api()?;
    let permission = match call.permission() {
        Some(Permission::Admin) => "admin",
        Some(Permission::Api) => "api",
        None => return Err(detail(400, "The provided authentication key is invalid.")),
    };
    Ok(refusal::json(&Body { permission }))
}
