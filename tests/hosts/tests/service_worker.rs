//! The client in a service worker, in Chromium.
#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]

#[macro_use]
extern crate tabbyapi_hosts;

mod fetch;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_service_worker);

#[test]
fn this_is_a_service_worker() {
    assert!(!fetch::host::has("window"));
    assert!(fetch::host::has("ServiceWorkerGlobalScope"));
    assert!(fetch::host::has("clients"));
}
