//! What models, LoRAs, templates, overrides and downloads take. What lists does so without a further word.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

#[derive(Debug, ClapArgs)]
pub struct ModelsArgs {
    /// `list` if it is left out
    #[command(subcommand)]
    pub what: Option<Models>,
}

#[derive(Debug, Subcommand)]
pub enum Models {
    /// The models that can be loaded; without a command, it is this
    List,
    /// The loaded model
    Current,
    /// Context size and template of the loaded model
    Props,
    /// The draft models
    Drafts,
    /// The embedding models
    Embedding(EmbeddingArgs),
}

#[derive(Debug, ClapArgs)]
pub struct EmbeddingArgs {
    /// `list` if it is left out
    #[command(subcommand)]
    pub what: Option<EmbeddingModels>,
}

#[derive(Debug, Subcommand)]
pub enum EmbeddingModels {
    /// Those that can be loaded; without a command, it is this
    List,
    /// The loaded one
    Current,
    /// Load one
    Load {
        /// Its directory
        name: String,
        /// Where to: cpu, cuda, auto
        #[arg(long)]
        device: Option<String>,
    },
    /// Unload it
    Unload,
}

#[derive(Debug, ClapArgs)]
pub struct Load {
    /// Its directory's name, as `tabby models` lists it
    pub name: String,
    /// Unload what is loaded first, so that the parameters apply to a model that is loaded already, too. This ends the running
    /// generations of all users; nothing is unloaded unless the server lists the model
    #[arg(long)]
    pub force: bool,
    /// The context size, in tokens; -1 is the model's own
    #[arg(long, value_name = "TOKENS", allow_negative_numbers = true)]
    pub max_seq_len: Option<i64>,
    /// The size of the cache, in tokens; a multiple of 256
    #[arg(long, value_name = "TOKENS")]
    pub cache_size: Option<i64>,
    /// How the cache is quantised: FP16, Q8, Q6, Q4 or bits such as 5,4
    #[arg(long, value_name = "MODE")]
    pub cache_mode: Option<String>,
    /// How many tokens of a prompt to process at once
    #[arg(long, value_name = "TOKENS")]
    pub chunk_size: Option<i64>,
    /// Memory to use on each GPU, in GB, as in 20.5,24
    #[arg(long, value_name = "GB,...", value_delimiter = ',')]
    pub gpu_split: Vec<f64>,
    /// Split each layer over the GPUs
    #[arg(long)]
    pub tensor_parallel: bool,
    /// Load the vision part too
    #[arg(long)]
    pub vision: bool,
    /// The chat template
    #[arg(long, value_name = "NAME")]
    pub template: Option<String>,
    /// A draft model to load along
    #[arg(long, value_name = "NAME")]
    pub draft: Option<String>,
    /// Any other parameter; what is no JSON is taken for text; may be repeated
    #[arg(long = "param", value_name = "NAME=JSON")]
    pub params: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub struct LorasArgs {
    /// `list` if it is left out
    #[command(subcommand)]
    pub what: Option<Loras>,
}

#[derive(Debug, Subcommand)]
pub enum Loras {
    /// Those that can be loaded; without a command, it is this
    List,
    /// Those that are active
    Active,
    /// Load some, in place of the active ones
    Load {
        /// Their directories, each perhaps with its scaling, as in terse=0.5
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Unload all
    Unload,
}

#[derive(Debug, ClapArgs)]
pub struct TemplatesArgs {
    /// `list` if it is left out
    #[command(subcommand)]
    pub what: Option<Templates>,
}

#[derive(Debug, Subcommand)]
pub enum Templates {
    /// Those there are; without a command, it is this
    List,
    /// Use one until the model is loaded again
    Switch {
        /// Its name
        name: String,
    },
    /// Use none
    Unload,
}

#[derive(Debug, ClapArgs)]
pub struct OverridesArgs {
    /// `overrides` if it is left out
    #[command(subcommand)]
    pub what: Option<SamplingCommand>,
}

#[derive(Debug, Subcommand)]
pub enum SamplingCommand {
    /// What is overridden, and the presets; without a command, it is this
    Overrides,
    /// Put a preset in force
    Switch {
        /// Its name
        preset: String,
    },
    /// Override parameters for everyone
    Set {
        /// The parameters, as in temperature=0.8
        #[arg(required = true, value_name = "NAME=JSON")]
        params: Vec<String>,
        /// Also where a request says otherwise
        #[arg(long, conflicts_with = "append")]
        force: bool,
        /// Add to the request's list, as for stop
        #[arg(long)]
        append: bool,
    },
    /// Override nothing
    Unload,
}

#[derive(Debug, ClapArgs)]
pub struct Download {
    /// The repository, as in acme/thing-exl3
    pub repo: String,
    /// The branch, tag or commit
    #[arg(long)]
    pub revision: Option<String>,
    /// The name of the directory to make
    #[arg(long, value_name = "NAME")]
    pub folder: Option<String>,
    /// It is a LoRA
    #[arg(long)]
    pub lora: bool,
    /// Patterns of the files to take; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub include: Vec<String>,
    /// Patterns of the files to leave out; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// A file that holds the hub's token for private repositories; the server gets to see it
    #[arg(long, value_name = "FILE")]
    pub hub_token_file: Option<PathBuf>,
}
