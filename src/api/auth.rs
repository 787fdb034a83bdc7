//! `GET /v1/auth/permission`: what the client's key may do.

use serde::{Deserialize, Serialize};

use crate::api::kinds::kinds;
use crate::api::operation::endpoints;
use crate::base::Extra;
use crate::decode::open_enum::open_enum;

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// What a key may do: `client.auth()`.
            ///
            /// `cargo run --example auth` runs it against an emulated server.
            ///
            /// ```no_run
            /// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
            /// println!("{}", client.auth().permission().await?.permission);
            /// # Ok(())
            /// # }
            /// ```
            auth: Auth {
                /// Returns the permission of the key that generations use: the API key, or else the admin key.
                ///
                /// On a server without authentication every caller is [`Permission::Admin`](crate::api::Permission::Admin).
                ///
                /// # Errors
                ///
                /// `missing_key`, `invalid_key`: the server rejected the key.
                call permission() -> PermissionResponse = &GetPermission =>
                    unit [GetPermission]: GET "/v1/auth/permission", Api, Idempotent, read;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

/// The permission of a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PermissionResponse {
    /// The permission.
    #[serde(deserialize_with = "crate::decode::in_place::meant")]
    pub permission: Permission,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

open_enum! {
    /// A level of permission.
    Permission {
        /// Generate, and read the loaded model.
        Api = "api",
        /// Everything, including loading models.
        Admin = "admin",
    }
}

kinds! {
    PermissionResponse: "permission";
}
