//! The meaning of an error: a stable code, and whether the same call may succeed later.

use http::StatusCode;

use super::server_error::ServerError;
use crate::base::ErrorCode;
use crate::base::text::contains;

/// The meaning of an error.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cause {
    /// The code, if the server does not send its own.
    pub(super) code: ErrorCode,
    /// By status and cause, regardless of a code of the server's own.
    pub(super) retryable: bool,
}

/// Where an error without a status was reported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Within {
    /// In an event of a stream.
    Stream,
    /// In a response.
    Answer,
}

impl ServerError {
    /// Some statuses have several meanings here, which the text distinguishes.
    pub(super) fn cause(&self, status: Option<StatusCode>, within: Within) -> Cause {
        let says = |words: &str| contains(&self.message, words);
        let (code, retryable) = match status.map_or(0, |status| status.as_u16()) {
            0 if says("aborted") => (ErrorCode::GenerationAborted, false),
            0 if within == Within::Stream => (ErrorCode::StreamError, false),
            401 if says("Please provide") || says("admin key isn't provided") => (ErrorCode::MissingKey, false),
            401 | 403 => (ErrorCode::InvalidKey, false),
            404 => (ErrorCode::NotFound, false),
            405 => (ErrorCode::MethodNotAllowed, false),
            408 => (ErrorCode::RequestTimeout, true),
            422 if says("prompt template is not set") => (ErrorCode::NoTemplate, false),
            422 if says("Enable the OAI server") => (ErrorCode::OaiDisabled, false),
            422 if says("does not appear in the rendered prompt") => (ErrorCode::CannotContinue, false),
            422 => (ErrorCode::ValidationFailed, false),
            429 => (ErrorCode::RateLimited, true),
            0 | 503 if says("No embedding models") => (ErrorCode::NoEmbeddingModelLoaded, true),
            0 | 503 if says("No models are currently loaded") => (ErrorCode::NoModelLoaded, true),
            503 if says("aborted") => (ErrorCode::GenerationAborted, false),
            300..=399 => (ErrorCode::Redirect, false),
            400 if says("authentication key is invalid") => (ErrorCode::InvalidKey, false),
            400 if says("TemplateError") => (ErrorCode::TemplateError, false),
            400 if says("Could not find the") && says("model path") => (ErrorCode::UnknownModel, false),
            400 if says("Sampler override file named") || says("Sampler override preset with name") => {
                (ErrorCode::UnknownPreset, false)
            }
            400 if says("is already loaded") => (ErrorCode::AlreadyLoaded, false),
            400 if NOTHING_NAMED.iter().any(|words| says(words)) => (ErrorCode::NothingNamed, false),
            400 => (ErrorCode::BadRequest, false),
            // The 500 of this server is caused by the request, so a retry does not help. The same goes for statuses that mean "not supported".
            0 | 500 | 501 | 505 => (ErrorCode::ServerError, false),
            502..=599 => (ErrorCode::ServerError, true),
            _ => (ErrorCode::HttpError, false),
        };
        Cause { code, retryable }
    }
}

/// The server's messages for empty names and lists.
const NOTHING_NAMED: [&str; 4] = [
    "A model name was not provided",
    "New template name not found",
    "List of loras to load is not found",
    "preset or dictionary wasn't provided",
];
