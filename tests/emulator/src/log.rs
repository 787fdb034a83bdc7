//! What the emulator saw: requests, and clients that went away.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// A request as it arrived, its body whole.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SeenRequest {
    /// The method, in capitals.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Header names in lower case with their values, in the order of arrival by name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The connection it came on; counted from 1 by the emulator.
    pub connection: u64,
}

impl SeenRequest {
    /// The first value of a header; the name is compared without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A client that closed its connection before it had the whole answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Disconnect {
    /// The method of the request that was under way.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// The connection, as in [`SeenRequest::connection`].
    pub connection: u64,
    /// How many events of a stream had been written; pings do not count.
    pub events_sent: usize,
}

/// Everything seen since the start, or since [`Emulator::clear_log`](crate::Emulator::clear_log).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Log {
    /// Requests, in the order in which their bodies were complete.
    pub requests: Vec<SeenRequest>,
    /// Clients that went away in mid-answer.
    pub disconnects: Vec<Disconnect>,
    /// Requests that have come and whose answers are not written yet.
    pub in_flight: usize,
    /// The most of them that there were at a time.
    pub most_in_flight: usize,
    /// Connections accepted.
    pub connections_opened: u64,
    /// Connections closed, by either side.
    pub connections_closed: u64,
    /// Events written in all streams; pings do not count.
    pub events_sent: u64,
    /// Paths of downloads that were broken off, their files removed.
    pub downloads_rolled_back: Vec<String>,
    /// Pings written in all streams.
    pub pings_sent: u64,
    /// How many bytes each connection has accepted of what the server had to write, heads and framing included. It stands still
    /// while a client holds the server back.
    pub bytes_accepted: BTreeMap<u64, u64>,
}

impl Log {
    /// How many bytes all connections have accepted of what the server had to write.
    pub fn all_bytes_accepted(&self) -> u64 {
        self.bytes_accepted.values().sum()
    }
}

/// The log as the server writes it and as tests wait for it.
#[derive(Clone)]
pub(crate) struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    log: Mutex<Log>,
    changed: Condvar,
    version: watch::Sender<u64>,
}

impl Journal {
    pub(crate) fn new() -> Journal {
        let log = Mutex::new(Log::default());
        let (version, _) = watch::channel(0);
        Journal { inner: Arc::new(Inner { log, changed: Condvar::new(), version }) }
    }

    pub(crate) fn read(&self) -> MutexGuard<'_, Log> {
        // A test that panicked in its condition has not left the log half written.
        self.inner.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn write(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.read());
        self.inner.changed.notify_all();
        self.inner.version.send_modify(|version| *version += 1);
    }

    /// Blocks until the condition holds; false if it did not within the time.
    pub(crate) fn wait(&self, condition: impl Fn(&Log) -> bool, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        let mut log = self.read();
        loop {
            if condition(&log) {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            log = match self.inner.changed.wait_timeout(log, left) {
                Ok((log, _)) => log,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// A future that ends once the condition holds; it needs no particular runtime.
    pub(crate) async fn until(&self, condition: impl Fn(&Log) -> bool) {
        let mut version = self.inner.version.subscribe();
        loop {
            version.mark_unchanged();
            if condition(&self.read()) || version.changed().await.is_err() {
                return;
            }
        }
    }
}
