//! The services against recorded exchanges: requests as they go out, answers and errors however their bodies are cut.

// As a test of `tests/hosts`.
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#[macro_use]
extern crate tabbyapi_hosts;

mod embeddings;
mod harness;
mod kobold;
mod lists;
mod models;
mod older;
mod overrides;
mod refusals;
mod tokens;
#[path = "../common/transcripts.rs"]
mod transcripts;

use harness::recorded_names;

/// Every recorded exchange of these routes is played by a test of these files.
#[test]
fn no_recording_is_left_out() {
    let tests = [
        include_str!("embeddings.rs"),
        include_str!("kobold.rs"),
        include_str!("lists.rs"),
        include_str!("models.rs"),
        include_str!("overrides.rs"),
        include_str!("refusals.rs"),
        include_str!("tokens.rs"),
    ];
    let names = recorded_names(&[
        "/v1/model/draft",
        "/v1/download",
        "/v1/lora",
        "/v1/model/embedding",
        "/v1/embeddings",
        "/v1/token/",
        "/v1/template",
        "/v1/sampling/",
        "/api/",
    ]);
    assert_eq!(names.len(), 77);
    let left: Vec<_> =
        names.iter().filter(|name| !tests.iter().any(|test| test.contains(&format!("\"{name}\"")))).collect();
    assert!(left.is_empty(), "{left:?}");
}
