//! The event-stream parser through its public API.

// As a test of `tests/hosts`.
#[cfg(target_arch = "wasm32")]
#[macro_use]
extern crate tabbyapi_hosts;

mod borders;
mod differential;
mod harness;
mod limits;
mod reference;
mod vectors;
