//! A sans-IO client for TabbyAPI servers.

#![warn(unreachable_pub)]

mod answer;
pub mod api;
pub mod auth;
pub mod call;
mod client;
mod config;
pub mod conversation;
pub mod decode;
pub mod driver;
mod endpoint;
mod error;
pub mod estimate;
mod options;
mod pace;
pub mod sse;
mod streaming;
pub mod structured;
mod text;
pub mod tools;
pub mod transport;
mod value;

pub use answer::{Answer, Calling};
pub use client::{Client, ClientBuilder};
pub use config::{BaseUrl, Limits};
pub use endpoint::{Accumulate, Endpoint, Replay, Scope, StreamEndpoint, json_body};
pub use error::{Error, ErrorKind, Phase, Result, ValidationIssue};
pub use http::Method;
pub use options::Options;
pub use pace::{Pace, Paces};
pub use streaming::{Broken, Outcome, Streaming};
pub use text::Text;
pub use value::{Extra, Few};
