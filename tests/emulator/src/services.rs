//! The configuration and the state of the other routes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use crate::app::lock;
use crate::json::Json;
use crate::model::{ModelSpec, TEMPLATE};
use crate::overrides::Overrides;
use crate::refusal::{Refusal, detail};

#[derive(Clone)]
pub(crate) struct ServiceConfig {
    pub(crate) templates: Vec<Template>,
    /// Whether message lists can be encoded.
    pub(crate) encodes_messages: bool,
    /// Names, each with the error of its load, if any.
    pub(crate) embedding_models: Vec<(String, Option<String>)>,
    pub(crate) embedding_loaded: Option<String>,
    pub(crate) embedding_dimension: usize,
    pub(crate) loras: Vec<String>,
    pub(crate) loras_work: bool,
    pub(crate) presets: Vec<(String, Json)>,
    pub(crate) active_preset: Option<String>,
    pub(crate) kobold: Kobold,
    pub(crate) download_delay: Duration,
    pub(crate) gate_downloads: bool,
    pub(crate) missing_repos: Vec<String>,
    pub(crate) hub_error: Option<String>,
}

/// Which of the Kobold routes work.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kobold {
    /// All are 404.
    Off,
    /// All except generation work, as on the server.
    Broken,
    Fixed,
}

/// A chat template. It is never executed: all templates render the same.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) name: String,
    pub(crate) content: String,
    /// The error of rendering.
    pub(crate) failure: Option<String>,
}

/// The state that changes while the server runs. Reset by a restart.
#[derive(Default)]
pub(crate) struct Services {
    pub(crate) embedding: Mutex<Option<String>>,
    pub(crate) overrides: Mutex<Overrides>,
    /// The models of completed downloads.
    pub(crate) downloaded: Mutex<Vec<ModelSpec>>,
    /// The paths of downloads, including running ones.
    pub(crate) folders: Mutex<Vec<String>>,
    /// The running Kobold generations.
    pub(crate) kobold: Mutex<Vec<KoboldRun>>,
}

/// A generation that a client can read and abort by its key.
pub(crate) struct KoboldRun {
    pub(crate) key: String,
    pub(crate) text: String,
    pub(crate) stop: Arc<Notify>,
}

impl Default for ServiceConfig {
    fn default() -> ServiceConfig {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        // An invalid constant would be noticed by the first test.
        let preset = |name: &str, text| (name.to_owned(), Json::parse(text).unwrap_or(Json::Null));
        ServiceConfig {
            templates: vec![Template::named("alpaca"), Template::named("chatml")],
            encodes_messages: true,
            embedding_models: vec![("all-MiniLM-L6-v2".to_owned(), None), ("second-embed".to_owned(), None)],
            embedding_loaded: Some("all-MiniLM-L6-v2".to_owned()),
            embedding_dimension: 384,
            loras: names(&["lora-one", "lora-two"]),
            loras_work: false,
            presets: vec![
                preset("sample_preset", r#"{"max_tokens":{"override":150,"force":false}}"#),
                preset(
                    "creative",
                    r#"{"temperature":{"override":1.5,"force":false},"top_p":{"override":0.9,"force":true},"stop":{"override":["STOPHERE"],"force":false,"additive":true}}"#,
                ),
                preset(
                    "safe_defaults",
                    r#"{"temperature":{"override":0.8,"force":false},"top_p":{"override":0.9,"force":false}}"#,
                ),
            ],
            active_preset: None,
            kobold: Kobold::Off,
            download_delay: Duration::ZERO,
            gate_downloads: false,
            missing_repos: Vec::new(),
            hub_error: None,
        }
    }
}

impl ServiceConfig {
    /// Returns the template with this name, with or without its suffix.
    pub(crate) fn template(&self, name: &str) -> Option<Template> {
        let stem = name.strip_suffix(".jinja").unwrap_or(name);
        self.templates.iter().find(|template| template.name == stem).cloned()
    }
}

impl Template {
    pub(crate) fn named(name: impl Into<String>) -> Template {
        Template { name: name.into(), content: TEMPLATE.to_owned(), failure: None }
    }

    /// Errors like the rendering of messages.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        match &self.failure {
            None => Ok(()),
            Some(message) => Err(detail(400, format!("TemplateError: {message}"))),
        }
    }
}

impl Services {
    /// Resets to the state after a start of the process.
    pub(crate) fn boot(&self, config: &ServiceConfig) {
        lock(&self.embedding).clone_from(&config.embedding_loaded);
        *lock(&self.overrides) = Overrides::at_start(config);
        lock(&self.downloaded).clear();
        lock(&self.folders).clear();
        lock(&self.kobold).clear();
    }
}
