//! `Call`: the sans-IO state machine of one operation, from the first attempt to the outcome.
//!
//! A call does no IO and has no clock. The driver gets the next step from [`Call::poll_output`] and reports
//! events with [`Call::handle_input`], both with the current time. Retries, deadlines, idle timeouts and key refresh
//! are part of the call, so they are the same under every executor.
//!
//! ```text
//!                 ┌───────────────────────── Wait{until, changed} ◄──┐ back-off, or another
//!                 ▼                                                  │ call is getting the key
//!   new ──► ┌───────────┐ no key yet    ┌────────┐                   │
//!           │   Ready   │ ── Authorize ►│ Keying │── Key(Ok) ──► Ready
//!           │           │◄──────────────┤        │── Key(Err) ─► Done(Err)
//!           └─────┬─────┘               └────────┘
//!                 │ Send{request, deadline}
//!                 ▼
//!           ┌───────────┐  Failed, past the deadline
//!           │  Sending  │ ───────────────► retry? ─► Ready, or Done(Err)
//!           └─────┬─────┘
//!                 │ Head             401 with a source of keys: once more ─► Ready
//!                 ▼
//!           ┌───────────┐  error status, Failed, cut, past the deadline
//!           │  Reading  │ ───────────────► retry (before the first item), or resume? ─► Ready, or Done(Err)
//!           └─────┬─────┘
//!     Read ◄──────┤ Chunk …            Item per item
//!                 │ End, or the announced end of the stream
//!                 ▼
//!              Done(Ok)
//! ```
//!
//! The rules for the driver:
//!
//! * [`Output::Send`], [`Output::Wait`], [`Output::Authorize`] and [`Output::Done`] replace the exchange in flight: drop it.
//! * [`Output::Read`] requests the next input of the exchange in flight: its head, a chunk, its end or its failure.
//! * When a deadline passes without input, poll again without input. Input that has already arrived goes first.
//! * Dropping a call cancels it, and releases what it holds in [`Shared`].
//!
//! A complete example, without a socket:
//!
//! ```
//! use std::time::Duration;
//! use bytes::Bytes;
//! use tabbyapi::api::CurrentModel;
//! use tabbyapi::call::{Call, Input, Output, Settings, Shared, Time};
//!
//! let shared = Shared::new(Settings::new("http://127.0.0.1:5000".parse()?).api_key("k")?);
//! let mut call = Call::new(&shared, &CurrentModel)?;
//! let at = |seconds| Time::from_epoch(Duration::from_secs(seconds));
//!
//! // What to send, and until when a head must be there: 30 s for reads.
//! let Output::Send { request, deadline } = call.poll_output(at(0)) else { panic!() };
//! assert_eq!(request.uri(), "http://127.0.0.1:5000/v1/model");
//! assert_eq!(request.headers()["x-api-key"], "k");
//! assert_eq!(deadline, Some(at(30)));
//!
//! // The head, then the body in two pieces.
//! let (head, ()) = http::Response::builder().header("content-type", "application/json").body(())?.into_parts();
//! call.handle_input(at(1), Input::Head(head));
//! assert!(matches!(call.poll_output(at(1)), Output::Read { deadline: Some(_) }));
//! call.handle_input(at(2), Input::Chunk(Bytes::from_static(b"{\"id\":\"alpha\",")));
//! assert!(matches!(call.poll_output(at(2)), Output::Read { .. }));
//! call.handle_input(at(2), Input::Chunk(Bytes::from_static(b"\"object\":\"model\"}")));
//! call.handle_input(at(3), Input::End);
//!
//! let Output::Item(card) = call.poll_output(at(3)) else { panic!() };
//! assert_eq!(card.id, "alpha");
//! assert!(matches!(call.poll_output(at(3)), Output::Done(Ok(()))));
//!
//! let record = call.record();
//! assert_eq!(record.attempts[0].response_bytes, 31);
//! assert_eq!(record.elapsed(), Some(Duration::from_secs(3)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admission;
mod ending;
mod extra_fields;
mod failures;
mod gate;
mod guard;
mod healing;
mod hooking;
mod io;
mod items;
mod keys;
mod late;
mod machine;
pub(crate) mod operation;
mod reading;
mod shared;
mod show;
mod sorted;
mod stale;
mod wait;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::base::{Error, Result};
use crate::decode::Decode;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::options::Options;
use crate::protocol::resume::Resume;
use crate::protocol::resume::joint::Join;

pub use crate::base::Time;
pub use crate::base::{Attempt, Record};
pub use crate::protocol::policy::Retry;
use healing::Healing;
pub use io::{Input, Output};
use items::Typed;
use machine::Machine;
use operation::EndpointParts;
pub use shared::{Settings, Shared};
pub use wait::Changed;

/// One operation, driven from outside. See the [module](self).
pub struct Call<D: Decode> {
    machine: Machine,
    items: Typed<D>,
}

impl<D: Decode> Call<D> {
    /// Creates a call of an operation with the client's options.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Encode`](crate::ErrorKind::Encode) if the request cannot be serialized, or with the error of the endpoint.
    pub fn new<E: Endpoint<Decoder = D>>(shared: &Shared, endpoint: &E) -> Result<Self> {
        Self::with(shared, endpoint, shared.options())
    }

    /// Creates a call with these options instead of the client's.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Encode`](crate::ErrorKind::Encode) if the request cannot be serialized, with code `config` if the options name a
    /// server that the client does not have, or with the error of the endpoint.
    pub fn with<E: Endpoint<Decoder = D>>(shared: &Shared, endpoint: &E, options: &Options) -> Result<Self> {
        Call::of(
            shared,
            EndpointParts::of(endpoint, options, shared.limits_tokens()),
            endpoint.decoder_with(&options.extra),
            options,
        )
    }

    /// Creates a call of an endpoint from its parts.
    ///
    /// # Errors
    ///
    /// Errors as in [`with`](Call::with).
    #[doc(hidden)]
    pub fn of(shared: &Shared, asked: EndpointParts, decoder: D, options: &Options) -> Result<Self> {
        Ok(Call { machine: Machine::new(shared, asked, options)?, items: Typed::new(decoder) })
    }

    /// Enables resuming. The call must not have been polled. `join` is `None` if such streams cannot be joined.
    #[doc(hidden)]
    pub fn resume(&mut self, resume: Resume, join: Option<Box<dyn Join<D::Item>>>) {
        self.machine.healing = Some(Box::new(Healing::new(resume, self.machine.operation.body.clone())));
        self.items.join = join;
    }

    /// Returns what to do next. Never blocks, never panics. After [`Output::Done`] it returns an error of kind
    /// [`Misuse`](crate::ErrorKind::Misuse).
    pub fn poll_output(&mut self, now: Time) -> Output<D::Item> {
        let mut item = None;
        self.step(&|| now, &mut item).with(item)
    }

    /// Like [`poll_output`](Call::poll_output), for drivers. The item is put into `place`, which must be `None`, because items
    /// are large to move. The clock is read only if the step depends on the time.
    pub(crate) fn step(&mut self, clock: &dyn Fn() -> Time, place: &mut Option<D::Item>) -> Output<()> {
        let mut decoded = None;
        if self.machine.returns_untimed() {
            decoded = Some(self.items.decoder.next_into(place));
            if place.is_some() {
                self.machine.count_item();
                return Output::Item(());
            }
        }
        self.machine.step(clock(), decoded, &mut self.items.with(place))
    }

    /// Processes an event.
    ///
    /// Input of an exchange that another attempt has replaced is ignored: input after a head that caused a retry, after a passed
    /// deadline, or after the end of the call. So a head, its chunks and its end may be passed in a row. Input that was not requested ends
    /// the call with an error of kind [`Misuse`](crate::ErrorKind::Misuse). After [`Output::Send`], input counts as that of the new
    /// exchange.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        self.machine.handle_input(now, input, &mut self.items.with(&mut None));
    }

    /// Handles a chunk. The clock is read only if hooks need it.
    pub(crate) fn handle_chunk(&mut self, clock: &dyn Fn() -> Time, chunk: Bytes) {
        if !self.machine.reads_untimed() {
            self.handle_input(clock(), Input::Chunk(chunk));
        } else if self.machine.takes(&chunk) {
            self.items.decoder.feed(chunk);
        }
    }

    /// Returns whether the next step is [`Output::Read`] at any time, so that the body can be polled first.
    pub(crate) fn reads_on(&self) -> bool {
        self.machine.reads_on() && self.items.decoder.is_drained()
    }

    /// Ends the call from outside, because of an item that it returned. Returns the error with the context of the call.
    pub(crate) fn abort(&mut self, now: Time, error: Error) -> Error {
        self.machine.abort(now, error)
    }

    /// Returns the history of the call so far.
    pub fn record(&self) -> &Record {
        &self.machine.record
    }

    /// Returns the status of the response, once its head has arrived.
    pub fn status(&self) -> Option<StatusCode> {
        self.machine.answer.as_ref().map(|(status, _)| *status)
    }

    /// Returns the headers of the response, once its head has arrived.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.head().map(|(_, headers)| &**headers)
    }

    pub(crate) fn head(&self) -> Option<(StatusCode, &Arc<HeaderMap>)> {
        self.machine.answer.as_ref().map(|(status, headers)| (*status, headers))
    }

    /// The servers that were tried, as bits.
    pub(crate) fn tried(&self) -> u64 {
        self.machine.want.tried
    }

    /// Prefers servers that are not among these.
    pub(crate) fn avoid(&mut self, tried: u64) {
        self.machine.want.tried |= tried;
    }

    /// Returns the decoder, for its state.
    pub fn decoder(&self) -> &D {
        &self.items.decoder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ChatCompletion;
    use crate::decode::Json;

    /// Allocators keep lists of free blocks of up to about a kilobyte.
    #[test]
    fn a_call_is_quickly_allocated() {
        assert!(size_of::<Call<Json<ChatCompletion>>>() <= 1024, "{}", size_of::<Call<Json<ChatCompletion>>>());
    }
}
