//! What completions, conversations, embeddings and tokens take.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use tabbyapi::api::SamplingParams;

/// Sampler parameters.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Sampling")]
pub struct SamplingArgs {
    /// The most tokens to generate; by default a conversation's answers fill the context, and other texts have 1024
    #[arg(long, value_name = "TOKENS")]
    pub max_tokens: Option<u32>,
    /// How freely tokens are chosen; 0 takes the likeliest each time
    #[arg(long, value_name = "NUMBER")]
    pub temperature: Option<f64>,
    /// The share of probability that is kept
    #[arg(long, value_name = "NUMBER")]
    pub top_p: Option<f64>,
    /// How many of the likeliest tokens are kept
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    pub top_k: Option<i32>,
    /// The least probability, as a share of the likeliest token's
    #[arg(long, value_name = "NUMBER")]
    pub min_p: Option<f64>,
    /// A text that ends the output; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub stop: Vec<String>,
    /// A seed, sent along; current servers ignore it
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Any other parameter of the request; what is no JSON is taken for text; may be repeated
    #[arg(long = "param", value_name = "NAME=JSON")]
    pub params: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub struct Complete {
    /// The text to go on with; - reads it from standard input
    pub prompt: String,
    /// Print that text, too
    #[arg(long)]
    pub echo: bool,
    /// Wait for the whole answer instead of showing it as it comes
    #[arg(long)]
    pub no_stream: bool,
    /// Tell tokens and speed afterwards
    #[arg(long)]
    pub stats: bool,
    #[command(flatten)]
    pub sampling: SamplingArgs,
}

#[derive(Debug, ClapArgs)]
pub struct Chat {
    /// One question to answer, in place of a conversation; - reads it from standard input
    pub question: Option<String>,
    /// The instructions to the model
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
    /// Go on with the conversation in this file, as /save writes it
    #[arg(long, value_name = "FILE")]
    pub load: Option<PathBuf>,
    /// Keep the lines that are typed in this file, for the arrow keys of the next time
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Tell tokens and speed of each answer
    #[arg(long)]
    pub stats: bool,
    /// Have the model think first, if its template knows how to
    #[arg(long, overrides_with = "no_think")]
    pub think: bool,
    /// Have it not think
    #[arg(long)]
    pub no_think: bool,
    /// Do not show its reasoning
    #[arg(long)]
    pub no_reasoning: bool,
    #[command(flatten)]
    pub sampling: SamplingArgs,
}

#[derive(Debug, ClapArgs)]
pub struct Embed {
    /// The texts; - reads one per line from standard input
    #[arg(required = true)]
    pub texts: Vec<String>,
    /// Compare each with each, by cosine
    #[arg(long)]
    pub similarity: bool,
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
    /// The text is a conversation: a JSON list of messages, as a chat's /save writes it
    #[arg(long)]
    pub messages: bool,
    /// Leave out the token that starts a text
    #[arg(long)]
    pub no_bos: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Batch {
    /// The file of requests
    pub input: PathBuf,
    /// The file of results; what has its result there is not made again
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// How many requests run at a time
    #[arg(short, long, value_name = "COUNT", default_value_t = 4)]
    pub jobs: usize,
    /// Make those again that failed
    #[arg(long)]
    pub retry_failed: bool,
}

impl SamplingArgs {
    /// Those that are set, but for `params`, which are the whole request's.
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
