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

// Floors, from the lowest on: each imports from those above it in this list alone. `tests/layers.rs` holds it.
pub mod api;
mod base;
mod client;
pub mod decode;
mod protocol;
pub mod sse;
#[cfg(any(feature = "tracing", feature = "opentelemetry"))]
pub mod telemetry;
mod toolkit;
pub mod transport;
// Text alone: it is there for rustdoc and its tests.
#[cfg(any(doc, doctest))]
pub mod guide;

pub use http::Method;

pub use base::{
    Advice, BaseUrl, Error, ErrorKind, Extra, Few, Limits, OrderedJson, Pace, Paces, Phase, Place, Remedy, Result,
    Text, ValidationIssue,
};
#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
pub use client::blocking;
pub use client::{Answer, Broken, Calling, Client, ClientBuilder, Outcome, Streaming, driver, services};
pub use protocol::{
    Accumulate, Endpoint, Options, Replay, Scope, StreamEndpoint, auth, call, estimate, hooks, json_body, policy,
};
#[cfg(feature = "oauth2")]
pub use toolkit::oauth;
pub use toolkit::{Continuation, batch, conversation, errors, flow, structured, tools};
