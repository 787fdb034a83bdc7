//! Which call of the library a recording belongs to.

use serde::de::DeserializeOwned;
use tabbyapi::api::ChatMessage;
use tabbyapi::tabbyml::{ChatRequest, CompletionRequest, EventType, IngestionRequest, LogEvent, Segments, SelectKind};

use crate::recording::{NO_EXCHANGE, Recording, all, names};

/// One call of a service.
pub(crate) enum Ask {
    Completion(CompletionRequest),
    Chat(ChatRequest),
    Event(LogEvent),
    Health,
    Models,
    Setting,
    Ingest(IngestionRequest),
    Delete(String, Option<String>),
    GraphQl(String, serde_json::Value),
}

/// Exchanges that no call of the library makes, and why.
const NO_CALL: [(&str, &str); 2] =
    [("20-health-HEAD", "no operation uses HEAD"), ("22-health-OPTIONS-cors", "browsers make preflights")];

/// Requests that the library cannot make; their answers are replayed to the call that is named.
const OTHERWISE: [(&str, &str); 14] = [
    ("44b-snippet-no-score", "snippets always have a score"),
    ("18-health-POST", "the library reads health with GET"),
    ("21-health-PUT", "no operation uses PUT"),
    ("29-unknown-v1-noauth", "no operation has this path"),
    ("29b-unknown-v1-auth", "no operation has this path"),
    ("29c-unknown-nows", "no operation has this path"),
    ("29e-v1-models-auth", "no operation has this path"),
    ("29f-v1-models-nows", "no operation has this path"),
    ("35-double-slash", "paths are joined with one slash"),
    ("54d-comp-nomodel-GET", "completions are asked for with POST"),
    ("70d-chat-beta", "the old path of the same operation"),
    ("79b-chat-GET", "chat is asked for with POST"),
    ("80k-query-token", "tokens are not sent in the query"),
    ("17-health-query-access_token", "tokens are not sent in the query"),
];

impl Ask {
    /// The call that would get this answer; `None` if there is none.
    pub(crate) fn of(recording: &Recording) -> Option<Ask> {
        if NO_CALL.iter().any(|(name, _)| *name == recording.name) {
            return None;
        }
        let exchange = &recording.exchange;
        let (path, query) = exchange.path.split_once('?').unwrap_or((&exchange.path, ""));
        Some(match path {
            "/v1/completions" => {
                Ask::Completion(sent(recording).unwrap_or_else(|| CompletionRequest::new("rust", Segments::new(""))))
            }
            "/v1/chat/completions" | "/v1beta/chat/completions" => {
                Ask::Chat(sent(recording).unwrap_or_else(|| ChatRequest::new([ChatMessage::user("hi")])))
            }
            "/v1/events" => {
                let event = sent(recording).unwrap_or_else(|| LogEvent::new("cmpl-x"));
                Ask::Event(if query == "select_kind=line" { event.select_kind(SelectKind::Line) } else { event })
            }
            "/v1beta/models" => Ask::Models,
            "/v1beta/server_setting" => Ask::Setting,
            "/v1beta/ingestion" => {
                Ask::Ingest(sent(recording).unwrap_or_else(|| IngestionRequest::new("a", "b", "c", "d")))
            }
            "/graphql" => {
                let body = recording.request_json().expect("JSON");
                Ask::GraphQl(body["query"].as_str().expect("a query").to_owned(), body["variables"].clone())
            }
            path => match path.strip_prefix("/v1beta/ingestion/") {
                Some(rest) => {
                    let mut segments = rest.split('/').map(decoded);
                    Ask::Delete(segments.next().expect("a source"), segments.next())
                }
                None => Ask::Health,
            },
        })
    }
}

fn sent<T: DeserializeOwned>(recording: &Recording) -> Option<T> {
    serde_json::from_slice(&recording.exchange.request_body.0).ok()
}

/// Percent-decoding.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("hexadecimal"));
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// Whether the request of the recording is one that the library makes, too.
pub(crate) fn is_sent_alike(recording: &Recording, ask: &Ask) -> bool {
    if OTHERWISE.iter().any(|(name, _)| *name == recording.name) {
        return false;
    }
    // What was sent wrongly on purpose cannot be sent.
    match ask {
        Ask::Completion(_) => sent::<CompletionRequest>(recording).is_some(),
        Ask::Chat(_) => sent::<ChatRequest>(recording).is_some(),
        Ask::Event(event) => {
            sent::<LogEvent>(recording).is_some()
                && [EventType::View, EventType::Select, EventType::Dismiss].contains(&event.kind)
        }
        Ask::Ingest(_) => sent::<IngestionRequest>(recording).is_some(),
        Ask::Health | Ask::Models | Ask::Setting | Ask::Delete(..) | Ask::GraphQl(..) => true,
    }
}

/// The recordings that belong to a call, with it.
pub(crate) fn served() -> Vec<(&'static Recording, Ask)> {
    all().iter().filter_map(|recording| Some((recording, Ask::of(recording)?))).collect()
}

#[test]
fn every_file_is_replayed_or_listed_with_a_reason() {
    for name in names() {
        let is_name = |other: &str| other == name || other.split('#').next() == Some(&name);
        let served = served().iter().any(|(recording, _)| is_name(&recording.name));
        let listed = NO_CALL.iter().chain(&NO_EXCHANGE).any(|(other, _)| *other == name);
        assert!(served != listed, "{name}");
    }
    for (name, _) in NO_CALL.iter().chain(&NO_EXCHANGE).chain(&OTHERWISE) {
        assert!(names().iter().any(|other| other == name), "{name} is listed for nothing");
    }
}
