//! `Pausable`: a stream that can be paused from elsewhere.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

/// A stream that a [`PauseHandle`] pauses and resumes.
///
/// While it is paused, it is pending and does not poll its stream: the buffers of the connection fill up, and the server waits.
/// Nothing is lost or buffered here. Data that arrived meanwhile is read before timeouts are checked. Only the limit for the
/// whole call ([`Timeouts::total`](crate::Timeouts::total)) includes the pause.
///
/// TabbyAPI continues to generate while its own queue has room. Only sending is delayed.
///
/// ```
/// use tabbyapi::flow::Pausable;
/// # use tabbyapi::api::{ChatMessage, ChatRequest};
/// # async fn ask(client: &tabbyapi::Client, request: &ChatRequest) {
///
/// let mut stream = Pausable::new(client.chat().stream(request));
/// let pause = stream.handle();
/// // From anywhere else, such as the button of a page:
/// pause.pause();
/// pause.resume();
/// # }
/// ```
pub struct Pausable<S> {
    stream: S,
    handle: PauseHandle,
}

/// Pauses a [`Pausable`] stream. Clones pause the same one.
#[derive(Clone)]
pub struct PauseHandle(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    paused: bool,
    waker: Option<Waker>,
}

impl<S> Pausable<S> {
    /// Wraps a stream, which runs until it is paused.
    pub fn new(stream: S) -> Self {
        Pausable { stream, handle: PauseHandle(Arc::default()) }
    }

    /// Returns a handle that pauses it.
    pub fn handle(&self) -> PauseHandle {
        self.handle.clone()
    }

    /// Returns the stream itself.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Returns the stream, which can no longer be paused.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl PauseHandle {
    /// Pauses the stream from the next poll on.
    pub fn pause(&self) {
        self.lock().paused = true;
    }

    /// Resumes the stream.
    pub fn resume(&self) {
        let waker = {
            let mut state = self.lock();
            state.paused = false;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Returns whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.lock().paused
    }

    /// Returns whether it is paused. If so, registers the waker to be woken on resume.
    fn holds(&self, cx: &Context<'_>) -> bool {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        if !state.paused {
            return false;
        }
        let old = state.waker.replace(waker);
        drop(state);
        drop(old);
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Stream + Unpin> Stream for Pausable<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        if self.handle.holds(cx) { Poll::Pending } else { Pin::new(&mut self.stream).poll_next(cx) }
    }
}

impl<S: fmt::Debug> fmt::Debug for Pausable<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pausable").field("stream", &self.stream).field("paused", &self.handle.is_paused()).finish()
    }
}

impl fmt::Debug for PauseHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PauseHandle").field("paused", &self.is_paused()).finish()
    }
}
