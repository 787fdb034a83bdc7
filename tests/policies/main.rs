//! The policies of a client under virtual time: several servers, breakers, limits, budgets.

// As a test of `tests/hosts`.
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#[macro_use]
extern crate tabbyapi_hosts;

#[path = "../common/mod.rs"]
mod common;
mod harness;

mod budgets;
mod keys;
mod limits;
mod servers;
