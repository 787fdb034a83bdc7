//! `CancelHandle`: ends calls from another thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::Thread;

use ureq::unversioned::transport::ShutdownHandle;

/// Ends calls from another thread: see [`Client::cancelled_by`](crate::blocking::Client::cancelled_by) and
/// [`ResponseStream::cancel_handle`](crate::blocking::ResponseStream::cancel_handle). Clones cancel the same calls.
///
/// A cancelled call ends with an error of kind [`Cancelled`](crate::ErrorKind::Cancelled) although it was blocked, and its
/// connection is closed, so that the server sees it. What the server does then: a generation stops, a model load goes on.
#[derive(Clone, Default)]
pub struct CancelHandle(Arc<Inner>);

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The connection in use; none that the pool holds, since that may be another call's by then.
    sockets: Vec<Weak<dyn ShutdownHandle>>,
    /// The thread that waits for something other than a connection.
    parked: Option<Thread>,
    /// Those that are cancelled along.
    children: Vec<Weak<Inner>>,
}

impl CancelHandle {
    /// A handle that no call obeys yet.
    pub fn new() -> Self {
        CancelHandle::default()
    }

    /// Ends the calls that obey this handle, and those to come. Does not block; may be called any number of times.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// A handle that is cancelled along with this one, but not the other way round.
    pub(crate) fn child(&self) -> CancelHandle {
        let child = CancelHandle::new();
        self.adopt(&child);
        child
    }

    /// Cancels the other handle along with this one.
    pub(crate) fn adopt(&self, child: &CancelHandle) {
        let mut state = self.0.lock();
        if self.is_cancelled() {
            drop(state);
            child.cancel();
        } else {
            state.children.retain(|child| child.strong_count() > 0);
            state.children.push(Arc::downgrade(&child.0));
        }
    }

    /// The connection that is to be shut down when this is cancelled; false, and it is shut down, if that has happened.
    pub(crate) fn attach(&self, socket: &Weak<dyn ShutdownHandle>) -> bool {
        let mut state = self.0.lock();
        if self.is_cancelled() {
            shut_down(socket);
            return false;
        }
        if !state.sockets.iter().any(|known| known.ptr_eq(socket)) {
            state.sockets.push(socket.clone());
        }
        true
    }

    /// Lets go of the connection.
    pub(crate) fn detach(&self) {
        self.0.lock().sockets.clear();
    }

    /// The thread to be unparked when this is cancelled.
    pub(crate) fn set_parked(&self, thread: Option<Thread>) {
        self.0.lock().parked = thread;
    }
}

impl Inner {
    fn cancel(&self) {
        let (parked, children) = {
            let mut state = self.lock();
            self.cancelled.store(true, Ordering::Release);
            // Under the lock: once detached, a connection must not be shut down any more.
            state.sockets.drain(..).for_each(|socket| shut_down(&socket));
            (state.parked.take(), std::mem::take(&mut state.children))
        };
        if let Some(thread) = parked {
            thread.unpark();
        }
        children.iter().filter_map(Weak::upgrade).for_each(|child| child.cancel());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock, so a poisoned one is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shut_down(socket: &Weak<dyn ShutdownHandle>) {
    if let Some(socket) = socket.upgrade() {
        socket.shutdown();
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}
