//! What can be asked for.

mod generate;
mod manage;

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ColorChoice, Parser, Subcommand};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tabbyapi::OrderedJson;

pub use generate::{Batch, Chat, Complete, Embed, TextArgs, Tokens};
pub use manage::{
    Download, EmbeddingModels, Load, Loras, LorasArgs, Models, ModelsArgs, OverridesArgs, SamplingCommand, Templates,
    TemplatesArgs,
};

use crate::failure::Failure;

/// Speak to a TabbyAPI server.
#[derive(Debug, Parser)]
#[command(name = "tabby", version, about, max_term_width = 100, after_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    pub server: ServerArgs,
    /// Print JSON: one document, or for streams one per line; errors and notes are JSON too
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value_t = ColorChoice::Auto, global = true, help_heading = "Output")]
    pub color: ColorChoice,
    #[command(subcommand)]
    pub command: Command,
}

/// In lines for a terminal of 80 columns.
const AFTER: &str = "\
Keys:
  They come from files, as above, or else from the environment:
  TABBY_API_KEY, TABBY_ADMIN_KEY, TABBY_BEARER. They are no arguments, since
  those show in the list of processes.

Examples:
  tabby models                               what can be loaded, and what is
  tabby load NAME --max-seq-len 8192         with a progress bar
  tabby chat                                 /help lists its commands
  echo Hello | tabby complete - --json       for scripts
  tabby batch requests.jsonl -o results.jsonl

Exit codes:
    0  done
    1  something else
    2  wrong usage
    3  the server cannot be reached
    4  it refuses the key
    5  it refuses the request
    6  it failed
    7  it took too long
    8  the answer was cut off
    9  the answer cannot be read
  130  Ctrl-C
  141  whoever read the output has gone";

const BATCH: &str = "\
Requests are one JSON line each, as in OpenAI's batch files:
  {\"custom_id\": \"1\", \"method\": \"POST\", \"url\": \"/v1/chat/completions\", \"body\": {...}}
It stops after three in a row that do not get to the server. Stopped or killed,
the same command goes on where it was. At its end the file of results has one
line for each request, and it exits with 0 only if all of them are good.";

/// Where the server is, and how to speak to it.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Server")]
pub struct ServerArgs {
    /// The server's address; a path prefix is fine
    #[arg(long, env = "TABBY_URL", hide_env_values = true, default_value = "http://127.0.0.1:5000", global = true)]
    pub url: String,
    /// A file that holds the API key
    #[arg(long, value_name = "FILE", global = true)]
    pub api_key_file: Option<PathBuf>,
    /// A file that holds the admin key
    #[arg(long, value_name = "FILE", global = true)]
    pub admin_key_file: Option<PathBuf>,
    /// A file that holds a bearer key, such as a gateway's
    #[arg(long, value_name = "FILE", global = true)]
    pub bearer_file: Option<PathBuf>,
    /// The server's own api_tokens.yml, with both keys
    #[arg(long, value_name = "FILE", env = "TABBY_TOKENS_FILE", hide_env_values = true, global = true)]
    pub tokens_file: Option<PathBuf>,
    /// Send the admin key where an API key would do, too: for it alone a server with inline model loading loads the model that
    /// `--param model=NAME` names
    #[arg(long, global = true)]
    pub admin: bool,
    /// Give up when something takes more than so many seconds: a whole answer or download, or of a stream its start or a silence
    #[arg(long, value_name = "SECONDS", global = true)]
    pub timeout: Option<u64>,
    /// How often a call that failed is tried again, where that can help
    #[arg(long, value_name = "COUNT", global = true)]
    pub retries: Option<u32>,
    /// Write all exchanges to this file, without keys; prompts and answers are in it
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// Answer from such a file, without a server
    #[arg(long, value_name = "FILE", global = true)]
    pub replay: Option<PathBuf>,
}

impl Args {
    /// All files that are named, but for recordings.
    pub fn files(&self) -> Vec<&Path> {
        let server = &self.server;
        let keys = [&server.api_key_file, &server.admin_key_file, &server.bearer_file, &server.tokens_file];
        let own = match &self.command {
            Command::Batch(batch) => [Some(&batch.input), Some(&batch.output)],
            Command::Chat(chat) => [chat.load.as_ref(), chat.history.as_ref()],
            Command::Download(download) => [download.hub_token_file.as_ref(), None],
            _ => [None, None],
        };
        keys.into_iter().flatten().chain(own.into_iter().flatten()).map(PathBuf::as_path).collect()
    }
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
    Models(ModelsArgs),
    /// Load a model
    Load(Load),
    /// Unload the model, which ends the running generations of all users
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
    Loras(LorasArgs),
    /// List and switch chat templates
    Templates(TemplatesArgs),
    /// See and set the samplers' overrides
    Sampling(OverridesArgs),
    /// Have the server download a model from the Hugging Face hub
    Download(Download),
    /// Make all requests of a file
    #[command(after_help = BATCH)]
    Batch(Batch),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// `NAME=JSON`; what is no JSON is a string.
pub fn params(params: &[String]) -> Result<Vec<(String, OrderedJson)>, Failure> {
    let param = |text: &String| {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            Failure::Usage(format!("`{text}` is no parameter; write NAME=VALUE, as in temperature=0.8"))
        })?;
        Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
    };
    params.iter().map(param).collect()
}

/// The request with these parameters, each in the field of its name if there is one, so that none is sent twice.
pub fn with_params<T: Serialize + DeserializeOwned>(mut request: T, texts: &[String]) -> Result<T, Failure> {
    for (text, (name, value)) in texts.iter().zip(params(texts)?) {
        let unfit = |error| Failure::Usage(format!("`--param {text}` is not what the request takes: {error}"));
        // Over text, so that schemas keep the order of their properties.
        let mut fields: OrderedJson =
            serde_json::to_string(&request).and_then(|text| serde_json::from_str(&text)).map_err(unfit)?;
        fields.insert(name, value);
        request = serde_json::from_str(&fields.to_string()).map_err(unfit)?;
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use serde_json::json;
    use tabbyapi::api::CompletionRequest;

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn parameters_go_to_their_fields() {
        let request = CompletionRequest::new("x").max_tokens(8);
        let texts = ["max_tokens=9", "seed=7", "grammar_string=root ::= \"x\""].map(str::to_owned);
        let request = with_params(request, &texts).unwrap();
        assert_eq!(request.sampling.max_tokens, Some(9));
        assert_eq!(
            serde_json::to_value(&request).unwrap(),
            json!({"prompt": "x", "max_tokens": 9, "seed": 7, "grammar_string": "root ::= \"x\""})
        );
        let error = with_params(request, &["max_tokens=many".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("`--param max_tokens=many` is not what the request takes: invalid type"), "{error}");
    }
}
