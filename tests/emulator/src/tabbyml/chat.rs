//! Conversations, which are always streamed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::State;
use super::http::{Body, Events, Request, Response};
use super::requests::{ChatRequest, read};

/// The time until the server requests a lost backend again.
const LOST: Duration = Duration::from_millis(300);
const TICK: Duration = Duration::from_millis(460);

pub(super) fn answer(state: &Arc<State>, request: &Request) -> Response {
    let Some(default) = state.config.chat_model.clone() else { return Response::empty(501) };
    let chat: ChatRequest = match read(request) {
        Ok(chat) => chat,
        Err(response) => return response,
    };
    if chat.stream == Some(false) {
        return Response::empty(500);
    }
    let reply = Reply::of(state, &chat, default);
    let state = state.clone();
    Response {
        content_type: Some("text/event-stream"),
        headers: vec![("cache-control", "no-cache".to_owned())],
        body: Body::Stream(Box::new(move |events| reply.write(&state, events))),
        ..Response::empty(200)
    }
}

/// The response and its options.
struct Reply {
    model: String,
    prompt: String,
    pieces: Vec<String>,
    tool: Option<String>,
    usage: bool,
}

impl Reply {
    fn of(state: &State, chat: &ChatRequest, default: String) -> Reply {
        let prompt = chat.messages.last().map(|message| message.text().to_owned()).unwrap_or_default();
        let queued = state.data().chats.pop_front();
        let pieces = match queued {
            Some(text) => text.split_inclusive(' ').map(str::to_owned).collect(),
            None => ["Hello", " from", " mock \u{e9}\u{4e2d}\u{1f600}", "!"].map(str::to_owned).to_vec(),
        };
        // The default model replaces a model that is not supported.
        let model = if chat.model == "mock-chat-2" { chat.model.clone() } else { default };
        let tool = chat.tools.iter().flatten().next().map(|tool| tool.function.name.clone());
        let usage = chat.stream_options.as_ref().is_some_and(|options| options.include_usage);
        Reply { model, tool: tool.filter(|_| prompt.contains("MOCK:tool")), prompt, pieces, usage }
    }

    /// Writes the stream. Returns whether it ended cleanly.
    fn write(&self, state: &State, events: &mut Events<'_>) -> std::io::Result<bool> {
        let has = |word: &str| self.prompt.contains(word);
        if has("MOCK:500") || has("MOCK:429") {
            return Ok(true);
        }
        if has("MOCK:slow") && !events.wait(state.config.keep_alive * 8 / 3)? {
            return Ok(false);
        }
        loop {
            events.data(&self.chunk(&Delta { content: json!(""), role: json!("assistant"), ..Delta::none() }))?;
            if has("MOCK:errchunk") || has("MOCK:badjson") {
                return Ok(false);
            }
            if !has("MOCK:cut") {
                break;
            }
            for piece in &self.pieces[..2.min(self.pieces.len())] {
                events.data(&self.chunk(&Delta { content: json!(piece), ..Delta::none() }))?;
            }
            if !state.sleep(LOST) {
                return Ok(false);
            }
        }
        if let Some(tool) = &self.tool {
            self.call(events, tool)?;
        } else {
            for (at, piece) in self.pieces.iter().enumerate() {
                let pause = match at {
                    _ if has("MOCK:tick") => TICK,
                    1 if has("MOCK:trickle") => state.config.keep_alive * 4 / 3,
                    _ => state.config.token_delay,
                };
                if !pause.is_zero() && !events.wait(pause)? {
                    return Ok(false);
                }
                events.data(&self.chunk(&Delta { content: json!(piece), ..Delta::none() }))?;
            }
            events.data(&self.chunk(&Delta { finish: json!("stop"), ..Delta::none() }))?;
        }
        if self.usage {
            events.data(&self.with_choices("[]", &usage()))?;
        }
        Ok(true)
    }

    fn call(&self, events: &mut Events<'_>, tool: &str) -> std::io::Result<()> {
        let call = |id: Value, kind: Value, name: Value, arguments: &str| {
            let arguments = json!(arguments);
            format!(r#"[{{"index":0,"id":{id},"type":{kind},"function":{{"name":{name},"arguments":{arguments}}}}}]"#)
        };
        let begin = call(json!("call_1"), json!("function"), json!(tool), "");
        events.data(&self.chunk(&Delta { calls: begin, ..Delta::none() }))?;
        let go_on = call(Value::Null, Value::Null, Value::Null, r#"{"city":"Paris"}"#);
        events.data(&self.chunk(&Delta { calls: go_on, ..Delta::none() }))?;
        events.data(&self.chunk(&Delta { finish: json!("tool_calls"), ..Delta::none() }))
    }

    fn chunk(&self, delta: &Delta) -> String {
        let Delta { content, calls, role, finish } = delta;
        let delta = format!(
            r#"{{"content":{content},"function_call":null,"tool_calls":{calls},"role":{role},"refusal":null}}"#
        );
        let choices = format!(r#"[{{"index":0,"delta":{delta},"finish_reason":{finish},"logprobs":null}}]"#);
        self.with_choices(&choices, "null")
    }

    fn with_choices(&self, choices: &str, usage: &str) -> String {
        let model = json!(self.model);
        format!(
            r#"{{"id":"chatcmpl-mock","choices":{choices},"created":1700000000,"model":{model},"service_tier":null,"system_fingerprint":"fp_mock","object":"chat.completion.chunk","usage":{usage}}}"#
        )
    }
}

/// The fields of a chunk that are not null.
struct Delta {
    content: Value,
    calls: String,
    role: Value,
    finish: Value,
}

impl Delta {
    fn none() -> Delta {
        Delta { content: Value::Null, calls: "null".to_owned(), role: Value::Null, finish: Value::Null }
    }
}

fn usage() -> String {
    let details = r#""prompt_tokens_details":null,"completion_tokens_details":null"#;
    format!(r#"{{"prompt_tokens":5,"completion_tokens":4,"total_tokens":9,{details}}}"#)
}
