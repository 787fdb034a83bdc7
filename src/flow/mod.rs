//! Streams.

mod clock;

pub use clock::Clock;
