//! Clients: what drives calls over a transport, and the services on top.

pub(crate) mod answer;
#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
pub mod blocking;
#[allow(clippy::module_inception)]
pub(crate) mod client;
pub(crate) mod clock;
pub mod driver;
pub(crate) mod readiness;
#[cfg(feature = "tower")]
pub(crate) mod service;
pub mod services;
pub(crate) mod streaming;

pub use answer::{Answer, Calling};
pub use client::{Client, ClientBuilder};
pub use clock::Clock;
pub use streaming::{Broken, Outcome, Streaming};
