//! `Timer`: a transport's sleep that is polled only when it has something to say.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::base::Time;

/// A sleep until a point in time, which a driver waits for beside a body.
///
/// A stream waits for each of its chunks with the same timer, and polling the sleep each time would cost more than the wait: it
/// registers a waker that it has already. So the sleep gets a waker of its own, and is polled again only after that was woken, or for
/// another task.
pub(super) struct Timer<S> {
    pub(super) at: Time,
    sleep: S,
    alarm: Option<Arc<Alarm>>,
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
        Timer { at, sleep, alarm: None }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let alarm = match &self.alarm {
            Some(alarm) if alarm.task.will_wake(cx.waker()) => {
                if !alarm.rang.swap(false, Ordering::AcqRel) {
                    return Poll::Pending;
                }
                alarm.clone()
            }
            _ => Arc::new(Alarm { rang: AtomicBool::new(false), task: cx.waker().clone() }),
        };
        self.alarm = Some(alarm.clone());
        Pin::new(&mut self.sleep).poll(&mut Context::from_waker(&Waker::from(alarm)))
    }
}
