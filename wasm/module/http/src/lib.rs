//! What the core uses of the crate `http`, in a tenth of its code, for the module that browsers load.
//!
//! The types have the names and the ways of those of `http`, so the core compiles against either; `wasm/module/Cargo.toml` puts this
//! one in the other's place, and `wasm/tests/http.rs` holds the two side by side. What differs: maps of headers are lists, for requests
//! here have a handful; addresses are absolute ones; there are no extensions.

mod header_map;
mod message;
mod names;
mod status;
pub mod uri;
mod value;

pub use header_map::HeaderMap;
pub use message::{Request, Response, request, response};
pub use names::{HeaderName, InvalidHeaderName, Method};
pub use status::{InvalidStatusCode, StatusCode};
pub use uri::Uri;
pub use value::{HeaderValue, InvalidHeaderValue, ToStrError};

/// Headers, and names that are known.
pub mod header {
    pub use crate::header_map::HeaderMap;
    pub use crate::names::{HeaderName, InvalidHeaderName, known::*};
    pub use crate::value::{HeaderValue, InvalidHeaderValue, ToStrError};
}
