//! `Ready`: polls many futures, but only those that have woken, in the order in which they did.
//!
//! A future that yielded an item goes to the end of the queue, so that no other one starves.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Slots of `T`, by ids that are never reused.
pub(crate) struct Ready<T> {
    slots: Vec<Slot<T>>,
    /// The boxes of removed slots, for the next ones. Allocating one of this size is slow.
    spare: Vec<Box<Option<T>>>,
    next_id: u64,
    line: Arc<Line>,
}

struct Slot<T> {
    id: u64,
    /// Boxed, since calls are large and slots move when an earlier one is removed.
    value: Box<Option<T>>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// The queue of the slots to poll, and the waker of the task that polls.
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
    /// The slot is already in the queue.
    rung: AtomicBool,
    line: Arc<Line>,
}

impl<T> Ready<T> {
    pub(crate) fn new() -> Self {
        Ready { slots: Vec::new(), spare: Vec::new(), next_id: 0, line: Arc::default() }
    }

    /// Adds a future, to be polled after those that are ready now.
    pub(crate) fn add(&mut self, value: T) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let bell = Arc::new(Bell { id, rung: AtomicBool::new(false), line: self.line.clone() });
        let waker = Waker::from(bell.clone());
        bell.ring();
        let mut place = self.spare.pop().unwrap_or_default();
        *place = Some(value);
        self.slots.push(Slot { id, value: place, bell, waker });
        id
    }

    /// Removes a future.
    pub(crate) fn remove(&mut self, id: u64) -> Option<T> {
        let at = self.find(id)?;
        let mut slot = self.slots.remove(at);
        let value = slot.value.take();
        self.spare.push(slot.value);
        value
    }

    /// Drops a future. Moving it out first would copy it.
    pub(crate) fn discard(&mut self, id: u64) {
        if let Some(at) = self.find(id) {
            let mut slot = self.slots.remove(at);
            *slot.value = None;
            self.spare.push(slot.value);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns all futures with their ids, in the order in which they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.slots.iter().filter_map(|slot| Some((slot.id, slot.value.as_ref().as_ref()?)))
    }

    /// Polls those that are ready until one of them yields an item, each at most once.
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
            let Slot { value, bell, waker, .. } = &mut self.slots[at];
            let Some(value) = value.as_mut().as_mut() else { continue };
            // Reset before the poll, because the bell may ring during it. A swap, so that data written before the last ring is
            // visible.
            bell.rung.swap(false, Ordering::AcqRel);
            if let Poll::Ready(result) = poll(value, &mut Context::from_waker(waker)) {
                // There may be more items.
                bell.ring();
                return Poll::Ready((id, result));
            }
        }
        // Those that rang while they were polled are polled again after the others.
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
        // Wakers are foreign code and must not run under the lock.
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
