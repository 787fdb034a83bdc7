//! The client in Node.
#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]

#[macro_use]
extern crate tabbyapi_hosts;

mod fetch;

#[test]
fn this_is_node() {
    assert!(fetch::host::has("process"));
    assert!(!fetch::host::has("location"));
}
