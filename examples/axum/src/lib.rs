//! A chat service for browsers in front of a TabbyAPI server: responses are forwarded as server-sent events, a browser that disconnects ends
//! its generation, and the number of responses per user is limited.
//!
//! ```text
//! POST /chat  {"messages": [{"role": "user", "content": "…"}]}   with `x-user: NAME` from the proxy that signs users in
//!
//! event: delta   data: {"text": "…"}                  any number of times
//! event: done    data: {"finish_reason": "stop"}      once, or else
//! event: error   data: {"code": "…", "retryable": …}  once
//! ```

mod users;

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::json;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::services::ChatStream;
use tabbyapi::{Client, Error, ErrorKind};

pub use users::{Share, Users};

/// The maximum number of tokens of a response, whatever the browser requests.
const MOST_TOKENS: u32 = 1024;

/// The shared state of the handlers.
#[derive(Clone)]
struct Service {
    /// One client for all users, with the connections, the keys, and the limits of the server.
    client: Client,
    users: Users,
}

/// The request of a browser. It contains neither a model nor a key.
#[derive(Deserialize)]
struct Question {
    messages: Vec<Said>,
    max_tokens: Option<u32>,
}

/// Only text, and no instructions: the server would fetch images from any address of the browser's choice.
#[derive(Deserialize)]
#[serde(tag = "role", content = "content", rename_all = "lowercase")]
enum Said {
    User(String),
    Assistant(String),
}

impl From<Said> for ChatMessage {
    fn from(said: Said) -> Self {
        match said {
            Said::User(text) => ChatMessage::user(text),
            Said::Assistant(text) => ChatMessage::assistant(text),
        }
    }
}

/// The routes of the service.
pub fn routes(client: Client, users: Users) -> Router {
    Router::new().route("/chat", post(chat)).with_state(Service { client, users })
}

async fn chat(
    State(service): State<Service>,
    headers: HeaderMap,
    Json(question): Json<Question>,
) -> Result<impl IntoResponse, Refusal> {
    let user = headers.get("x-user").and_then(|user| user.to_str().ok()).ok_or(Refusal::NoUser)?;
    let share = service.users.enter(user).ok_or(Refusal::Busy)?;
    let most = question.max_tokens.unwrap_or(MOST_TOKENS).min(MOST_TOKENS);
    let messages: Vec<ChatMessage> = question.messages.into_iter().map(ChatMessage::from).collect();
    let mut answer = service.client.chat().stream(&ChatRequest::new(messages).max_tokens(most));
    // An error before the first chunk determines the status: no model, a prompt that is too long, a full queue.
    let first = match answer.next().await {
        Some(first) => Some(first?),
        None => None,
    };
    let deltas = first.into_iter().map(|chunk| delta(chunk.text())).collect();
    let events = forward(Forward::Open { answer: Box::new(answer), share }, deltas);
    // Comments keep proxies from closing a silent connection, and detect a disconnected browser.
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)));
    // nginx buffers events unless this header disables it.
    Ok(([("x-accel-buffering", "no")], events))
}

/// A forwarded stream. If the browser disconnects, it is dropped: this closes the connection to the server, which ends the generation,
/// and releases the user's slot.
enum Forward {
    Open { answer: Box<ChatStream>, share: Share },
    Over,
}

fn forward(state: Forward, first: Vec<Event>) -> impl Stream<Item = Result<Event, Infallible>> {
    let rest = stream::unfold(state, |state| async move {
        let Forward::Open { mut answer, share } = state else { return None };
        match answer.next().await {
            Some(Ok(chunk)) => Some((delta(chunk.text()), Forward::Open { answer, share })),
            Some(Err(error)) => Some((failure(&error), Forward::Over)),
            None => {
                let so_far = answer.so_far();
                let reason = so_far.choices.first().and_then(|choice| choice.finish_reason.as_ref());
                let done = json!({"finish_reason": reason, "usage": so_far.usage});
                Some((event("done", &done), Forward::Over))
            }
        }
    });
    stream::iter(first).chain(rest).map(Ok)
}

fn delta(text: &str) -> Event {
    event("delta", &json!({"text": text}))
}

/// The code is for programs. The message is for the log, since it contains internals of this service.
fn failure(error: &Error) -> Event {
    event("error", &json!({"code": error.code(), "retryable": error.is_retryable()}))
}

fn event(kind: &str, data: &serde_json::Value) -> Event {
    // JSON contains no line breaks, which would end an event.
    Event::default().event(kind).data(data.to_string())
}

/// The error if there is no stream.
enum Refusal {
    NoUser,
    Busy,
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Failed(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, wait) = match &self {
            Refusal::NoUser => (StatusCode::UNAUTHORIZED, "no_user", None),
            Refusal::Busy => (StatusCode::TOO_MANY_REQUESTS, "too_many_answers", Some(1)),
            Refusal::Failed(error) => {
                let status = match (error.kind(), error.code().as_str()) {
                    // The browser has to correct these errors of the request.
                    (_, "context_length_exceeded" | "validation_failed" | "template_error") => StatusCode::BAD_REQUEST,
                    (ErrorKind::Policy, _) | (_, "no_model_loaded" | "rate_limited") => StatusCode::SERVICE_UNAVAILABLE,
                    (ErrorKind::Timeout, _) => StatusCode::GATEWAY_TIMEOUT,
                    // A key that the server rejects is a fault of this service, not of the browser.
                    _ => StatusCode::BAD_GATEWAY,
                };
                (status, error.code().as_str(), (status == StatusCode::SERVICE_UNAVAILABLE).then_some(5))
            }
        };
        let mut response = (status, Json(json!({"code": code}))).into_response();
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, axum::http::HeaderValue::from(seconds));
        }
        response
    }
}
