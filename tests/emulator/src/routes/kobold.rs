//! The Kobold routes under `/api/v1`, `/api/latest` and `/api/extra`, if the emulator has them.
//!
//! Generation is broken on the server. If it is fixed, its stream has named events and LF line ends, CRLF in pings, and closes
//! without an end event.

use std::future::Future;
use std::sync::Arc;

use axum::Extension;
use serde::Serialize;
use tokio::sync::Notify;

use super::route::{self, Route};
use crate::app::{App, lock};
use crate::call::Call;
use crate::generate::{self, Generation, Prompt, Style, Turn};
use crate::job::Step;
use crate::json::Json;
use crate::overrides;
use crate::refusal::{self, Outcome, Refusal};
use crate::routes::tokens;
use crate::sampler::{COMMON, SAMPLER};
use crate::schema::{Field, Kind, Limits};
use crate::script::Script;
use crate::services::{Kobold, KoboldRun};
use crate::sse::{self, Sink};
use crate::token::BOS;

pub(super) fn routes() -> Vec<Route> {
    let twice = ["/api/v1", "/api/latest"].into_iter().flat_map(|prefix| {
        [
            route::get(&format!("{prefix}/config/max_context_length"), max_length),
            route::get(&format!("{prefix}/config/max_length"), max_length),
            route::get(&format!("{prefix}/config/soft_prompt"), soft_prompt),
            route::put(&format!("{prefix}/config/soft_prompt"), set_soft_prompt),
            route::get(&format!("{prefix}/config/soft_prompts_list"), soft_prompts),
            route::post(&format!("{prefix}/generate"), generate),
            route::get(&format!("{prefix}/info/version"), version),
            route::get(&format!("{prefix}/model"), model),
        ]
    });
    let extra = [
        route::post("/api/extra/abort", abort),
        route::get("/api/extra/generate/check", check),
        route::post("/api/extra/generate/check", check),
        route::post("/api/extra/generate/stream", stream),
        route::post("/api/extra/tokencount", token_count),
        route::get("/api/extra/true_max_context_length", max_length),
        route::get("/api/extra/version", extra_version),
    ];
    twice.chain(extra).collect()
}

static GENERATE: &[Field] = &[
    Field::required(&["prompt"], Kind::Str),
    Field::optional(&["genkey"], Kind::Str),
    Field::optional(&["use_default_badwordsids"], Kind::Bool),
    Field::optional(&["dynatemp_range"], Kind::Float(Limits::NONE)),
];
static KEY: &[Field] = &[Field::required(&["genkey"], Kind::Str)];
static COUNT: &[Field] = &[Field::required(&["prompt"], Kind::Str)];

#[derive(Serialize)]
struct Results {
    results: Vec<Text>,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Piece {
    token: String,
}

#[derive(Serialize)]
struct Success {
    success: bool,
}

#[derive(Serialize)]
struct Named {
    result: String,
}

#[derive(Serialize)]
struct Version {
    result: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Value<T> {
    value: T,
}

#[derive(Serialize)]
struct Values {
    values: [(); 0],
}

#[derive(Serialize)]
struct Count {
    value: usize,
    ids: Vec<u32>,
}

#[derive(Serialize)]
struct Nothing {}

async fn generate(Extension(call): Extension<Call>) -> Outcome {
    let (body, mut run) = begin(&call)?;
    if call.app.config.services.kobold != Kobold::Fixed {
        return Err(generate::aborted(&call.app, Style::Completion));
    }
    let mut generation = prepare(&call, &body).await?;
    loop {
        match run.unless_stopped(generation.turn()).await {
            Some(Turn::Step(_, Step::Failed)) => return Err(generation.aborted()),
            Some(Turn::Step(_, Step::Piece(piece))) => run.add(&piece.text),
            Some(Turn::Step(_, Step::End(end))) => run.add(&end.rest.text),
            Some(Turn::Step(_, Step::Held)) => {}
            Some(Turn::Gone | Turn::Done) | None => break,
        }
    }
    Ok(refusal::json(&Results { results: vec![Text { text: run.text() }] }))
}

async fn stream(Extension(call): Extension<Call>) -> Outcome {
    let (body, run) = begin(&call)?;
    if call.app.config.services.kobold != Kobold::Fixed {
        let (sink, response) = sse::open(&call, &Script::new());
        let message = run.stream_error();
        sink.spawn(|mut sink| async move { sink.error(&message).await });
        return Ok(response);
    }
    let generation = prepare(&call, &body).await?;
    if let Some(raw) = generation.raw() {
        return Ok(raw);
    }
    let (sink, response) = sse::open(&call, &generation.script);
    sink.spawn(|sink| produce(generation, run, sink));
    Ok(response)
}

async fn produce(mut generation: Generation, mut run: Run, mut sink: Sink) {
    loop {
        let text = match run.unless_stopped(generation.turn()).await {
            Some(Turn::Step(_, Step::Failed)) => return sink.error(&run.stream_error()).await,
            Some(Turn::Step(_, Step::Piece(piece))) => piece.text,
            Some(Turn::Step(_, Step::End(end))) => end.rest.text,
            Some(Turn::Step(_, Step::Held)) => continue,
            // The stream does not end.
            Some(Turn::Gone) => return std::future::pending().await,
            Some(Turn::Done) | None => break,
        };
        if !text.is_empty() {
            run.add(&text);
            sink.named(&Piece { token: text }).await;
        }
    }
    sink.checkpoint().await;
}

/// Reports success whether or not there is such a generation.
async fn abort(Extension(call): Extension<Call>) -> Outcome {
    let key = key(&call)?;
    for run in lock(&call.app.services.kobold).iter().filter(|run| run.key == key) {
        run.stop.notify_one();
    }
    Ok(refusal::json(&Success { success: true }))
}

/// Returns the text of a generation so far. The key is in the body, also for GET.
async fn check(Extension(call): Extension<Call>) -> Outcome {
    let key = key(&call)?;
    let runs = lock(&call.app.services.kobold);
    let found = runs.iter().find(|run| run.key == key);
    let results = found.into_iter().map(|run| Text { text: run.text.clone() }).collect();
    Ok(refusal::json(&Results { results }))
}

async fn model(Extension(call): Extension<Call>) -> Outcome {
    call.api()?;
    let result = format!("tabbyAPI/{}", call.model()?.name);
    Ok(refusal::json(&Named { result }))
}

async fn token_count(Extension(call): Extension<Call>) -> Outcome {
    let payload = call.payload()?;
    call.api()?;
    call.model()?;
    let body = payload.check(&[COUNT])?;
    let prompt = body.get("prompt").and_then(Json::as_str).unwrap_or_default();
    let ids: Vec<u32> = [BOS].into_iter().chain(tokens::ids(prompt)).collect();
    Ok(refusal::json(&Count { value: ids.len(), ids }))
}

async fn max_length(Extension(call): Extension<Call>) -> Outcome {
    call.api()?;
    let value = call.model()?.max_seq_len;
    Ok(refusal::json(&Value { value }))
}

async fn version() -> Outcome {
    Ok(refusal::json(&Named { result: "1.2.5".to_owned() }))
}

async fn extra_version() -> Outcome {
    Ok(refusal::json(&Version { result: "KoboldCpp", version: "1.74" }))
}

async fn soft_prompts() -> Outcome {
    Ok(refusal::json(&Values { values: [] }))
}

async fn soft_prompt() -> Outcome {
    Ok(refusal::json(&Value { value: "" }))
}

async fn set_soft_prompt() -> Outcome {
    Ok(refusal::json(&Nothing {}))
}

fn key(call: &Call) -> Result<String, Refusal> {
    let payload = call.payload()?;
    call.api()?;
    call.model()?;
    let body = payload.check(&[KEY])?;
    Ok(body.get("genkey").and_then(Json::as_str).unwrap_or_default().to_owned())
}

/// The common checks of both ways to generate.
fn begin(call: &Call) -> Result<(Json, Run), Refusal> {
    let payload = call.payload()?;
    call.api()?;
    call.model()?;
    overrides::check(&call.app)?;
    let body = overrides::apply(&call.app, payload.check(&[SAMPLER, GENERATE])?);
    let key = body.get("genkey").and_then(Json::as_str).map_or_else(|| call.app.hex(32), str::to_owned);
    let run = Run::new(&call.app, key);
    Ok((body, run))
}

async fn prepare(call: &Call, body: &Json) -> Result<Generation, Refusal> {
    let mut own = body.clone();
    if let Json::Dict(members) = &mut own {
        // Fields of the other generation routes are ignored here.
        members.retain(|(name, _)| COMMON.iter().all(|field| !field.names.contains(&name.as_str())));
    }
    let prompt = Prompt::plain(body.get("prompt").and_then(Json::as_str).unwrap_or_default());
    generate::prepare(call, &own, Style::Completion, call.model()?, &[prompt], false).await
}

/// An entry in the list of running generations, until it is dropped.
struct Run {
    app: Arc<App>,
    key: String,
    stop: Arc<Notify>,
}

impl Run {
    fn new(app: &Arc<App>, key: String) -> Run {
        let stop = Arc::new(Notify::new());
        lock(&app.services.kobold).push(KoboldRun { key: key.clone(), text: String::new(), stop: stop.clone() });
        Run { app: app.clone(), key, stop }
    }

    /// Returns `None` if it was aborted.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.notified() => None,
            done = work => Some(done),
        }
    }

    fn add(&mut self, text: &str) {
        let mut runs = lock(&self.app.services.kobold);
        runs.iter_mut().filter(|run| Arc::ptr_eq(&run.stop, &self.stop)).for_each(|run| run.text += text);
    }

    fn text(&self) -> String {
        let runs = lock(&self.app.services.kobold);
        runs.iter().find(|run| Arc::ptr_eq(&run.stop, &self.stop)).map(|run| run.text.clone()).unwrap_or_default()
    }

    fn stream_error(&self) -> String {
        format!("Kobold generation {} aborted. Please check the server console.", self.key)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        lock(&self.app.services.kobold).retain(|run| !Arc::ptr_eq(&run.stop, &self.stop));
    }
}
