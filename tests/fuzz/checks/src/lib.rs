//! What must hold for any bytes. Each target is a function that panics where something does not hold: `tests/fuzz` gives them to
//! libFuzzer, and `tests/seeds.rs` here runs them on stable, with seeds and with what becomes of those.

mod answers;
mod files;
mod harness;
mod keys;
#[path = "../../../sse/reference.rs"]
mod reference;
mod streams;

/// Panics where something does not hold for these bytes.
pub type Check = fn(&[u8]);

/// The targets and their names.
pub const TARGETS: [(&str, Check); 11] = [
    ("sse", streams::sse),
    ("templates", streams::templates),
    ("answers", answers::answers),
    ("errors", answers::errors),
    ("redaction", keys::redaction),
    ("retry_after", keys::retry_after),
    ("base_url", keys::base_url),
    ("batch_files", files::batch_files),
    ("exchanges", files::exchanges),
    ("tool_calls", streams::tool_calls),
    ("streams", streams::streams),
];

/// Runs one of them by its name.
pub fn run(name: &str, data: &[u8]) {
    if let Some((_, check)) = TARGETS.iter().find(|(target, _)| *target == name) {
        check(data);
    }
}
