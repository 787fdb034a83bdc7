//! `ErrorKind`: the class of an error; `Phase`: the part of a call that ran out of time.

use std::fmt;

/// The class of an [`Error`](crate::Error).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client's configuration cannot work: a base URL, key or header value. Nothing was sent.
    Config,
    /// The request could not be written as JSON, or is known to be impossible. Nothing was sent.
    Encode,
    /// The source of keys failed. Nothing was sent.
    Credentials,
    /// No connection to the server could be made. Nothing was sent.
    Connect,
    /// The connection failed after the request may have been sent.
    Transport,
    /// A deadline of the call's [`Timeouts`](crate::Timeouts) passed; [`phase`](crate::Error::phase) says which.
    Timeout,
    /// The server answered with an error, by its status or inside a stream.
    Server,
    /// The stream ended before its end was announced.
    Truncated,
    /// The answer is not what this operation answers; [`path`](crate::Error::path) says where.
    Decode,
    /// A cap of [`Limits`](crate::Limits) was reached.
    TooLarge,
    /// A policy or a hook of this client rejected the call: an open circuit, a rate limit, a full queue. Nothing was sent.
    Policy,
    /// The call was cancelled by its owner.
    Cancelled,
    /// A sans-IO [`Call`](crate::call::Call) was driven wrongly.
    Misuse,
}

impl ErrorKind {
    /// The class as a word, such as `too_large`: for logs, and for programs that read them.
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

/// The part of a call that ran out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Waiting for the head of the answer.
    Head,
    /// Waiting for the first item of a stream.
    FirstItem,
    /// Waiting for more data (keep-alive comments are not data).
    Idle,
    /// The whole call, its retries included.
    Total,
}

impl Phase {
    /// The part as a word, such as `first_item`.
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
