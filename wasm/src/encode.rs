//! Writes JSON for JavaScript: requests, requested keys, errors, records of calls. Times are in milliseconds.

use std::time::Duration;

use crate::document::push_string;
use bytes::Bytes;
use http::{HeaderMap, Request};
use tabbyapi::call::{Attempt, Call, Shared, Time};
use tabbyapi::internal::Way;
use tabbyapi::policy::{BreakerState, ResumeAction, ResumeEvent, ServerStatus};
use tabbyapi::{BaseUrl, Error, Phase, Place, Scope, ValidationIssue};

use crate::resume::Reports;
use crate::wire::Wire;

/// Describes a request without its body. A request for the rest of a stream also describes how the rest is requested.
pub(crate) fn request(request: &Request<Bytes>, resumed: &Reports) -> String {
    let mut object = Object::new();
    object.text("method", Some(request.method().as_str()));
    object.text("url", Some(&request.uri().to_string()));
    object.raw("headers", &pairs(request.headers()));
    if let Some((tokens, way)) = resumed.take_rest() {
        let mut rest = Object::new();
        rest.number("tokens", Some(tokens));
        rest.truth("as_message", way == Way::Message);
        object.raw("rest", &rest.end());
    }
    object.events(resumed);
    object.end()
}

/// Describes a call that waits: for a change that all calls of its client share, or for its own delay.
pub(crate) fn waiting(for_others: bool, resumed: &Reports) -> String {
    let mut object = Object::new();
    object.truth("for_others", for_others);
    object.events(resumed);
    object.end()
}

/// Describes the action after a break of a stream.
pub(crate) fn resume(event: &ResumeEvent<'_>) -> String {
    let (action, wait, code) = match &event.action {
        ResumeAction::Resumed { wait } => ("resumed", Some(*wait), None),
        ResumeAction::Completed => ("completed", None, None),
        ResumeAction::Length => ("length", None, None),
        ResumeAction::Refused { code } => ("refused", None, Some(code.as_str())),
        _ => ("other", None, None),
    };
    let mut object = Object::new();
    object.text("action", Some(action));
    object.time("wait", wait);
    object.text("code", code);
    object.number("items", Some(event.items));
    object.number("resumes", Some(event.resumes.into()));
    object.raw("error", &error(event.error, None, 0));
    object.end()
}

pub(crate) fn wanted_key(server: &BaseUrl, scope: Scope, rejected: bool) -> String {
    let scope = match scope {
        Scope::Public => "public",
        Scope::PreferAdmin => "prefer_admin",
        Scope::Admin => "admin",
        _ => "api",
    };
    let mut object = Object::new();
    object.text("server", Some(server.as_str()));
    object.text("scope", Some(scope));
    object.truth("rejected", rejected);
    object.end()
}

/// Describes the state of a client's servers, and the number of calls that wait for one of them.
pub(crate) fn servers(shared: &Shared, now: Time) -> String {
    let mut object = Object::new();
    object.number("waiting", Some(shared.waiting() as u64));
    object.raw("servers", &list(shared.servers(now).iter().map(|status| server(status, now))));
    object.end()
}

fn server(status: &ServerStatus, now: Time) -> String {
    let (breaker, until) = match status.breaker {
        BreakerState::Open { until } => ("open", Some(until)),
        BreakerState::HalfOpen => ("half_open", None),
        _ => ("closed", None),
    };
    let mut object = Object::new();
    object.text("base", Some(status.base.as_str()));
    object.text("breaker", Some(breaker));
    object.time("retry_after", until.map(|until| until.since(now)));
    object.number("in_flight", Some(status.in_flight.into()));
    object.number("attempts", Some(status.attempts));
    object.number("failures", Some(status.failures));
    object.truth("failing", status.failing);
    object.text("model", status.model.as_deref());
    object.end()
}

/// Describes the outcome of a call.
pub(crate) fn outcome(call: &Call<Wire>, request_bytes: u64, resumed: &Reports) -> String {
    let record = call.record();
    let start = record.started.unwrap_or_default();
    let mut object = Object::new();
    object.number("status", call.status().map(|status| status.as_u16().into()));
    object.time("elapsed", record.elapsed());
    object.time("first_item", record.time_to_first_item());
    object.time("waited", Some(record.waited));
    object.number("items", Some(record.items));
    object.number("key_refreshes", Some(record.key_refreshes.into()));
    object.number("attempt_count", Some(record.attempt_count.into()));
    object.number("resumes", Some(record.resumes.into()));
    object.text("not_resumed", record.not_resumed.as_deref());
    object.events(resumed);
    object.raw("attempts", &list(record.attempts.iter().map(|tried| attempt(tried, start, request_bytes))));
    object.end()
}

/// Describes one attempt. Times count from the start of the call.
fn attempt(attempt: &Attempt, start: Time, request_bytes: u64) -> String {
    let since = |time: Option<Time>| time.map(|time| time.since(start));
    let mut object = Object::new();
    object.text("base", Some(&attempt.base));
    object.time("sent", since(Some(attempt.sent)));
    object.time("head", since(attempt.head));
    object.time("ended", since(attempt.ended));
    object.number("status", attempt.status.map(|status| status.as_u16().into()));
    object.number("request_bytes", Some(request_bytes));
    object.number("response_bytes", Some(attempt.response_bytes));
    object.number("items", Some(attempt.items));
    object.truth("resumes", attempt.resumes);
    object.text("cause", attempt.cause.as_deref());
    object.time("retry_after", attempt.retry_after);
    object.end()
}

/// Describes an error, and the record of its call if there is one.
pub(crate) fn error(error: &Error, call: Option<(&Call<Wire>, &Reports)>, request_bytes: u64) -> String {
    let error = error.clone().spelled(in_javascript);
    let endpoint = error.endpoint();
    let mut object = Object::new();
    object.text("kind", Some(error.kind().as_str()));
    object.text("code", Some(error.code().as_str()));
    // The sentence for people, then the message: the server's own, or ours without the location and the hint.
    object.text("message", Some(&error.sentence()));
    object.text("reason", Some(error.message()));
    object.text("hint", error.hint());
    object.number("status", error.status().map(|status| status.as_u16().into()));
    object.truth("retryable", error.is_retryable());
    object.time("retry_after", error.retry_after());
    object.text("phase", error.phase().map(Phase::as_str));
    object.text("path", error.path());
    object.text("trace", error.trace());
    object.text("method", endpoint.map(|(method, _)| method.as_str()));
    object.text("url", endpoint.map(|(_, url)| url));
    object.text("body", error.body().map(|body| String::from_utf8_lossy(body)).as_deref());
    object.raw("validation", &list(error.validation().iter().map(issue)));
    object
        .raw("outcome", call.map(|(call, reports)| outcome(call, request_bytes, reports)).as_deref().unwrap_or("null"));
    object.end()
}

/// Returns the JavaScript name of a place that a hint names.
fn in_javascript(place: Place) -> String {
    match place {
        Place::Method("servers") => "`tabby.servers()`".to_owned(),
        Place::Method(name) => {
            let arguments = match name.split_once('.') {
                Some((_, "load" | "switch")) => "(...)",
                Some(_) => "()",
                None => "",
            };
            format!("`tabby.{}{arguments}`", camel(name))
        }
        // The options of a client and of a call are named like other settings.
        Place::Setting(name) if name.starts_with("options.") => format!("`{}`", camel(&name["options.".len()..])),
        Place::Setting("client_builder.sensitive_header") => "`headers`".to_owned(),
        Place::Setting("client_builder.build_with") => "`fetch`".to_owned(),
        Place::Setting("client_builder.server") => "`servers`".to_owned(),
        Place::Setting("client_builder.rate_limit") => "`rateLimit`".to_owned(),
        Place::Setting("error.partial_text") => "`error.partial`".to_owned(),
        Place::Setting(name) if name.starts_with("content_part.") => "a `data:` URL".to_owned(),
        Place::Setting(name) => format!("`{}`", camel(name)),
        Place::Key(name) => format!("`{}`", camel(name)),
        Place::BaseUrl => "`baseURL`".to_owned(),
        // Fields have their wire names.
        other => other.to_string(),
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        let (start, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        camel + &start.to_ascii_uppercase() + rest
    })
}

fn issue(issue: &ValidationIssue) -> String {
    let mut object = Object::new();
    object.raw("loc", &list(issue.location.iter().map(|part| quoted(part))));
    object.text("msg", Some(&issue.message));
    object.text("type", Some(&issue.kind));
    object.text("input", issue.input.as_deref());
    object.end()
}

fn pairs(headers: &HeaderMap) -> String {
    list(headers.iter().map(|(name, value)| {
        // `fetch` treats bytes beyond ASCII as Latin-1.
        let value: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
        ["[", &quoted(name.as_str()), ",", &quoted(&value), "]"].concat()
    }))
}

/// Writes an object. A generic serializer would be larger than all of this code.
struct Object(String);

impl Object {
    fn new() -> Self {
        Object(String::new())
    }

    fn raw(&mut self, name: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        push_string(&mut self.0, name);
        self.0.push(':');
        self.0.push_str(json);
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        self.raw(name, text.map(quoted).as_deref().unwrap_or("null"));
    }

    fn number(&mut self, name: &str, number: Option<u64>) {
        self.raw(name, number.map(|number| number.to_string()).as_deref().unwrap_or("null"));
    }

    /// Adds a time in milliseconds, with up to six decimals.
    fn time(&mut self, name: &str, time: Option<Duration>) {
        let text = time.map(|time| {
            // Includes leading zeros.
            let millionths = (1_000_000 + u64::from(time.subsec_nanos()) % 1_000_000).to_string();
            [&(time.as_millis() as u64).to_string(), ".", &millionths[1..]].concat()
        });
        self.raw(name, text.as_deref().unwrap_or("null"));
    }

    fn truth(&mut self, name: &str, truth: bool) {
        self.raw(name, if truth { "true" } else { "false" });
    }

    /// Adds the actions after breaks of the stream, if there are new ones.
    fn events(&mut self, reports: &Reports) {
        let events = reports.take_events();
        if !events.is_empty() {
            self.raw("events", &list(events.into_iter()));
        }
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    let mut list = String::from("[");
    for item in items {
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(&item);
    }
    list.push(']');
    list
}

fn quoted(text: &str) -> String {
    let mut json = String::new();
    push_string(&mut json, text);
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_have_the_names_of_javascript() {
        let spelled = [
            (Place::Method("models.load"), "`tabby.models.load(...)`"),
            (Place::Method("embedding_models"), "`tabby.embeddingModels`"),
            (Place::Method("sampling.overrides"), "`tabby.sampling.overrides()`"),
            (Place::Setting("timeouts.first_item"), "`timeouts.firstItem`"),
            (Place::Setting("limits.accumulated"), "`limits.accumulated`"),
            (Place::Setting("options.timeout"), "`timeout`"),
            (Place::Setting("options.prefer_admin_key"), "`preferAdminKey`"),
            (Place::Setting("content_part.image_bytes"), "a `data:` URL"),
            (Place::Field("max_tokens"), "`max_tokens`"),
            (Place::Key("admin_key"), "`adminKey`"),
            (Place::Setting("client_builder.server"), "`servers`"),
            (Place::Setting("client_builder.rate_limit"), "`rateLimit`"),
            (Place::Setting("concurrency.waiting"), "`concurrency.waiting`"),
            (Place::Method("servers"), "`tabby.servers()`"),
            (Place::BaseUrl, "`baseURL`"),
        ];
        for (place, text) in spelled {
            assert_eq!(in_javascript(place), text);
        }
        let wrong = "localhost:5000".parse::<tabbyapi::BaseUrl>().unwrap_err();
        let object = error(&wrong, None, 0);
        assert!(
            object.contains(r#""message":"`baseURL` `localhost:5000` has no scheme; write `http://localhost:5000`""#),
            "{object}"
        );
    }

    /// All places that the library's hints name, from its sources.
    fn places() -> Vec<Place> {
        let (mut folders, mut places) = (vec![concat!(env!("CARGO_MANIFEST_DIR"), "/../src").into()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir::<std::path::PathBuf>(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source: &str = std::fs::read_to_string(path).unwrap_or_default().leak();
                for part in source.split('{').filter_map(|part| part.split_once('}')) {
                    places.extend(match part.0.split_once(':') {
                        Some(("method", name)) => Some(Place::Method(name)),
                        // The last word of some comes from a macro.
                        Some(("setting", name)) if !name.contains(['"', ' ']) => Some(Place::Setting(name)),
                        Some(("key", name)) => Some(Place::Key(name)),
                        _ => None,
                    });
                }
            }
        }
        places
    }

    /// Places that only Rust has. No error of this package names them, because it does not have these settings.
    const OF_RUST: [&str; 10] = [
        "lag_policy.",
        "provider.",
        "o_auth.",
        "options.total",
        "tls_provider.",
        "limits.items",
        "limits.depth",
        "limits.expansion",
        "error.partial_text",
        "content_part.",
    ];

    #[test]
    fn each_name_in_hints_is_one_that_this_package_has() {
        let types = concat!(include_str!("../types/index.d.ts"), include_str!("../types/wire.d.ts"));
        let places = places();
        assert!(places.len() > 30, "{}", places.len());
        for place in places {
            let name = match place {
                Place::Method(name) | Place::Setting(name) | Place::Key(name) => name,
                _ => continue,
            };
            if OF_RUST.iter().any(|own| name.starts_with(own)) {
                continue;
            }
            let spelled = in_javascript(place);
            assert!(!spelled.contains("::") && !spelled.contains('_') && !spelled.contains("client"), "{spelled}");
            let words = spelled.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
            for word in words.filter(|word| *word != "tabby") {
                let has = [": ", "?: ", "?(", "("].iter().any(|after| types.contains(&[word, after].concat()));
                assert!(has, "`{word}` of {spelled} is in no declaration");
            }
        }
    }
}
