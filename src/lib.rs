// The README is the crate's front page; its examples build a client on reqwest.
#![cfg_attr(all(feature = "reqwest", not(target_arch = "wasm32")), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "reqwest", not(target_arch = "wasm32"))),
    doc = "The sans-IO core of a client for TabbyAPI servers."
)]
//!
//! # Where to look
//!
//! * [`Client`] and [`api`]: the services and their types.
//! * [`Answer`], [`Streaming`], [`Broken`], [`Error`]: what comes of a call.
//! * [`Options`], [`Paces`], [`Limits`], [`policy`]: what can be set.
//! * [`hooks`]: code of yours that watches calls, changes what they carry, or stops them.
//! * [`flow`], [`batch`], [`errors`]: streams put together, many calls at a time, errors counted.
//! * [`Endpoint`], [`decode`], [`sse`], [`call`]: the core, for routes and executors of your own.
//! * [`transport`], [`driver`]: what moves the bytes.
//! * [`guide`]: how things are done, from the first call to running behind a proxy; what of the server is covered; for those
//!   who come from other libraries.

#![warn(unreachable_pub)]

mod advice;
mod answer;
pub mod api;
pub mod auth;
pub mod batch;
#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
pub mod blocking;
pub mod call;
mod client;
mod config;
pub mod conversation;
mod date;
pub mod decode;
pub mod driver;
mod endpoint;
mod error;
pub mod errors;
pub mod estimate;
mod extra;
mod fill;
pub mod flow;
// Text alone: it is there for rustdoc and its tests.
#[cfg(any(doc, doctest))]
pub mod guide;
pub mod hooks;
mod options;
mod ordered;
mod pace;
pub mod policy;
#[cfg(feature = "tower")]
mod service;
pub mod sse;
mod streaming;
pub mod structured;
#[cfg(any(feature = "tracing", feature = "opentelemetry"))]
pub mod telemetry;
mod text;
pub mod tools;
pub mod transport;
mod value;

pub use advice::{Advice, Place, Remedy};
pub use answer::{Answer, Calling};
pub use client::{Client, ClientBuilder};
pub use config::{BaseUrl, Limits};
pub use endpoint::{Accumulate, Endpoint, Replay, Scope, StreamEndpoint, json_body};
pub use error::{Error, ErrorKind, Phase, Result, ValidationIssue};
pub use extra::Extra;
pub use http::Method;
pub use options::Options;
pub use ordered::OrderedJson;
pub use pace::{Pace, Paces};
pub use streaming::{Broken, Outcome, Streaming};
pub use text::Text;
pub use value::Few;
