//! Transports move the bytes of requests and responses. Implement [`Transport`] for a custom one.
//!
//! | | moves bytes with |
//! |---|---|
//! | `Reqwest` (feature `reqwest`) | reqwest on tokio, on native targets |
//! | `Ureq` (feature `blocking`) | ureq, on native targets; for blocking clients only |
//! | `Fetch` (feature `fetch`) | the `fetch` of browsers, Node, Deno and workers, on wasm32 |
//! | `Tower` (feature `tower`) | any `tower_service::Service` over HTTP |
//! | [`script::Script`] | nothing: replays recorded exchanges, for tests and docs |
//! | [`record::Recorder`] | another transport, and records the exchanges |

#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
mod cancel;
mod exchange;
#[cfg(any(feature = "tower", all(any(feature = "reqwest", feature = "blocking"), not(target_arch = "wasm32"))))]
mod fault;
#[cfg(all(feature = "fetch", target_arch = "wasm32"))]
mod fetch;
pub mod record;
#[cfg(all(feature = "reqwest", not(target_arch = "wasm32")))]
mod reqwest;
pub mod script;
mod seam;
#[cfg(feature = "tower")]
mod tower;
#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
pub(crate) mod ureq;

#[cfg(all(feature = "fetch", target_arch = "wasm32"))]
pub use crate::transport::fetch::{Fetch, FetchFault};
#[cfg(all(feature = "reqwest", not(target_arch = "wasm32")))]
pub use crate::transport::reqwest::Reqwest;
#[cfg(feature = "tower")]
pub use crate::transport::tower::{Frames, Tower, Wire, WireBody};
#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
pub use crate::transport::ureq::Ureq;
#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
pub use cancel::CancelHandle;
pub use exchange::{Chunk, Data, End, Exchange};
pub(crate) use seam::{BoxBody, Erased};
pub use seam::{LocalTransport, Transport};

pub use crate::base::{BoxFuture, MaybeSend, MaybeSync, Sent, TransportError};
