//! `Ready`: polls many futures, but only those that have woken, in the order in which they did.
//!
//! One that yielded goes to the end of the line, so that no other one starves.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Slots of `T`, by numbers that are never given twice.
pub(crate) struct Ready<T> {
    slots: Vec<Slot<T>>,
    next_id: u64,
    line: Arc<Line>,
}

struct Slot<T> {
    id: u64,
    /// Boxed, since calls are large and slots move when one before them is taken out.
    value: Box<T>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// Who is to be polled, and who polls.
#[derive(Default)]
struct Line {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ready: VecDeque<u64>,
    waker: Option<Waker>,
}

/// Wakes one slot.
struct Bell {
    id: u64,
    /// It stands in line already.
    rung: AtomicBool,
    line: Arc<Line>,
}

impl<T> Ready<T> {
    pub(crate) fn new() -> Self {
        Ready { slots: Vec::new(), next_id: 0, line: Arc::default() }
    }

    /// Adds one, to be polled after those that are ready now.
    pub(crate) fn add(&mut self, value: T) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let bell = Arc::new(Bell { id, rung: AtomicBool::new(false), line: self.line.clone() });
        let waker = Waker::from(bell.clone());
        bell.ring();
        self.slots.push(Slot { id, value: Box::new(value), bell, waker });
        id
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, id: u64) -> Option<T> {
        let at = self.find(id)?;
        Some(*self.slots.remove(at).value)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// All of them with their numbers, in the order in which they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.slots.iter().map(|slot| (slot.id, &*slot.value))
    }

    /// Polls those that are ready until one of them yields something, each at most once.
    pub(crate) fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut T, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<(u64, R)> {
        let waker = cx.waker().clone();
        let (old, turns) = {
            let mut state = self.line.lock();
            (state.waker.replace(waker), state.ready.len())
        };
        drop(old);
        for _ in 0..turns {
            let Some(id) = self.line.lock().ready.pop_front() else { break };
            let Some(at) = self.find(id) else { continue };
            let slot = &mut self.slots[at];
            // Before it is polled: it may ring while it is. A swap, so that what the last one rang for is seen.
            slot.bell.rung.swap(false, Ordering::AcqRel);
            if let Poll::Ready(result) = poll(&mut slot.value, &mut Context::from_waker(&slot.waker)) {
                // It may have more.
                slot.bell.ring();
                return Poll::Ready((id, result));
            }
        }
        // Those that rang while they were polled have their turn when others had theirs.
        if !self.line.lock().ready.is_empty() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn find(&self, id: u64) -> Option<usize> {
        self.slots.binary_search_by_key(&id, |slot| slot.id).ok()
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell {
    fn ring(&self) {
        if self.rung.swap(true, Ordering::AcqRel) {
            return;
        }
        // Wakers are foreign code; they do not run under the lock.
        let waker = {
            let mut state = self.line.lock();
            state.ready.push_back(self.id);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
