//! `Client` on `transport::Fetch`, against the emulator and against servers that misbehave (`serve.mjs`). The same tests run in
//! each host; what hosts tell differently is asked of `host`.

mod answers;
mod deadlines;
mod faults;
pub mod host;
mod odd_hosts;
mod streams;
