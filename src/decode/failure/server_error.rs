//! The error of a server, in any form.

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::classify::Cause;
use super::glimpse::{beginning, glimpse};
use crate::base::text::{cut, find};
use crate::base::{Error, ErrorCode, ErrorKind, ValidationIssue};
use crate::decode::content_type::content_type;

/// The maximum length of a message in bytes. The raw body is kept, too.
const MESSAGE_CAP: usize = 2048;
/// The maximum length of a code in bytes.
const CODE_CAP: usize = 64;
/// The maximum length of a traceback in bytes.
const TRACE_CAP: usize = 64 << 10;
/// The maximum length of the echoed input of a validation entry in bytes.
const INPUT_CAP: usize = 1024;
/// The maximum number of validation entries.
const ISSUES_CAP: usize = 256;
/// The maximum nesting of errors in errors.
const DEEPEST: u32 = 4;

/// An error's message, code, status and details.
#[derive(Debug, Default)]
pub(in crate::decode) struct ServerError {
    pub(super) message: String,
    pub(super) code: Option<String>,
    /// The status in the text.
    pub(super) status: Option<StatusCode>,
    issues: Vec<ValidationIssue>,
    trace: Option<String>,
}

impl ServerError {
    /// Reads the JSON of an error in any form. `None` if it is not an error.
    pub(super) fn json(text: &[u8]) -> Option<ServerError> {
        ServerError::of(&glimpse(&beginning(text))?, DEEPEST)
    }

    /// The same where a normal response is possible: plain text is not an error.
    pub(super) fn in_place_of_answer(text: &[u8]) -> Option<ServerError> {
        let value = glimpse(&beginning(text))?;
        let objects = value.is_object() || value.as_array().is_some_and(|list| list.iter().any(Value::is_object));
        ServerError::of(&value, DEEPEST).filter(|_| objects)
    }

    /// Text that is not JSON: the readable part of it.
    pub(super) fn plain(text: &[u8], headers: Option<&HeaderMap>) -> ServerError {
        let text = &*beginning(text);
        let html = headers.and_then(content_type).is_some_and(|media| media.eq_ignore_ascii_case("text/html"));
        let message = if html || text.starts_with('<') { title(text).unwrap_or("an HTML page") } else { text };
        ServerError { message: cut(message, MESSAGE_CAP), ..ServerError::default() }
    }

    /// The error in the value of an `error` field. `None` if the value means no error.
    pub(super) fn field(error: &Value) -> Option<ServerError> {
        (!is_blank(error)).then(|| ServerError::of(error, DEEPEST).unwrap_or_else(|| ServerError::unworded(error)))
    }

    /// A value that is only an error.
    pub(super) fn of(value: &Value, depth: u32) -> Option<ServerError> {
        match value {
            Value::String(text) if !text.trim().is_empty() => Some(ServerError::words_of(value)),
            Value::Array(list) if list.iter().any(is_issue) => Some(ServerError::validation(list)),
            Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_string) => {
                let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                Some(ServerError { message: cut(&texts.join("; "), MESSAGE_CAP), ..ServerError::default() })
            }
            Value::Array(list) => list.iter().find_map(|item| ServerError::object(item.as_object()?, depth)),
            Value::Object(fields) => ServerError::object(fields, depth),
            _ => None,
        }
    }

    fn object(fields: &Map<String, Value>, depth: u32) -> Option<ServerError> {
        let depth = depth.checked_sub(1)?;
        let found = ["error", "errors"].iter().find_map(|name| fields.get(*name).filter(|value| !is_blank(value)));
        let mut said = match (found, fields.get("detail")) {
            // Some servers put the class here, and the message beside it.
            (Some(Value::String(class)), _) => match words_beside(fields) {
                Some(words) if word(class).is_some() => {
                    ServerError { message: words, code: word(class), ..ServerError::default() }
                }
                Some(words) if words != *class => {
                    ServerError { message: cut(&format!("{class}: {words}"), MESSAGE_CAP), ..ServerError::default() }
                }
                _ => ServerError { message: cut(class, MESSAGE_CAP), ..ServerError::default() },
            },
            (Some(error @ (Value::Object(_) | Value::Array(_))), _) => {
                let beside = || words_beside(fields).map(|message| ServerError { message, ..ServerError::default() });
                ServerError::of(error, depth).or_else(beside).unwrap_or_else(|| ServerError::unworded(error))
            }
            (Some(number @ Value::Number(_)), _) if words_beside(fields).is_none() => ServerError::words_of(number),
            (None, Some(detail)) if !detail.is_null() => match (ServerError::of(detail, depth), words_beside(fields)) {
                (Some(said), _) => said,
                (None, Some(words)) => ServerError { message: words, ..ServerError::default() },
                (None, None) => ServerError::words_of(detail),
            },
            (found, _) => match fields.get("message") {
                Some(inner @ Value::Object(_)) => {
                    ServerError::of(inner, depth).unwrap_or_else(|| ServerError::words_of(inner))
                }
                _ => ServerError {
                    message: words_beside(fields).or(found.map(|_| String::new()))?,
                    ..ServerError::default()
                },
            },
        };
        said.take_names(fields);
        Some(said)
    }

    /// An error without a readable message.
    fn unworded(error: &Value) -> ServerError {
        let Value::Object(fields) = error else { return ServerError::words_of(error) };
        let mut said = ServerError::default();
        said.take_names(fields);
        if said.message.is_empty() { ServerError { message: words(error), ..said } } else { said }
    }

    /// Takes codes and statuses of the outer object that the inner one lacks.
    fn take_names(&mut self, fields: &Map<String, Value>) {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let code = || ["code", "type", "error_type", "status"].iter().find_map(|name| word(text(name)?));
        self.code = self.code.take().or_else(code);
        let statuses = ["code", "status", "status_code", "statusCode", "http_code"];
        self.status = self.status.or_else(|| statuses.iter().find_map(|name| status(fields.get(*name)?)));
        let trace = || text("trace").filter(|trace| !trace.is_empty()).map(|trace| cut(trace, TRACE_CAP));
        self.trace = self.trace.take().or_else(trace);
        if self.message.is_empty() {
            // A code is better than an empty message.
            self.message = self.code.clone().unwrap_or_default();
        }
    }

    fn words_of(value: &Value) -> ServerError {
        ServerError { message: words(value), ..ServerError::default() }
    }

    fn validation(entries: &[Value]) -> ServerError {
        let total = entries.len();
        let issues: Vec<ValidationIssue> = entries.iter().take(ISSUES_CAP).map(issue).collect();
        let sentence = |issue: &ValidationIssue| match issue.location.join(".") {
            place if place.is_empty() => issue.message.clone(),
            place => format!("{place}: {}", issue.message),
        };
        let mut message = issues.iter().take(3).map(sentence).collect::<Vec<_>>().join("; ");
        if total > 3 {
            message.push_str(&format!("; and {} more", total - 3));
        }
        ServerError { message: cut(&message, MESSAGE_CAP), issues, ..ServerError::default() }
    }

    pub(super) fn into_error(self, cause: Cause, status: Option<StatusCode>) -> Error {
        let code = self.code.map_or(cause.code, ErrorCode::from);
        let error = Error::new(ErrorKind::Server, code, self.message).with_issues(self.issues).with_trace(self.trace);
        error.with_retryable(cause.retryable).with_named_status(status)
    }
}

/// Whether a value means that there is no error.
pub(super) fn is_blank(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Whether a value is a validation entry.
fn is_issue(entry: &Value) -> bool {
    entry.get("msg").is_some() || entry.get("loc").is_some()
}

fn issue(entry: &Value) -> ValidationIssue {
    let Value::Object(fields) = entry else {
        let (location, kind, extra) = Default::default();
        return ValidationIssue { location, message: words(entry), kind, input: None, extra };
    };
    let location = match fields.get("loc") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(parts)) => parts.iter().take(64).map(words).collect(),
        Some(part) => vec![words(part)],
    };
    let named = ["loc", "msg", "type", "input"];
    let others = fields.iter().filter(|(name, _)| !named.contains(&name.as_str()));
    let kept = others.filter(|(_, value)| value.to_string().len() <= INPUT_CAP);
    ValidationIssue {
        location,
        message: fields.get("msg").map(words).unwrap_or_default(),
        kind: fields.get("type").map(words).unwrap_or_default(),
        input: fields.get("input").map(|input| cut(&compact(input), INPUT_CAP)),
        extra: kept.map(|(name, value)| (name.clone(), value.clone())).collect(),
    }
}

/// A value as JSON with sorted fields, regardless of the features of serde_json.
fn compact(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(",");
    match value {
        Value::Array(list) => format!("[{}]", joined(list.iter().map(compact).collect())),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            let written =
                |(name, value): &(&String, &Value)| format!("{}:{}", Value::from(name.as_str()), compact(value));
            format!("{{{}}}", joined(fields.iter().map(written).collect()))
        }
        value => value.to_string(),
    }
}

/// The message beside the other fields of an error.
fn words_beside(fields: &Map<String, Value>) -> Option<String> {
    let names = ["message", "msg", "detail", "error_description", "error_message", "description", "reason", "title"];
    let texts = names.iter().filter_map(|name| fields.get(*name)?.as_str());
    texts.map(str::trim).find(|text| !text.is_empty()).map(|text| cut(text, MESSAGE_CAP))
}

/// A value as text: strings without their quotes.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text, MESSAGE_CAP),
        value => cut(&value.to_string(), MESSAGE_CAP),
    }
}

/// A server's code, if it is a short word. A number is a status.
fn word(text: &str) -> Option<String> {
    const NOTHING: [&str; 5] = ["error", "fail", "failed", "failure", "none"];
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    let number = text.bytes().all(|byte| byte.is_ascii_digit());
    let named = !number && text.len() <= CODE_CAP && letters(text);
    (named && !NOTHING.iter().any(|nothing| text.eq_ignore_ascii_case(nothing))).then(|| text.to_owned())
}

/// The status in a value.
fn status(value: &Value) -> Option<StatusCode> {
    let number = match value {
        Value::String(digits) => digits.trim().parse().ok()?,
        value => value.as_f64().filter(|number| number.fract() == 0.0 && (400.0..600.0).contains(number))? as u16,
    };
    StatusCode::from_u16(number).ok().filter(|status| status.is_client_error() || status.is_server_error())
}

fn title(html: &str) -> Option<&str> {
    let lower = html.to_ascii_lowercase();
    let start = find(lower.as_bytes(), b"<title>")? + "<title>".len();
    let end = start + find(&lower.as_bytes()[start..], b"</title>")?;
    Some(html[start..end].trim_ascii()).filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> (String, Option<String>, Option<u16>) {
        let said = ServerError::json(text.as_bytes()).expect(text);
        (said.message, said.code, said.status.map(|status| status.as_u16()))
    }

    #[test]
    fn shapes_of_many_servers() {
        for (text, message, code, status) in [
            (r#"{"detail":"no"}"#, "no", None, None),
            (r#"{"error":"no"}"#, "no", None, None),
            (r#"{"error":{"message":"no","type":"t","code":"c"}}"#, "no", Some("c"), None),
            (r#"{"error":{"message":"no","type":"t","code":400}}"#, "no", Some("t"), Some(400)),
            (r#"{"error":{"message":"no","type":"t","code":"400"}}"#, "no", Some("t"), Some(400)),
            (r#"{"error":{"message":"no","code":401}}"#, "no", None, Some(401)),
            (r#"{"object":"error","message":"no","type":"T","param":null,"code":400}"#, "no", Some("T"), Some(400)),
            (r#"{"message":"no","code":500}"#, "no", None, Some(500)),
            (r#"{"message":"no","status":"error"}"#, "no", None, None),
            (r#"[{"error":{"code":429,"message":"no","status":"EXHAUSTED"}}]"#, "no", Some("EXHAUSTED"), Some(429)),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"no"}}"#,
                "no",
                Some("overloaded_error"),
                None,
            ),
            (r#"{"errors":[{"message":"no"},{"message":"nor"}]}"#, "no", None, None),
            (r#"{"error":["no","nor"]}"#, "no; nor", None, None),
            (r#"{"message":"no","errors":{"name":["is missing"]}}"#, "no", None, None),
            (r#"{"error":"no","error_type":"validation"}"#, "no", Some("validation"), None),
            (r#"{"error":"invalid_token","error_description":"no"}"#, "no", Some("invalid_token"), None),
            (r#"{"status":404,"error":"Not Found","message":"no","path":"/x"}"#, "Not Found: no", None, Some(404)),
            (r#"{"type":"https://e.org/x","title":"No","status":403,"detail":"no"}"#, "no", None, Some(403)),
            (r#"{"detail":{"error":{"message":"no"},"code":"c"}}"#, "no", Some("c"), None),
            (r#"{"error":true,"message":"no"}"#, "no", None, None),
            (r#"{"error":{"error":{"error":"no"}}}"#, "no", None, None),
            (r#"{"error":{"code":"c"}}"#, "c", Some("c"), None),
            (r#"{"error":7}"#, "7", None, None),
            (r#""no""#, "no", None, None),
        ] {
            let code = code.map(str::to_owned);
            assert_eq!(said(text), (message.to_owned(), code, status), "{text}");
        }
        for none in [r#"{"error":null}"#, r#"{"error":false,"data":[]}"#, "{}", "[]", "null", r#"{"data":[]}"#, "7"] {
            assert!(ServerError::json(none.as_bytes()).is_none(), "{none}");
        }
    }
}
