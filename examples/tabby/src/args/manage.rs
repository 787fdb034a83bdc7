//! Arguments of the commands for models, LoRAs, templates, overrides and downloads. Their default command is the list.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

#[derive(Debug, ClapArgs)]
pub struct ModelsArgs {
    /// `list` by default
    #[command(subcommand)]
    pub what: Option<Models>,
}

#[derive(Debug, Subcommand)]
pub enum Models {
    /// List the models that can be loaded (default)
    List,
    /// Show the loaded model
    Current,
    /// Show context size and template of the loaded model
    Props,
    /// List the draft models
    Drafts,
    /// Manage the embedding models
    Embedding(EmbeddingArgs),
}

#[derive(Debug, ClapArgs)]
pub struct EmbeddingArgs {
    /// `list` by default
    #[command(subcommand)]
    pub what: Option<EmbeddingModels>,
}

#[derive(Debug, Subcommand)]
pub enum EmbeddingModels {
    /// List the embedding models that can be loaded (default)
    List,
    /// Show the loaded embedding model
    Current,
    /// Load an embedding model
    Load {
        /// The directory name
        name: String,
        /// The device: cpu, cuda, auto
        #[arg(long)]
        device: Option<String>,
    },
    /// Unload the embedding model
    Unload,
}

#[derive(Debug, ClapArgs)]
pub struct Load {
    /// The directory name, as `tabby models` lists it
    pub name: String,
    /// Unload the loaded model first, so that the parameters also apply to a model that is already loaded. This ends the running
    /// generations of all users. Nothing is unloaded unless the server lists the model
    #[arg(long)]
    pub force: bool,
    /// Context size in tokens; -1 is the model's own
    #[arg(long, value_name = "TOKENS", allow_negative_numbers = true)]
    pub max_seq_len: Option<i64>,
    /// Cache size in tokens; a multiple of 256
    #[arg(long, value_name = "TOKENS")]
    pub cache_size: Option<i64>,
    /// Cache quantization: FP16, Q8, Q6, Q4 or bits such as 5,4
    #[arg(long, value_name = "MODE")]
    pub cache_mode: Option<String>,
    /// Prompt tokens to process at once
    #[arg(long, value_name = "TOKENS")]
    pub chunk_size: Option<i64>,
    /// Memory to use on each GPU in GB, such as 20.5,24
    #[arg(long, value_name = "GB,...", value_delimiter = ',')]
    pub gpu_split: Vec<f64>,
    /// Split each layer over the GPUs
    #[arg(long)]
    pub tensor_parallel: bool,
    /// Also load the vision part
    #[arg(long)]
    pub vision: bool,
    /// The chat template
    #[arg(long, value_name = "NAME")]
    pub template: Option<String>,
    /// A draft model to load as well
    #[arg(long, value_name = "NAME")]
    pub draft: Option<String>,
    /// Any other parameter; a value that is not JSON is text; may be repeated
    #[arg(long = "param", value_name = "NAME=JSON")]
    pub params: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub struct LorasArgs {
    /// `list` by default
    #[command(subcommand)]
    pub what: Option<Loras>,
}

#[derive(Debug, Subcommand)]
pub enum Loras {
    /// List the LoRAs that can be loaded (default)
    List,
    /// List the active LoRAs
    Active,
    /// Load LoRAs and replace the active ones
    Load {
        /// Directory names, each with an optional scaling, such as terse=0.5
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Unload all LoRAs
    Unload,
}

#[derive(Debug, ClapArgs)]
pub struct TemplatesArgs {
    /// `list` by default
    #[command(subcommand)]
    pub what: Option<Templates>,
}

#[derive(Debug, Subcommand)]
pub enum Templates {
    /// List the templates (default)
    List,
    /// Use a template until the model is loaded again
    Switch {
        /// The name
        name: String,
    },
    /// Unload the template
    Unload,
}

#[derive(Debug, ClapArgs)]
pub struct OverridesArgs {
    /// `overrides` by default
    #[command(subcommand)]
    pub what: Option<SamplingCommand>,
}

#[derive(Debug, Subcommand)]
pub enum SamplingCommand {
    /// Show the overrides and the presets (default)
    Overrides,
    /// Activate a preset
    Switch {
        /// The name
        preset: String,
    },
    /// Override parameters for all clients
    Set {
        /// The parameters, such as temperature=0.8
        #[arg(required = true, value_name = "NAME=JSON")]
        params: Vec<String>,
        /// Also replace values in requests
        #[arg(long, conflicts_with = "append")]
        force: bool,
        /// Append to the list of the request, such as for stop
        #[arg(long)]
        append: bool,
    },
    /// Remove all overrides
    Unload,
}

#[derive(Debug, ClapArgs)]
pub struct Download {
    /// The repository, such as acme/thing-exl3
    pub repo: String,
    /// Branch, tag or commit
    #[arg(long)]
    pub revision: Option<String>,
    /// Name of the new directory
    #[arg(long, value_name = "NAME")]
    pub folder: Option<String>,
    /// Download a LoRA
    #[arg(long)]
    pub lora: bool,
    /// Patterns of files to download; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub include: Vec<String>,
    /// Patterns of files to skip; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// A file with the hub token for private repositories, which is sent to the server
    #[arg(long, value_name = "FILE")]
    pub hub_token_file: Option<PathBuf>,
}
