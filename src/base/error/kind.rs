//! `ErrorKind`: the class of an error. `Phase`: the part of a call that timed out.

use std::fmt;

/// The class of an [`Error`](crate::Error).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client's configuration is invalid: a base URL, key or header value. Nothing was sent.
    Config,
    /// The request could not be serialized as JSON, or is known to be invalid. Nothing was sent.
    Encode,
    /// The key source failed. Nothing was sent.
    Credentials,
    /// The connection to the server could not be established. Nothing was sent.
    Connect,
    /// The connection failed after the request may have been sent.
    Transport,
    /// A deadline of the call's [`Timeouts`](crate::Timeouts) passed. [`phase`](crate::Error::phase) returns which one.
    Timeout,
    /// The server reported an error, by the response status or inside a stream.
    Server,
    /// The stream ended before its end was announced.
    Truncated,
    /// The response does not have the expected format. [`path`](crate::Error::path) returns the location.
    Decode,
    /// A limit of [`Limits`](crate::Limits) was reached.
    TooLarge,
    /// A policy or a hook of this client rejected the call: an open circuit, a rate limit, a full queue. Nothing was sent.
    Policy,
    /// The call was cancelled by the caller.
    Cancelled,
    /// A sans-IO [`Call`](crate::call::Call) was driven incorrectly.
    Misuse,
}

impl ErrorKind {
    /// Returns the class as a word, such as `too_large`, for logs and programs.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Config => "config",
            ErrorKind::Encode => "encode",
            ErrorKind::Credentials => "credentials",
            ErrorKind::Connect => "connect",
            ErrorKind::Transport => "transport",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Server => "server",
            ErrorKind::Truncated => "truncated",
            ErrorKind::Decode => "decode",
            ErrorKind::TooLarge => "too_large",
            ErrorKind::Policy => "policy",
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::Misuse => "misuse",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The part of a call that timed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Waiting for the head of the response.
    Head,
    /// Waiting for the first item of a stream.
    FirstItem,
    /// Waiting for more data. Keep-alive comments do not count as data.
    Idle,
    /// The whole call, including retries.
    Total,
}

impl Phase {
    /// Returns the part as a word, such as `first_item`.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Head => "head",
            Phase::FirstItem => "first_item",
            Phase::Idle => "idle",
            Phase::Total => "total",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
