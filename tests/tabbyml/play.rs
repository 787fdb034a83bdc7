//! Replays an answer through the API and keeps all that it tells, as lines that a person can check.

use std::fmt::Write;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde::Serialize;
use tabbyapi::policy::Retry;
use tabbyapi::tabbyml::{Client, GraphQlQuery};
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Error, ResponseFuture, ResponseStream};

use crate::ask::Ask;
use crate::recording::Recording;

/// How many times a future is polled before it counts as hanging.
const POLLS: usize = 10_000;

/// A client whose answers come from a script.
pub(crate) struct Player {
    pub(crate) script: Script,
    pub(crate) client: Client,
}

impl Player {
    /// A client with the token of the recording.
    pub(crate) fn of(recording: &Recording) -> Self {
        let ingestion = recording.exchange.path.starts_with("/v1beta/ingestion");
        let (user, registration) = if ingestion { ("", recording.token()) } else { (recording.token(), "") };
        Player::with(user, registration)
    }

    pub(crate) fn without_token() -> Self {
        Player::with("", "")
    }

    fn with(user: &str, registration: &str) -> Self {
        let script = Script::new([]);
        let builder = Client::builder("http://tabby.test").token(user).registration_token(registration);
        let client = builder.retry(Retry::NEVER).build_with(script.clone()).expect("a client");
        Player { script, client }
    }

    /// Makes the call, answers it so, and tells what it came to. A conversation is asked for twice, streamed and whole.
    #[track_caller]
    pub(crate) fn play(&self, ask: &Ask, reply: &Reply) -> String {
        let client = &self.client;
        self.script.push(reply.clone());
        match ask {
            Ask::Completion(request) => whole(client.completions().create(request)),
            Ask::Chat(request) => {
                let streamed = stream(client.chat().stream(request));
                self.script.push(reply.clone());
                format!("{streamed}\nwhole: {}", whole(client.chat().create(request)))
            }
            Ask::Event(event) => empty(client.events().log(event)),
            Ask::Health => whole(client.health().check()),
            Ask::Models => whole(client.models().list()),
            Ask::Setting => whole(client.server_setting().get()),
            Ask::Ingest(request) => whole(client.ingestion().add(request)),
            Ask::Delete(source, Some(id)) => empty(client.ingestion().delete(source, id)),
            Ask::Delete(source, None) => empty(client.ingestion().delete_source(source)),
            Ask::GraphQl(query, variables) => {
                let mut request = GraphQlQuery::<serde_json::Value>::new(query.clone());
                for (name, value) in variables.as_object().into_iter().flatten() {
                    request = request.variable(name.as_str(), value.clone());
                }
                whole(client.graphql().query(&request))
            }
        }
    }
}

/// Drives a future to its end, and fails rather than hang.
#[track_caller]
pub(crate) fn bounded<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..POLLS {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("the call hangs");
}

/// With the fields of each object sorted: the order of those without a name depends on a feature of `serde_json`.
fn json(value: &impl Serialize) -> String {
    sorted(&serde_json::to_value(value).expect("answers can be written as JSON"))
}

fn sorted(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let field = |(name, value): &(&String, &serde_json::Value)| format!("{name:?}:{}", sorted(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
        }
        serde_json::Value::Array(list) => format!("[{}]", list.iter().map(sorted).collect::<Vec<_>>().join(",")),
        value => value.to_string(),
    }
}

fn whole<T: Serialize>(call: ResponseFuture<T>) -> String {
    match bounded(call) {
        Ok(answer) => format!("{} {}", answer.meta().status().as_u16(), json(&*answer)),
        Err(error) => reported(&error),
    }
}

fn empty(call: ResponseFuture<tabbyapi::decode::Empty>) -> String {
    match bounded(call) {
        Ok(answer) => format!("{} nothing", answer.meta().status().as_u16()),
        Err(error) => reported(&error),
    }
}

fn stream<T: Serialize, O: Serialize>(mut stream: ResponseStream<T, O>) -> String {
    let (mut items, mut failed) = (Vec::new(), None);
    while let Some(item) = bounded(stream.next()) {
        assert!(failed.is_none(), "an error is the last that a stream yields");
        match item {
            Ok(item) => items.push(json(&item)),
            Err(error) => failed = Some(error),
        }
    }
    let outcome = stream.outcome().expect("the stream has ended");
    let mut out = format!("{outcome:?} after {}: {}", items.len(), json(stream.so_far()));
    if let Some(error) = failed {
        write!(out, "\n{}", reported(&error)).expect("a string");
    }
    out
}

fn reported(error: &Error) -> String {
    let retryable = if error.is_retryable() { ", retryable" } else { "" };
    let partial = error.partial_text().map(|text| format!("\npartial {text:?}")).unwrap_or_default();
    let mut out = format!("{:?} {}{retryable}: {error}{partial}", error.kind(), error.code().as_str());
    for issue in error.validation() {
        write!(out, "\n{} | {} | {}", issue.location.join("."), issue.kind, issue.message).expect("a string");
    }
    out
}
