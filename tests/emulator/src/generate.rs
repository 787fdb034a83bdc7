//! The common part of completions and chat: from a checked body to the steps of its choices.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::Response;
use serde::Serialize;

use crate::app::{App, Loaded, Running};
use crate::call::{Call, Permission};
use crate::constrain;
use crate::front;
use crate::job::{End, Job, Step, Task};
use crate::json::Json;
use crate::python;
use crate::refusal::{Refusal, detail};
use crate::routes::load;
use crate::sampler::Params;
use crate::script::Script;
use crate::token::{self, Token};

/// The maximum number of tokens of a response without a limit and without an end.
const MAX_TOKENS: usize = 1 << 20;
/// Protects memory; the server has no such limit.
const MAX_CHOICES: usize = 10_000;

/// The endpoint, which determines the texts of messages.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Style {
    Completion,
    Chat,
}

/// One prompt of a request.
pub(crate) struct Prompt {
    /// The text that the model receives.
    pub(crate) text: String,
    /// The text of an echo.
    pub(crate) echo: String,
    /// The start of the response that is continued. Empty if there is none.
    pub(crate) said: String,
    /// A tool call to make, as the model writes it.
    pub(crate) call: Option<String>,
}

impl Prompt {
    /// Creates a prompt from plain text. If it ends in the start of its own response, that is continued.
    pub(crate) fn plain(text: &str) -> Prompt {
        let (echo, said) = match Script::behind(text) {
            Some(said) => (text, said),
            None => echoed(text),
        };
        Prompt { text: text.to_owned(), echo: echo.to_owned(), said: said.to_owned(), call: None }
    }
}

/// Splits a text into a prompt and the start of its echo.
fn echoed(text: &str) -> (&str, &str) {
    let begins = |at: &usize| {
        let (prompt, said) = text.split_at(*at);
        match said.strip_prefix(ECHO) {
            Some(echo) => prompt.starts_with(echo),
            None => ECHO.starts_with(said),
        }
    };
    let places = text.match_indices(&ECHO[..1]).map(|(at, _)| at);
    let place = places.filter(|at| *at > 0).find(begins);
    place.map_or((text, ""), |at| text.split_at(at))
}

/// The start of a default response.
const ECHO: &str = "Echo: ";

/// The running choices of a request.
pub(crate) struct Generation {
    pub(crate) script: Script,
    pub(crate) params: Params,
    pub(crate) loaded: Arc<Loaded>,
    app: Arc<App>,
    style: Style,
    jobs: Vec<Job>,
    /// The indices of choices that have not ended, in the order of their turns.
    live: VecDeque<usize>,
    last: usize,
    prompt_tokens: usize,
    started: Instant,
    first: bool,
    _running: Running,
}

pub(crate) enum Turn {
    Step(usize, Step),
    /// The model was unloaded.
    Gone,
    Done,
}

#[derive(Clone, Serialize)]
pub(crate) struct Usage {
    prompt_tokens: usize,
    prompt_time: f64,
    prompt_tokens_per_sec: Rate,
    completion_tokens: usize,
    completion_time: f64,
    completion_tokens_per_sec: Rate,
    total_tokens: usize,
    total_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Clone, Serialize)]
struct PromptDetails {
    cached_tokens: usize,
}

#[derive(Clone, Serialize)]
struct CompletionDetails {
    accepted_prediction_tokens: usize,
    rejected_prediction_tokens: usize,
}

/// The timings of llama.cpp's server, which are proposed for TabbyAPI, too.
#[derive(Clone, Serialize)]
pub(crate) struct Timings {
    prompt_n: usize,
    prompt_ms: f64,
    predicted_n: usize,
    predicted_ms: f64,
}

#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Rate {
    Known(f64),
    Unknown(&'static str),
}

/// Returns the model to use. It may be loaded for the request if inline loading is configured.
pub(crate) async fn model(call: &Call, body: &Json) -> Result<Arc<Loaded>, Refusal> {
    let wanted = body.get("model").and_then(Json::as_str).filter(|name| !name.is_empty());
    let current = call.app.model();
    match (wanted, &current) {
        (Some(_), None) => return Err(Refusal::Internal),
        (Some(name), Some(loaded)) if call.app.config.inline_loading && loaded.name != name => {
            if call.permission() != Some(Permission::Admin) {
                let text = format!("Unable to switch model to {name} because an admin key isn't provided");
                return Err(detail(401, text));
            }
            if let Some(spec) = call.app.spec(name, false) {
                load::inline(&call.app, &spec).await?;
            }
        }
        _ => {}
    }
    call.model()
}

/// Prepares a generation up to the first token. Errors with the response of the server.
pub(crate) async fn prepare(
    call: &Call,
    body: &Json,
    style: Style,
    loaded: Arc<Loaded>,
    prompts: &[Prompt],
    thinking: bool,
) -> Result<Generation, Refusal> {
    let params = Params::read(body);
    let mut script = script(&call.app, prompts)?;
    tokio::time::sleep(script.head_delay).await;
    if script.status.is_some() || script.body.is_some() {
        let (status, body) = (script.status.unwrap_or(200), script.body.unwrap_or_default());
        return Err(Refusal::Scripted { status, headers: script.headers, body });
    }
    if params.crashes {
        return Err(Refusal::Internal);
    }
    if let Some(what) = params.uncompilable.filter(|_| call.app.config.upcoming) {
        return Err(detail(400, format!("Failed to compile the {what}.")));
    }
    if script.fail_before {
        report(&call.app, &script, 1);
        return Err(aborted(&call.app, style));
    }
    if params.breaks || prompts.is_empty() {
        script.fail_at = Some(0);
    }
    let lengths: Vec<usize> = prompts.iter().map(|p| token::encode(&p.text).len() + 1).collect();
    let context = loaded.max_seq_len as usize;
    if let Some(length) = lengths.iter().find(|length| **length > context) {
        return Err(Refusal::ContextLength(format!(
            "Prompt length {length} exceeds the available context size of {context} tokens"
        )));
    }
    // A whole chunk must fit beside the prompt, in pages of 256 tokens.
    let cache = loaded.cache_size as usize;
    let pages = |length: &usize| (length - 1 + loaded.chunk_size as usize).div_ceil(256) * 256;
    if let Some(needed) = lengths.iter().map(pages).max().filter(|needed| *needed > cache) {
        return Err(Refusal::ContextLength(format!(
            "Initial job allocation requires {needed} cache tokens, which exceeds the available \
             context size of {cache} tokens"
        )));
    }
    if let Some(needed) = lengths.iter().map(|length| length.saturating_add(params.max_tokens.unwrap_or(0))).max()
        && needed > context
    {
        return Err(Refusal::ContextLength(format!(
            "Initial job allocation requires {needed} cache tokens, which exceeds the available \
             context size of {context} tokens"
        )));
    }
    if prompts.len().saturating_mul(params.n) > MAX_CHOICES {
        return Err(Refusal::Internal);
    }
    let mut jobs = Vec::new();
    for (prompt, length) in prompts.iter().zip(&lengths) {
        for k in 0..params.n {
            let index = jobs.len();
            let mut task = task(&script, &params, style, prompt, k, thinking);
            task.limit = limit(&params, style, index, context.saturating_sub(*length));
            jobs.push(Job::new(task));
        }
    }
    Ok(Generation {
        app: call.app.clone(),
        style,
        live: (0..jobs.len()).collect(),
        jobs,
        last: usize::MAX,
        prompt_tokens: lengths.first().copied().unwrap_or(0),
        started: Instant::now(),
        first: true,
        _running: loaded.enter(),
        loaded,
        params,
        script,
    })
}

/// Returns the script in the prompt, or else the next one in the queue.
fn script(app: &App, prompts: &[Prompt]) -> Result<Script, Refusal> {
    let mut found = None;
    for prompt in prompts {
        found = Script::find(&prompt.text).or(found);
    }
    match found {
        Some(Ok(script)) if prompts.len() == 1 => Ok(script),
        // Each prompt has its own replies; the rest of the script is that of the last one.
        Some(Ok(mut script)) => {
            let each = prompts.iter().filter_map(|p| Script::find(&p.text)?.ok());
            script.replies = each.flat_map(|script| script.replies).collect();
            Ok(script)
        }
        Some(Err(error)) => Err(detail(400, format!("The emulator's directive is wrong: {error}"))),
        None => Ok(app.next_script().unwrap_or_default()),
    }
}

/// The server generates one token fewer than requested, unless one is requested.
fn limit(params: &Params, style: Style, index: usize, room: usize) -> usize {
    let Some(asked) = params.max_tokens else {
        return room.clamp(1, MAX_TOKENS);
    };
    let more = if params.stream && style == Style::Completion { 5 * index } else { 0 };
    asked.saturating_add(more).saturating_sub(1).max(1)
}

fn task(script: &Script, params: &Params, style: Style, prompt: &Prompt, k: usize, thinking: bool) -> Task {
    let own = Script::find(&prompt.text).and_then(Result::ok);
    let replies = own.as_ref().map_or(&script.replies, |own| &own.replies);
    let (tokens, filtered) = match (&script.tokens, replies.is_empty(), &params.schema) {
        (Some(tokens), _, _) => (tokens.iter().map(|t| Token::literal(t)).collect(), false),
        (None, false, _) => {
            let reply = &replies[k % replies.len()];
            let split = if script.bytes { token::encode_bytes } else { token::encode };
            (split(reply), false)
        }
        (None, true, Some(schema)) => {
            let json = python::spaced(&constrain::value(schema));
            (said(thinking, "", &String::from_utf8_lossy(&json)), true)
        }
        (None, true, None) => {
            let echo = format!("{ECHO}{}", prompt.echo);
            let text = prompt.call.as_deref().unwrap_or(&echo);
            (said(thinking, "\n\n", text), false)
        }
    };
    let tokens = rest(tokens, &prompt.said);
    let eos_token = script.eos_token.clone().unwrap_or_else(|| "<|im_end|>".to_owned());
    Task {
        tokens,
        limit: 0,
        stops: params.stops.clone(),
        stop_ids: params.stop_ids.clone(),
        fail_at: script.fail_at,
        no_eos: script.no_eos,
        eos_reason: if filtered { "end_filter" } else { "stop_token" },
        eos_token: (style == Style::Chat && !filtered).then_some(eos_token),
        top_logprobs: params.top_logprobs,
        first_logprob: script.non_finite,
    }
}

/// Returns the rest of a response after `said`, or the whole response if it does not begin with it.
fn rest(tokens: Vec<Token>, said: &str) -> Vec<Token> {
    const THOUGHT: &[u8] = b"</think>";
    let raw: Vec<u8> = tokens.iter().flat_map(|token| token.bytes.iter().copied()).collect();
    let thought = raw.windows(THOUGHT.len()).rposition(|window| window == THOUGHT).map_or(0, |at| at + THOUGHT.len());
    // Templates omit the blank lines after reasoning.
    let blank = raw[thought..].iter().take_while(|byte| **byte == b'\n').count();
    let begins = [(thought, said), (thought + blank, said.trim_start_matches('\n'))];
    match begins.into_iter().find(|(at, said)| raw[*at..].starts_with(said.as_bytes())) {
        Some((at, begin)) if !said.is_empty() => token::after(tokens, at + begin.len()),
        _ => tokens,
    }
}

fn said(thinking: bool, gap: &str, text: &str) -> Vec<Token> {
    match thinking {
        true => token::encode(&format!("\nThe user wants an echo.\n</think>{gap}{text}")),
        false => token::encode(text),
    }
}

impl Generation {
    pub(crate) fn choices(&self) -> usize {
        self.jobs.len()
    }

    /// The stream that replaces a generated one.
    pub(crate) fn raw(&self) -> Option<Response> {
        let body = self.script.raw.clone()?;
        let headers = [
            ("cache-control", "no-store"),
            ("x-accel-buffering", "no"),
            ("content-type", "text/event-stream; charset=utf-8"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Some(front::plain(200, &headers, body.into_bytes()))
    }

    pub(crate) fn streams(&self) -> bool {
        self.params.stream && !self.script.no_stream && !self.app.config.no_streaming
    }

    /// Returns the next step of the choice whose turn it is.
    pub(crate) async fn turn(&mut self) -> Turn {
        let Some(index) = self.live.pop_front() else {
            return Turn::Done;
        };
        let gone = self.loaded.gone.subscribe();
        tokio::select! {
            biased;
            () = unloaded(gone) => return Turn::Gone,
            () = self.pause(index) => {}
        }
        self.last = index;
        let tokens = self.script.per_chunk.unwrap_or(self.app.config.tokens_per_chunk);
        let mut step = self.jobs[index].steps(tokens);
        match &mut step {
            Step::Failed => report(&self.app, &self.script, self.jobs[index].made),
            Step::End(end) => self.amend(end),
            Step::Piece(_) | Step::Held => self.live.push_back(index),
        }
        Turn::Step(index, step)
    }

    /// Delays apply per round, the gate per token.
    async fn pause(&mut self, index: usize) {
        if std::mem::take(&mut self.first) {
            tokio::time::sleep(self.script.prefill_delay).await;
        }
        let delay = self.script.delay.unwrap_or(self.app.config.token_delay);
        if delay > Duration::ZERO && (self.last == usize::MAX || index <= self.last) {
            tokio::time::sleep(delay).await;
        }
        if self.script.gate || self.app.config.gate {
            pass(&self.app).await;
        }
    }

    fn amend(&self, end: &mut End) {
        if let Some(reason) = &self.script.finish_reason {
            end.finish_reason.clone_from(reason);
        }
        if let Some(reason) = &self.script.eos_reason {
            end.eos_reason = Some(reason.clone());
        }
    }

    /// Returns the usage, if it was requested.
    pub(crate) fn usage(&self) -> Option<Usage> {
        if !self.params.usage {
            return None;
        }
        let completion_tokens: usize = self.jobs.iter().map(|job| job.made).sum();
        let time = (self.started.elapsed().as_secs_f64() * 100.0).round() / 100.0;
        let rate = (completion_tokens as f64 / time * 100.0).round() / 100.0;
        let known = time > 0.0 && rate.is_finite();
        Some(Usage {
            prompt_tokens: self.prompt_tokens,
            prompt_time: 0.0,
            prompt_tokens_per_sec: Rate::Unknown("Indeterminate"),
            completion_tokens,
            completion_time: time,
            completion_tokens_per_sec: match known {
                true => Rate::Known(rate),
                false => Rate::Unknown("Indeterminate"),
            },
            total_tokens: self.prompt_tokens + completion_tokens,
            total_time: time,
            prompt_tokens_details: self.details().then_some(PromptDetails { cached_tokens: self.prompt_tokens / 2 }),
            completion_tokens_details: self.details().then_some(CompletionDetails {
                accepted_prediction_tokens: completion_tokens / 2,
                rejected_prediction_tokens: 1,
            }),
        })
    }

    fn details(&self) -> bool {
        self.app.config.usage_details || self.upcoming()
    }

    /// Whether it emulates the proposed changes of the server.
    pub(crate) fn upcoming(&self) -> bool {
        self.app.config.upcoming
    }

    pub(crate) fn timings(&self) -> Option<Timings> {
        let predicted_ms = self.started.elapsed().as_secs_f64() * 1000.0;
        let predicted_n = self.jobs.iter().map(|job| job.made).sum();
        self.upcoming().then_some(Timings { prompt_n: self.prompt_tokens, prompt_ms: 0.0, predicted_n, predicted_ms })
    }

    /// Makes every choice fail at once.
    pub(crate) fn refuse(&mut self) {
        self.jobs.iter_mut().for_each(Job::fail);
    }

    /// The error of a stream whose generation failed.
    pub(crate) fn stream_error(&self) -> String {
        format!("{} aborted. Please check the server console.", self.style.name())
    }

    pub(crate) fn aborted(&self) -> Refusal {
        aborted(&self.app, self.style)
    }
}

impl Style {
    fn name(self) -> &'static str {
        match self {
            Style::Completion => "Completion",
            Style::Chat => "Chat completion",
        }
    }
}

/// Waits for a release by the test.
pub(crate) async fn pass(app: &App) {
    // The semaphore is never closed.
    if let Ok(permit) = app.gate.acquire().await {
        permit.forget();
    }
}

async fn unloaded(mut gone: tokio::sync::watch::Receiver<bool>) {
    if gone.wait_for(|gone| *gone).await.is_err() {
        pending::<()>().await;
    }
}

/// The response to a request that is not streamed and whose generation failed.
pub(crate) fn aborted(app: &App, style: Style) -> Refusal {
    let (name, id) = (style.name(), app.hex(32));
    let text = format!("{name} {id} aborted. Maybe the model was unloaded? Please check the server console.");
    detail(503, text)
}

/// A failure during generation emulates a broken GPU and makes the server unhealthy. One before the first token emulates a
/// parameter that the server does not handle.
fn report(app: &App, script: &Script, made: usize) {
    if made > 0 || script.fail_message.is_some() {
        let usual = "RuntimeError: CUDA error: an illegal memory access was encountered";
        app.report_issue(script.fail_message.clone().unwrap_or_else(|| usual.to_owned()));
    }
}
