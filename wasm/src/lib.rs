//! The WebAssembly module of the npm package `tabbyapi`.
//!
//! JavaScript has the sockets, the clock and the timers; this module has the calls. It opens no connection and imports nothing.
//! Only numbers, bytes and JSON text cross the ABI, never objects. Requests are described as JSON. The bytes of a response are
//! passed as they arrive, and the contents of its events are returned as one string of [records](records).
//!
//! `abi.rs` is the ABI of the package, `bindgen.rs` the same for `wasm-pack build`. Both are built on [`machine`].

#[cfg(all(target_arch = "wasm32", not(feature = "bindgen")))]
mod abi;
#[cfg(all(target_arch = "wasm32", feature = "bindgen"))]
mod bindgen;
mod config;
mod document;
mod encode;
mod format;
pub mod machine;
mod operations;
mod records;
mod resume;
#[cfg(feature = "tabbyml")]
pub mod session;
mod settings;
#[cfg(feature = "tabbyml")]
mod tabbyml;
mod template;
mod wire;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
