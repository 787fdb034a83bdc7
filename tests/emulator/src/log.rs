//! The log of the emulator: requests, and clients that disconnected.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// A request with its whole body.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SeenRequest {
    /// The method, in capitals.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Header names in lower case with their values. Values of the same name are in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The number of the connection, counted from 1.
    pub connection: u64,
}

impl SeenRequest {
    /// Returns the first value of a header. The name is not case-sensitive.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the body as JSON. Null if it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A client that closed its connection before it received the whole response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Disconnect {
    /// The method of the running request.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// The connection, as in [`SeenRequest::connection`].
    pub connection: u64,
    /// The number of events of the stream that were written, without pings.
    pub events_sent: usize,
}

/// Everything logged since the start, or since [`Emulator::clear_log`](crate::Emulator::clear_log).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Log {
    /// Requests, in the order in which their bodies were complete.
    pub requests: Vec<SeenRequest>,
    /// Clients that disconnected before the end of a response.
    pub disconnects: Vec<Disconnect>,
    /// The number of requests whose responses are not written yet.
    pub in_flight: usize,
    /// The maximum of `in_flight` so far.
    pub most_in_flight: usize,
    /// The number of accepted connections.
    pub connections_opened: u64,
    /// The number of connections that were closed by either side.
    pub connections_closed: u64,
    /// The number of events written in all streams, without pings.
    pub events_sent: u64,
    /// The paths of cancelled downloads, whose files were removed.
    pub downloads_rolled_back: Vec<String>,
    /// The number of pings written in all streams.
    pub pings_sent: u64,
    /// The number of bytes that each connection has accepted from the server, including heads and framing. It does not change
    /// while a client applies back-pressure.
    pub bytes_accepted: BTreeMap<u64, u64>,
}

impl Log {
    /// Returns the number of bytes that all connections have accepted from the server.
    pub fn all_bytes_accepted(&self) -> u64 {
        self.bytes_accepted.values().sum()
    }
}

/// The log, which the server writes and tests wait for.
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
        // A test that panicked in its condition has not left the log in an inconsistent state.
        self.inner.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn write(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.read());
        self.inner.changed.notify_all();
        self.inner.version.send_modify(|version| *version += 1);
    }

    /// Blocks until the condition holds. Returns false if it does not within the time.
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

    /// Waits until the condition holds. Does not require a particular runtime.
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
