//! The event-stream parser through its public API.

mod borders;
mod differential;
mod harness;
mod limits;
mod reference;
mod vectors;
