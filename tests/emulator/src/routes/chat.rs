//! `POST /v1/chat/completions`: the next message, whole or as a stream.

use std::future::pending;

use axum::Extension;
use serde::Serialize;

use super::route::{self, Route};
use crate::call::Call;
use crate::chat_request::{self, Request};
use crate::clock::Moment;
use crate::generate::{self, Generation, Style, Timings, Turn, Usage};
use crate::job::{End, Sampled, Step};
use crate::markup::{Markup, ToolCall};
use crate::overrides;
use crate::python::Logprob;
use crate::refusal::{self, Outcome, detail};
use crate::sampler::{COMMON, SAMPLER};
use crate::sse::{self, Sink};

pub(super) fn routes() -> Vec<Route> {
    vec![route::post("/v1/chat/completions", chat)]
}

#[derive(Serialize)]
struct Completion {
    id: String,
    choices: Vec<Choice>,
    created: u64,
    model: String,
    object: &'static str,
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timings: Option<Timings>,
}

#[derive(Serialize)]
struct Choice {
    index: usize,
    finish_reason: Option<String>,
    eos_reason: Option<String>,
    stop_str: Option<String>,
    message: Message,
    logprobs: Option<Logprobs>,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: Option<String>,
    reasoning_content: Option<String>,
    tool_calls: Option<Vec<ToolCall>>,
    tool_call_id: (),
}

#[derive(Default, Serialize)]
struct Logprobs {
    content: Vec<TokenLogprob>,
}

#[derive(Serialize)]
struct TokenLogprob {
    token: String,
    token_id: u32,
    logprob: Logprob,
    top_logprobs: Vec<Leaf>,
}

#[derive(Serialize)]
struct Leaf {
    token: String,
    token_id: u32,
    logprob: Logprob,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    choices: [ChunkChoice; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timings: Option<Timings>,
    model: &'a str,
}

#[derive(Default, Serialize)]
struct ChunkChoice {
    index: usize,
    delta: Delta,
    finish_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eos_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Logprobs>,
}

#[derive(Default, PartialEq, Serialize)]
struct Delta {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    content: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reasoning_content: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallPiece>,
}

/// A tool call, or a part of one.
#[derive(PartialEq, Serialize)]
struct CallPiece {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    function: FunctionPiece,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    index: usize,
}

#[derive(PartialEq, Serialize)]
struct FunctionPiece {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    arguments: String,
}

impl From<ToolCall> for CallPiece {
    fn from(call: ToolCall) -> CallPiece {
        let function = FunctionPiece { name: Some(call.function.name), arguments: call.function.arguments };
        CallPiece { id: Some(call.id), function, r#type: Some(call.r#type), index: call.index }
    }
}

impl CallPiece {
    /// Splits it into the name and the arguments, a few characters at a time.
    fn pieces(mut self) -> Vec<CallPiece> {
        let arguments: Vec<char> = std::mem::take(&mut self.function.arguments).chars().collect();
        let index = self.index;
        let rest = arguments.chunks(7).map(|part| CallPiece {
            id: None,
            function: FunctionPiece { name: None, arguments: part.iter().collect() },
            r#type: None,
            index,
        });
        std::iter::once(self).chain(rest).collect()
    }
}

impl Logprobs {
    fn add(&mut self, sampled: Vec<Sampled>) {
        let leaf = |(token, token_id, logprob)| Leaf { token, token_id, logprob };
        self.content.extend(sampled.into_iter().map(|sampled| TokenLogprob {
            token: sampled.text,
            token_id: sampled.id,
            logprob: sampled.logprob,
            top_logprobs: sampled.top.into_iter().map(leaf).collect(),
        }));
    }
}

async fn chat(Extension(call): Extension<Call>) -> Outcome {
    let payload = call.payload()?;
    call.api()?;
    overrides::check(&call.app)?;
    let body = overrides::apply(&call.app, payload.check(&[SAMPLER, COMMON, chat_request::FIELDS])?);
    let loaded = generate::model(&call, &body).await?;
    let Some(template) = loaded.template() else {
        let text = "Chat completions are disabled because a prompt template is not set.";
        return Err(detail(422, text));
    };
    let request = Request::read(&body)?;
    template.check()?;
    let prompts = [request.prompt()];
    let thinking = request.thinking;
    let generation = generate::prepare(&call, &body, Style::Chat, loaded, &prompts, thinking).await?;
    if let Some(raw) = generation.raw() {
        return Ok(raw);
    }
    // A reply of a script starts its reasoning itself.
    let thinking = thinking && !generation.script.speaks();
    let markups = (0..generation.choices()).map(|_| Markup::new(thinking, request.calls_tools()));
    let markups: Vec<Markup> = markups.collect();
    if !generation.streams() {
        return whole(&call, generation, markups, &request).await;
    }
    let (sink, response) = sse::open(&call, &generation.script);
    let id = format!("chatcmpl-{}", call.app.hex(32));
    sink.spawn(|sink| stream(call, generation, markups, request, sink, id));
    Ok(response)
}

async fn whole(call: &Call, mut generation: Generation, mut markups: Vec<Markup>, request: &Request) -> Outcome {
    let mut drafts: Vec<Draft> = markups.iter().map(|_| Draft::default()).collect();
    let gone = loop {
        match generation.turn().await {
            Turn::Step(_, Step::Failed) => return Err(generation.aborted()),
            Turn::Step(_, Step::Held) => {}
            Turn::Step(index, Step::Piece(piece)) => {
                drafts[index].add(&mut markups[index], &piece.text, piece.tokens);
            }
            Turn::Step(index, Step::End(mut end)) => {
                let rest = std::mem::take(&mut end.rest);
                drafts[index].add(&mut markups[index], &rest.text, rest.tokens);
                drafts[index].end = end;
            }
            Turn::Gone => break true,
            Turn::Done => break false,
        }
    };
    let wanted = generation.params.logprobs;
    let choices = drafts.into_iter().zip(&mut markups).enumerate();
    let choices = choices.map(|(index, (draft, markup))| draft.choice(index, markup, call, request, wanted));
    Ok(refusal::json(&Completion {
        id: format!("cmpl-{}", call.app.hex(32)),
        choices: choices.collect(),
        created: Moment::now().unix(),
        model: generation.loaded.name.clone(),
        object: "chat.completion",
        // The server reports no usage for a response that an unload cut.
        usage: generation.usage().filter(|_| !gone),
        timings: generation.timings().filter(|_| !gone),
    }))
}

/// A message in progress.
#[derive(Default)]
struct Draft {
    content: String,
    reasoning: String,
    logprobs: Logprobs,
    end: End,
}

impl Draft {
    fn add(&mut self, markup: &mut Markup, text: &str, tokens: Vec<Sampled>) {
        let sorted = markup.feed(text);
        self.content.push_str(&sorted.content);
        self.reasoning.push_str(&sorted.reasoning);
        if !sorted.content.is_empty() && !sorted.tagged {
            self.logprobs.add(tokens);
        }
    }

    fn choice(mut self, index: usize, markup: &mut Markup, call: &Call, request: &Request, logprobs: bool) -> Choice {
        let rest = markup.finish();
        self.content.push_str(&rest.content);
        self.reasoning.push_str(&rest.reasoning);
        let tool_calls = markup.tool_calls(&call.app, &request.tools);
        let finish_reason = match self.end.finish_reason {
            // It was cut by an unload.
            reason if reason.is_empty() => "stop".to_owned(),
            _ if markup.called => "tool_calls".to_owned(),
            reason => reason,
        };
        let filled = |text: String| (!text.trim().is_empty()).then_some(text);
        Choice {
            index,
            finish_reason: Some(finish_reason),
            eos_reason: self.end.eos_reason,
            stop_str: self.end.stop_str,
            message: Message {
                role: "assistant",
                content: filled(self.content),
                reasoning_content: filled(self.reasoning),
                tool_calls: (!tool_calls.is_empty()).then_some(tool_calls),
                tool_call_id: (),
            },
            logprobs: logprobs.then_some(self.logprobs),
        }
    }
}

async fn stream(
    call: Call,
    mut generation: Generation,
    mut markups: Vec<Markup>,
    request: Request,
    mut sink: Sink,
    id: String,
) {
    let name = generation.loaded.name.clone();
    let chunk = |choice| {
        let (id, model) = (id.as_str(), name.as_str());
        let (object, created) = ("chat.completion.chunk", Moment::now().unix());
        Chunk { id, object, created, choices: [choice], usage: None, timings: None, model }
    };
    let mut named = vec![!generation.upcoming(); generation.choices()];
    let wanted = generation.params.logprobs;
    let mut left = generation.choices();
    loop {
        match generation.turn().await {
            Turn::Step(_, Step::Held) => {}
            Turn::Step(_, Step::Failed) => {
                sink.error(&generation.stream_error()).await;
                return;
            }
            Turn::Step(index, Step::Piece(piece)) => {
                let mut choice = part(&mut markups[index], index, &piece.text, piece.tokens, wanted);
                if choice.delta != Delta::default() && !std::mem::replace(&mut named[index], true) {
                    choice.delta.role = Some("assistant");
                }
                if choice.delta != Delta::default() {
                    sink.chunk(&chunk(choice)).await;
                }
            }
            Turn::Step(index, Step::End(end)) => {
                let markup = &mut markups[index];
                let mut held = part(markup, index, &end.rest.text, end.rest.tokens, wanted);
                let rest = markup.finish();
                held.delta.content.push_str(&rest.content);
                held.delta.reasoning_content.push_str(&rest.reasoning);
                if held.delta != Delta::default() {
                    sink.chunk(&chunk(held)).await;
                }
                left -= 1;
                let finish_reason = match markup.called {
                    true => "tool_calls".to_owned(),
                    false => end.finish_reason,
                };
                let tool_calls = markup.tool_calls(&call.app, &request.tools).into_iter().map(CallPiece::from);
                let mut tool_calls: Vec<CallPiece> = tool_calls.collect();
                if generation.upcoming() {
                    for piece in tool_calls.drain(..).flat_map(CallPiece::pieces) {
                        let role = (!std::mem::replace(&mut named[index], true)).then_some("assistant");
                        let delta = Delta { role, tool_calls: vec![piece], ..Delta::default() };
                        sink.chunk(&chunk(ChunkChoice { index, delta, ..ChunkChoice::default() })).await;
                    }
                }
                let delta = Delta { tool_calls, ..Delta::default() };
                let finish_reason = Some(finish_reason);
                let last = ChunkChoice { index, delta, ..ChunkChoice::default() };
                let Some(usage) = generation.usage().filter(|_| left == 0) else {
                    let eos_reason = end.eos_reason;
                    sink.chunk(&chunk(ChunkChoice { finish_reason, eos_reason, ..last })).await;
                    continue;
                };
                // The chunk with usage repeats the choice and has its reason.
                if last.delta != Delta::default() {
                    sink.chunk(&chunk(last)).await;
                }
                let again = ChunkChoice { index, finish_reason, ..ChunkChoice::default() };
                sink.chunk(&Chunk { usage: Some(usage), timings: generation.timings(), ..chunk(again) }).await;
            }
            // The stream does not end.
            Turn::Gone => pending().await,
            Turn::Done => break,
        }
    }
    sink.done(&generation.script).await;
}

fn part(markup: &mut Markup, index: usize, text: &str, tokens: Vec<Sampled>, logprobs: bool) -> ChunkChoice {
    let sorted = markup.feed(text);
    let logprobs = (logprobs && !sorted.content.is_empty() && !sorted.tagged).then(|| {
        let mut logprobs = Logprobs::default();
        logprobs.add(tokens);
        logprobs
    });
    let delta = Delta { content: sorted.content, reasoning_content: sorted.reasoning, ..Delta::default() };
    ChunkChoice { index, delta, logprobs, ..ChunkChoice::default() }
}
