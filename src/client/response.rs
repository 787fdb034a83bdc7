//! `Response`: a whole response with its metadata. `ResponseFuture`: the future of one.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::{Serialize, Serializer};

use crate::base::{Error, Record, Result};
use crate::client::driver::{ClientIo, Driver};
use crate::client::dyn_call::{DynCall, ResponseMeta};
use crate::decode::Whole;
use crate::protocol::call::Call;

/// A whole response: its value, to which it dereferences, and its [metadata](Response::meta): status, headers and the record of
/// its call.
///
/// Fields move out of [`into_inner`](Response::into_inner):
///
/// ```no_run
/// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
/// let models = client.models().list().await?;
/// println!("{} models, HTTP status {}", models.data.len(), models.meta().status());
/// let cards = models.into_inner().data;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq)]
pub struct Response<T> {
    value: T,
    meta: ResponseMeta,
}

impl<T> Response<T> {
    pub(crate) fn new(value: T, meta: ResponseMeta) -> Self {
        Response { value, meta }
    }

    /// Returns the value and drops the metadata.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Returns the value and the metadata.
    pub fn into_parts(self) -> (T, ResponseMeta) {
        (self.value, self.meta)
    }

    /// Returns the metadata: HTTP status, headers, and the record of the call.
    pub fn meta(&self) -> &ResponseMeta {
        &self.meta
    }
}

impl<T> Deref for Response<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Response<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// Serializes the value only.
impl<T: Serialize> Serialize for Response<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T: fmt::Debug> fmt::Debug for Response<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("value", &self.value).field("meta", &self.meta).finish()
    }
}

/// The future of a [`Response`], from the methods of services and [`Client::call`](crate::Client::call).
///
/// Nothing is sent before it is polled. Dropping it cancels the call and its request.
///
/// # Errors
///
/// Errors if there is no response, if the response is an error, or if it does not have the format of the operation.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<T>(State<T>);

enum State<T> {
    /// The call could not be set up. Holds the error until it is returned.
    Failed(Option<Error>),
    Running(Driver<ClientIo, T>, Option<T>),
}

impl<T> ResponseFuture<T> {
    pub(crate) fn new<D: Whole<Item = T>>(io: &ClientIo, call: Result<Call<D>>) -> Self {
        ResponseFuture(match call {
            Ok(call) => State::Running(Driver::new(io.clone(), Box::new(call)), None),
            Err(error) => State::Failed(Some(error)),
        })
    }

    /// Returns the history of the call so far. `None` if the call could not be set up.
    pub fn record(&self) -> Option<&Record> {
        match &self.0 {
            State::Failed(_) => None,
            State::Running(driver, _) => Some(driver.call().record()),
        }
    }

    /// Prefers servers that the other call has not tried.
    pub(crate) fn avoid(&mut self, other: &Self) {
        if let (State::Running(driver, _), State::Running(other, _)) = (&mut self.0, &other.0) {
            driver.call_mut().avoid(other.call().tried());
        }
    }
}

/// Returns all responses, in the order of the calls, which run concurrently.
pub(crate) async fn all<T>(mut calls: Vec<ResponseFuture<T>>) -> Vec<Result<Response<T>>> {
    let mut responses: Vec<_> = calls.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        let mut pending = false;
        for (call, response) in calls.iter_mut().zip(&mut responses).filter(|(_, response)| response.is_none()) {
            match Pin::new(call).poll(cx) {
                Poll::Ready(result) => *response = Some(result),
                Poll::Pending => pending = true,
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    responses.into_iter().flatten().collect()
}

/// Returns the value of a call that has ended.
pub(crate) fn whole<T>(value: Option<T>, call: &dyn DynCall<T>) -> Result<Response<T>> {
    let value = value.ok_or_else(|| Error::misuse("the call was polled after its end"))?;
    Ok(Response::new(value, ResponseMeta::of(call)))
}

// The driver is `Unpin`, and an item is only moved.
impl<T> Unpin for ResponseFuture<T> {}

impl<T> Future for ResponseFuture<T> {
    type Output = Result<Response<T>>;

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
            // The item is put where it stays, since it is large to move. There is usually only one, and the last one counts.
            let mut later = None;
            let place = if value.is_none() { &mut *value } else { &mut later };
            match std::task::ready!(driver.poll_item(cx, place)) {
                Some(Ok(())) if later.is_some() => *value = later,
                Some(Ok(())) => {}
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(whole(value.take(), driver.call())),
            }
        }
    }
}

impl<T> fmt::Debug for ResponseFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Failed(error) => f.debug_tuple("ResponseFuture").field(error).finish(),
            State::Running(driver, _) => f.debug_tuple("ResponseFuture").field(driver.call()).finish(),
        }
    }
}
