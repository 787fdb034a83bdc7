//! `Clock`: the time of a client, for code that runs beside its calls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{BoxFuture, Time};
use crate::transport::Erased;

/// The clock of a client's transport. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Erased>);

impl Clock {
    pub(crate) fn new(transport: Arc<dyn Erased>) -> Self {
        Clock(transport)
    }

    /// Returns the current time.
    pub fn now(&self) -> Time {
        self.0.now()
    }

    /// Waits until a point in time.
    pub fn sleep_until(&self, until: Time) -> BoxFuture<()> {
        self.0.sleep_until(until)
    }

    /// Waits for this duration.
    pub fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        self.sleep_until(self.now() + duration)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
