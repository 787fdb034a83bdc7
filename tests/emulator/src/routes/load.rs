//! `POST /v1/model/load` and `POST /v1/model/unload`.

use std::sync::{Arc, Mutex};

use axum::Extension;
use serde::Serialize;

use super::route::{self, Route};
use crate::app::{App, Loaded};
use crate::call::Call;
use crate::generate::pass;
use crate::json::Json;
use crate::model::ModelSpec;
use crate::refusal::{self, Outcome, Refusal, detail};
use crate::schema::{Field, Kind, Limits};
use crate::script::Script;
use crate::services::Template;
use crate::sse::{self, Sink};

pub(super) fn routes() -> Vec<Route> {
    vec![route::post("/v1/model/load", load), route::post("/v1/model/unload", unload)]
}

static ROPE_ALPHA: &[(&str, Kind)] =
    &[("float", Kind::Float(Limits::NONE)), ("literal['auto']", Kind::Literal(&["auto"], "'auto'"))];
static FLOAT_ITEM: Kind = Kind::Float(Limits::NONE);

static DRAFT: &[Field] = &[
    Field::required(&["draft_model_name"], Kind::Str),
    Field::optional(&["draft_rope_scale"], Kind::Float(Limits::NONE)),
    Field::optional(&["draft_rope_alpha"], Kind::Union(ROPE_ALPHA)),
    Field::optional(&["draft_gpu_split"], Kind::List(&FLOAT_ITEM)),
];

static FIELDS: &[Field] = &[
    Field::required(&["model_name"], Kind::Str),
    Field::optional(&["backend"], Kind::Str),
    Field::optional(&["max_seq_len"], Kind::Int(Limits::NONE)),
    Field::optional(&["cache_size"], Kind::Int(Limits::NONE)),
    Field::optional(&["cache_mode"], Kind::Str),
    Field::optional(&["tensor_parallel"], Kind::Bool),
    Field::optional(&["tensor_parallel_backend"], Kind::Str),
    Field::optional(&["gpu_split_auto"], Kind::Bool),
    Field::optional(&["autosplit_reserve"], Kind::List(&FLOAT_ITEM)),
    Field::optional(&["gpu_split"], Kind::List(&FLOAT_ITEM)),
    Field::optional(&["rope_scale"], Kind::Float(Limits::NONE)),
    Field::optional(&["rope_alpha"], Kind::Union(ROPE_ALPHA)),
    Field::optional(&["chunk_size"], Kind::Int(Limits::NONE)),
    Field::optional(&["output_chunking"], Kind::Bool),
    Field::optional(&["prompt_template"], Kind::Str),
    Field::optional(&["vision"], Kind::Bool),
    Field::optional(&["draft_model"], Kind::Model(DRAFT)),
    Field::optional(&["skip_queue"], Kind::Bool),
];

#[derive(Serialize)]
struct Progress {
    model_type: &'static str,
    module: u32,
    modules: u32,
    status: &'static str,
}

async fn load(Extension(call): Extension<Call>) -> Outcome {
    let payload = call.payload()?;
    call.admin()?;
    let body = payload.check(&[FIELDS])?;
    let name = body.get("model_name").and_then(Json::as_str).unwrap_or_default();
    if name.is_empty() {
        return Err(detail(400, "A model name was not provided for load."));
    }
    let Some(spec) = call.app.spec(name, false) else {
        let text = "Could not find the model path for load. Check model name or config.yml?";
        return Err(detail(400, text));
    };
    let (sink, response) = sse::open(&call, &Script::new());
    // Not bound to the client: a load continues when the client disconnects.
    tokio::spawn(run(call.app.clone(), spec, body, sink));
    Ok(response)
}

async fn unload(Extension(call): Extension<Call>) -> Outcome {
    call.admin()?;
    call.model()?;
    call.app.set_model(None);
    Ok(refusal::json(&()))
}

/// Loads a model during another request. After a failed load no model is loaded.
pub(crate) async fn inline(app: &Arc<App>, spec: &ModelSpec) -> Result<(), Refusal> {
    let _turn = app.load_turn.lock().await;
    make_room(app).await;
    if spec.failure.is_some() {
        return Err(Refusal::Internal);
    }
    app.set_model(Some(Loaded::new(spec)));
    Ok(())
}

async fn run(app: Arc<App>, spec: ModelSpec, body: Json, mut sink: Sink) {
    let _turn = app.load_turn.lock().await;
    if app.model().is_some_and(|model| model.name == spec.name) {
        sink.compact(&progress("model", 1, 1, "processing")).await;
        sink.compact(&progress("model", 1, 1, "finished")).await;
        return;
    }
    make_room(&app).await;
    match load_parts(&app, &spec, &body, &mut sink).await {
        // Only the end of the stream shows it.
        Ok(loaded) => {
            tokio::time::sleep(app.config.load_delay).await;
            app.set_model(Some(loaded));
        }
        Err(message) => sink.error(&message).await,
    }
}

/// Waits for running generations, then unloads their model.
async fn make_room(app: &App) {
    if let Some(old) = app.model() {
        let mut running = old.running.subscribe();
        let mut gone = old.gone.subscribe();
        // Both senders are in `old`, so neither wait fails.
        tokio::select! {
            _ = running.wait_for(|running| *running == 0) => {}
            _ = gone.wait_for(|gone| *gone) => {}
        }
    }
    app.set_model(None);
}

async fn load_parts(app: &App, spec: &ModelSpec, body: &Json, sink: &mut Sink) -> Result<Loaded, String> {
    let text = |key| body.get(key).and_then(Json::as_str);
    let size = |key| {
        let size = body.get(key).and_then(Json::as_int).and_then(|n| u32::try_from(n).ok());
        size.filter(|size| *size > 0)
    };
    if let Some(backend) = text("backend").filter(|backend| *backend != "exllamav3") {
        return Err(match backend {
            "exllamav2" => "The exllamav2 backend is no longer supported. Please use exllamav3.".to_owned(),
            other => format!("Invalid backend '{other}'. Available backends: ['exllamav3']"),
        });
    }
    let mut loaded = Loaded::new(spec);
    if let Some(length) = size("max_seq_len") {
        loaded.max_seq_len = length;
        loaded.cache_size = length;
    }
    if let Some(cache) = size("cache_size") {
        if cache % 256 != 0 {
            return Err("max_num_tokens must be a multiple of 256.".to_owned());
        }
        loaded.cache_size = cache;
    }
    if let Some(mode) = text("cache_mode") {
        loaded.cache_mode = mode.to_owned();
    }
    if let Some(chunk) = size("chunk_size") {
        loaded.chunk_size = chunk;
    }
    if let Some(name) = text("prompt_template") {
        let template = app.config.services.template(name).unwrap_or_else(|| Template::named(name));
        loaded.template = Mutex::new(Some(template));
    }
    if body.get("vision").and_then(Json::as_bool) == Some(true) {
        loaded.vision = true;
        report(app, "vision", spec.vision_modules, None, sink).await?;
    }
    let draft = body.get("draft_model").and_then(|draft| draft.get("draft_model_name"));
    if let Some(name) = draft.and_then(Json::as_str) {
        let draft = app.spec(name, true).ok_or("Could not find the draft model path for load.")?;
        loaded.draft = Some(draft.name.clone());
        report(app, "draft", draft.modules, None, sink).await?;
    }
    report(app, "model", spec.modules, spec.failure.as_ref(), sink).await?;
    Ok(loaded)
}

/// Sends the events of one part. It ends with `processing` N/N and then `finished` N/N.
async fn report(
    app: &App,
    part: &'static str,
    modules: u32,
    failure: Option<&(u32, String)>,
    sink: &mut Sink,
) -> Result<(), String> {
    for module in 1..=modules {
        if let Some((after, message)) = failure
            && module > *after
        {
            return Err(message.clone());
        }
        step(app, sink, &progress(part, module, modules, "processing")).await;
    }
    if let Some((_, message)) = failure {
        return Err(message.clone());
    }
    sink.compact(&progress(part, modules, modules, "finished")).await;
    Ok(())
}

async fn step(app: &App, sink: &mut Sink, event: &Progress) {
    tokio::time::sleep(app.config.load_delay).await;
    if app.config.gate_loads {
        pass(app).await;
    }
    sink.compact(event).await;
}

fn progress(model_type: &'static str, module: u32, modules: u32, status: &'static str) -> Progress {
    Progress { model_type, module, modules, status }
}
