//! `GET /v1/auth/permission`: what the client's key may do.

use std::borrow::Cow;

use http::Method;
use serde::{Deserialize, Serialize};

use crate::api::kinds::{json, kinds};
use crate::base::Extra;
use crate::decode::Json;
use crate::decode::open_enum::open_enum;
use crate::protocol::{Endpoint, Replay, Scope};

/// The operation of [`Auth::permission`](crate::services::Auth::permission).
#[derive(Clone, Copy, Debug, Default)]
pub struct GetPermission;

impl Endpoint for GetPermission {
    type Decoder = Json<PermissionAnswer>;
    const METHOD: Method = Method::GET;
    const SCOPE: Scope = Scope::Api;
    const REPLAY: Replay = Replay::Safe;

    fn path(&self) -> Cow<'_, str> {
        "/v1/auth/permission".into()
    }

    fn decoder(&self) -> Self::Decoder {
        json()
    }
}

/// What a key may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PermissionAnswer {
    /// What the key may do.
    #[serde(deserialize_with = "crate::decode::fill::meant")]
    pub permission: Permission,
    /// Fields that this library has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

open_enum! {
    /// A level of permission.
    Permission {
        /// Generate, and read what concerns the loaded model.
        Api = "api",
        /// Everything, such as loading models.
        Admin = "admin",
    }
}

kinds! {
    PermissionAnswer: "permission";
}
