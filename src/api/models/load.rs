//! `POST /v1/model/load`: loads a model, with a stream of progress.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::api::fields::request;
use crate::api::kinds::{Kind, kinds};
use crate::api::operation::described;
use crate::base::{Error, Extra, Limits, Result};
use crate::decode::in_place::{filled, word};
use crate::decode::open_enum::open_enum;
use crate::decode::{Bounds, EventFormat, Events, Step, answer, error_beside, from_event, is_noise};
use crate::protocol::{Accumulate, Endpoint, StreamEndpoint, json_body};

request! {
    /// Which model to load, and how. Unset parameters come from the server's configuration. The `tabby_config.yml` in the model
    /// folder takes precedence over both.
    ///
    /// ```
    /// use tabbyapi::api::LoadRequest;
    ///
    /// let request = LoadRequest::new("alpha-7B-exl3").max_seq_len(8192).cache_mode("Q6");
    /// # assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"model_name":"alpha-7B-exl3","max_seq_len":8192,"cache_mode":"Q6"}"#);
    /// ```
    pub struct LoadRequest {
        required {
            /// The directory under the server's model directory. May contain slashes. Empty or missing directories are rejected with 400.
            model_name: String,
        }
        optional {
            /// The backend, such as `exllamav3`; detected by default. Unknown backends end in an error event.
            backend: String as impl Into<String>,
            /// The context size, in tokens; -1 means the model's own.
            max_seq_len: i64,
            /// The size of the cache, in tokens; a multiple of 256, which is checked only while loading.
            cache_size: i64,
            /// The quantization of the cache: `FP16` (default), `Q8`, `Q6`, `Q4`, or bits of keys and values such as `5,4` (2 to 8).
            /// Other values silently mean `FP16`.
            cache_mode: String as impl Into<String>,
            /// Whether to split each layer over the GPUs.
            tensor_parallel: bool,
            /// The communication backend of tensor parallelism: `native` (default) or `nccl`.
            tensor_parallel_backend: String as impl Into<String>,
            /// Whether to fill the GPUs one after another.
            gpu_split_auto: bool,
            /// Memory to leave free on each GPU with `gpu_split_auto`, in MB.
            autosplit_reserve: Vec<f64> as impl Into<Vec<f64>>,
            /// Memory to use on each GPU, in GB; empty by default.
            gpu_split: Vec<f64> as impl Into<Vec<f64>>,
            /// Linear RoPE scaling; the model's own by default.
            rope_scale: f64,
            /// NTK RoPE scaling; automatic by default.
            rope_alpha: RopeAlpha as impl Into<RopeAlpha>,
            /// The number of prompt tokens to process at once.
            chunk_size: i64,
            /// Whether to collect output in chunks; true by default.
            output_chunking: bool,
            /// The name of a chat template on the server, with or without `.jinja`; by default the model's own.
            prompt_template: String as impl Into<String>,
            /// Whether to load the vision part, if the model has one.
            vision: bool,
            /// The draft model for speculative decoding.
            draft_model: DraftModel,
            /// Has no effect on current servers: a load always waits for running generations.
            skip_queue: bool,
        }
    }
}

impl LoadRequest {
    /// Creates a request to load this directory.
    pub fn new(model_name: impl Into<String>) -> Self {
        LoadRequest::blank(model_name.into())
    }
}

request! {
    /// Which draft model to load as well, and how.
    pub struct DraftModel {
        required {
            /// The directory under the server's draft model directory.
            draft_model_name: String,
        }
        optional {
            /// Linear RoPE scaling; the model's own by default.
            draft_rope_scale: f64,
            /// NTK RoPE scaling; automatic by default.
            draft_rope_alpha: RopeAlpha as impl Into<RopeAlpha>,
            /// Memory to use on each GPU, in GB; empty by default.
            draft_gpu_split: Vec<f64> as impl Into<Vec<f64>>,
        }
    }
}

impl DraftModel {
    /// Creates a request to load this directory as draft model.
    pub fn new(draft_model_name: impl Into<String>) -> Self {
        DraftModel::blank(draft_model_name.into())
    }
}

/// NTK RoPE scaling: a number, or automatic by the context size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum RopeAlpha {
    /// This factor.
    Factor(f64),
    /// A word of the server; `auto` derives the factor.
    Word(String),
}

impl RopeAlpha {
    /// Derives the factor from the context size (wire: `"auto"`).
    pub fn auto() -> Self {
        RopeAlpha::Word("auto".to_owned())
    }
}

impl From<f64> for RopeAlpha {
    fn from(factor: f64) -> Self {
        RopeAlpha::Factor(factor)
    }
}

impl Endpoint for LoadRequest {
    type Decoder = Events<LoadEvents>;

    described!();

    fn body(&self) -> Result<Option<Bytes>> {
        json_body(self)
    }

    fn decoder(&self) -> Self::Decoder {
        Events::new(LoadEvents::default())
    }
}

impl StreamEndpoint for LoadRequest {
    type Decoder = Events<LoadEvents>;
    type Streamed<'a> = &'a LoadRequest;
    type Total = LoadTotal;

    fn streamed(&self) -> &LoadRequest {
        self
    }

    fn total(&self, limits: &Limits) -> LoadTotal {
        LoadTotal { report: LoadReport::default(), most: limits.indices }
    }
}

/// One event of a load: the progress of one part of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LoadProgress {
    /// The part that is being loaded.
    #[serde(deserialize_with = "word")]
    pub model_type: ModelType,
    /// The number of loaded modules.
    #[serde(default, deserialize_with = "filled")]
    pub module: u64,
    /// The total number of modules.
    #[serde(default, deserialize_with = "filled")]
    pub modules: u64,
    /// Whether the part is complete. A complete `model` is not usable before the stream has ended.
    #[serde(deserialize_with = "word")]
    pub status: LoadStatus,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

impl LoadProgress {
    /// Returns the loaded fraction of this part, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        if self.modules == 0 { 0.0 } else { (self.module as f64 / self.modules as f64).min(1.0) }
    }
}

open_enum! {
    /// A part of a model, in the order of loading.
    ModelType {
        /// The part that processes images.
        Vision = "vision",
        /// The draft model.
        Draft = "draft",
        /// The model itself.
        Model = "model",
        /// An embedding model, in the response to loading one.
        Embedding = "embedding_model",
    }
}

open_enum! {
    /// The state of a part.
    LoadStatus {
        /// Modules are being loaded.
        Processing = "processing",
        /// All its modules are loaded.
        Finished = "finished",
    }
}

/// The result of a load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LoadReport {
    /// The parts that were loaded, in order.
    pub parts: Vec<LoadPart>,
}

/// One part of a load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LoadPart {
    /// Which part.
    pub model_type: ModelType,
    /// The number of its loaded modules.
    pub module: u64,
    /// The total number of its modules.
    pub modules: u64,
    /// Whether the server reported it as complete.
    pub finished: bool,
}

impl LoadReport {
    /// Returns whether the server did nothing because this directory was already loaded, which it shows by a single module.
    ///
    /// The parameters of the request were then ignored. [`reload`](crate::services::Models::reload) applies them.
    pub fn was_loaded_already(&self) -> bool {
        matches!(self.parts.as_slice(), [only] if only.model_type == ModelType::Model && only.modules == 1)
    }
}

/// Accumulates the events of a load.
#[derive(Clone, Debug)]
pub struct LoadTotal {
    report: LoadReport,
    /// The maximum number of parts.
    most: usize,
}

impl Accumulate for LoadTotal {
    type Item = LoadProgress;
    type Output = LoadReport;

    fn push(&mut self, item: &LoadProgress) -> Result<()> {
        let parts = &mut self.report.parts;
        let at = match parts.iter().position(|part| part.model_type == item.model_type) {
            Some(at) => at,
            None if parts.len() < self.most => {
                let model_type = item.model_type.clone();
                parts.push(LoadPart { model_type, module: 0, modules: 0, finished: false });
                parts.len() - 1
            }
            None => return Err(Error::too_many("parts of a model", self.most)),
        };
        let part = &mut parts[at];
        (part.module, part.modules) = (item.module, item.modules);
        part.finished |= item.status == LoadStatus::Finished;
        Ok(())
    }

    fn so_far(&self) -> &LoadReport {
        &self.report
    }

    fn into_output(self) -> LoadReport {
        self.report
    }
}

/// The events of a load: progress, or an error. There is no `[DONE]`, so the load is complete only if the connection ends cleanly after
/// the model itself was finished.
#[derive(Clone, Debug, Default)]
pub struct LoadEvents {
    finished: bool,
    bounds: Bounds,
}

impl LoadEvents {
    fn saw(&mut self, progress: &LoadProgress) {
        if progress.model_type == ModelType::Model {
            self.finished = progress.status == LoadStatus::Finished;
        }
    }
}

impl EventFormat for LoadEvents {
    type Item = LoadProgress;

    fn event(&mut self, kind: &str, data: &str) -> Result<Step<LoadProgress>> {
        if is_noise(kind, data) {
            return Ok(Step::Skip);
        }
        let progress: LoadProgress = from_event(kind, data, &self.bounds)?;
        if let Some(error) = error_beside(&progress.extra) {
            return Err(error);
        }
        self.saw(&progress);
        Ok(Step::Item(progress))
    }

    fn whole(&mut self, body: &str) -> Result<Vec<LoadProgress>> {
        let progress = answer::<LoadProgress>(body, Some(LoadProgress::FIELDS), &self.bounds)?;
        self.saw(&progress);
        self.end()?;
        Ok(vec![progress])
    }

    fn end(&mut self) -> Result<()> {
        if self.finished { Ok(()) } else { Err(Error::truncated()) }
    }

    fn reset(&mut self) {
        self.finished = false;
    }

    fn limits(&mut self, limits: &Limits) {
        self.bounds = Bounds::of(limits);
    }
}

kinds! {
    LoadProgress: "model_type";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unset_is_left_out() {
        let request = LoadRequest::new("a/b")
            .rope_alpha(RopeAlpha::auto())
            .gpu_split([20.5, 24.0])
            .draft_model(DraftModel::new("d").draft_rope_alpha(2.0))
            .extra("future", true);
        assert_eq!(
            serde_json::to_value(&request).unwrap(),
            serde_json::json!({
                "model_name": "a/b", "rope_alpha": "auto", "gpu_split": [20.5, 24.0],
                "draft_model": {"draft_model_name": "d", "draft_rope_alpha": 2.0}, "future": true,
            })
        );
    }

    #[test]
    fn a_load_is_complete_only_after_the_model_was_finished() {
        let mut events = LoadEvents::default();
        assert!(events.end().is_err(), "nothing came");
        let event = |kind: &str, status: &str, events: &mut LoadEvents| {
            let data = format!(r#"{{"model_type":"{kind}","module":1,"modules":1,"status":"{status}"}}"#);
            events.event("message", &data).unwrap();
            events.end().is_ok()
        };
        assert!(!event("draft", "finished", &mut events));
        assert!(!event("model", "processing", &mut events));
        assert!(event("model", "finished", &mut events));
    }

    #[test]
    fn an_error_event_is_the_error() {
        let data = r#"{"error":{"message":"Insufficient VRAM in split for model and cache","trace":null}}"#;
        let error = LoadEvents::default().event("message", data).unwrap_err();
        assert_eq!(
            (error.code().as_str(), error.message()),
            ("stream_error", "Insufficient VRAM in split for model and cache")
        );
    }
}
