//! `Answer`: a whole answer with what came around it; `Calling`: the future of one.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, StatusCode};
use serde::{Serialize, Serializer};

use crate::base::{Error, Record, Result};
use crate::client::driver::{ClientIo, Driver};
use crate::decode::{Decode, Whole};
use crate::protocol::call::Call;

/// A whole answer: the value, which it derefs to, with the status, the headers and the record of its call.
///
/// [`into_value`](Answer::into_value) is the way to move out of it: `answer.into_value().data`.
#[derive(Clone, PartialEq)]
pub struct Answer<T> {
    value: T,
    status: StatusCode,
    headers: HeaderMap,
    record: Record,
}

impl<T> Answer<T> {
    pub(crate) fn new<D: Decode>(value: T, call: &Call<D>) -> Self {
        Answer {
            value,
            status: call.status().unwrap_or_default(),
            headers: call.headers().cloned().unwrap_or_default(),
            record: call.record().clone(),
        }
    }

    /// The value alone.
    pub fn into_value(self) -> T {
        self.value
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers of the answer.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The id that a proxy put into `x-request-id`; TabbyAPI itself sends none.
    pub fn request_id(&self) -> Option<&str> {
        self.headers.get("x-request-id")?.to_str().ok()
    }

    /// The attempts that were made, with causes, waits, bytes and times.
    pub fn record(&self) -> &Record {
        &self.record
    }
}

impl<T> Deref for Answer<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Answer<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// Writes the value alone.
impl<T: Serialize> Serialize for Answer<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T: fmt::Debug> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("value", &self.value)
            .field("status", &self.status.as_u16())
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

/// A call that answers once: await it. Nothing is sent before; dropping it cancels.
#[must_use = "nothing is sent until it is awaited"]
pub struct Calling<D: Decode>(State<D>);

enum State<D: Decode> {
    /// It could not be set up; the error until it was handed out.
    Failed(Option<Error>),
    Running(Box<Driver<ClientIo, D>>, Option<D::Item>),
}

impl<D: Decode> Calling<D> {
    pub(crate) fn new(io: &ClientIo, call: Result<Call<D>>) -> Self {
        Calling(match call {
            Ok(call) => State::Running(Box::new(Driver::new(io.clone(), call)), None),
            Err(error) => State::Failed(Some(error)),
        })
    }

    /// What the call did so far.
    pub fn record(&self) -> Option<&Record> {
        match &self.0 {
            State::Failed(_) => None,
            State::Running(driver, _) => Some(driver.call().record()),
        }
    }

    /// Rather goes to servers that the other call has not tried.
    pub(crate) fn shun(&mut self, other: &Self) {
        if let (State::Running(driver, _), State::Running(other, _)) = (&mut self.0, &other.0) {
            driver.call_mut().shun(other.call());
        }
    }

    /// The call that was not begun yet, for another driver.
    #[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
    pub(crate) fn into_call(self) -> Result<Call<D>> {
        match self.0 {
            State::Running(driver, _) => Ok(driver.into_call()),
            State::Failed(error) => Err(error.unwrap_or_else(|| Error::misuse("the call was polled before"))),
        }
    }
}

/// All answers, in the order of the calls, which run side by side.
pub(crate) async fn all<D: Whole>(mut calls: Vec<Calling<D>>) -> Vec<Result<Answer<D::Item>>> {
    let mut answers: Vec<_> = calls.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        let mut pending = false;
        for (call, answer) in calls.iter_mut().zip(&mut answers).filter(|(_, answer)| answer.is_none()) {
            match Pin::new(call).poll(cx) {
                Poll::Ready(result) => *answer = Some(result),
                Poll::Pending => pending = true,
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    answers.into_iter().flatten().collect()
}

// The driver is, and an item is only moved.
impl<D: Decode> Unpin for Calling<D> {}

impl<D: Whole> Future for Calling<D> {
    type Output = Result<Answer<D::Item>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (driver, value) = match &mut self.0 {
            State::Running(driver, value) => (driver, value),
            State::Failed(error) => {
                return Poll::Ready(Err(error
                    .take()
                    .unwrap_or_else(|| Error::misuse("the call was polled after its end"))));
            }
        };
        loop {
            match std::task::ready!(driver.poll_item(cx)) {
                Some(Ok(item)) => *value = Some(item),
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => {
                    let value = value.take().ok_or_else(|| Error::misuse("the call was polled after its end"))?;
                    return Poll::Ready(Ok(Answer::new(value, driver.call())));
                }
            }
        }
    }
}

impl<D: Decode> fmt::Debug for Calling<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Failed(error) => f.debug_tuple("Calling").field(error).finish(),
            State::Running(driver, _) => f.debug_tuple("Calling").field(driver.call()).finish(),
        }
    }
}
