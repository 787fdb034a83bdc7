//! `TransportError`: why an exchange failed below HTTP.

use std::fmt;

use crate::base::text::{Texts, texts_of_any};

/// Why an exchange failed below HTTP.
pub struct TransportError {
    message: String,
    sent: Sent,
    certificate: bool,
    /// Whether the connection was to a proxy, and whether an environment variable set it.
    proxy: Option<bool>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// Returns the texts of this error and of its source.
    texts: Texts,
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

// Not derived: quoting text needs large character tables, which the wasm module would include.
impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = if self.sent == Sent::No { "not sent" } else { "maybe sent" };
        write!(f, "TransportError({}, {sent}", self.message)?;
        match &self.source {
            Some(source) => write!(f, ", {source:?})"),
            None => f.write_str(")"),
        }
    }
}

/// Whether the server may have seen the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sent {
    /// The server has not seen it: no connection was made, or it was lost before the first byte.
    No,
    /// The server may have seen it.
    Maybe,
}

impl TransportError {
    /// Creates an error with a message for people. The message must not contain keys or bodies.
    pub fn new(sent: Sent, message: impl fmt::Display) -> Self {
        let texts: Texts = |error| {
            let failure = error.downcast_ref::<TransportError>();
            [failure.map(|failure| failure.message.clone()).unwrap_or_default(), String::new()]
        };
        TransportError { message: message.to_string(), sent, certificate: false, proxy: None, source: None, texts }
    }

    /// Sets the cause.
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self.texts = texts_of_any;
        self
    }

    /// Marks the error as a certificate failure. Such errors are not retried.
    pub fn about_certificate(mut self) -> Self {
        self.certificate = true;
        self
    }

    /// Returns whether the connection failed because of a certificate.
    pub fn is_about_certificate(&self) -> bool {
        self.certificate
    }

    /// Marks the error as a failure to connect through this proxy, such as `http://127.0.0.1:3128`, and names the environment variable
    /// that sets it, if any. The message then names the proxy instead of the server. The address must not contain a password.
    pub fn through_proxy(mut self, proxy: impl fmt::Display, variable: Option<&str>) -> Self {
        let from = variable.map(|name| format!(" (from {name})")).unwrap_or_default();
        self.message = format!("connecting through the proxy {proxy}{from} failed: {}", self.message);
        self.proxy = Some(variable.is_some());
        self
    }

    /// Returns whether the connection to a proxy failed.
    pub fn is_about_proxy(&self) -> bool {
        self.proxy.is_some()
    }

    pub(crate) fn is_about_variable(&self) -> bool {
        self.proxy == Some(true)
    }

    /// Returns whether the server may have seen the request.
    pub fn sent(&self) -> Sent {
        self.sent
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn texts(&self) -> Texts {
        self.texts
    }
}
