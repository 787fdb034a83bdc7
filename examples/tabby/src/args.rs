//! What can be asked for.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use serde_json::Value;
use tabbyapi::api::Sampling;

use crate::failure::Failure;

/// Speak to a TabbyAPI server.
#[derive(Debug, Parser)]
#[command(name = "tabby", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Args {
    #[command(flatten)]
    pub server: ServerArgs,
    /// Print JSON: one document, or for streams one per line
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 something else, 2 wrong usage, 3 the server cannot be reached, 4 it refuses the key,
5 it refuses the request, 6 it failed, 7 it took too long, 8 the answer was cut off, 9 the answer cannot
be read, 130 Ctrl-C.

Keys are no arguments, since those show in the list of processes: they come from the environment
(TABBY_API_KEY, TABBY_ADMIN_KEY, TABBY_BEARER) or from files.";

/// Where the server is, and how to speak to it.
#[derive(Debug, ClapArgs)]
pub struct ServerArgs {
    /// The server's address; a path prefix is fine
    #[arg(long, env = "TABBY_URL", default_value = "http://127.0.0.1:5000", global = true)]
    pub url: String,
    /// A file that holds the API key
    #[arg(long, value_name = "FILE", global = true)]
    pub api_key_file: Option<PathBuf>,
    /// A file that holds the admin key
    #[arg(long, value_name = "FILE", global = true)]
    pub admin_key_file: Option<PathBuf>,
    /// The server's own api_tokens.yml, with both keys
    #[arg(long, value_name = "FILE", global = true)]
    pub tokens_file: Option<PathBuf>,
    /// Give up after so many seconds without an answer's start
    #[arg(long, value_name = "SECONDS", global = true)]
    pub timeout: Option<u64>,
    /// Write all exchanges to this file, without keys
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// Answer from such a file, without a server
    #[arg(long, value_name = "FILE", global = true)]
    pub replay: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask whether the server is there and well
    Health {
        /// Wait up to so many seconds until a model is loaded
        #[arg(long, value_name = "SECONDS")]
        wait: Option<u64>,
    },
    /// Tell what the key may do
    Permission,
    /// Tell what models there are and what is loaded
    #[command(subcommand)]
    Models(Models),
    /// Load a model
    Load(Load),
    /// Unload the model
    Unload,
    /// Go on with a text
    Complete(Complete),
    /// Have a conversation
    Chat(Chat),
    /// Turn texts into vectors
    Embed(Embed),
    /// Turn text into tokens and back
    #[command(subcommand)]
    Tokens(Tokens),
    /// List, load and unload LoRAs
    #[command(subcommand)]
    Loras(Loras),
    /// List and switch chat templates
    #[command(subcommand)]
    Templates(Templates),
    /// See and set the samplers' overrides
    #[command(subcommand)]
    Sampling(SamplingCommand),
    /// Have the server download a model from the Hugging Face hub
    Download(Download),
    /// Make all requests of a file
    Batch(Batch),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub enum Models {
    /// The models that can be loaded
    List,
    /// The loaded model
    Current,
    /// Context size and template of the loaded model
    Props,
    /// The draft models
    Drafts,
    /// The embedding models
    #[command(subcommand)]
    Embedding(EmbeddingModels),
}

#[derive(Debug, Subcommand)]
pub enum EmbeddingModels {
    /// Those that can be loaded
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
    /// Its directory
    pub name: String,
    /// Load it anew if it is loaded already, with these parameters
    #[arg(long)]
    pub force: bool,
    /// The context size, in tokens
    #[arg(long, value_name = "TOKENS")]
    pub max_seq_len: Option<i64>,
    /// The size of the cache, in tokens, a multiple of 256
    #[arg(long, value_name = "TOKENS")]
    pub cache_size: Option<i64>,
    /// How the cache is quantised: FP16, Q8, Q6, Q4 or bits such as 5,4
    #[arg(long, value_name = "MODE")]
    pub cache_mode: Option<String>,
    /// The chat template
    #[arg(long, value_name = "NAME")]
    pub template: Option<String>,
    /// A draft model to load along
    #[arg(long, value_name = "NAME")]
    pub draft: Option<String>,
    /// Any other parameter, as JSON
    #[arg(long = "param", value_name = "NAME=JSON")]
    pub params: Vec<String>,
}

/// Sampler parameters.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct SamplingArgs {
    /// The most tokens to generate
    #[arg(long, value_name = "TOKENS", default_value_t = 1024)]
    pub max_tokens: u32,
    /// 0 is greedy
    #[arg(long)]
    pub temperature: Option<f64>,
    /// The share of probability that is kept
    #[arg(long)]
    pub top_p: Option<f64>,
    /// How many of the likeliest tokens are kept
    #[arg(long)]
    pub top_k: Option<i32>,
    /// The least probability, as a share of the likeliest token's
    #[arg(long)]
    pub min_p: Option<f64>,
    /// What ends the output; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub stop: Vec<String>,
    /// Any other parameter of the request, as JSON
    #[arg(long = "param", value_name = "NAME=JSON")]
    pub params: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub struct Complete {
    /// The text; - reads it from standard input
    pub prompt: String,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// Print the text before it too
    #[arg(long)]
    pub echo: bool,
    /// Wait for the whole answer
    #[arg(long)]
    pub no_stream: bool,
    /// Tell tokens and speed
    #[arg(long)]
    pub stats: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Chat {
    /// A question to answer, and no conversation
    pub question: Option<String>,
    /// The instructions to the model
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// Keep the lines that were typed in this file
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Tell tokens and speed of each answer
    #[arg(long)]
    pub stats: bool,
    /// Leave the model's reasoning out
    #[arg(long)]
    pub no_reasoning: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Embed {
    /// The texts; - reads one per line from standard input
    #[arg(required = true)]
    pub texts: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum Tokens {
    /// The tokens of a text
    Encode(TextArgs),
    /// The text of tokens
    Decode {
        /// The tokens
        #[arg(required = true)]
        tokens: Vec<u32>,
    },
    /// How many tokens a text has
    Count(TextArgs),
    /// About how many tokens a text has, without a server
    Estimate(TextArgs),
}

#[derive(Debug, ClapArgs)]
pub struct TextArgs {
    /// The text; - reads it from standard input
    pub text: String,
    /// The text is a conversation: a JSON list of messages
    #[arg(long)]
    pub messages: bool,
}

#[derive(Debug, Subcommand)]
pub enum Loras {
    /// Those that can be loaded
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

#[derive(Debug, Subcommand)]
pub enum Templates {
    /// Those there are
    List,
    /// Use one until the model is loaded anew
    Switch {
        /// Its name
        name: String,
    },
    /// Use none
    Unload,
}

#[derive(Debug, Subcommand)]
pub enum SamplingCommand {
    /// What is overridden, and the presets
    Overrides,
    /// Put a preset in force
    Switch {
        /// Its name
        preset: String,
    },
    /// Override parameters for everyone
    Set {
        /// The parameters, as in temperature=0.8
        #[arg(required = true)]
        params: Vec<String>,
        /// Also where a request says otherwise
        #[arg(long)]
        force: bool,
    },
    /// Override nothing
    Unload,
}

/// Make all requests of a file, one JSON line each, as in OpenAI's batch files:
/// {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {…}}
#[derive(Debug, ClapArgs)]
pub struct Batch {
    /// The file of requests
    pub input: PathBuf,
    /// The file of results; what has its result there is not made again
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// How many requests run at a time
    #[arg(short, long, default_value_t = 4)]
    pub jobs: usize,
    /// Make those again that failed
    #[arg(long)]
    pub retry_failed: bool,
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
}

impl SamplingArgs {
    pub fn sampling(&self) -> Sampling {
        let mut sampling = Sampling::new().max_tokens(self.max_tokens);
        sampling.temperature = self.temperature;
        sampling.top_p = self.top_p;
        sampling.top_k = self.top_k;
        sampling.min_p = self.min_p;
        if !self.stop.is_empty() {
            sampling = sampling.stop(self.stop.clone());
        }
        sampling
    }
}

/// `NAME=JSON`; what is no JSON is a string.
pub fn params(params: &[String]) -> Result<Vec<(String, Value)>, Failure> {
    let param = |text: &String| {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            Failure::Usage(format!("`{text}` is no parameter; write NAME=VALUE, as in temperature=0.8"))
        })?;
        Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
    };
    params.iter().map(param).collect()
}
