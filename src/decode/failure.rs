//! Every shape of error that the server answers with, read into one [`Error`].
//!
//! | where | shape |
//! |---|---|
//! | handlers | `{"detail": "text"}` |
//! | validation, 422 | `{"detail": [{"type", "loc", "msg", "input"}]}` |
//! | context too long | `{"error": {"message", "type", "param", "code"}}` |
//! | inside a stream, status 200 | `{"error": {"message", "trace"}}`, or the one above |
//! | unhandled exceptions, proxies | plain text, HTML, nothing |

use http::{HeaderMap, StatusCode, header};

use super::document::{Document, compact, string, unescaped};
use super::json::any_json;
use crate::error::ValidationIssue;
use crate::text::{contains, decimal, find};
use crate::{Error, ErrorKind, Extra};

/// The longest message that is taken over from a server, in bytes; the raw body is kept beside it.
const MESSAGE_CAP: usize = 2048;
/// The longest code of a server, in bytes: it is a word, for programs.
const CODE_CAP: usize = 64;
/// The longest traceback that is taken over, in bytes.
const TRACE_CAP: usize = 64 << 10;
/// The longest echoed input of a validation entry, in bytes.
const INPUT_CAP: usize = 1024;
/// How many validation entries are kept.
const ISSUES_CAP: usize = 256;

/// Keeps the fields of validation entries that have no name here; what does not tell of them has no need of a parser of values.
pub(super) type Keep = Option<fn(&Document<'_>) -> Extra>;

/// For all who do tell of them.
pub(super) const KEEP: Keep = Some(rest);

/// The error of an answer whose status is no success.
pub(super) fn from_response(status: StatusCode, headers: &HeaderMap, body: &[u8], keep: Keep) -> Error {
    let text = String::from_utf8_lossy(body);
    let said = Said::parse(&text, keep).unwrap_or_else(|| Said::plain(&text, headers));
    let (code, retryable) = said.classify(Some(status));
    let hint = hint(&code, &said.message, status, headers);
    let mut error = said.into_error(code).with_retryable(retryable);
    if let Some(hint) = hint {
        error = error.with_hint(hint);
    }
    error
}

/// The error that the data of an event carries, in any of the server's shapes, or `None` if it carries none: for an
/// [`EventFormat`](crate::decode::EventFormat) of your own.
pub fn event_error(data: &str) -> Option<Error> {
    from_event(data, KEEP)
}

/// The same, but for the [`extra`](ValidationIssue::extra) fields of validation entries: for an
/// [`EventFormat`](crate::decode::EventFormat) that does not [keep](crate::decode::EventFormat::KEEPS_EXTRA) them.
pub fn plain_event_error(data: &str) -> Option<Error> {
    from_event(data, None)
}

fn from_event(data: &str, keep: Keep) -> Option<Error> {
    let said = Said::parse(data, keep)?;
    let (code, retryable) = said.classify(None);
    Some(said.into_error(code).with_retryable(retryable))
}

/// What the server said.
#[derive(Default)]
struct Said {
    message: String,
    code: Option<String>,
    issues: Vec<ValidationIssue>,
    trace: Option<String>,
}

impl Said {
    fn parse(text: &str, keep: Keep) -> Option<Said> {
        let object = object(text)?;
        if let Some(detail) = object.get("detail") {
            return Some(match Document::read(detail) {
                Ok(entries) if detail.starts_with('[') => Said::validation(entries.values(), keep),
                _ => Said { message: words(detail), ..Said::default() },
            });
        }
        match object.get("error")? {
            "null" => None,
            error if error.starts_with('{') => {
                let error = Document::read(error).ok()?;
                Some(Said {
                    message: error.get("message").map(words).unwrap_or_default(),
                    code: code_of(error.get("code")).or_else(|| code_of(error.get("type"))),
                    trace: text_of(error.get("trace")).map(|trace| cut(trace, TRACE_CAP)),
                    issues: Vec::new(),
                })
            }
            error => Some(Said { message: words(error), ..Said::default() }),
        }
    }

    fn validation(entries: &[(&str, &str)], keep: Keep) -> Said {
        let total = entries.len();
        let issues: Vec<ValidationIssue> =
            entries.iter().take(ISSUES_CAP).map(|(_, entry)| issue(entry, keep)).collect();
        let mut message = String::new();
        for (at, issue) in issues.iter().take(3).enumerate() {
            message.push_str(if at > 0 { "; " } else { "" });
            for (at, part) in issue.location.iter().enumerate() {
                message.push_str(if at > 0 { "." } else { "" });
                message.push_str(part);
            }
            message.push_str(if issue.location.is_empty() { "" } else { ": " });
            message.push_str(&issue.message);
        }
        if total > 3 {
            message.push_str(&["; and ", &decimal(total as u64 - 3), " more"].concat());
        }
        Said { message: cut(message, MESSAGE_CAP), issues, ..Said::default() }
    }

    /// Text that is no JSON: what a person can read of it.
    fn plain(text: &str, headers: &HeaderMap) -> Said {
        let text = text.trim_ascii();
        let html = super::json::content_type(headers).is_some_and(|media| media.eq_ignore_ascii_case("text/html"))
            || text.get(..1) == Some("<");
        let message = if html { title(text).unwrap_or("an HTML page").to_owned() } else { text.to_owned() };
        Said { message: cut(message, MESSAGE_CAP), ..Said::default() }
    }

    /// The stable code, and whether the same call may succeed later. Statuses mean several things here, which
    /// only the text tells apart.
    fn classify(&self, status: Option<StatusCode>) -> (String, bool) {
        if let Some(code) = &self.code {
            return (code.clone(), status.is_some_and(|s| s.is_server_error() || s == StatusCode::TOO_MANY_REQUESTS));
        }
        let says = |words: &str| contains(&self.message, words);
        let Some(status) = status else {
            return (if says("aborted") { "generation_aborted" } else { "stream_error" }.to_owned(), false);
        };
        let (code, retryable) = match status.as_u16() {
            401 if says("Please provide") || says("admin key isn't provided") => ("missing_key", false),
            401 | 403 => ("invalid_key", false),
            404 => ("not_found", false),
            405 => ("method_not_allowed", false),
            408 => ("request_timeout", true),
            422 if says("prompt template is not set") => ("no_template", false),
            422 if says("Enable the OAI server") => ("oai_disabled", false),
            422 => ("validation_failed", false),
            429 => ("rate_limited", true),
            503 if says("No embedding models") => ("no_embedding_model_loaded", true),
            503 if says("No models are currently loaded") => ("no_model_loaded", true),
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
            // This server's 500 comes of what was sent, so it comes again.
            500 => ("server_error", false),
            501..=599 => ("server_error", true),
            _ => ("http_error", false),
        };
        (code.to_owned(), retryable)
    }

    fn into_error(self, code: String) -> Error {
        Error::new(ErrorKind::Server, code, self.message).with_issues(self.issues).with_trace(self.trace)
    }
}

/// What the server says to empty names and lists.
const NOTHING_NAMED: [&str; 4] = [
    "A model name was not provided",
    "New template name not found",
    "List of loras to load is not found",
    "preset or dictionary wasn't provided",
];

fn hint(code: &str, message: &str, status: StatusCode, headers: &HeaderMap) -> Option<String> {
    Some(match code {
        "missing_key" => "set the key with `api_key` or `admin_key`; admin operations need the admin key".into(),
        "invalid_key" if contains(message, "admin") => {
            "this operation needs the admin key, not an API key; both stand in the server's `api_tokens.yml`".into()
        }
        "invalid_key" => "check the key; the server's keys stand in its `api_tokens.yml`".into(),
        "no_model_loaded" => "load one with `client.models().load(..)`".into(),
        "no_embedding_model_loaded" => "load one with `client.embedding_models().load(..)`".into(),
        "no_template" => {
            "choose one with `client.templates().switch(..)`, or load the model with its `prompt_template` set".into()
        }
        "template_error" => {
            "the model's chat template refuses these messages: check that there are some, their roles and their order".into()
        }
        "bad_request" if contains(message, "fetch image") => {
            "the server fetches images itself: check that it can reach the address, or send the bytes with \
             `ContentPart::image_bytes`"
                .into()
        }
        "oai_disabled" => {
            "write `api_servers` into the server's `config.yml`: the value that is there by default is not understood".into()
        }
        "unknown_model" => {
            "the lists of `client.models()` and `client.embedding_models()` have the names that can be loaded, if they are asked \
             with the admin key"
                .into()
        }
        "unknown_preset" => {
            "`client.sampling().overrides()` has the names of the presets, if it is asked with the admin key".into()
        }
        "already_loaded" => "unload it first to load it anew".into(),
        "nothing_named" => "give a name or a list that is not empty".into(),
        "generation_aborted" => {
            "the server's console tells the cause; a parameter that the backend cannot take is the usual one".into()
        }
        "context_length_exceeded" => {
            "shorten the prompt, or load the model with a larger `max_seq_len` and `cache_size`".into()
        }
        "not_found" => "check the base URL; some routes exist only if the server enables them".into(),
        "redirect" => {
            let to = headers.get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or("another address");
            let hint = "redirects are not followed, so that keys stay here; use the address it points to as base URL: ";
            [hint, &cut(to.to_owned(), 200)].concat()
        }
        "server_error" if status == StatusCode::INTERNAL_SERVER_ERROR => {
            "the server failed on this request; its console tells why, often a field or name that it does not check"
                .into()
        }
        "server_error" if matches!(status.as_u16(), 502 | 504) => "a proxy could not reach the server behind it".into(),
        _ => return None,
    })
}

fn issue(entry: &str, keep: Keep) -> ValidationIssue {
    let Some(entry) = object(entry) else {
        let (location, kind, extra) = Default::default();
        return ValidationIssue { location, message: words(entry), kind, input: None, extra };
    };
    let location = match entry.get("loc") {
        Some("null") | None => Vec::new(),
        Some(parts) => match Document::read(parts) {
            Ok(list) if parts.starts_with('[') => list.values().iter().take(64).map(|(_, part)| words(part)).collect(),
            _ => vec![words(parts)],
        },
    };
    ValidationIssue {
        location,
        message: entry.get("msg").map(words).unwrap_or_default(),
        kind: entry.get("type").map(words).unwrap_or_default(),
        input: entry.get("input").map(|input| cut(compact(input), INPUT_CAP)),
        extra: keep.map(|keep| keep(&entry)).unwrap_or_default(),
    }
}

/// The fields of a validation entry that have no name here.
fn rest(entry: &Document<'_>) -> Extra {
    let mut extra = Extra::new();
    for (name, json) in entry.values() {
        let named = ["loc", "msg", "type", "input"].contains(name);
        if let Some(value) = any_json(json).filter(|_| !named && compact(json).len() <= INPUT_CAP) {
            let name = unescaped(name).unwrap_or_default();
            extra.insert(name, value);
        }
    }
    extra
}

fn object(text: &str) -> Option<Document<'_>> {
    Document::read(text).ok().filter(|_| text.trim_ascii_start().starts_with('{'))
}

/// A value as words: strings without their quotes.
fn words(json: &str) -> String {
    cut(string(json).unwrap_or_else(|| compact(json)), MESSAGE_CAP)
}

fn text_of(json: Option<&str>) -> Option<String> {
    let json = json?;
    let number = json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    if number { Some(compact(json)) } else { string(json).filter(|text| !text.is_empty()) }
}

/// A server's code, if it is one: what is no short word is no code, and could be anything.
fn code_of(json: Option<&str>) -> Option<String> {
    text_of(json).filter(|code| code.len() <= CODE_CAP && code.bytes().all(|byte| byte.is_ascii_graphic()))
}

fn title(html: &str) -> Option<&str> {
    let lower = html.to_ascii_lowercase();
    let start = find(lower.as_bytes(), b"<title>")? + "<title>".len();
    let end = start + find(&lower.as_bytes()[start..], b"</title>")?;
    Some(html[start..end].trim_ascii()).filter(|title| !title.is_empty())
}

fn cut(mut text: String, cap: usize) -> String {
    if text.len() > cap {
        let mut end = cap;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_short_word() {
        let code = |code: &str| {
            let data = serde_json::json!({"error": {"message": "no", "type": "invalid_request_error", "code": code}});
            event_error(&data.to_string()).unwrap().code().to_owned()
        };
        assert_eq!(code("context_length_exceeded"), "context_length_exceeded");
        for other in ["", "two words", "caf\u{e9}", &"x".repeat(65)] {
            assert_eq!(code(other), "invalid_request_error");
        }
    }
}
