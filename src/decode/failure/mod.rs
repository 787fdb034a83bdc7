//! Converts every form of server error into an [`Error`].
//!
//! | where | shape |
//! |---|---|
//! | handlers | `{"detail": "text"}` |
//! | validation, 422 | `{"detail": [{"type", "loc", "msg", "input"}]}` |
//! | context too long | `{"error": {"message", "type", "param", "code"}}` |
//! | inside a stream, status 200 | `{"error": {"message", "trace"}}`, or the one above |
//! | unhandled exceptions, proxies | plain text, HTML, nothing |
//! | other servers | `{"object": "error", "message", "type", "code"}`, `{"message", "code"}`, `[{"error": {..}}]`, ... |
//!
//! Only the first 64 KiB are read, once.

mod classify;
mod glimpse;
mod hint;
mod server_error;

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::base::Error;
use classify::Within;
pub(super) use glimpse::{DeserializeInPlace, LOOK};
use hint::{advice, redirected};
use server_error::ServerError;

/// The error of a response whose status is not a success.
pub(super) fn from_response(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let said = ServerError::json(body).unwrap_or_else(|| ServerError::plain(body, Some(headers)));
    let cause = said.cause(Some(status), Within::Answer);
    let advice = advice(&said, &cause, Some(status));
    let error = said.into_error(cause, None);
    match advice {
        Some(advice) => error.with_advice(advice),
        None if status.is_redirection() => redirected(error, headers),
        None => error,
    }
}

/// Returns the error in the data of an event, in any known form, or `None` if there is none. For custom
/// [`EventFormat`](crate::decode::EventFormat)s.
pub fn event_error(data: &str) -> Option<Error> {
    ServerError::json(data.as_bytes()).map(|said| finished(said, Within::Stream))
}

/// Returns the error of an event of kind `error`, regardless of its data. For custom [`EventFormat`](crate::decode::EventFormat)s.
pub fn error_event(data: &str) -> Error {
    event_error(data).unwrap_or_else(|| finished(ServerError::plain(data.as_bytes(), None), Within::Stream))
}

/// The error in the value of an event's `error` field, or `None` if the value means no error.
pub(crate) fn event_error_field(error: &Value) -> Option<Error> {
    ServerError::field(error).map(|said| finished(said, Within::Stream))
}

/// The same for a field of a whole response.
pub(crate) fn answer_error_field(error: &Value) -> Option<Error> {
    ServerError::field(error).map(|said| finished(said, Within::Answer))
}

/// Returns the error that was sent instead of a response, despite a success status. `None` if the body has no error.
pub(super) fn from_answer(body: &str) -> Option<Error> {
    ServerError::in_place_of_answer(body.as_bytes()).map(|said| finished(said, Within::Answer))
}

fn finished(said: ServerError, within: Within) -> Error {
    let status = said.status;
    let cause = said.cause(status, within);
    let advice = advice(&said, &cause, status);
    let error = said.into_error(cause, status);
    let error = if within == Within::Stream { error.in_stream() } else { error };
    match advice {
        Some(advice) => error.with_advice(advice),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_short_word() {
        let code = |code: &str| {
            let data = serde_json::json!({"error": {"message": "no", "type": "invalid_request_error", "code": code}});
            event_error(&data.to_string()).unwrap().code().to_string()
        };
        assert_eq!(code("context_length_exceeded"), "context_length_exceeded");
        for other in ["", "two words", "caf\u{e9}", &"x".repeat(65)] {
            assert_eq!(code(other), "invalid_request_error", "{other}");
        }
    }
}
