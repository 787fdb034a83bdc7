//! The line: applies the deadline and the cancellation of a call to the connection that its thread uses.
//!
//! ureq's own timeouts are fixed when a request is created, but the next deadline of a call depends on what it reads. And a
//! request does not expose its pooled connection. But ureq does all IO of a request on the calling thread, so a connection
//! finds the line of its user in a thread-local.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use ::ureq::config::Config;
use ::ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ::ureq::unversioned::transport::time::Duration;
use ::ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, ShutdownHandle, Transport,
};
use ::ureq::{Error, Timeout};
use http::Uri;

use crate::transport::cancel::CancelHandle;

/// The reason of the line's timeouts. The transport sets no others with this name.
pub(super) const DEADLINE: Timeout = Timeout::Global;

thread_local! {
    static CURRENT: RefCell<Option<Line>> = const { RefCell::new(None) };
}

/// The deadline and cancellation that apply to the IO of this thread.
pub(super) struct Line {
    cancel: CancelHandle,
    deadline: Option<Instant>,
    seen: Seen,
}

/// The observed state of a connection.
#[derive(Default)]
pub(super) struct Seen {
    /// Whether some of the request may have been sent.
    pub(super) wrote: bool,
    /// Why the connection broke. ureq treats this as the end of a body without a length.
    pub(super) broken: Option<io::Error>,
}

impl Line {
    pub(super) fn new(cancel: CancelHandle, deadline: Option<Instant>) -> Self {
        Line { cancel, deadline, seen: Seen::default() }
    }

    /// Applies this line to the IO of `io`. Also returns the observed state.
    pub(super) fn hold<T>(self, io: impl FnOnce() -> T) -> (T, Seen) {
        // Restored even if `io` panics.
        struct Back(Option<Line>);
        impl Drop for Back {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _back = Back(CURRENT.replace(Some(self)));
        let result = io();
        (result, with(|line| std::mem::take(&mut line.seen)).unwrap_or(Seen { wrote: true, broken: None }))
    }

    /// The timeout, cut at the deadline.
    fn cut(&self, mut timeout: NextTimeout) -> Result<NextTimeout, Error> {
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Timeout(DEADLINE));
            }
            if Duration::Exact(left) < timeout.after {
                timeout.after = Duration::Exact(left);
                timeout.reason = DEADLINE;
            }
        }
        Ok(timeout)
    }

    /// Whether the deadline is so near that a timeout must be due to it.
    fn is_due(&self) -> bool {
        const NEAR: std::time::Duration = std::time::Duration::from_millis(10);
        self.deadline.is_some_and(|at| at.saturating_duration_since(Instant::now()) < NEAR)
    }

    fn attach(&self, socket: &Socket) -> Result<(), Error> {
        match self.cancel.attach(socket) {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the call was cancelled").into()),
        }
    }
}

type Socket = Weak<dyn ShutdownHandle>;

fn with<T>(f: impl FnOnce(&mut Line) -> T) -> Option<T> {
    CURRENT.with_borrow_mut(|line| line.as_mut().map(f))
}

fn cut(timeout: NextTimeout) -> Result<NextTimeout, Error> {
    with(|line| line.cut(timeout)).unwrap_or(Ok(timeout))
}

/// Resolves names within the deadline.
#[derive(Debug, Default)]
pub(super) struct Resolve(DefaultResolver);

impl Resolver for Resolve {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut timeout = cut(timeout)?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        if host.parse::<IpAddr>().is_ok() {
            // Without a timeout no thread is spawned for the lookup.
            timeout.after = Duration::NotHappening;
        }
        self.0.resolve(uri, config, timeout)
    }
}

/// Creates connections that obey the line.
#[derive(Debug, Default)]
pub(super) struct Connect(DefaultConnector);

impl Connector for Connect {
    type Out = Connection;

    fn connect(&self, details: &ConnectionDetails, chained: Option<()>) -> Result<Option<Connection>, Error> {
        let sockets = Arc::new(Mutex::new(Vec::new()));
        let register = {
            let (sockets, agent) = (sockets.clone(), details.register_shutdown.clone());
            move |socket: Socket| {
                with(|line| line.attach(&socket)).unwrap_or(Ok(()))?;
                sockets.lock().unwrap_or_else(PoisonError::into_inner).push(socket.clone());
                agent(socket)
            }
        };
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: cut(details.timeout)?,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: Arc::new(register),
        };
        let inner = self.0.connect(&details, chained).map_err(|error| match error {
            // Attempts are timed individually, with a different reason.
            Error::Timeout(_) if with(|line| line.is_due()).unwrap_or(false) => Error::Timeout(DEADLINE),
            error => error,
        });
        // Earlier writes went to a proxy, or preceded the request.
        with(|line| line.seen.wrote = false);
        let sockets = std::mem::take(&mut *sockets.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(inner?.map(|inner| Connection { inner, sockets, head: Head::Read }))
    }
}

/// A connection that obeys the line of the thread that uses it.
pub(super) struct Connection {
    inner: Box<dyn Transport>,
    sockets: Vec<Socket>,
    head: Head,
}

/// The head of the current response of the connection.
#[derive(Clone, Copy, PartialEq)]
enum Head {
    Awaited,
    Read,
    /// The status is 500 or more. The server closes the connection soon after, without announcing it, and a request on it is
    /// lost. So it is not returned to the pool.
    Failed,
}

impl Head {
    /// Reads what has arrived since the request and was not consumed yet. A response without a body returns its connection
    /// to the pool before the status is reported, so it is checked here.
    fn of(mut input: &[u8]) -> Head {
        loop {
            // `HTTP/1.1 500 ...`
            match input.get(9..12) {
                None => return Head::Awaited,
                Some([b'1', ..]) => match memchr::memmem::find(input, b"\r\n\r\n") {
                    // The final head may follow an interim response.
                    Some(at) => input = &input[at + 4..],
                    None => return Head::Awaited,
                },
                Some([b'5', ..]) => return Head::Failed,
                Some(_) => return Head::Read,
            }
        }
    }
}

impl Connection {
    fn enter(&self, timeout: NextTimeout) -> Result<NextTimeout, Error> {
        let entered = with(|line| {
            self.sockets.iter().try_for_each(|socket| line.attach(socket))?;
            line.cut(timeout)
        });
        entered.unwrap_or(Ok(timeout))
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = self.enter(timeout)?;
        with(|line| line.seen.wrote = true);
        self.head = Head::Awaited;
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = self.enter(timeout)?;
        let result = self.inner.await_input(timeout);
        if let Err(Error::Io(error)) = &result {
            with(|line| line.seen.broken = Some(io::Error::new(error.kind(), error.to_string())));
        }
        if self.head == Head::Awaited {
            self.head = Head::of(self.inner.buffers().input());
        }
        result
    }

    fn is_open(&mut self) -> bool {
        // Called right before the connection returns to the pool. From now on this call must not shut it down.
        with(|line| line.cancel.detach());
        self.head != Head::Failed && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
