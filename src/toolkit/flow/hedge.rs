//! `Hedged`: a read that is sent a second time if the first response is late.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::base::{BoxFuture, Error, Result};
use crate::client::{Client, Clock, Response, ResponseFuture};
use crate::decode::{Decode, Whole};
use crate::protocol::call::Shared;
use crate::protocol::{Endpoint, Idempotency};

/// The future of a read that is sent up to twice; the first response wins. Dropping it cancels both calls.
#[must_use = "nothing is sent until it is awaited"]
pub struct Hedged<T> {
    shared: Shared,
    clock: Clock,
    after: Duration,
    timer: Option<BoxFuture<()>>,
    first: Option<ResponseFuture<T>>,
    /// Created with the first one, and polled when that is late.
    second: Option<ResponseFuture<T>>,
    begun: bool,
    hedged: bool,
    /// The error of the call that failed first.
    failed: Option<Error>,
}

impl Client {
    /// Calls an endpoint, and calls it again if there is no response after this time, on another server if there is one. The first success is
    /// returned, and the other call is dropped.
    ///
    /// It accepts idempotent operations only ([`Idempotency::Idempotent`]). A generation does not compile:
    ///
    /// ```compile_fail
    /// # use std::time::Duration;
    /// # use tabbyapi::api::{ChatMessage, ChatRequest};
    /// # async fn ask(client: &tabbyapi::Client) -> tabbyapi::Result<()> {
    /// client.hedged(&ChatRequest::new([ChatMessage::user("hello")]), Duration::from_secs(1)).await?;
    /// # Ok(())
    /// # }
    /// # let client = tabbyapi::Client::builder("http://tabby.test").build().unwrap();
    /// # futures::executor::block_on(ask(&client)).unwrap();
    /// ```
    ///
    /// The second call takes a retry out of the [`RetryBudget`](crate::policy::RetryBudget). It is not made when the budget is used up, so slow
    /// servers do not get twice the load. If the first call fails before the time, after its retries, its error is returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # async fn ask(client: &tabbyapi::Client) -> tabbyapi::Result<()> {
    /// use tabbyapi::api::CurrentModel;
    ///
    /// let card = client.hedged(&CurrentModel, Duration::from_millis(300)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn hedged<E>(&self, endpoint: &E, after: Duration) -> Hedged<<E::Decoder as Decode>::Item>
    where
        E: Endpoint,
        E::Decoder: Whole,
    {
        const {
            assert!(
                matches!(E::IDEMPOTENCY, Idempotency::Idempotent),
                "only an operation that is safe to send twice can be hedged"
            );
        }
        Hedged {
            shared: self.shared().clone(),
            clock: self.clock(),
            after,
            timer: None,
            first: Some(self.call(endpoint)),
            second: Some(self.call(endpoint)),
            begun: false,
            hedged: false,
            failed: None,
        }
    }
}

impl<T> Hedged<T> {
    /// Returns whether the second call was made.
    pub fn is_hedged(&self) -> bool {
        self.hedged
    }

    /// Polls one of the calls. If it failed, the other one continues, if it was made.
    fn poll_call(&mut self, second: bool, cx: &mut Context<'_>) -> Poll<Result<Response<T>>> {
        let place = if second { &mut self.second } else { &mut self.first };
        let Some(call) = place else { return Poll::Pending };
        let result = std::task::ready!(Pin::new(call).poll(cx));
        *place = None;
        let error = match result {
            Ok(answer) => return Poll::Ready(Ok(answer)),
            Err(error) => error,
        };
        let other = if second { self.first.is_some() } else { self.hedged && self.second.is_some() };
        // If both fail, the first call's error is returned.
        match (other, self.failed.take()) {
            (true, _) => {
                self.failed = Some(error);
                Poll::Pending
            }
            (false, Some(earlier)) if second => Poll::Ready(Err(earlier)),
            (false, _) => Poll::Ready(Err(error)),
        }
    }
}

impl<T> Future for Hedged<T> {
    type Output = Result<Response<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.first.is_none() && (this.second.is_none() || !this.hedged) {
            return Poll::Ready(Err(Error::misuse("the call was polled after its end")));
        }
        if let Poll::Ready(result) = this.poll_call(false, cx) {
            (this.first, this.second, this.timer) = (None, None, None);
            return Poll::Ready(result);
        }
        if !this.begun {
            this.begun = true;
            this.timer = Some(this.clock.sleep(this.after));
        }
        if let Some(timer) = &mut this.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            this.timer = None;
            if this.shared.take_retry() {
                this.hedged = true;
                if let (Some(first), Some(second)) = (&this.first, &mut this.second) {
                    second.avoid(first);
                }
            } else {
                this.second = None;
            }
        }
        if this.hedged
            && let Poll::Ready(result) = this.poll_call(true, cx)
        {
            (this.first, this.second) = (None, None);
            return Poll::Ready(result);
        }
        Poll::Pending
    }
}

// Its fields are `Unpin`.
impl<T> Unpin for Hedged<T> {}

impl<T> fmt::Debug for Hedged<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hedged")
            .field("first", &self.first)
            .field("second", &self.second)
            .field("hedged", &self.hedged)
            .finish_non_exhaustive()
    }
}
