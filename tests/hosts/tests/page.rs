//! The client in a page, in Chromium.
#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]

#[macro_use]
extern crate tabbyapi_hosts;

mod fetch;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

#[test]
fn this_is_a_page() {
    assert!(fetch::host::has("document"));
    assert!(fetch::host::has("location"));
}
