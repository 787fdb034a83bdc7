//! `Decode`: the push parser of one response.

use bytes::Bytes;
use http::response::Parts;

use crate::base::{Limits, MaybeSend, Result};

/// Decodes the response of one operation as its bytes arrive.
///
/// Call `start`, then any number of `feed`, each followed by `next` until it returns `None`. At the end of the body, call `finish` until
/// it returns `None`. An error ends the response.
pub trait Decode: MaybeSend + 'static {
    /// The type of the items. It must not borrow, so that [`hooks`](crate::hooks) can inspect it.
    type Item: MaybeSend + 'static;

    /// Starts a response with its head. Called once per attempt. Discards all state of an earlier attempt.
    ///
    /// # Errors
    ///
    /// Errors if the head shows that the body cannot be decoded.
    fn start(&mut self, head: &Parts, limits: &Limits) -> Result<()>;

    /// Adds a part of the body.
    fn feed(&mut self, chunk: Bytes);

    /// Returns the next item, or `None` if it needs more bytes.
    ///
    /// # Errors
    ///
    /// Errors if the body is not valid, reports an error, or exceeds a cap of [`Limits`].
    fn next(&mut self) -> Result<Option<Self::Item>>;

    /// Puts the next item into `place`, which must be `None`. It remains `None` if more bytes are needed. The same as
    /// [`next`](Decode::next), for large items that are decoded in their place.
    ///
    /// # Errors
    ///
    /// As [`next`](Decode::next) does.
    fn next_into(&mut self, place: &mut Option<Self::Item>) -> Result<()> {
        *place = self.next()?;
        Ok(())
    }

    /// Returns whether [`next`](Decode::next) is known to return `None` until more is fed. False by default, which is always correct.
    fn is_drained(&self) -> bool {
        false
    }

    /// Ends the body. Returns the items that only the end completes, then `None`.
    ///
    /// # Errors
    ///
    /// Errors if the body was cut, or as [`next`](Decode::next) does.
    fn finish(&mut self) -> Result<Option<Self::Item>>;

    /// Returns whether the response is complete, so that the rest of the body can be skipped.
    fn is_done(&self) -> bool {
        false
    }

    /// Returns whether the response is a single item, as for [`Whole`] decoders; false by default. The errors of deadlines that pass before
    /// that item depend on it.
    fn is_whole(&self) -> bool {
        false
    }

    /// Returns the text of a response that is not complete, for its error; `None` by default. For decoders that accumulate a stream to a single
    /// item.
    fn partial_text(&self) -> Option<&str> {
        None
    }

    /// Returns a counter of the progress besides items. It grows with each KiB of data, of an event or a body. Keep-alive comments do not
    /// count.
    fn progress(&self) -> u64;
}

/// The progress of an incomplete event or body of this size: one for each started KiB. If each byte counted, a server that sends single
/// bytes would never be idle.
pub(super) fn floor(bytes: u64) -> u64 {
    bytes.div_ceil(1024)
}

/// A decoder of exactly one item. `client.call` takes operations with such a decoder.
pub trait Whole: Decode {}
