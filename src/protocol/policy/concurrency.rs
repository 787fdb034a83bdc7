//! The concurrency limit: how many calls run at a time.

/// A limit on concurrent calls to each server. Other calls wait in a queue, first in, first out.
///
/// A call holds its slot from the start of an attempt to the end of the response. A stream that is not read to its end holds a slot until it is
/// dropped. TabbyAPI queues generations itself, without a bound. A limit here moves the queue to this side, where it is fair, bounded, and free to
/// cancel.
///
/// ```
/// use tabbyapi::policy::Concurrency;
///
/// let limit = Concurrency::new(4).waiting(100);
/// assert_eq!((limit.running, limit.waiting), (4, 100));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Concurrency {
    /// How many calls run at a time; at least 1.
    pub running: u32,
    /// How many calls may wait, over all servers; 10,000 by default. Further calls fail at once with code `queue_full` and kind
    /// [`Policy`](crate::ErrorKind::Policy).
    pub waiting: usize,
}

impl Concurrency {
    /// Allows this many calls at a time.
    pub const fn new(running: u32) -> Self {
        Concurrency { running, waiting: 10_000 }
    }

    /// Sets how many may wait.
    pub fn waiting(mut self, waiting: usize) -> Self {
        self.waiting = waiting;
        self
    }
}
