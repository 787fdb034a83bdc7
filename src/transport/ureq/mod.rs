//! The blocking executor: ureq.

mod line;
mod proxy;

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::time::{Duration, Instant};

use ::ureq::config::{AutoHeaderValue, ConfigBuilder};
use ::ureq::typestate::AgentScope;
use ::ureq::{Agent, BodyReader};
use bytes::Bytes;
use http::{Method, Request, Response};

use crate::base::{Result, Sent, Time, TransportError};
use crate::transport::cancel::CancelHandle;
use crate::transport::fault::ambiguous;
use line::Line;

/// The default connect timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The server closes idle connections after 5.0 s, so the pool closes them earlier.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// The number of idle connections in the pool. Clients are rarely shared by more threads.
const POOL_SIZE: usize = 100;
/// The size of a read.
const CHUNK: usize = 16 * 1024;

/// A transport of blocking clients, on ureq.
///
/// Deadlines apply to the socket, so they fire even while a read blocks. Only name resolution and connecting
/// cannot be cancelled; they have their own timeout of 10 s.
#[derive(Clone, Debug)]
pub struct Ureq {
    agent: Agent,
    /// The environment variable that names the proxy.
    variable: Option<&'static str>,
    epoch: Instant,
}

impl Ureq {
    /// Creates a transport from a ureq builder, which can set proxies, certificates and buffers.
    ///
    /// Takes the builder instead of an agent, because it disables redirects and changes settings that the client relies on:
    /// statuses are not errors, deadlines are those of [`Timeouts`](crate::Timeouts), connecting takes at most 10 s, and pooled
    /// connections are closed after 4 s without use, one second before the server does.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the selected TLS backend is not compiled in.
    pub fn new(builder: ConfigBuilder<AgentScope>) -> Result<Self> {
        Ureq::with_idle_timeout(builder, POOL_IDLE_TIMEOUT)
    }

    /// Like [`new`](Ureq::new), with this idle timeout of pooled connections.
    ///
    /// It must be well below the time after which the server, or a proxy in between, closes them. A request that is sent while
    /// its connection is being closed is lost: reads are retried, generations end with an error of kind
    /// [`Transport`](crate::ErrorKind::Transport), because it is unknown whether they were started. Zero disables pooling.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the selected TLS backend is not compiled in.
    pub fn with_idle_timeout(builder: ConfigBuilder<AgentScope>, timeout: Duration) -> Result<Self> {
        Ureq::with_timeouts(builder, CONNECT_TIMEOUT, timeout)
    }

    /// Like [`new`](Ureq::new), with this timeout for name resolution and for connecting, each.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the selected TLS backend is not compiled in.
    pub fn with_connect_timeout(builder: ConfigBuilder<AgentScope>, timeout: Duration) -> Result<Self> {
        Ureq::with_timeouts(builder, timeout, POOL_IDLE_TIMEOUT)
    }

    fn with_timeouts(builder: ConfigBuilder<AgentScope>, connect: Duration, timeout: Duration) -> Result<Self> {
        let config = builder
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .allow_non_standard_methods(true)
            .timeout_global(None)
            .timeout_per_call(None)
            .timeout_resolve(Some(connect))
            .timeout_connect(Some(connect))
            .max_idle_age(timeout)
            .max_idle_connections(POOL_SIZE)
            .max_idle_connections_per_host(POOL_SIZE)
            .build();
        #[cfg(all(feature = "native-tls", not(any(feature = "default-tls", feature = "rustls"))))]
        if config.tls_config().provider() == ::ureq::tls::TlsProvider::Rustls {
            return Err(crate::base::error::Error::config("the TLS settings require rustls, which is not built in")
                .with_advice(crate::base::Advice::new(
                    crate::base::Remedy::Change,
                    "set {setting:tls_provider.NativeTls}, or enable the feature `rustls`",
                )));
        }
        let variable = config.proxy().and_then(proxy::variable);
        let agent = Agent::with_parts(config, line::Connect::default(), line::Resolve::default());
        Ok(Ureq { agent, variable, epoch: Instant::now() })
    }

    /// Creates a transport with ureq's defaults: proxies from the environment, and the system's certificates.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the TLS backend is not compiled in.
    pub fn with_defaults() -> Result<Self> {
        Ureq::new(with_tls(Agent::config_builder()))
    }

    pub(crate) fn connecting_within(timeout: Duration) -> Result<Self> {
        Ureq::with_connect_timeout(with_tls(Agent::config_builder()), timeout)
    }

    /// Returns the current time, on the clock of the calls that use this transport.
    pub fn now(&self) -> Time {
        Time::from_epoch(self.epoch.elapsed())
    }

    pub(crate) fn seed() -> u64 {
        RandomState::new().hash_one(0)
    }

    /// Sends a request and blocks until the head of the response arrives, the deadline passes or the call is cancelled.
    pub(crate) fn send(
        &self,
        request: Request<Bytes>,
        cancel: &CancelHandle,
        deadline: Option<Time>,
    ) -> Result<Response<Body>, Failure> {
        let (head, body) = request.into_parts();
        // These methods have a length, even if it is zero. The others have none without a body.
        let uri = head.uri.clone();
        let bare = body.is_empty() && ![Method::POST, Method::PUT, Method::PATCH].contains(&head.method);
        let (result, seen) = self.line(cancel, deadline).hold(|| match bare {
            true => self.agent.run(Request::from_parts(head, ())),
            false => self.agent.run(Request::from_parts(head, &*body)),
        });
        let sent = if seen.wrote { Sent::Maybe } else { Sent::No };
        let response = result.map_err(|error| {
            let proxy = proxy::of(self.agent.config(), &uri, &error).filter(|_| !seen.wrote);
            match (Failure::of_sending(error, sent), proxy) {
                (Failure::Broken(failure), Some(proxy)) if !failure.is_about_certificate() => {
                    Failure::Broken(failure.through_proxy(proxy, self.variable))
                }
                (failure, _) => failure,
            }
        })?;
        if let Some(error) = ambiguous(response.headers()) {
            // The connection ends with the body, which was not read.
            return Err(Failure::Broken(error));
        }
        Ok(response.map(|body| Body { reader: body.into_reader(), buffer: vec![0; CHUNK].into(), broken: seen.broken }))
    }

    /// Blocks for the next chunk of a body. `None` at its end.
    pub(crate) fn read(
        &self,
        body: &mut Body,
        cancel: &CancelHandle,
        deadline: Option<Time>,
    ) -> Result<Option<Bytes>, Failure> {
        let Body { reader, buffer, broken } = body;
        let (result, seen) = self.line(cancel, deadline).hold(|| reader.read(buffer));
        // What arrived before is returned first.
        *broken = broken.take().or(seen.broken);
        match result {
            Ok(0) => match broken.take() {
                Some(error) => Err(Failure::of(::ureq::Error::Io(error), Sent::Maybe)),
                None => Ok(None),
            },
            Ok(n) => Ok(buffer.get(..n).map(Bytes::copy_from_slice)),
            Err(error) => Err(Failure::of(::ureq::Error::from(error), Sent::Maybe)),
        }
    }

    fn line(&self, cancel: &CancelHandle, deadline: Option<Time>) -> Line {
        // A deadline beyond the clock's range means none.
        let deadline = deadline.and_then(|at| self.epoch.checked_add(at.since_epoch()));
        Line::new(cancel.clone(), deadline)
    }
}

/// The body of a response. Dropping it closes the connection.
pub(crate) struct Body {
    reader: BodyReader<'static>,
    buffer: Box<[u8]>,
    /// Why the connection broke, if it did.
    broken: Option<io::Error>,
}

/// Why an exchange stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The deadline passed.
    Late,
    /// The connection failed.
    Broken(TransportError),
}

impl Failure {
    fn of(error: ::ureq::Error, sent: Sent) -> Self {
        match error {
            ::ureq::Error::Timeout(line::DEADLINE) => Failure::Late,
            ::ureq::Error::Timeout(what) => {
                Failure::Broken(TransportError::new(sent, format_args!("{what} took too long")))
            }
            // The text of the variant begins with `io: `.
            ::ureq::Error::Io(error) => Failure::Broken(TransportError::new(sent, &error).with_source(error)),
            error => Failure::Broken(TransportError::new(sent, &error).with_source(error)),
        }
    }

    /// The same before the head arrives. ureq starts TLS with the first write, so a rejected certificate appears as a failure in the
    /// middle of the request.
    fn of_sending(error: ::ureq::Error, sent: Sent) -> Self {
        // TLS libraries share no error type.
        const REFUSALS: [&str; 2] = ["invalid peer certificate", "certificate verify failed"];
        match Failure::of(error, sent) {
            Failure::Broken(failure) if REFUSALS.iter().any(|text| failure.message().contains(text)) => {
                let again = TransportError::new(Sent::No, failure.message()).about_certificate();
                Failure::Broken(again.with_source(failure))
            }
            failure => failure,
        }
    }
}

/// Uses the system's certificates, like the async client.
#[cfg(any(feature = "default-tls", feature = "rustls", feature = "native-tls"))]
fn with_tls(builder: ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope> {
    use ::ureq::tls::{RootCerts, TlsConfig, TlsProvider};
    let provider = match cfg!(any(feature = "default-tls", feature = "rustls")) {
        true => TlsProvider::Rustls,
        false => TlsProvider::NativeTls,
    };
    builder.tls_config(TlsConfig::builder().provider(provider).root_certs(RootCerts::PlatformVerifier).build())
}

#[cfg(not(any(feature = "default-tls", feature = "rustls", feature = "native-tls")))]
fn with_tls(builder: ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope> {
    builder
}
