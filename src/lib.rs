//! A sans-IO client for TabbyAPI servers.

pub mod api;
pub mod call;
mod config;
pub mod decode;
mod endpoint;
mod error;
pub mod sse;
mod text;
mod value;

pub use config::{BaseUrl, Limits, Pace};
pub use endpoint::{Accumulate, Endpoint, Replay, Scope, StreamEndpoint, json_body};
pub use error::{Error, ErrorKind, Phase, Result, ValidationIssue};
pub use http::Method;
pub use text::Text;
pub use value::{Extra, Few};
