//! The media type of a response, and its length.

use http::{HeaderMap, header};

use crate::base::text::find;

/// The media type without its parameters.
pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value[..find(value.as_bytes(), b";").unwrap_or(value.len())].trim_ascii())
}

/// The length of the body, if it is announced.
pub(super) fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(super) fn is_json(media: &str) -> bool {
    media.eq_ignore_ascii_case("application/json") || media.to_ascii_lowercase().ends_with("+json")
}
