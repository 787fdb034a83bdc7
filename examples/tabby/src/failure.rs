//! Errors and exit codes.

use std::fmt;
use std::process::ExitCode;

use serde_json::{Value, json};
use tabbyapi::{Broken, Error, ErrorKind, Outcome};

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub enum Failure {
    /// The call failed.
    Call(Error),
    /// A stream did not come to its end.
    Broken(Outcome, Error),
    /// The command cannot be carried out as it stands.
    Usage(String),
    /// Something that is no fault of the server.
    Other(String),
    Interrupted,
}

impl Failure {
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Usage(_) => 2,
            Failure::Other(_) => 1,
            Failure::Interrupted => 130,
            Failure::Broken(Outcome::Truncated, _) => 8,
            Failure::Call(error) | Failure::Broken(_, error) => of(error),
        })
    }

    /// For scripts.
    pub fn json(&self) -> Value {
        let (kind, error) = match self {
            Failure::Usage(_) => ("Usage".to_owned(), None),
            Failure::Other(_) => ("Other".to_owned(), None),
            Failure::Interrupted => ("Interrupted".to_owned(), None),
            Failure::Call(error) | Failure::Broken(_, error) => (format!("{:?}", error.kind()), Some(error)),
        };
        json!({"error": {
            "kind": kind,
            "code": error.map(Error::code),
            "status": error.and_then(Error::status).map(|status| status.as_u16()),
            "retryable": error.is_some_and(Error::is_retryable),
            "message": self.to_string(),
        }})
    }
}

fn of(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::Config => 2,
        ErrorKind::Connect | ErrorKind::Transport => 3,
        ErrorKind::Credentials => 4,
        ErrorKind::Server => match error.status().map(|status| status.as_u16()) {
            Some(401 | 403) => 4,
            Some(400..=499) => 5,
            // "No model is loaded" is an answer to the request, not a failure; so is a name that it does not have.
            _ if error.code().starts_with("no_") || error.code().starts_with("unknown_") => 5,
            _ => 6,
        },
        ErrorKind::Encode | ErrorKind::Refused => 5,
        ErrorKind::Timeout => 7,
        ErrorKind::Truncated => 8,
        ErrorKind::Decode | ErrorKind::TooLarge => 9,
        ErrorKind::Cancelled => 130,
        _ => 1,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Call(error) | Failure::Broken(_, error) => error.fmt(f),
            Failure::Usage(message) | Failure::Other(message) => f.write_str(message),
            Failure::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Call(error)
    }
}

impl<T> From<Broken<T>> for Failure {
    fn from(broken: Broken<T>) -> Self {
        Failure::Broken(broken.outcome, broken.error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            // `tabby … | head` is no failure.
            std::io::ErrorKind::BrokenPipe => Failure::Interrupted,
            _ => Failure::Other(error.to_string()),
        }
    }
}
