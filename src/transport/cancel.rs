//! `CancelHandle`: cancels calls from another thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::Thread;

use ureq::unversioned::transport::ShutdownHandle;

/// Cancels calls from another thread. See [`Client::cancelled_by`](crate::blocking::Client::cancelled_by) and
/// [`ResponseStream::cancel_handle`](crate::blocking::ResponseStream::cancel_handle). Clones cancel the same calls.
///
/// A cancelled call ends with an error of kind [`Cancelled`](crate::ErrorKind::Cancelled), even while it blocks. Its
/// connection is closed, which the server notices: a generation stops, a model load continues.
#[derive(Clone, Default)]
pub struct CancelHandle(Arc<Inner>);

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The connection in use. Not a pooled one, which may belong to another call by then.
    sockets: Vec<Weak<dyn ShutdownHandle>>,
    /// The thread that waits for something other than a connection.
    parked: Option<Thread>,
    /// The handles that are cancelled with this one.
    children: Vec<Weak<Inner>>,
}

impl CancelHandle {
    /// Creates a handle without calls.
    pub fn new() -> Self {
        CancelHandle::default()
    }

    /// Cancels the calls of this handle, including future ones. Does not block. Can be called repeatedly.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Returns whether the handle was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Creates a handle that is cancelled with this one, but not vice versa.
    pub(crate) fn child(&self) -> CancelHandle {
        let child = CancelHandle::new();
        self.adopt(&child);
        child
    }

    /// Cancels the other handle with this one.
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

    /// Sets the connection to shut down on cancellation. Returns false, and shuts it down, if already cancelled.
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

    /// Releases the connection.
    pub(crate) fn detach(&self) {
        self.0.lock().sockets.clear();
    }

    /// Sets the thread to unpark on cancellation.
    pub(crate) fn set_parked(&self, thread: Option<Thread>) {
        self.0.lock().parked = thread;
    }
}

impl Inner {
    fn cancel(&self) {
        let (parked, children) = {
            let mut state = self.lock();
            self.cancelled.store(true, Ordering::Release);
            // Under the lock: a detached connection must not be shut down.
            state.sockets.drain(..).for_each(|socket| shut_down(&socket));
            (state.parked.take(), std::mem::take(&mut state.children))
        };
        if let Some(thread) = parked {
            thread.unpark();
        }
        children.iter().filter_map(Weak::upgrade).for_each(|child| child.cancel());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock, so the state is valid even if the lock is poisoned.
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
