// The README is the crate's front page; its examples build a client on reqwest.
#![cfg_attr(all(feature = "reqwest", not(target_arch = "wasm32")), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "reqwest", not(target_arch = "wasm32"))),
    doc = "The sans-IO core of a client for TabbyAPI servers."
)]
//!
//! # Where to look
//!
//! * [`Client`], its [`services`], and the requests and responses in [`api`].
//! * [`Response`], [`ResponseStream`], [`StreamError`], [`Error`]: results of calls.
//! * [`Options`], [`TimeoutPolicy`], [`Limits`], [`policy`], [`auth`]: settings.
//! * [`hooks`] and `telemetry`: code that observes calls, changes them, or stops them.
//! * [`tools`], [`structured`], [`conversation`], [`estimate`], [`batch`], [`flow`], [`Continuation`], [`errors`]: helpers on top of a client.
//! * [`doctor`]: examines a server, and reports problems and fixes.
//! * [`transport`]: HTTP stacks, custom transports, and scripts and recordings for tests.
//! * [`Endpoint`], [`call`], [`decode`], [`sse`], [`driver`]: the core, for custom routes and executors.
//! * [`guide`]: guides, from the first call to a service behind a proxy; a table of all routes; migration from other libraries.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(unreachable_pub)]

// The floors. `tests/layers.rs` checks their order.
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
// Text only, for rustdoc and its tests.
#[cfg(any(doc, doctest))]
pub mod guide;

pub use http::Method;

pub use base::{
    Advice, BaseUrl, Error, ErrorCode, ErrorKind, Extra, InlineVec, Limits, OrderedJson, Phase, Place, Remedy, Result,
    Text, TimeoutPolicy, Timeouts, ValidationIssue,
};
#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
pub use client::blocking;
pub use client::{
    Client, ClientBuilder, Outcome, Response, ResponseFuture, ResponseMeta, ResponseStream, StreamError, driver,
    services,
};
pub use protocol::policy::Resume;
pub use protocol::{
    Accumulate, Endpoint, Idempotency, Options, Scope, StreamEndpoint, auth, call, estimate, hooks, json_body, policy,
};
#[cfg(feature = "oauth2")]
pub use toolkit::oauth;

/// A client for TabbyML/tabby, the self-hosted coding assistant, which is also called TabbyAPI.
///
/// [`Client`](tabbyml::Client) is a client like [`crate::Client`], on the same core, with the [services](tabbyml::services) of this
/// server. This module has the types of its operations. Messages and chunks of conversations are those of [`api`].
#[cfg(feature = "tabbyml")]
pub mod tabbyml {
    pub use crate::api::tabbyml::*;
    #[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
    pub use crate::client::tabbyml::blocking;
    pub use crate::client::tabbyml::{ChatStream, Client, ClientBuilder, services};
    pub use crate::toolkit::editor;
}

/// Items for the npm package and the tests of this repository. Not part of the stable API.
#[doc(hidden)]
pub mod internal {
    pub use crate::api::operations::{OPERATIONS, Operation};
    #[cfg(feature = "schemars")]
    pub use crate::api::operations::{SERVICES, SchemaOf};
    #[cfg(feature = "tabbyml")]
    pub use crate::api::tabbyml::internal::*;
    pub use crate::decode::template::{Body, Frame, Frames};
    pub use crate::protocol::call::operation::EndpointParts;
    pub use crate::protocol::resume::joint::{Ask, Join, Joins, Piece, Way};
}
pub use toolkit::{Continuation, batch, conversation, doctor, errors, flow, structured, tools};
