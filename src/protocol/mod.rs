//! One operation from request to outcome, without IO.

pub mod auth;
pub mod call;
pub(crate) mod endpoint;
pub mod estimate;
pub mod hooks;
pub(crate) mod hub_token;
pub(crate) mod options;
pub mod policy;
pub(crate) mod resume;

pub(crate) use endpoint::json_body_of;
pub use endpoint::{Accumulate, Endpoint, Idempotency, Scope, StreamEndpoint, json_body};
pub use options::Options;
