//! The concurrency limit: how many calls run at a time.

/// How many calls run at a server at a time; the others wait for their turn, in the order in which they came.
///
/// A call holds its place from its attempt's start to the end of its answer, so a stream that is not read to its end holds one
/// until it is dropped. TabbyAPI queues generations itself, without a bound; a limit here keeps the queue on this side, where
/// it is fair, bounded and can be cancelled for free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Concurrency {
    /// How many run at a time; 1 at least.
    pub running: u32,
    /// How many may wait, over all servers; 10,000 by default. Further ones end at once with the code `queue_full` and the kind
    /// [`Policy`](crate::ErrorKind::Policy).
    pub waiting: usize,
}

impl Concurrency {
    /// So many at a time.
    pub const fn new(running: u32) -> Self {
        Concurrency { running, waiting: 10_000 }
    }

    /// Sets how many may wait.
    pub fn waiting(mut self, waiting: usize) -> Self {
        self.waiting = waiting;
        self
    }
}
