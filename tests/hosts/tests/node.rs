//! The client in Node.
#![cfg(target_arch = "wasm32")]

#[macro_use]
extern crate tabbyapi_hosts;

mod fetch;

#[test]
fn this_is_node() {
    assert!(fetch::host::has("process"));
    assert!(!fetch::host::has("location"));
}
