//! `DynCall`: a call without the type of its decoder, for the drivers. `ResponseMeta`: the metadata of a response.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::base::{Error, MaybeSend, Record, Result, Time};
use crate::decode::Decode;
use crate::protocol::call::{Call, Input, Output};
use crate::protocol::resume::Resume;
use crate::protocol::resume::joint::Joins;

/// A [`Call`] that yields items of this type.
///
/// It keeps decoders out of the public signatures of responses and streams.
pub(crate) trait DynCall<T>: MaybeSend + fmt::Debug {
    /// Returns the next step. Its item is put into the place, which must be `None`.
    fn step(&mut self, clock: &dyn Fn() -> Time, place: &mut Option<T>) -> Output<()>;
    /// Returns whether the next step is known to be [`Output::Read`].
    fn reads_on(&self) -> bool;
    fn handle_input(&mut self, now: Time, input: Input);
    fn handle_chunk(&mut self, clock: &dyn Fn() -> Time, chunk: Bytes);
    fn abort(&mut self, now: Time, error: Error) -> Error;
    fn record(&self) -> &Record;
    fn head(&self) -> Option<(StatusCode, &Arc<HeaderMap>)>;
    /// Returns the servers that it has tried, as one bit each.
    fn tried(&self) -> u64;
    /// Prefers servers that are not among these.
    fn avoid(&mut self, tried: u64);
    /// Resumes the stream if it breaks. Errors if the call was polled already.
    fn resume(&mut self, resume: Resume, joins: Joins<T>) -> Result<()>;
}

impl<D: Decode> DynCall<D::Item> for Call<D> {
    fn step(&mut self, clock: &dyn Fn() -> Time, place: &mut Option<D::Item>) -> Output<()> {
        self.step(clock, place)
    }

    fn reads_on(&self) -> bool {
        self.reads_on()
    }

    fn handle_input(&mut self, now: Time, input: Input) {
        self.handle_input(now, input);
    }

    fn handle_chunk(&mut self, clock: &dyn Fn() -> Time, chunk: Bytes) {
        self.handle_chunk(clock, chunk);
    }

    fn abort(&mut self, now: Time, error: Error) -> Error {
        self.abort(now, error)
    }

    fn record(&self) -> &Record {
        self.record()
    }

    fn head(&self) -> Option<(StatusCode, &Arc<HeaderMap>)> {
        self.head()
    }

    fn tried(&self) -> u64 {
        self.tried()
    }

    fn avoid(&mut self, tried: u64) {
        self.avoid(tried);
    }

    fn resume(&mut self, resume: Resume, joins: Joins<D::Item>) -> Result<()> {
        if self.record().started.is_some() {
            return Err(Error::misuse("`resume` must be set before the stream is first polled"));
        }
        let join = joins.0.map(|make| make());
        self.resume(resume, join);
        Ok(())
    }
}

/// The metadata of a response: HTTP status, headers, and the record of its call.
///
/// From [`Response::meta`](crate::Response::meta) and [`ResponseStream::meta`](crate::ResponseStream::meta).
#[derive(Clone, PartialEq)]
pub struct ResponseMeta {
    status: StatusCode,
    headers: Arc<HeaderMap>,
    record: Record,
}

impl ResponseMeta {
    /// Returns the current metadata. A call that was stopped before its head arrived has status 200 and no headers.
    pub(crate) fn of<T>(call: &dyn DynCall<T>) -> Self {
        let (status, headers) =
            call.head().map_or_else(Default::default, |(status, headers)| (status, headers.clone()));
        ResponseMeta { status, headers, record: call.record().clone() }
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the HTTP headers, without keys.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the header `x-request-id`, which proxies set. TabbyAPI itself does not send one.
    pub fn request_id(&self) -> Option<&str> {
        self.headers.get("x-request-id")?.to_str().ok()
    }

    /// Returns the attempts of the call, with their causes, waits, bytes and times.
    pub fn record(&self) -> &Record {
        &self.record
    }
}

impl fmt::Debug for ResponseMeta {
    // There can be many headers, and some may be confidential to a gateway.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseMeta")
            .field("status", &self.status.as_u16())
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}
