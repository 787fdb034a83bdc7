//! The settings of the other routes.

use std::time::Duration;

use crate::builder::EmulatorBuilder;
use crate::json::Json;
use crate::services::{Kobold, ServiceConfig, Template};

/// Which lists have custom entries instead of the defaults.
#[derive(Clone, Copy, Default)]
pub(crate) struct OwnLists {
    templates: bool,
    embedding_models: bool,
    loras: bool,
    presets: bool,
}

impl EmulatorBuilder {
    /// Adds a file to the template directory, with its name without `.jinja`. The first one replaces the default templates.
    /// Templates are not executed: all of them render the same.
    pub fn template(self, name: impl Into<String>) -> Self {
        self.add_template(Template::named(name))
    }

    /// Adds a template that fails, like one that requires a system message: chat is 400 with `TemplateError: ` and the message.
    pub fn failing_template(self, name: impl Into<String>, message: impl Into<String>) -> Self {
        self.add_template(Template { failure: Some(message.into()), ..Template::named(name) })
    }

    fn add_template(mut self, template: Template) -> Self {
        if !std::mem::replace(&mut self.own.templates, true) {
            self.services().templates.clear();
        }
        self.services().templates.push(template);
        self
    }

    /// Emulates a `config.yml` without API servers: messages are not encoded to tokens, 422.
    pub fn default_api_servers(mut self) -> Self {
        self.services().encodes_messages = false;
        self
    }

    /// Adds an embedding model. The first one replaces the defaults and is loaded.
    pub fn embedding_model(self, name: impl Into<String>) -> Self {
        self.add_embedding_model(name.into(), None)
    }

    /// Adds an embedding model whose load fails with this message.
    pub fn broken_embedding_model(self, name: impl Into<String>, message: impl Into<String>) -> Self {
        self.add_embedding_model(name.into(), Some(message.into()))
    }

    fn add_embedding_model(mut self, name: String, failure: Option<String>) -> Self {
        let first = !std::mem::replace(&mut self.own.embedding_models, true);
        let services = self.services();
        if first {
            services.embedding_models.clear();
            services.embedding_loaded = failure.is_none().then(|| name.clone());
        }
        services.embedding_models.push((name, failure));
        self
    }

    /// Starts without a loaded embedding model.
    pub fn no_embedding_model_loaded(mut self) -> Self {
        self.services().embedding_loaded = None;
        self
    }

    /// Sets the dimension of embeddings; 384 by default.
    pub fn embedding_dimension(mut self, dimension: usize) -> Self {
        self.services().embedding_dimension = dimension;
        self
    }

    /// Adds a LoRA adapter. The first one replaces the defaults.
    pub fn lora(mut self, name: impl Into<String>) -> Self {
        if !std::mem::replace(&mut self.own.loras, true) {
            self.services().loras.clear();
        }
        self.services().loras.push(name.into());
        self
    }

    /// Sets whether LoRA adapters are applied, as by older servers. By default every load fails.
    pub fn loras_work(mut self, on: bool) -> Self {
        self.services().loras_work = on;
        self
    }

    /// Adds a preset of sampler overrides as JSON: `{"FIELD": {"override": VALUE, "force": BOOL, "additive": BOOL}}`. The first
    /// one replaces the default presets. A text that is not JSON makes every generation fail while the preset is active, like any
    /// malformed override.
    pub fn preset(mut self, name: impl Into<String>, overrides: &str) -> Self {
        if !std::mem::replace(&mut self.own.presets, true) {
            self.services().presets.clear();
        }
        let overrides = Json::parse(overrides).unwrap_or(Json::Null);
        self.services().presets.push((name.into(), overrides));
        self
    }

    /// Sets the preset that is active at the start.
    pub fn active_preset(mut self, name: impl Into<String>) -> Self {
        self.services().active_preset = Some(name.into());
        self
    }

    /// Emulates `Kobold` among the API servers: serves its routes. Those that generate are broken as on the server. By default
    /// all are 404.
    pub fn kobold(mut self, on: bool) -> Self {
        self.services().kobold = if on { Kobold::Broken } else { Kobold::Off };
        self
    }

    /// Serves the Kobold routes, including working generation.
    pub fn kobold_fixed(mut self, on: bool) -> Self {
        self.services().kobold = if on { Kobold::Fixed } else { Kobold::Off };
        self
    }

    /// Sets the time that a download takes. If a request sets a shorter limit, it is 400.
    pub fn download_delay(mut self, delay: Duration) -> Self {
        self.services().download_delay = delay;
        self
    }

    /// Makes every download wait for a [`release`](crate::Emulator::release).
    pub fn gate_downloads(mut self) -> Self {
        self.services().gate_downloads = true;
        self
    }

    /// Adds a repository that does not exist. All others can be downloaded.
    pub fn missing_repo(mut self, name: impl Into<String>) -> Self {
        self.services().missing_repos.push(name.into());
        self
    }

    /// Makes every download fail with this message, for example because the hub cannot be reached.
    pub fn hub_error(mut self, message: impl Into<String>) -> Self {
        self.services().hub_error = Some(message.into());
        self
    }

    fn services(&mut self) -> &mut ServiceConfig {
        &mut self.config.services
    }
}
