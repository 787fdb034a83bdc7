//! Those of the library's tests that are single files.
//!
//! Not here, for what they need is not in these hosts: sockets (`blocking*`, `*sockets`, `tower`, `oauth`, `troubleshooting`),
//! the sources (`house`, `coverage`), threads that the types promise (`auto_traits`).

#![cfg(target_arch = "wasm32")]
#![allow(clippy::duplicate_mod, reason = "each of them has its own `common`")]

#[cfg(target_os = "unknown")]
#[macro_use]
extern crate tabbyapi_hosts;

#[path = "../../batch.rs"]
mod batch;
#[path = "../../call.rs"]
mod call;
#[path = "../../chunks.rs"]
mod chunks;
#[path = "../../client.rs"]
mod client;
#[path = "../../errors.rs"]
mod errors;
#[path = "../../estimate.rs"]
mod estimate;
#[path = "../../flow.rs"]
mod flow;
#[path = "../../hooks.rs"]
mod hooks;
#[path = "../../keys.rs"]
mod keys;
#[path = "../../odd_streams.rs"]
mod odd_streams;
#[path = "../../record.rs"]
mod record;
#[path = "../../resume.rs"]
mod resume;
#[path = "../../secrets.rs"]
mod secrets;
#[path = "../../structured.rs"]
mod structured;
#[path = "../../templates.rs"]
mod templates;
#[path = "../../tools.rs"]
mod tools;
