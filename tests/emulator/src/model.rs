//! The models that the emulated model directory holds.

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
    /// A model of six modules with a context of 4096 tokens and a chat template.
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

    /// How many modules a load reports, for the model itself.
    pub fn modules(mut self, modules: u32) -> ModelSpec {
        self.modules = modules.max(1);
        self
    }

    /// The context length, where a load does not ask for another.
    pub fn max_seq_len(mut self, tokens: u32) -> ModelSpec {
        self.max_seq_len = tokens;
        self
    }

    /// The size of the cache, where a load does not ask for another: a prompt needs room in it for a whole chunk of 2048 tokens besides.
    pub fn cache_size(mut self, tokens: u32) -> ModelSpec {
        self.cache_size = tokens;
        self
    }

    /// Without a chat template: chat is 422 while it is loaded.
    pub fn no_template(mut self) -> ModelSpec {
        self.template = None;
        self
    }

    /// A model of the draft directory: only good as `draft_model_name`, and in no list of models.
    pub fn draft(mut self) -> ModelSpec {
        self.draft = true;
        self.modules = 3;
        self
    }

    /// Loading it fails with the message once `modules` modules were reported.
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
