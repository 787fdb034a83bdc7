//! The blocking driver: feeds a call from ureq and makes no decisions. The counterpart of the async driver.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use crate::base::{Error, Result, Sent, Time, TransportError};
use crate::client::dyn_call::DynCall;
use crate::protocol::auth::KeySource;
use crate::protocol::call::{Input, Output};
use crate::transport::ureq::{Body, Failure};
use crate::transport::{CancelHandle, Ureq};

/// How long to wait for the end of a body that is complete by its content.
const LINGER: Duration = Duration::from_millis(100);
/// The maximum number of chunks that are read while waiting.
const LINGER_CHUNKS: usize = 4;

/// One call and its exchange in flight. It does nothing until the next item is requested.
pub(crate) struct Driver<T> {
    transport: Ureq,
    keys: Option<Arc<dyn KeySource>>,
    call: Box<dyn DynCall<T>>,
    body: Option<Body>,
    cancel: CancelHandle,
    done: bool,
}

impl<T> Driver<T> {
    pub(crate) fn new(
        transport: Ureq,
        keys: Option<Arc<dyn KeySource>>,
        call: Box<dyn DynCall<T>>,
        cancel: CancelHandle,
    ) -> Self {
        Driver { transport, keys, call, body: None, cancel, done: false }
    }

    pub(crate) fn call(&self) -> &dyn DynCall<T> {
        &*self.call
    }

    pub(crate) fn call_mut(&mut self) -> &mut dyn DynCall<T> {
        &mut *self.call
    }

    /// Blocks for the next item, and puts it into `place`, which must be `None`. Returns `None` at the end.
    pub(crate) fn next(&mut self, place: &mut Option<T>) -> Option<Result<()>> {
        if self.done {
            return None;
        }
        loop {
            if self.cancel.is_cancelled() {
                return Some(Err(self.abort(Error::cancelled())));
            }
            let input = match self.call.step(&|| self.transport.now(), place) {
                Output::Send { request, deadline } => {
                    self.body = None;
                    match self.transport.send(request, &self.cancel, deadline) {
                        Ok(response) => {
                            let (head, body) = response.into_parts();
                            self.body = Some(body);
                            Some(Input::Head(head))
                        }
                        Err(failure) => self.failed(failure, deadline),
                    }
                }
                Output::Read { deadline } => match &mut self.body {
                    Some(body) => match self.transport.read(body, &self.cancel, deadline) {
                        Ok(Some(chunk)) => Some(Input::Chunk(chunk)),
                        Ok(None) => {
                            self.body = None;
                            Some(Input::End)
                        }
                        Err(failure) => self.failed(failure, deadline),
                    },
                    // The exchange was abandoned at the deadline.
                    None => self.wait(deadline, |_| Poll::Pending),
                },
                Output::Wait { until, changed } => {
                    self.body = None;
                    match changed {
                        Some(changed) => {
                            let mut changed = pin!(changed);
                            self.wait(until, |cx| changed.as_mut().poll(cx).map(|()| None)).flatten()
                        }
                        None => self.wait(until, |_| Poll::Pending),
                    }
                }
                Output::Authorize { server, scope, rejected, deadline } => {
                    self.body = None;
                    match &self.keys {
                        Some(keys) => {
                            let mut key = keys.key_for(&server, scope, rejected);
                            self.wait(deadline, |cx| key.as_mut().poll(cx).map(Input::Key))
                        }
                        None => Some(Input::Key(Ok(None))),
                    }
                }
                Output::Item(()) => return Some(Ok(())),
                Output::Done(result) => {
                    if result.is_ok() {
                        self.drain();
                    }
                    self.stop();
                    return result.err().map(Err);
                }
            };
            // Errors of a cancelled connection are expected.
            if let Some(input) = input.filter(|_| !self.cancel.is_cancelled()) {
                self.call.handle_input(self.transport.now(), input);
            }
        }
    }

    /// Ends the call from outside because of this error. Returns the error with the context of the call.
    pub(crate) fn abort(&mut self, error: Error) -> Error {
        self.stop();
        self.call.abort(self.transport.now(), error)
    }

    /// Drops the exchange in flight.
    fn stop(&mut self) {
        self.done = true;
        self.body = None;
        self.cancel.detach();
    }

    /// Reads what follows the announced end of a stream, so that the connection can be reused.
    fn drain(&mut self) {
        let deadline = Some(self.transport.now() + LINGER);
        for _ in 0..LINGER_CHUNKS {
            let Some(body) = &mut self.body else { return };
            if !matches!(self.transport.read(body, &self.cancel, deadline), Ok(Some(_))) {
                self.body = None;
            }
        }
    }

    /// Ends the exchange. After the deadline it returns no input, and the call reports the timeout.
    fn failed(&mut self, failure: Failure, deadline: Option<Time>) -> Option<Input> {
        self.body = None;
        match failure {
            Failure::Broken(error) => Some(Input::Failed(error)),
            Failure::Late if deadline.is_none() => {
                Some(Input::Failed(TransportError::new(Sent::Maybe, "it took too long")))
            }
            // Socket timeouts may be slightly early.
            Failure::Late => self.wait(deadline, |_| Poll::Pending),
        }
    }

    fn wait<U>(&self, until: Option<Time>, poll: impl FnMut(&mut Context<'_>) -> Poll<U>) -> Option<U> {
        wait(&self.transport, &self.cancel, until, poll)
    }
}

/// Parks this thread until `poll` is ready. `None` if the deadline passes or the handle is cancelled before.
pub(crate) fn wait<T>(
    transport: &Ureq,
    cancel: &CancelHandle,
    until: Option<Time>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    let unpark = Arc::new(Unpark { woken: AtomicBool::new(true), thread: std::thread::current() });
    let waker = Waker::from(unpark.clone());
    cancel.set_parked(Some(std::thread::current()));
    let result = loop {
        if cancel.is_cancelled() {
            break None;
        }
        if unpark.woken.swap(false, Ordering::AcqRel) {
            if let Poll::Ready(result) = poll(&mut Context::from_waker(&waker)) {
                break Some(result);
            }
            // It may have been woken or cancelled in the meantime, which consumes the thread's token.
            continue;
        }
        match until.map(|until| until.since(transport.now())) {
            Some(left) if left.is_zero() => break None,
            Some(left) => std::thread::park_timeout(left),
            None => std::thread::park(),
        }
    };
    cancel.set_parked(None);
    result
}

/// Wakes a parked thread. The flag is needed because foreign code may use the thread's token, too.
struct Unpark {
    woken: AtomicBool,
    thread: Thread,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl<T> fmt::Debug for Driver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("call", &self.call).finish_non_exhaustive()
    }
}
