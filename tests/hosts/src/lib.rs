//! Lets the library's own tests run in JavaScript hosts, and as components of WASI.
//!
//! They are compiled as they are, for they are the same files. What differs there is brought in from here:
//!
//! * In JavaScript hosts `#[test]` is wasm-bindgen's. A test's root has `#[macro_use] extern crate tabbyapi_hosts`, which puts this crate's macros before
//!   those of Rust's prelude, in all modules.
//! * Files are read from the module itself; `build.rs` puts them there.

#![cfg(target_arch = "wasm32")]

#[cfg(target_os = "unknown")]
pub use wasm_bindgen_test::wasm_bindgen_test as test;

/// Files under `tests/transcripts`, by their paths from there, with slashes.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/transcripts.rs"));

/// A file's bytes; none if there is no such file.
pub fn read(path: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(name, _)| *name == path).map(|(_, bytes)| *bytes)
}

/// The names of a folder's files.
pub fn names(folder: &str) -> impl Iterator<Item = &'static str> {
    FILES.iter().filter_map(move |(name, _)| name.strip_prefix(folder)?.strip_prefix('/'))
}
