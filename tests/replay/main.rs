//! Every recorded exchange through the public API: whole, byte by byte and cut in every way, with exact expectations.
//!
//! * `recording` loads what lies in `tests/transcripts`; `coverage` sees to it that nothing there is left out.
//! * `ask` makes the call that a recording belongs to, with the requests of `requests`; `play` replays the answer.
//! * `naive` derives from a recording's text alone what the API has to yield; `expected` holds it against `outcomes.json`, which was checked by hand.
//! * `splits`, `endings`, `pairs`, `fields` and `mutants` replay the same bytes in other ways.
//! * `templates` counts the chunks that are recognized by earlier ones; `learned` changes chunks and compares with plain decoding.

// As a test of `tests/hosts`.
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#[macro_use]
extern crate tabbyapi_hosts;

mod ask;
mod coverage;
mod endings;
mod expected;
mod fields;
mod learned;
mod mutants;
mod naive;
mod pairs;
mod play;
mod random;
mod recording;
mod requests;
mod sent;
mod splits;
mod templates;
#[path = "../common/transcripts.rs"]
mod transcripts;
mod whole;
