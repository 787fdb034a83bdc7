//! `POST /v1/completions`: text after a prompt, whole or as a stream.

use std::future::pending;

use axum::Extension;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::route::{self, Route};
use crate::call::Call;
use crate::clock::Moment;
use crate::generate::{self, Generation, Prompt, Style, Timings, Turn, Usage};
use crate::job::{End, Sampled, Step};
use crate::json::Json;
use crate::overrides;
use crate::python::Logprob;
use crate::refusal::{self, Outcome};
use crate::sampler::{COMMON, SAMPLER, STR_OR_STRS};
use crate::schema::{Field, Kind};
use crate::sse::{self, Sink};

pub(super) fn routes() -> Vec<Route> {
    vec![route::post("/v1/completions", completions)]
}

static OWN_FIELDS: &[Field] = &[Field::required(&["prompt"], Kind::Union(STR_OR_STRS))];

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
    logprobs: Option<Logprobs>,
    text: String,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    choices: [ChunkChoice; 1],
    created: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timings: Option<Timings>,
    model_name: &'a str,
}

#[derive(Default, Serialize)]
struct ChunkChoice {
    index: usize,
    text: String,
    finish_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eos_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Logprobs>,
}

#[derive(Default, Serialize)]
struct Logprobs {
    tokens: Vec<String>,
    token_logprobs: Vec<Logprob>,
    top_logprobs: Vec<Option<Top>>,
    text_offset: Vec<usize>,
}

/// Token texts in the order of rank. If a text occurs twice, the last value is kept at the first position.
struct Top(Vec<(String, u32, Logprob)>);

impl Serialize for Top {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (at, (text, _, _)) in self.0.iter().enumerate() {
            if self.0[..at].iter().all(|(earlier, _, _)| earlier != text) {
                let last = self.0.iter().rev().find(|(later, _, _)| later == text);
                map.serialize_entry(text, &last.map(|(_, _, logprob)| logprob))?;
            }
        }
        map.end()
    }
}

impl Logprobs {
    /// Offsets count characters from the start of these tokens.
    fn add(&mut self, sampled: Vec<Sampled>) {
        for token in sampled {
            let before = self.text_offset.last().copied().unwrap_or(0);
            let length = self.tokens.last().map_or(0, |last| last.chars().count());
            self.text_offset.push(before + length);
            self.tokens.push(token.text);
            self.token_logprobs.push(token.logprob);
            self.top_logprobs.push((!token.top.is_empty()).then_some(Top(token.top)));
        }
    }
}

async fn completions(Extension(call): Extension<Call>) -> Outcome {
    let payload = call.payload()?;
    call.api()?;
    overrides::check(&call.app)?;
    let body = overrides::apply(&call.app, payload.check(&[SAMPLER, COMMON, OWN_FIELDS])?);
    let loaded = generate::model(&call, &body).await?;
    let prompts = prompts(&body);
    let mut generation = generate::prepare(&call, &body, Style::Completion, loaded, &prompts, false).await?;
    if let Some(raw) = generation.raw() {
        return Ok(raw);
    }
    if !generation.streams() {
        return whole(&call, generation).await;
    }
    if generation.params.max_tokens.is_none() {
        generation.refuse();
    }
    let (sink, response) = sse::open(&call, &generation.script);
    let id = format!("chatcmpl-{}", call.app.hex(32));
    let hangs = prompts.is_empty();
    sink.spawn(|sink| async move {
        if hangs {
            pending::<()>().await;
        }
        stream(generation, sink, id).await;
    });
    Ok(response)
}

fn prompts(body: &Json) -> Vec<Prompt> {
    match body.get("prompt") {
        Some(Json::Str(text)) => vec![Prompt::plain(text)],
        Some(Json::List(texts)) => texts.iter().filter_map(Json::as_str).map(Prompt::plain).collect(),
        _ => Vec::new(),
    }
}

async fn whole(call: &Call, mut generation: Generation) -> Outcome {
    let mut choices: Vec<Choice> = (0..generation.choices()).map(Choice::new).collect();
    if choices.is_empty() {
        return Err(generation.aborted());
    }
    let wanted = generation.params.logprobs;
    let gone = loop {
        match generation.turn().await {
            Turn::Step(_, Step::Failed) => return Err(generation.aborted()),
            Turn::Step(_, Step::Held) => {}
            Turn::Step(index, Step::Piece(piece)) => {
                choices[index].add(piece.text, piece.tokens, wanted);
            }
            Turn::Step(index, Step::End(end)) => choices[index].end(end, wanted),
            Turn::Gone => break true,
            Turn::Done => break false,
        }
    };
    Ok(refusal::json(&Completion {
        id: format!("cmpl-{}", call.app.hex(32)),
        choices,
        created: Moment::now().unix(),
        model: generation.loaded.name.clone(),
        object: "text_completion",
        // The server reports no usage for a response that an unload cut.
        usage: generation.usage().filter(|_| !gone),
        timings: generation.timings().filter(|_| !gone),
    }))
}

impl Choice {
    fn new(index: usize) -> Choice {
        // A choice that is cut by an unload keeps these reasons.
        let finish_reason = Some("stop".to_owned());
        Choice { index, finish_reason, eos_reason: None, logprobs: None, text: String::new() }
    }

    fn add(&mut self, text: String, tokens: Vec<Sampled>, logprobs: bool) {
        self.text.push_str(&text);
        if logprobs {
            self.logprobs.get_or_insert_default().add(tokens);
        }
    }

    fn end(&mut self, end: End, logprobs: bool) {
        self.add(end.rest.text, end.rest.tokens, logprobs);
        self.finish_reason = Some(end.finish_reason);
        self.eos_reason = end.eos_reason;
    }
}

async fn stream(mut generation: Generation, mut sink: Sink, id: String) {
    let wanted = generation.params.logprobs;
    let name = generation.loaded.name.clone();
    let chunk = |choice| {
        let created = Moment::now().unix();
        let (id, model_name) = (id.as_str(), name.as_str());
        Chunk { id, object: "text_completion", choices: [choice], created, usage: None, timings: None, model_name }
    };
    let logprobs = |tokens: Vec<Sampled>| {
        let mut logprobs = Logprobs::default();
        logprobs.add(tokens);
        wanted.then_some(logprobs)
    };
    let mut left = generation.choices();
    loop {
        match generation.turn().await {
            Turn::Step(index, Step::Piece(piece)) => {
                let (text, logprobs) = (piece.text, logprobs(piece.tokens));
                sink.chunk(&chunk(ChunkChoice { index, text, logprobs, ..ChunkChoice::default() })).await;
            }
            Turn::Step(_, Step::Held) => {}
            Turn::Step(_, Step::Failed) => {
                sink.error(&generation.stream_error()).await;
                return;
            }
            Turn::Step(index, Step::End(end)) => {
                if !end.rest.text.is_empty() {
                    let (text, logprobs) = (end.rest.text, logprobs(end.rest.tokens));
                    let choice = ChunkChoice { index, text, logprobs, ..ChunkChoice::default() };
                    sink.chunk(&chunk(choice)).await;
                }
                left -= 1;
                let finish_reason = Some(end.finish_reason);
                let last = ChunkChoice { index, finish_reason, ..ChunkChoice::default() };
                match generation.usage().filter(|_| left == 0) {
                    Some(usage) => {
                        sink.chunk(&Chunk { usage: Some(usage), timings: generation.timings(), ..chunk(last) }).await;
                    }
                    None => {
                        let eos_reason = end.eos_reason;
                        sink.chunk(&chunk(ChunkChoice { eos_reason, ..last })).await;
                    }
                }
            }
            // The stream does not end.
            Turn::Gone => pending().await,
            Turn::Done => break,
        }
    }
    sink.done(&generation.script).await;
}
