//! The meaning of this server's statuses. Its errors are not JSON: a status, and sometimes a line of text.

use crate::base::{Advice, Error, ErrorCode, ErrorKind, Remedy, ValidationIssue};

/// Adds the code and hint of this server to an error.
pub(super) fn refined(error: Error) -> Error {
    if error.kind() == ErrorKind::Decode && error.code() == "unexpected_content_type" && is_html(&error) {
        return not_found(error);
    }
    if error.kind() != ErrorKind::Server {
        return error;
    }
    match error.status().map_or(0, |status| status.as_u16()) {
        300..=399 if points_to_docs(&error) => not_found(error),
        401 | 403 => error.with_code(ErrorCode::Unauthorized).with_advice(Advice::new(
            Remedy::Give,
            "set the token from the server's home page; ingestion requires the registration token, and without a valid licence the server \
             accepts only the owner's token",
        )),
        404 => not_found(error),
        405 => error.with_code(ErrorCode::MethodNotAllowed).with_advice(Advice::new(
            Remedy::Check,
            "this server has the path only with another method: its version may differ, or {url} may point to another server",
        )),
        408 => error.with_code(ErrorCode::RequestTimeout),
        413 => error.with_code(ErrorCode::RequestTooLarge).with_advice(Advice::new(
            Remedy::Change,
            "send less: the server accepts requests of up to 2,097,152 bytes",
        )),
        415 => error.with_code(ErrorCode::UnsupportedMediaType).with_advice(Advice::new(
            Remedy::Check,
            "check that no hook and no proxy changes the content type of requests, which is JSON",
        )),
        400 if error.message().starts_with(NOT_JSON) => error.with_code(ErrorCode::InvalidJson).with_advice(Advice::new(
            Remedy::Check,
            "check that no hook and no proxy changes the body of requests",
        )),
        422 => validation(error),
        429 => error.with_code(ErrorCode::RateLimited).with_advice(Advice::new(
            Remedy::Wait,
            "the server allows each user 120 requests a minute over all clients, and does not report when it accepts more: wait up to a \
             minute, or make this client keep the limit with {setting:client_builder.rate_limit}",
        )),
        _ => error,
    }
}

const NOT_JSON: &str = "Failed to parse the request body as JSON";
const WRONG_TYPE: &str = "Failed to deserialize the JSON body into the target type: ";

fn is_html(error: &Error) -> bool {
    let value = error.headers().and_then(|headers| headers.get(http::header::CONTENT_TYPE)?.to_str().ok());
    value.is_some_and(|value| value.get(..9).is_some_and(|media| media.eq_ignore_ascii_case("text/html")))
}

/// A server without accounts redirects unknown requests to its documentation.
fn points_to_docs(error: &Error) -> bool {
    let location = error.headers().and_then(|headers| headers.get(http::header::LOCATION)?.to_str().ok());
    location.is_some_and(|location| location.trim_end_matches('/').ends_with("/swagger-ui"))
}

fn not_found(error: Error) -> Error {
    error.with_code(ErrorCode::NotFound).with_advice(Advice::new(
        Remedy::Check,
        "this server does not have the operation: it may be too old, or run without its web server, or {url} may point to another server",
    ))
}

/// The invalid field, as data.
fn validation(error: Error) -> Error {
    let error = error.with_code(ErrorCode::ValidationFailed);
    let Some(issue) = error.message().strip_prefix(WRONG_TYPE).map(issue) else { return error };
    error.with_issues(vec![issue])
}

/// Reads `segments.declarations[0]: missing field .. at line 1 column 9`; the path is optional.
fn issue(text: &str) -> ValidationIssue {
    let is_path = |path: &str| path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.[]".contains(&byte));
    let (path, why) = text.split_once(": ").filter(|(path, _)| is_path(path)).unwrap_or(("", text));
    let parts = path.split(['.', '[']).map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty());
    let location = std::iter::once("body").chain(parts).map(str::to_owned).collect();
    let kind = KINDS.iter().find(|(start, _)| why.starts_with(start)).map_or("", |(_, kind)| kind);
    ValidationIssue {
        location,
        message: why.to_owned(),
        kind: kind.to_owned(),
        input: None,
        extra: crate::base::Extra::new(),
    }
}

const KINDS: [(&str, &str); 5] = [
    ("missing field", "missing"),
    ("invalid type", "invalid_type"),
    ("invalid value", "invalid_value"),
    ("unknown variant", "unknown_variant"),
    ("invalid length", "invalid_length"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_that_is_wrong_is_found() {
        for (text, location, kind) in [
            ("missing field `messages` at line 1 column 13", "body", "missing"),
            (
                "language: invalid type: integer `5`, expected a string at line 1 column 14",
                "body/language",
                "invalid_type",
            ),
            (
                "messages[0].role: unknown variant `alien`, expected one of `system`",
                "body/messages/0/role",
                "unknown_variant",
            ),
            ("[0]: invalid type: map, expected a string at line 1 column 1", "body/0", "invalid_type"),
            ("seed: invalid value: integer `-1`, expected u64", "body/seed", "invalid_value"),
            ("data did not match any variant: x", "body", ""),
        ] {
            let issue = issue(text);
            assert_eq!((issue.location.join("/").as_str(), issue.kind.as_str()), (location, kind), "{text}");
        }
    }
}
