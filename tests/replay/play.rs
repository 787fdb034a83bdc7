//! Replays an answer through the API and keeps all that it tells.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tabbyapi::call::Retry;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, Error, ErrorKind, Limits, Options, Outcome, Phase, ResponseFuture, ResponseStream, Timeouts};

use crate::ask::Ask;
use crate::recording::Recording;

/// How many times a future is polled before it counts as hanging. A poll takes many steps, waits take two polls.
const POLLS: usize = 10_000;

/// A client whose answers come from a script.
pub(crate) struct Player {
    pub(crate) script: Script,
    pub(crate) client: Client,
}

/// All that a call came to, in forms that can be compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) status: Option<u16>,
    /// The items of a stream as JSON.
    pub(crate) items: Vec<String>,
    /// The whole answer, or what had arrived of a stream, as JSON.
    pub(crate) total: Option<String>,
    /// How a stream ended.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) error: Option<Fault>,
}

/// An error.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) kind: ErrorKind,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) text: String,
    pub(crate) body: Option<Bytes>,
    pub(crate) path: Option<String>,
    pub(crate) trace: Option<String>,
    pub(crate) phase: Option<Phase>,
    pub(crate) retryable: bool,
    /// `location | kind | message | input | extra` of each entry.
    pub(crate) issues: Vec<String>,
}

impl Player {
    /// A client with the keys of the recording.
    pub(crate) fn of(recording: &Recording) -> Self {
        let key = |name| recording.request_header(name).unwrap_or_default().to_owned();
        let authorization = key("authorization");
        let bearer = authorization.get(7..).filter(|_| authorization.to_ascii_lowercase().starts_with("bearer "));
        let script = Script::new([]);
        let client = Client::builder("http://tabby.test")
            .api_key(key("x-api-key"))
            .admin_key(key("x-admin-key"))
            .bearer(bearer.unwrap_or_default())
            .retry(Retry::NEVER)
            .build_with(script.clone())
            .expect("the keys can be sent");
        Player { script, client }
    }

    pub(crate) fn with_limits(self, limits: Limits) -> Self {
        let client = self.client.with(Options::new().limits(limits));
        Player { client, ..self }
    }

    /// Makes the call and answers it so.
    #[track_caller]
    pub(crate) fn play(&self, ask: &Ask, reply: Reply) -> Seen {
        self.script.push(reply);
        let client = &self.client;
        match ask {
            Ask::Chat(request) => whole(client.chat().create(request)),
            Ask::ChatStream(request) => stream(client.chat().stream(request)),
            Ask::Completion(request) => whole(client.completions().create(request)),
            Ask::CompletionStream(request) => stream(client.completions().stream(request)),
            Ask::Load(request) => {
                // A load may be silent for ever; a replay may not.
                let client = client.with(Options::new().timeouts(Timeouts::LOAD.idle(Duration::from_secs(60))));
                stream(client.models().load(request))
            }
            Ask::Unload => {
                plain(bounded(client.models().unload()).map(|answer| (answer.meta().status(), String::from("null"))))
            }
            Ask::Models => whole(client.models().list()),
            Ask::Current => whole(client.models().current()),
            Ask::Props => whole(client.models().props()),
            Ask::Health => whole(client.health().check()),
            Ask::ServiceInfo => whole(client.health().service_info()),
            Ask::Permission => whole(client.auth().permission()),
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

pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("answers can be written as JSON")
}

#[track_caller]
fn whole<T: Serialize>(calling: ResponseFuture<T>) -> Seen {
    plain(bounded(calling).map(|answer| {
        assert_eq!(answer.meta().record().items, 1);
        (answer.meta().status(), json(&*answer))
    }))
}

fn plain(answer: tabbyapi::Result<(http::StatusCode, String)>) -> Seen {
    match answer {
        Ok((status, total)) => Seen { status: Some(status.as_u16()), total: Some(total), ..Seen::default() },
        Err(error) => Seen {
            status: error.status().map(|status| status.as_u16()),
            error: Some(Fault::new(&error)),
            ..Seen::default()
        },
    }
}

#[track_caller]
pub(crate) fn stream<T: Serialize, O: Serialize>(mut stream: ResponseStream<T, O>) -> Seen {
    let mut seen = Seen::default();
    while let Some(item) = bounded(stream.next()) {
        assert!(seen.error.is_none(), "an error is the last that a stream yields");
        match item {
            Ok(item) => seen.items.push(json(&item)),
            Err(error) => seen.error = Some(Fault::new(&error)),
        }
    }
    assert!(bounded(stream.next()).is_none(), "the end stays");
    seen.status = stream.meta().map(|meta| meta.status().as_u16());
    seen.outcome = stream.outcome();
    let record = stream.record().expect("the call was made");
    assert_eq!(
        (record.items as usize, record.attempt_count),
        (seen.items.len(), 1),
        "an item over a cap counts as none"
    );
    let so_far = json(stream.so_far());
    let end = match bounded(stream.finish()) {
        Ok(answer) => (json(&*answer), Outcome::Complete, None),
        Err(broken) => {
            (json(&broken.partial), broken.outcome, Some((broken.error.kind(), broken.error.code().to_string())))
        }
    };
    let error = seen.error.as_ref().map(|fault| (fault.kind, fault.code.clone()));
    assert_eq!(end, (so_far.clone(), seen.outcome.expect("the stream ended"), error), "both faces tell the same");
    seen.total = Some(so_far);
    seen
}

impl Fault {
    fn new(error: &Error) -> Self {
        let issue = |issue: &tabbyapi::ValidationIssue| {
            let input = issue.input.as_deref().unwrap_or("-");
            let extra = json(&issue.extra);
            format!("{} | {} | {} | {input} | {extra}", issue.location.join("."), issue.kind, issue.message)
        };
        Fault {
            kind: error.kind(),
            code: error.code().to_string(),
            message: error.message().to_owned(),
            text: error.to_string(),
            body: error.body().cloned(),
            path: error.path().map(str::to_owned),
            trace: error.trace().map(str::to_owned),
            phase: error.phase(),
            retryable: error.is_retryable(),
            issues: error.validation().iter().map(issue).collect(),
        }
    }
}
