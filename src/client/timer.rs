//! `Timer`: wraps a transport's sleep and polls it only after it has woken.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::base::Time;

/// A sleep until a point in time, which a driver polls beside a body.
///
/// A stream waits for each of its chunks with the same timer. Polling the sleep each time would cost more than the wait, and
/// would register the same waker again. So the sleep has its own waker, and is polled again only after that was woken, or for
/// another task.
pub(super) struct Timer<S> {
    pub(super) at: Time,
    sleep: S,
    ringer: Ringer,
}

enum Ringer {
    /// It was not polled yet.
    None,
    Alarm(Arc<Alarm>),
    /// The task's own waker. Clones of it cannot be recognized: runtimes may have several vtables for one kind of waker.
    Task,
}

/// The waker of a sleep, which wakes the task that waits for it.
struct Alarm {
    rang: AtomicBool,
    task: Waker,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl<S: Future<Output = ()> + Unpin> Timer<S> {
    pub(super) fn new(at: Time, sleep: S) -> Self {
        Timer { at, sleep, ringer: Ringer::None }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = Pin::new(&mut self.sleep);
        match &self.ringer {
            Ringer::Task => return sleep.poll(cx),
            Ringer::Alarm(alarm) if alarm.task.will_wake(cx.waker()) => {
                if !alarm.rang.swap(false, Ordering::AcqRel) {
                    return Poll::Pending;
                }
            }
            Ringer::None | Ringer::Alarm(_) => self.ringer = Ringer::of(cx.waker()),
        }
        match &self.ringer {
            Ringer::Alarm(alarm) => sleep.poll(&mut Context::from_waker(&Waker::from(alarm.clone()))),
            Ringer::None | Ringer::Task => sleep.poll(cx),
        }
    }
}

impl Ringer {
    fn of(waker: &Waker) -> Self {
        let task = waker.clone();
        if !task.will_wake(waker) {
            return Ringer::Task;
        }
        Ringer::Alarm(Arc::new(Alarm { rang: AtomicBool::new(false), task }))
    }
}
