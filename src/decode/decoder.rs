//! `Decode`: the push parser of one answer.

use bytes::Bytes;
use http::response::Parts;

use crate::base::{Limits, MaybeSend, Result};

/// Reads the answer of one operation as its bytes arrive.
///
/// `start`, then any number of `feed` each followed by `next` until it gives `None`, then `finish` at the end of
/// the body, also until it gives `None`. An error ends the answer.
pub trait Decode: MaybeSend + 'static {
    /// What it yields. It borrows nothing, so that [`hooks`](crate::hooks) can look at it.
    type Item: MaybeSend + 'static;

    /// The head of an answer is there. Called once per attempt; forgets whatever came before.
    fn start(&mut self, head: &Parts, limits: &Limits) -> Result<()>;

    /// Some bytes of the body are there.
    fn feed(&mut self, chunk: Bytes);

    /// The next item, or `None` if it takes more bytes.
    fn next(&mut self) -> Result<Option<Self::Item>>;

    /// The body is at its end: items that only its end completes, then `None`; or the error that it was cut.
    fn finish(&mut self) -> Result<Option<Self::Item>>;

    /// Whether the answer is complete, so that the rest of the body need not be awaited.
    fn is_done(&self) -> bool {
        false
    }

    /// Whether the answer is a single item, as those of [`Whole`] decoders are; false by default. Errors of deadlines that pass before that
    /// item depend on it.
    fn is_whole(&self) -> bool {
        false
    }

    /// A counter that grows as long as the answer makes progress beside the items that it yields: with each KiB of data, of an event or a
    /// body. Keep-alive comments do not count.
    fn progress(&self) -> u64;
}

/// The progress that so many bytes are, as long as what they belong to is not whole: one for each KiB that was begun. Counting each byte, a
/// server that sends one now and then would never be idle.
pub(super) fn floor(bytes: u64) -> u64 {
    bytes.div_ceil(1024)
}

/// A decoder that yields exactly one item; `client.call` takes operations that have one.
pub trait Whole: Decode {}
