//! The state of the server: its configuration, the loaded model, its health, and what tests have queued.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Semaphore, watch};

use crate::canned::CannedResponse;
use crate::clock::Moment;
use crate::log::{Journal, SeenRequest};
use crate::model::ModelSpec;
use crate::script::Script;
use crate::services::{ServiceConfig, Services, Template};

/// The maximum number of issues in the health report.
const MAX_ISSUES: usize = 100;

#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) api_key: String,
    pub(crate) admin_key: String,
    pub(crate) auth: bool,
    pub(crate) models: Vec<ModelSpec>,
    pub(crate) dummy_models: Vec<String>,
    pub(crate) loaded: Option<String>,
    pub(crate) inline_loading: bool,
    pub(crate) tracebacks: bool,
    pub(crate) tokens_per_chunk: usize,
    pub(crate) usage_details: bool,
    pub(crate) upcoming: bool,
    pub(crate) ping: Option<Duration>,
    pub(crate) token_delay: Duration,
    pub(crate) load_delay: Duration,
    pub(crate) keep_alive: Duration,
    /// The time from a response with status 500 to the end of its connection. Each takes another value of this range.
    pub(crate) close_after_500: Option<RangeInclusive<Duration>>,
    pub(crate) no_streaming: bool,
    pub(crate) gate: bool,
    pub(crate) gate_loads: bool,
    pub(crate) request_log: Option<PathBuf>,
    pub(crate) services: ServiceConfig,
}

pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) journal: Journal,
    /// Permits for gated tokens and load events.
    pub(crate) gate: Semaphore,
    /// Held by the running load; others wait for it.
    pub(crate) load_turn: tokio::sync::Mutex<()>,
    pub(crate) answers: Mutex<Vec<CannedResponse>>,
    scripts: Mutex<VecDeque<Script>>,
    model: Mutex<Option<Arc<Loaded>>>,
    issues: Mutex<VecDeque<Issue>>,
    /// The state of the other routes.
    pub(crate) services: Services,
    ids: AtomicU64,
    request_log: Option<Mutex<File>>,
}

/// One entry of `/health`.
#[derive(Clone, Serialize)]
pub(crate) struct Issue {
    time: String,
    description: String,
}

/// The model in memory.
pub(crate) struct Loaded {
    pub(crate) name: String,
    pub(crate) max_seq_len: u32,
    pub(crate) cache_size: u32,
    pub(crate) cache_mode: String,
    pub(crate) chunk_size: u32,
    pub(crate) vision: bool,
    pub(crate) draft: Option<String>,
    pub(crate) template: Mutex<Option<Template>>,
    /// Names and scalings of the applied LoRA adapters.
    pub(crate) loras: Mutex<Vec<(String, f64)>>,
    /// True once it was unloaded. Generations that still run on it end or hang.
    pub(crate) gone: watch::Sender<bool>,
    /// The number of generations that run on it.
    pub(crate) running: watch::Sender<usize>,
}

impl Loaded {
    pub(crate) fn new(spec: &ModelSpec) -> Loaded {
        let template = spec.template.clone().map(|content| Template {
            name: "from_tokenizer_config".to_owned(),
            content,
            failure: None,
        });
        Loaded {
            name: spec.name.clone(),
            max_seq_len: spec.max_seq_len,
            cache_size: spec.cache_size,
            cache_mode: "FP16".to_owned(),
            chunk_size: 2048,
            vision: false,
            draft: None,
            template: Mutex::new(template),
            loras: Mutex::default(),
            gone: watch::channel(false).0,
            running: watch::channel(0).0,
        }
    }

    /// The current chat template.
    pub(crate) fn template(&self) -> Option<Template> {
        lock(&self.template).clone()
    }

    /// Counts a generation until the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Running {
        self.running.send_modify(|running| *running += 1);
        Running(self.clone())
    }
}

/// A generation that runs on a model.
pub(crate) struct Running(Arc<Loaded>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running = running.saturating_sub(1));
    }
}

impl App {
    pub(crate) fn new(config: Config, request_log: Option<File>) -> Arc<App> {
        let app = App {
            config,
            journal: Journal::new(),
            gate: Semaphore::new(0),
            load_turn: tokio::sync::Mutex::new(()),
            answers: Mutex::default(),
            scripts: Mutex::default(),
            model: Mutex::default(),
            issues: Mutex::default(),
            services: Services::default(),
            ids: AtomicU64::new(0),
            request_log: request_log.map(Mutex::new),
        };
        app.boot();
        Arc::new(app)
    }

    /// Logs a request when its body is complete, before anything is done with it.
    pub(crate) fn note(&self, request: SeenRequest) {
        if let Some(file) = &self.request_log {
            let body = String::from_utf8_lossy(&request.body);
            let line = serde_json::json!({"method": request.method, "path": request.path, "body": body});
            // One write per line, so that a line is written whole or not at all. A full disk is noticed by the test that reads
            // it.
            let _ = lock(file).write_all(format!("{line}\n").as_bytes());
        }
        self.journal.write(|log| log.requests.push(request));
    }

    /// Resets to the state after a start of the process: healthy, with the configured model loaded.
    pub(crate) fn boot(&self) {
        lock(&self.issues).clear();
        let spec = self.config.loaded.as_deref().and_then(|name| self.spec(name, false));
        self.set_model(spec.as_ref().map(Loaded::new));
        self.services.boot(&self.config.services);
    }

    /// Returns the directory of a model, including downloaded ones.
    pub(crate) fn spec(&self, name: &str, draft: bool) -> Option<ModelSpec> {
        let name = if self.config.upcoming { name } else { last_component(name) };
        let found = |spec: &&ModelSpec| spec.name == name && spec.draft == draft;
        let downloaded = lock(&self.services.downloaded);
        self.config.models.iter().chain(&*downloaded).find(found).cloned()
    }

    /// Returns the names of the models in a directory, in order.
    pub(crate) fn model_names(&self, draft: bool) -> Vec<String> {
        let downloaded = lock(&self.services.downloaded);
        let specs = self.config.models.iter().chain(&*downloaded).filter(|spec| spec.draft == draft);
        specs.map(|spec| spec.name.clone()).collect()
    }

    pub(crate) fn model(&self) -> Option<Arc<Loaded>> {
        lock(&self.model).clone()
    }

    /// Replaces the model. Generations on the old one are informed.
    pub(crate) fn set_model(&self, model: Option<Loaded>) {
        let old = std::mem::replace(&mut *lock(&self.model), model.map(Arc::new));
        if let Some(old) = old {
            old.gone.send_replace(true);
        }
        // Logs nothing, but wakes conditions that depend on the model.
        self.journal.write(|_| {});
    }

    pub(crate) fn queue_script(&self, script: Script) {
        lock(&self.scripts).push_back(script);
    }

    pub(crate) fn next_script(&self) -> Option<Script> {
        lock(&self.scripts).pop_front()
    }

    pub(crate) fn queue_answer(&self, answer: CannedResponse) {
        lock(&self.answers).push(answer);
    }

    pub(crate) fn next_answer(&self, path: &str) -> Option<CannedResponse> {
        crate::canned::take(&mut lock(&self.answers), path)
    }

    /// Returns how long after a response with status 500 this connection ends. None if it stays open. It is the same in every
    /// run.
    pub(crate) fn closing_delay(&self, connection: u64) -> Option<Duration> {
        let span = self.config.close_after_500.as_ref()?;
        let part = (mix(connection) % 1024) as u32;
        Some(*span.start() + span.end().saturating_sub(*span.start()) * part / 1024)
    }

    pub(crate) fn report_issue(&self, description: String) {
        let mut issues = lock(&self.issues);
        if issues.len() == MAX_ISSUES {
            issues.pop_front();
        }
        issues.push_back(Issue { time: Moment::now().rfc3339(), description });
    }

    pub(crate) fn issues(&self) -> Vec<Issue> {
        lock(&self.issues).iter().cloned().collect()
    }

    /// Returns hexadecimal digits that are unique in this emulator, and the same in every run.
    pub(crate) fn hex(&self, digits: usize) -> String {
        let number = self.ids.fetch_add(1, Ordering::Relaxed);
        let (high, low) = (mix(number), mix(number ^ 0x5851_F42D_4C95_7F2D));
        let mut hex = format!("{high:016x}{low:016x}");
        hex.truncate(digits);
        hex
    }
}

/// A panic of one request must not affect the others.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Model names may be paths; only their last part matters.
pub(crate) fn last_component(name: &str) -> &str {
    name.trim_end_matches('/').rsplit('/').next().unwrap_or(name)
}

/// Spreads a counter over 64 bits without collisions.
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
