//! The event-stream parser through its public API.

// As a test of `tests/hosts`.
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#[macro_use]
extern crate tabbyapi_hosts;

mod borders;
mod differential;
mod harness;
mod limits;
mod reference;
mod vectors;
