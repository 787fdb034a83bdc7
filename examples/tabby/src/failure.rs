//! Errors and exit codes.

mod hint;

pub use hint::of_generation;

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use tabbyapi::{Error, ErrorKind, Outcome, StreamError};

/// The beginning of the errors of a replay.
pub const RECORDING: &str = "the recording ";

/// The reason why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// The call failed.
    Call(Error),
    /// A stream did not complete.
    Broken(Outcome, Error),
    /// The command is invalid.
    Usage(String),
    /// The server answered, but did not do it: a code for scripts, a message for people.
    Undone(&'static str, String),
    /// The server answered that it is unhealthy.
    Unhealthy,
    /// The examination found this many errors.
    Found(usize),
    /// An error that the server did not cause.
    Other(String),
    /// Ctrl-C.
    Interrupted,
    /// The reader of the output is closed, as in `tabby … | head`. Not reported.
    Closed,
}

impl Failure {
    /// A file that cannot be read or written.
    pub fn file(what: &str, path: &Path, error: &io::Error) -> Self {
        Failure::Usage(format!("cannot {what} {}: {error}", path.display()))
    }

    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Usage(_) => 2,
            Failure::Undone(..) => 5,
            Failure::Unhealthy => 6,
            Failure::Found(_) | Failure::Other(_) => 1,
            Failure::Interrupted => 130,
            // The code that shells report for programs that such a pipe ended.
            Failure::Closed => 141,
            Failure::Broken(Outcome::Truncated, _) => 8,
            Failure::Call(error) | Failure::Broken(_, error) => of(error),
        })
    }

    /// For scripts.
    pub fn json(&self) -> Value {
        let (kind, code, error) = match self {
            Failure::Usage(_) => ("usage", "usage", None),
            Failure::Undone(code, _) => ("server", *code, None),
            Failure::Unhealthy => ("server", "unhealthy", None),
            Failure::Found(_) => ("server", "findings", None),
            Failure::Other(_) | Failure::Closed => ("other", "other", None),
            Failure::Interrupted => ("interrupted", "interrupted", None),
            Failure::Call(error) | Failure::Broken(_, error) => {
                (error.kind().as_str(), error.code().as_str(), Some(error))
            }
        };
        json!({"error": {
            "kind": kind,
            "code": code,
            "status": error.and_then(Error::status).map(|status| status.as_u16()),
            "retryable": error.is_some_and(Error::is_retryable),
            "message": self.to_string(),
        }})
    }
}

fn of(error: &Error) -> u8 {
    match error.kind() {
        // This includes a key file that cannot be read.
        ErrorKind::Config | ErrorKind::Credentials => 2,
        ErrorKind::Connect | ErrorKind::Transport => 3,
        ErrorKind::Server => match error.status().map(|status| status.as_u16()) {
            Some(401 | 403) => 4,
            // GraphQL has errors in successful responses. A redirect means that the server lacks a route.
            Some(200..=299) if is_graphql(error) && matches!(error.code().as_str(), "unauthorized" | "forbidden") => 4,
            Some(200..=299) if is_graphql(error) => 5,
            Some(300..=399) => 5,
            Some(400..=499) => 5,
            // "No model is loaded" is a response to the request, not a failure. So is an unknown name.
            _ if error.code().as_str().starts_with("no_") || error.code().as_str().starts_with("unknown_") => 5,
            _ if error.code() == "context_length_exceeded" => 5,
            _ => 6,
        },
        ErrorKind::Encode | ErrorKind::Policy => 5,
        ErrorKind::Timeout => 7,
        ErrorKind::Truncated => 8,
        ErrorKind::Decode | ErrorKind::TooLarge => 9,
        ErrorKind::Cancelled => 130,
        _ => 1,
    }
}

fn is_graphql(error: &Error) -> bool {
    error.endpoint().is_some_and(|(_, url)| url.ends_with("/graphql"))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Call(error) | Failure::Broken(_, error) => error.fmt(f),
            Failure::Usage(message) | Failure::Undone(_, message) | Failure::Other(message) => f.write_str(message),
            Failure::Unhealthy => f.write_str(
                "the server is unhealthy; it reports this until it is restarted, even if it works: `tabby health --wait 0` shows \
                 whether a model is ready",
            ),
            Failure::Found(errors) => {
                write!(f, "the examination found {}", crate::output::count(*errors as u64, "error"))
            }
            Failure::Interrupted => f.write_str("interrupted"),
            Failure::Closed => f.write_str("the output is closed"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Call(hint::for_the_terminal(error))
    }
}

impl<T> From<StreamError<T>> for Failure {
    fn from(broken: StreamError<T>) -> Self {
        Failure::Broken(broken.outcome, hint::for_the_terminal(broken.error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Closed,
            _ => Failure::Other(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes() {
        let code = |kind| of(&Error::custom(kind, "x", "y"));
        let kinds = [
            (ErrorKind::Config, 2),
            (ErrorKind::Credentials, 2),
            (ErrorKind::Connect, 3),
            (ErrorKind::Encode, 5),
            (ErrorKind::Server, 6),
            (ErrorKind::Timeout, 7),
            (ErrorKind::Truncated, 8),
            (ErrorKind::Decode, 9),
            (ErrorKind::Misuse, 1),
        ];
        for (kind, expected) in kinds {
            assert_eq!(code(kind), expected, "{kind:?}");
        }
        assert_eq!(of(&Error::custom(ErrorKind::Server, "no_model_loaded", "")), 5);
    }
}
