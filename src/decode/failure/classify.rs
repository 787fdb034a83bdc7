//! What an error means: a stable code, and whether the same call may succeed later.

use http::StatusCode;

use super::server_error::ServerError;
use crate::base::text::contains;

/// What an error means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cause {
    /// The code where the server has none of its own.
    pub(super) code: &'static str,
    /// By status and cause; that the server has a code of its own says nothing of it.
    pub(super) retryable: bool,
}

/// Where an error stands that has no status, not even in its text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Within {
    /// In an event of a stream.
    Stream,
    /// In an answer.
    Answer,
}

impl ServerError {
    /// Statuses mean several things here, which only the text tells apart.
    pub(super) fn cause(&self, status: Option<StatusCode>, within: Within) -> Cause {
        let says = |words: &str| contains(&self.message, words);
        let (code, retryable) = match status.map_or(0, |status| status.as_u16()) {
            0 if says("aborted") => ("generation_aborted", false),
            0 if within == Within::Stream => ("stream_error", false),
            401 if says("Please provide") || says("admin key isn't provided") => ("missing_key", false),
            401 | 403 => ("invalid_key", false),
            404 => ("not_found", false),
            405 => ("method_not_allowed", false),
            408 => ("request_timeout", true),
            422 if says("prompt template is not set") => ("no_template", false),
            422 if says("Enable the OAI server") => ("oai_disabled", false),
            422 => ("validation_failed", false),
            429 => ("rate_limited", true),
            0 | 503 if says("No embedding models") => ("no_embedding_model_loaded", true),
            0 | 503 if says("No models are currently loaded") => ("no_model_loaded", true),
            503 if says("aborted") => ("generation_aborted", false),
            300..=399 => ("redirect", false),
            400 if says("authentication key is invalid") => ("invalid_key", false),
            400 if says("TemplateError") => ("template_error", false),
            400 if says("Could not find the") && says("model path") => ("unknown_model", false),
            400 if says("Sampler override file named") || says("Sampler override preset with name") => {
                ("unknown_preset", false)
            }
            400 if says("is already loaded") => ("already_loaded", false),
            400 if NOTHING_NAMED.iter().any(|words| says(words)) => ("nothing_named", false),
            400 => ("bad_request", false),
            // This server's 500 comes of what was sent, so it comes again; so do those of what it does not know.
            0 | 500 | 501 | 505 => ("server_error", false),
            502..=599 => ("server_error", true),
            _ => ("http_error", false),
        };
        Cause { code, retryable }
    }
}

/// What the server says to empty names and lists.
const NOTHING_NAMED: [&str; 4] = [
    "A model name was not provided",
    "New template name not found",
    "List of loras to load is not found",
    "preset or dictionary wasn't provided",
];
