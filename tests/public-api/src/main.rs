//! Writes the public API of the `tabbyapi` crate from rustdoc's JSON: one line an item, in `api.txt`, so that a change of it is seen in
//! review. With `--check` it writes nothing, and fails if the file is stale.

use std::error::Error;
use std::path::Path;

use public_api::Builder;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let json = arguments.next().ok_or("usage: tabbyapi-public-api RUSTDOC_JSON [--check]")?;
    let api = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("api.txt");
    let now = without_members_of_impls(&api.to_string());
    if arguments.next().as_deref() != Some("--check") {
        std::fs::write(&path, &now)?;
        println!("{} public items", now.lines().count());
        return Ok(());
    }
    let before = std::fs::read_to_string(&path)?;
    if before == now {
        return Ok(());
    }
    let only = |one: &str, other: &str, sign: char| {
        let other: std::collections::HashSet<&str> = other.lines().collect();
        one.lines().filter(|line| !other.contains(line)).for_each(|line| println!("{sign}{line}"));
    };
    only(&before, &now, '-');
    only(&now, &before, '+');
    Err("the public API changed; if that is meant, `tests/run public-api` with UPDATE=1 writes api.txt".into())
}

/// The lines without those of the members that implementations of traits have, which say no more than the implementation does.
fn without_members_of_impls(all: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in all.lines() {
        let is_impl = line.starts_with("impl");
        let is_member =
            ["pub fn ", "pub async fn ", "pub type ", "pub const "].iter().any(|start| line.starts_with(start));
        inside = if is_impl { line.contains(" for ") } else { inside && is_member };
        if is_impl || !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}
