//! Connections that the server is about to close. A request on one is lost, and `fetch` cannot discard a connection.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use http::Uri;

use super::host::{Clock, Sleep};
use crate::base::Time;

/// The time from a response with status 500 to when its connection is closed.
const CLOSING: Duration = Duration::from_millis(250);
/// The longest wait of a request, however many of these responses there are.
const LONGEST: Duration = Duration::from_secs(1);

/// When the last connection that answered 500 is closed, by origin.
#[derive(Clone)]
pub(super) struct Closing {
    clock: Clock,
    closed: Rc<RefCell<HashMap<String, Time>>>,
}

impl Closing {
    pub(super) fn new(clock: Clock) -> Self {
        Closing { clock, closed: Rc::default() }
    }

    /// Notes that a connection to this origin has answered 500.
    pub(super) fn note(&self, origin: String) {
        self.closed.borrow_mut().insert(origin, self.clock.now() + CLOSING);
    }

    /// Waits until no connection to this origin is about to be closed.
    pub(super) async fn wait(&self, origin: &str) {
        let longest = self.clock.now() + LONGEST;
        loop {
            let closed = self.closed.borrow().get(origin).copied();
            let Some(closed) = closed else { return };
            let now = self.clock.now();
            if now >= closed {
                self.closed.borrow_mut().remove(origin);
                return;
            }
            if now >= longest {
                return;
            }
            Sleep::new(self.clock.clone(), closed.min(longest)).await;
        }
    }
}

impl fmt::Debug for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closing").finish_non_exhaustive()
    }
}

/// Scheme, host and port.
pub(super) fn origin(url: &Uri) -> String {
    let authority = url.authority().map(|authority| authority.as_str()).unwrap_or_default();
    [url.scheme_str().unwrap_or_default(), "://", authority].concat()
}
