//! Clients: they drive calls over a transport and provide the services.

#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
pub mod blocking;
#[allow(clippy::module_inception)]
pub(crate) mod client;
pub(crate) mod clock;
pub mod driver;
pub(crate) mod dyn_call;
pub(crate) mod readiness;
pub(crate) mod response;
pub(crate) mod response_stream;
#[cfg(feature = "tower")]
pub(crate) mod service;
pub mod services;
#[cfg(any(all(feature = "blocking", not(target_arch = "wasm32")), feature = "tabbyml"))]
pub(crate) mod setters;
pub(crate) mod stream_state;
#[cfg(feature = "tabbyml")]
pub(crate) mod tabbyml;
pub(crate) mod tables;
mod timer;

pub use client::{Client, ClientBuilder};
pub use clock::Clock;
pub use dyn_call::ResponseMeta;
pub use response::{Response, ResponseFuture};
pub use response_stream::ResponseStream;
pub use stream_state::{Outcome, StreamError};
