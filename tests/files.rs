//! The tests that are single files, as one program: each program more is compiled, linked and kept for itself. Those that take a feature are
//! programs of their own.

#![allow(clippy::duplicate_mod, reason = "each of them has its own `common`")]

#[path = "auto_traits.rs"]
mod auto_traits;
#[path = "batch.rs"]
mod batch;
#[path = "call.rs"]
mod call;
#[path = "chunks.rs"]
mod chunks;
#[path = "client.rs"]
mod client;
#[path = "coverage.rs"]
mod coverage;
#[path = "driver.rs"]
mod driver;
#[path = "embed_many.rs"]
mod embed_many;
#[path = "error_texts.rs"]
mod error_texts;
#[path = "errors.rs"]
mod errors;
#[path = "estimate.rs"]
mod estimate;
#[path = "face.rs"]
mod face;
#[path = "flow.rs"]
mod flow;
#[path = "flow_sockets.rs"]
mod flow_sockets;
#[path = "hints.rs"]
mod hints;
#[path = "hooks.rs"]
mod hooks;
#[path = "keys.rs"]
mod keys;
#[path = "layers.rs"]
mod layers;
#[path = "odd_errors.rs"]
mod odd_errors;
#[path = "odd_streams.rs"]
mod odd_streams;
#[path = "order.rs"]
mod order;
#[path = "policy_sockets.rs"]
mod policy_sockets;
#[path = "record.rs"]
mod record;
#[path = "resume.rs"]
mod resume;
#[path = "secrets.rs"]
mod secrets;
#[path = "sockets.rs"]
mod sockets;
#[path = "structured.rs"]
mod structured;
#[path = "templates.rs"]
mod templates;
#[path = "timeout.rs"]
mod timeout;
#[path = "tools.rs"]
mod tools;
#[path = "troubleshooting.rs"]
mod troubleshooting;

use std::collections::BTreeSet;
use std::fs::read_dir;
use std::path::Path;

/// A file that no program has would not be tested.
#[test]
fn every_file_is_in_a_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    let here = include_str!("files.rs");
    let mut missing = BTreeSet::new();
    for entry in read_dir(root.join("tests")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let is_program = manifest.contains(&format!("[[test]]\nname = \"{name}\"\n"));
        let is_test = path.extension().is_some_and(|kind| kind == "rs")
            || path.join("main.rs").exists() && !path.join("Cargo.toml").exists();
        if is_test && !is_program && !here.contains(&format!("\nmod {name};\n")) {
            missing.insert(name);
        }
    }
    assert_eq!(missing, BTreeSet::new());
}
