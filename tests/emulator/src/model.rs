//! The models in the emulated model directory.

use std::fmt;

/// The template of models that have one.
pub(crate) const TEMPLATE: &str = "{%- if tools %}<|im_start|>system\nYou have tools: {{ tools | tojson }}<|im_end|>\n{% endif %}\n{%- for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}\n{%- if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking is defined and enable_thinking %}<think>\n{% endif %}{% endif %}";

/// One directory of the emulated model directory.
#[derive(Clone)]
pub struct ModelSpec {
    pub(crate) name: String,
    pub(crate) modules: u32,
    pub(crate) vision_modules: u32,
    pub(crate) max_seq_len: u32,
    pub(crate) cache_size: u32,
    pub(crate) template: Option<String>,
    pub(crate) draft: bool,
    pub(crate) failure: Option<(u32, String)>,
}

impl ModelSpec {
    /// Creates a model of six modules with a context of 4096 tokens and a chat template.
    pub fn new(name: impl Into<String>) -> ModelSpec {
        ModelSpec {
            name: name.into(),
            modules: 6,
            vision_modules: 6,
            max_seq_len: 4096,
            cache_size: 8192,
            template: Some(TEMPLATE.to_owned()),
            draft: false,
            failure: None,
        }
    }

    /// Sets how many modules a load reports for the model itself.
    pub fn modules(mut self, modules: u32) -> ModelSpec {
        self.modules = modules.max(1);
        self
    }

    /// Sets the context size, unless a load sets it.
    pub fn max_seq_len(mut self, tokens: u32) -> ModelSpec {
        self.max_seq_len = tokens;
        self
    }

    /// Sets the size of the cache, unless a load sets it. A prompt requires room in it for a whole chunk of 2048 tokens, too.
    pub fn cache_size(mut self, tokens: u32) -> ModelSpec {
        self.cache_size = tokens;
        self
    }

    /// Removes the chat template: chat is 422 while the model is loaded.
    pub fn no_template(mut self) -> ModelSpec {
        self.template = None;
        self
    }

    /// Marks it as a draft model, which can only be used as `draft_model_name` and is in no list of models.
    pub fn draft(mut self) -> ModelSpec {
        self.draft = true;
        self.modules = 3;
        self
    }

    /// Makes its load fail with this message after `modules` modules were reported.
    pub fn fails_after(mut self, modules: u32, message: impl Into<String>) -> ModelSpec {
        self.failure = Some((modules, message.into()));
        self
    }
}

impl fmt::Debug for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelSpec").field("name", &self.name).finish_non_exhaustive()
    }
}
