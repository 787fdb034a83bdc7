//! `TransportError`: why an exchange failed below HTTP.

use std::fmt;

use crate::base::text::{Texts, texts_of_any};

/// Why an exchange failed below HTTP.
pub struct TransportError {
    message: String,
    sent: Sent,
    certificate: bool,
    /// It was to go through a proxy, and whether a variable of the environment says so.
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

// Not derived: what quotes texts has large tables of characters, which browsers would load.
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

/// Whether the server can have seen the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sent {
    /// Certainly not: no connection was made, or it was lost before the first byte.
    No,
    /// It cannot be ruled out.
    Maybe,
}

impl TransportError {
    /// An error with a message for people; it must hold neither keys nor bodies.
    pub fn new(sent: Sent, message: impl fmt::Display) -> Self {
        let texts: Texts = |error| {
            let failure = error.downcast_ref::<TransportError>();
            [failure.map(|failure| failure.message.clone()).unwrap_or_default(), String::new()]
        };
        TransportError { message: message.to_string(), sent, certificate: false, proxy: None, source: None, texts }
    }

    /// Adds the cause.
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self.texts = texts_of_any;
        self
    }

    /// Says that the connection was given up because of a certificate: it is not tried again, since that would not help.
    pub fn about_certificate(mut self) -> Self {
        self.certificate = true;
        self
    }

    /// Whether the connection was given up because of a certificate.
    pub fn is_about_certificate(&self) -> bool {
        self.certificate
    }

    /// Says that no connection could be made through this proxy, such as `http://127.0.0.1:3128`, which the environment variable of this
    /// name sets, if one does: the message then blames the proxy, and not the server behind it. The address must not hold a password.
    pub fn through_proxy(mut self, proxy: impl fmt::Display, variable: Option<&str>) -> Self {
        let from = variable.map(|name| format!(" (from {name})")).unwrap_or_default();
        self.message = format!("connecting through the proxy {proxy}{from} failed: {}", self.message);
        self.proxy = Some(variable.is_some());
        self
    }

    /// Whether no connection could be made through a proxy.
    pub fn is_about_proxy(&self) -> bool {
        self.proxy.is_some()
    }

    pub(crate) fn is_about_variable(&self) -> bool {
        self.proxy == Some(true)
    }

    /// Whether the server can have seen the request.
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
