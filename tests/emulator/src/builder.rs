//! The settings of an emulator.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::app::Config;
use crate::canned::CannedResponse;
use crate::emulator::{Emulator, StartError};
use crate::model::ModelSpec;
use crate::script::Script;
use crate::service_builder::OwnLists;
use crate::services::ServiceConfig;
use crate::{DEFAULT_ADMIN_KEY, DEFAULT_API_KEY};

/// Settings of an [`Emulator`], which [`start`](EmulatorBuilder::start) starts.
///
/// The defaults are: two models and a draft model, with `alpha-7B-exl3` loaded, two embedding models, with `all-MiniLM-L6-v2`
/// loaded, the default keys, pings every 15 seconds, no delays, and an ephemeral port of 127.0.0.1.
#[derive(Clone)]
#[must_use]
pub struct EmulatorBuilder {
    pub(crate) config: Config,
    port: u16,
    scripts: Vec<Script>,
    answers: Vec<CannedResponse>,
    own_models: bool,
    pub(crate) own: OwnLists,
}

impl EmulatorBuilder {
    pub(crate) fn new() -> EmulatorBuilder {
        let config = Config {
            api_key: DEFAULT_API_KEY.to_owned(),
            admin_key: DEFAULT_ADMIN_KEY.to_owned(),
            auth: true,
            models: vec![
                ModelSpec::new("alpha-7B-exl3"),
                ModelSpec::new("beta-3B-exl3").max_seq_len(2048),
                ModelSpec::new("tiny-draft").draft(),
            ],
            dummy_models: Vec::new(),
            loaded: Some("alpha-7B-exl3".to_owned()),
            inline_loading: false,
            tracebacks: false,
            tokens_per_chunk: 1,
            usage_details: false,
            upcoming: false,
            ping: Some(Duration::from_secs(15)),
            token_delay: Duration::ZERO,
            load_delay: Duration::ZERO,
            keep_alive: Duration::from_secs(5),
            close_after_500: Some(Duration::from_millis(45)..=Duration::from_millis(65)),
            no_streaming: false,
            gate: false,
            gate_loads: false,
            request_log: None,
            services: ServiceConfig::default(),
        };
        EmulatorBuilder {
            config,
            port: 0,
            scripts: Vec::new(),
            answers: Vec::new(),
            own_models: false,
            own: OwnLists::default(),
        }
    }

    /// Sets the API key; [`DEFAULT_API_KEY`] by default.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.config.api_key = key.into();
        self
    }

    /// Sets the admin key; [`DEFAULT_ADMIN_KEY`] by default.
    pub fn admin_key(mut self, key: impl Into<String>) -> Self {
        self.config.admin_key = key.into();
        self
    }

    /// Emulates `disable_auth`: every caller is an admin.
    pub fn no_auth(mut self) -> Self {
        self.config.auth = false;
        self
    }

    /// Adds a model. The first one replaces the default models and is loaded.
    pub fn model(mut self, model: ModelSpec) -> Self {
        if !std::mem::replace(&mut self.own_models, true) {
            self.config.models.clear();
            self.config.loaded = (!model.draft).then(|| model.name.clone());
        }
        self.config.models.push(model);
        self
    }

    /// Sets which model is loaded at the start.
    pub fn loaded_model(mut self, name: impl Into<String>) -> Self {
        self.config.loaded = Some(name.into());
        self
    }

    /// Starts without a loaded model.
    pub fn no_model_loaded(mut self) -> Self {
        self.config.loaded = None;
        self
    }

    /// Sets a name that is first in every list of models, without a model.
    pub fn dummy_model(mut self, name: impl Into<String>) -> Self {
        self.config.dummy_models.push(name.into());
        self
    }

    /// Emulates `inline_model_loading`: a generation request that names another model loads it.
    pub fn inline_model_loading(mut self, on: bool) -> Self {
        self.config.inline_loading = on;
        self
    }

    /// Sets the number of tokens in one event of a stream, unless a script sets it; 1 by default. With the real engine it is
    /// about three.
    pub fn tokens_per_chunk(mut self, tokens: usize) -> Self {
        self.config.tokens_per_chunk = tokens.max(1);
        self
    }

    /// Sets whether usage has `prompt_tokens_details` and `completion_tokens_details`, as on servers newer than the recorded one.
    pub fn usage_details(mut self, on: bool) -> Self {
        self.config.usage_details = on;
        self
    }

    /// Sets whether to emulate changes that are proposed for the server: a `role` in the first delta, tool calls streamed in
    /// pieces, `timings`, usage details, 400 for a constraint that does not compile, names of models with slashes.
    pub fn upcoming(mut self, on: bool) -> Self {
        self.config.upcoming = on;
        self
    }

    /// Emulates `send_tracebacks`: error events carry a trace.
    pub fn send_tracebacks(mut self, on: bool) -> Self {
        self.config.tracebacks = on;
        self
    }

    /// Emulates `disable_request_streaming`: a request for a stream is answered with plain JSON.
    pub fn disable_request_streaming(mut self, on: bool) -> Self {
        self.config.no_streaming = on;
        self
    }

    /// Sets the time between pings; zero disables them.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.config.ping = (!interval.is_zero()).then_some(interval);
        self
    }

    /// Sets the time that each token takes, unless a script sets it.
    pub fn token_delay(mut self, delay: Duration) -> Self {
        self.config.token_delay = delay;
        self
    }

    /// Sets the time that a load takes for each module.
    pub fn load_delay(mut self, delay: Duration) -> Self {
        self.config.load_delay = delay;
        self
    }

    /// Sets how long a connection may be idle before it is closed; 5 seconds by default, as on the server.
    pub fn keep_alive(mut self, time: Duration) -> Self {
        self.config.keep_alive = time;
        self
    }

    /// Sets how long after a response with status 500 its connection is closed; between 45 and 65 milliseconds by default. Like
    /// the server, it does not announce this with `connection: close`. Requests that arrive on the connection meanwhile are read
    /// and not answered.
    pub fn close_after_500(mut self, delay: RangeInclusive<Duration>) -> Self {
        self.config.close_after_500 = Some(delay);
        self
    }

    /// Keeps connections open after a response with status 500, unlike the server.
    pub fn keep_open_after_500(mut self) -> Self {
        self.config.close_after_500 = None;
        self
    }

    /// Makes every token of every generation wait for a [`release`](Emulator::release).
    pub fn gate(mut self) -> Self {
        self.config.gate = true;
        self
    }

    /// Makes every module of every load wait for a [`release`](Emulator::release).
    pub fn gate_loads(mut self) -> Self {
        self.config.gate_loads = true;
        self
    }

    /// Sets a file to which each request is appended as a line of JSON (`method`, `path`, `body`) when its body is complete,
    /// before anything is done with it. The file remains if the process is killed.
    pub fn request_log(mut self, file: impl Into<PathBuf>) -> Self {
        self.config.request_log = Some(file.into());
        self
    }

    /// Queues a script for the next generation; see [`Emulator::script`].
    pub fn script(mut self, script: Script) -> Self {
        self.scripts.push(script);
        self
    }

    /// Queues a response; see [`Emulator::answer`].
    pub fn answer(mut self, answer: CannedResponse) -> Self {
        self.answers.push(answer);
        self
    }

    /// Sets the port; 0, the default, means any free port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts the server on its own thread. Can be called from sync and async code: it only waits for the thread.
    pub fn start(self) -> Result<Emulator, StartError> {
        let emulator = Emulator::launch(self.config, self.port)?;
        self.scripts.into_iter().for_each(|script| emulator.script(script));
        self.answers.into_iter().for_each(|answer| emulator.answer(answer));
        Ok(emulator)
    }
}
