//! Arguments of the commands for completions, conversations, embeddings and tokens.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use tabbyapi::api::SamplingParams;
use tabbyapi::policy::Resume;

/// Sampler parameters.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Sampling")]
pub struct SamplingArgs {
    /// Maximum number of tokens to generate; by default 1024, or in a conversation up to the context size
    #[arg(long, value_name = "TOKENS")]
    pub max_tokens: Option<u32>,
    /// Sampling temperature; 0 always selects the most likely token
    #[arg(long, value_name = "NUMBER")]
    pub temperature: Option<f64>,
    /// Probability mass to keep
    #[arg(long, value_name = "NUMBER")]
    pub top_p: Option<f64>,
    /// Number of most likely tokens to keep
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    pub top_k: Option<i32>,
    /// Minimum probability, as a fraction of that of the most likely token
    #[arg(long, value_name = "NUMBER")]
    pub min_p: Option<f64>,
    /// Text that ends the output; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub stop: Vec<String>,
    /// Random seed; ignored by current servers
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Any other parameter of the request; a value that is not JSON is text; may be repeated
    #[arg(long = "param", value_name = "NAME=JSON")]
    pub params: Vec<String>,
}

/// The handling of a stream that breaks.
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub struct ResumeArgs {
    /// Resume a response that stalls or breaks, up to COUNT times (default 3); another request generates the rest
    #[arg(long, value_name = "COUNT", num_args = 0..=1, require_equals = true, default_missing_value = "3")]
    pub resume: Option<u32>,
}

impl ResumeArgs {
    /// The policy. Without the flag, nothing is resumed.
    pub fn policy(self) -> Option<Resume> {
        self.resume.map(|attempts| Resume::new().attempts(attempts))
    }
}

#[derive(Debug, ClapArgs)]
pub struct Complete {
    /// The text to complete; - reads it from standard input
    pub prompt: String,
    /// Also print the prompt
    #[arg(long)]
    pub echo: bool,
    /// Wait for the whole response instead of streaming it
    #[arg(long)]
    pub no_stream: bool,
    /// Print token counts and speed at the end
    #[arg(long)]
    pub stats: bool,
    #[command(flatten)]
    pub resume: ResumeArgs,
    #[command(flatten)]
    pub sampling: SamplingArgs,
}

#[derive(Debug, ClapArgs)]
pub struct Chat {
    /// A single question instead of a conversation; - reads it from standard input
    pub question: Option<String>,
    /// System message
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
    /// Continue the conversation in this file, as written by /save
    #[arg(long, value_name = "FILE")]
    pub load: Option<PathBuf>,
    /// Keep the history of input lines in this file
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Print token counts and speed of each response
    #[arg(long)]
    pub stats: bool,
    /// Enable reasoning, if the template supports it
    #[arg(long, overrides_with = "no_think")]
    pub think: bool,
    /// Disable reasoning
    #[arg(long)]
    pub no_think: bool,
    /// Hide the reasoning
    #[arg(long)]
    pub no_reasoning: bool,
    #[command(flatten)]
    pub resume: ResumeArgs,
    #[command(flatten)]
    pub sampling: SamplingArgs,
}

#[derive(Debug, ClapArgs)]
pub struct Embed {
    /// The texts; - reads one per line from standard input
    #[arg(required = true)]
    pub texts: Vec<String>,
    /// Compare all pairs by cosine similarity
    #[arg(long)]
    pub similarity: bool,
}

#[derive(Debug, Subcommand)]
pub enum Tokens {
    /// Show the tokens of a text
    Encode(TextArgs),
    /// Show the text of tokens
    Decode {
        /// The tokens
        #[arg(required = true)]
        tokens: Vec<u32>,
    },
    /// Count the tokens of a text
    Count(TextArgs),
    /// Estimate the tokens of a text, without a server
    Estimate(TextArgs),
}

#[derive(Debug, ClapArgs)]
pub struct TextArgs {
    /// The text; - reads it from standard input
    pub text: String,
    /// The text is a conversation: a JSON list of messages, as written by /save
    #[arg(long)]
    pub messages: bool,
    /// Omit the token that starts a text
    #[arg(long)]
    pub no_bos: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Batch {
    /// File of requests
    pub input: PathBuf,
    /// File of results; requests with a result there are skipped
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Number of concurrent requests
    #[arg(short, long, value_name = "COUNT", default_value_t = 4)]
    pub jobs: usize,
    /// Retry failed requests
    #[arg(long)]
    pub retry_failed: bool,
}

impl SamplingArgs {
    /// The parameters that are set, without `params`, which apply to the whole request.
    pub fn sampling(&self) -> SamplingParams {
        let mut sampling = SamplingParams::new();
        sampling.max_tokens = self.max_tokens;
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
