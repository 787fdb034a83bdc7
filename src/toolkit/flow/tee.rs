//! `tee`: one stream, two readers.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_core::Stream;

use crate::base::{Advice, Error, ErrorCode, ErrorKind, Remedy, Result};

/// Returns two readers of one stream. Each receives all items.
///
/// Items that only one reader has taken are kept, at most `lag` of them (at least 1). The policy decides what happens beyond
/// that. If one reader is dropped, the other one continues alone. When both are dropped, the stream is dropped.
///
/// ```
/// use tabbyapi::flow::{LagPolicy, tee};
/// # use tabbyapi::api::{ChatMessage, ChatRequest};
/// # async fn ask(client: &tabbyapi::Client, request: &ChatRequest) {
///
/// // The log must not delay the page.
/// let (page, log) = tee(client.chat().stream(request), 256, LagPolicy::Drop);
/// # let _ = (page, log);
/// # }
/// ```
pub fn tee<S, T>(stream: S, lag: usize, behind: LagPolicy) -> (Tee<S, T>, Tee<S, T>)
where
    S: Stream<Item = Result<T>> + Unpin,
    T: Clone,
{
    let reader = Reader { taken: 0, state: ReaderState::Here };
    let shared = Arc::new(Mutex::new(State {
        stream: Some(stream),
        missed: false,
        ended: false,
        kept: VecDeque::new(),
        first: 0,
        lag: lag.max(1),
        behind,
        readers: [reader, reader],
    }));
    let bells = Arc::new(Bells::default());
    let tee = |side| Tee { shared: shared.clone(), bells: bells.clone(), side };
    (tee(0), tee(1))
}

/// What happens when a reader of a [`tee`] lags too far behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LagPolicy {
    /// The other reader waits, which applies back-pressure to the server.
    Block,
    /// The reader is dropped: its next and last item is an error with code `lagged`. The other reader continues.
    Drop,
}

/// One of the two readers that [`tee`] returns.
pub struct Tee<S, T> {
    shared: Arc<Mutex<State<S, T>>>,
    bells: Arc<Bells>,
    side: usize,
}

struct State<S, T> {
    /// `None` while a reader polls it.
    stream: Option<S>,
    /// The other reader tried to poll it in the meantime.
    missed: bool,
    ended: bool,
    /// Items that a reader has not taken yet.
    kept: VecDeque<Result<T>>,
    /// The index of the first item that is kept.
    first: u64,
    lag: usize,
    behind: LagPolicy,
    readers: [Reader; 2],
}

#[derive(Clone, Copy)]
struct Reader {
    /// The number of items that it has taken.
    taken: u64,
    state: ReaderState,
}

#[derive(Clone, Copy, PartialEq)]
enum ReaderState {
    Here,
    /// It fell too far behind, and the error has not been returned yet.
    Lost,
    Gone,
}

/// The wakers of the readers. The stream wakes both, whichever reader polled it last, because that reader may not be polled
/// again.
#[derive(Default)]
struct Bells(Mutex<[Option<Waker>; 2]>);

impl<S, T> State<S, T> {
    /// Returns the next item of this reader without polling the stream.
    fn next(&mut self, side: usize) -> Option<Option<Result<T>>>
    where
        T: Clone,
    {
        let reader = &mut self.readers[side];
        match reader.state {
            ReaderState::Here => {}
            ReaderState::Lost => {
                reader.state = ReaderState::Gone;
                return Some(Some(Err(lagged(self.lag))));
            }
            ReaderState::Gone => return Some(None),
        }
        let at = usize::try_from(reader.taken - self.first).unwrap_or(usize::MAX);
        match self.kept.get(at) {
            Some(item) => {
                let item = item.clone();
                reader.taken += 1;
                self.trim();
                Some(Some(item))
            }
            None if self.ended => Some(None),
            None => None,
        }
    }

    /// Returns whether a further item can be fetched. Drops the other reader if necessary.
    fn has_room(&mut self, side: usize) -> bool {
        if self.kept.len() < self.lag {
            return true;
        }
        let other = &mut self.readers[1 - side];
        if self.behind == LagPolicy::Block && other.state == ReaderState::Here {
            return false;
        }
        other.state = ReaderState::Lost;
        self.trim();
        true
    }

    /// Removes the items that both have taken.
    fn trim(&mut self) {
        let here = self.readers.iter().filter(|reader| reader.state == ReaderState::Here);
        match here.map(|reader| reader.taken).min() {
            Some(taken) => {
                while self.first < taken && self.kept.pop_front().is_some() {
                    self.first += 1;
                }
            }
            None => self.kept.clear(),
        }
    }
}

impl<S, T> Tee<S, T> {
    fn lock(&self) -> MutexGuard<'_, State<S, T>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lagged(lag: usize) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        ErrorCode::Lagged,
        format!("this reader was more than {lag} items behind the other one"),
    )
    .with_advice(Advice::new(
        Remedy::Change,
        "take items sooner, allow more lag, or make the other reader wait with {setting:lag_policy.Block}",
    ))
}

impl<S, T> Stream for Tee<S, T>
where
    S: Stream<Item = Result<T>> + Unpin,
    T: Clone,
{
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        // Registered first, so that no later change is missed.
        self.bells.wait(self.side, cx);
        let mut stream = {
            let mut state = self.lock();
            if let Some(item) = state.next(self.side) {
                drop(state);
                // There may be room now for the other reader.
                self.bells.ring(1 - self.side);
                return Poll::Ready(item);
            }
            if !state.has_room(self.side) {
                return Poll::Pending;
            }
            match state.stream.take() {
                Some(stream) => stream,
                None => {
                    state.missed = true;
                    return Poll::Pending;
                }
            }
        };
        let waker = Waker::from(self.bells.clone());
        // Foreign code, which must not run under the lock.
        let polled = Pin::new(&mut stream).poll_next(&mut Context::from_waker(&waker));
        let mut state = self.lock();
        let ended = matches!(polled, Poll::Ready(None));
        // Dropped outside the lock.
        let stream = if ended { Some(stream) } else { state.stream.replace(stream) };
        let missed = std::mem::take(&mut state.missed);
        let item = match polled {
            Poll::Pending => {
                drop(state);
                if missed {
                    self.bells.ring(1 - self.side);
                }
                return Poll::Pending;
            }
            Poll::Ready(None) => {
                state.ended = true;
                None
            }
            Poll::Ready(Some(item)) => {
                state.kept.push_back(item);
                state.next(self.side).flatten()
            }
        };
        drop(state);
        drop(stream);
        self.bells.ring(1 - self.side);
        Poll::Ready(item)
    }
}

impl<S, T> Drop for Tee<S, T> {
    fn drop(&mut self) {
        let mut state = self.lock();
        state.readers[self.side].state = ReaderState::Gone;
        state.trim();
        // No reader is left.
        let alone = state.readers.iter().all(|reader| reader.state != ReaderState::Here);
        let stream = if alone { state.stream.take() } else { None };
        drop(state);
        drop(stream);
        self.bells.ring(1 - self.side);
    }
}

impl Bells {
    fn wait(&self, side: usize, cx: &Context<'_>) {
        let waker = cx.waker().clone();
        let old = self.lock()[side].replace(waker);
        drop(old);
    }

    fn ring(&self, side: usize) {
        let waker = self.lock()[side].take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Waker>; 2]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bells {
    fn wake(self: Arc<Self>) {
        self.ring(0);
        self.ring(1);
    }
}

impl<S, T> fmt::Debug for Tee<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Tee").field("kept", &state.kept.len()).field("ended", &state.ended).finish_non_exhaustive()
    }
}
