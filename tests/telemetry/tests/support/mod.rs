//! What the tests share: a scripted client full of secrets, and answers.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tabbyapi::Client;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::call::Retry;
use tabbyapi::hooks::Hook;
use tabbyapi::transport::script::{Reply, Script};

/// What must never be reported: keys, headers, prompts and answers.
pub const SECRETS: [&str; 5] = ["the-key", "the-admin", "the-gateway", "prompt-text", "answer-text"];

pub fn client(hook: impl Hook + Clone + Sync, script: &Script) -> Client {
    Client::builder("http://tabby.test:5000/prefix")
        .api_key("the-key")
        .admin_key("the-admin")
        .sensitive_header("x-gateway", "the-gateway")
        .retry(Retry::GENTLE.base(Duration::ZERO))
        .hook(hook)
        .build_with(script.clone())
        .unwrap()
}

pub fn request() -> ChatRequest {
    let request = ChatRequest::new([ChatMessage::user("the prompt-text")]).model("asked-7B");
    request.max_tokens(20).temperature(0.5).top_k(40)
}

/// A chunk after so many milliseconds.
pub fn chunk(reply: Reply, after: u64, rest: &str) -> Reply {
    let event = format!(r#"data: {{"id":"chatcmpl-1","model":"loaded-7B","choices":[{{"index":0,{rest}}}]}}"#);
    reply.wait(Duration::from_millis(after)).chunk(event + "\n\n")
}

/// A stream of two chunks of text, at 100 and 150 ms, and its end.
pub fn stream() -> Reply {
    let reply = chunk(Reply::events(), 100, r#""delta":{"content":"the "}"#);
    let reply = chunk(reply, 50, r#""delta":{"content":"answer-text"},"finish_reason":"stop""#);
    let usage =
        r#"{"id":"chatcmpl-1","model":"loaded-7B","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":3}}"#;
    reply.chunk(format!("data: {usage}\n\ndata: [DONE]\n\n"))
}

pub fn assert_no_secrets(reported: &str) {
    for secret in SECRETS {
        assert!(!reported.contains(secret), "{secret} is reported in {reported}");
    }
}

/// Polls until it is ready, which scripts always are soon. The executor of `futures` would not let the SDK's exporters use it
/// inside.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}
