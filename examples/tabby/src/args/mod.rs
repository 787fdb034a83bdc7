//! The command line arguments.

mod doctor;
mod generate;
mod manage;
mod ml;

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ColorChoice, Parser, Subcommand};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tabbyapi::OrderedJson;

pub use doctor::Doctor;
pub use generate::{Batch, Chat, Complete, Embed, ResumeArgs, TextArgs, Tokens};
pub use manage::{
    Download, EmbeddingModels, Load, Loras, LorasArgs, Models, ModelsArgs, OverridesArgs, SamplingCommand, Templates,
    TemplatesArgs,
};

pub use ml::{Ml, MlChat, MlCommand, MlComplete, MlEvent, MlEventKind, MlGraphql, MlIngest, MlSearch};

use crate::failure::Failure;

/// A client for TabbyAPI servers.
#[derive(Debug, Parser)]
#[command(name = "tabby", version, about, max_term_width = 100, after_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    pub server: ServerArgs,
    /// Print JSON: one document, or one per line for streams; errors and notes are JSON, too
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value_t = ColorChoice::Auto, global = true, help_heading = "Output")]
    pub color: ColorChoice,
    #[command(subcommand)]
    pub command: Command,
}

/// Lines for a terminal of 80 columns.
const AFTER: &str = "\
Keys:
  Keys come from files (see above) or from the environment:
  TABBY_API_KEY, TABBY_ADMIN_KEY, TABBY_BEARER. They cannot be arguments,
  because arguments are visible in the list of processes.

Examples:
  tabby models                               available models and the loaded one
  tabby load NAME --max-seq-len 8192         with a progress bar
  tabby chat                                 /help lists its commands
  echo Hello | tabby complete - --json       for scripts
  tabby batch requests.jsonl -o results.jsonl
  tabby ml complete main.py                  with TabbyML/tabby
  tabby doctor                               find problems of a server

Exit codes:
    0  success
    1  any other error
    2  usage error
    3  server not reachable
    4  key rejected
    5  request rejected
    6  server error
    7  timeout
    8  response cut off
    9  invalid response
  130  Ctrl-C
  141  output closed";

const BATCH: &str = "\
Each line is a request in JSON, as in OpenAI's batch files:
  {\"custom_id\": \"1\", \"method\": \"POST\", \"url\": \"/v1/chat/completions\", \"body\": {...}}
The run stops after three consecutive requests that do not reach the server. Run
the same command again to resume. At the end the file of results has one line
per request. The exit code is 0 only if all requests succeeded.";

const DOCTOR: &str = "\
Only sends requests that change nothing: no model is loaded, unloaded or
downloaded. Uses the same keys as all commands, including the admin key.
--timeout limits the whole examination, by default to 60 seconds.
The exit code is 0 if no finding is an error, 1 if one is, and 2 if the
examination could not start.";

/// The server and the connection to it.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Server")]
pub struct ServerArgs {
    /// Address of the server, optionally with a path prefix [default: http://127.0.0.1:5000, for `ml` http://127.0.0.1:8080]
    #[arg(long, env = "TABBY_URL", hide_env_values = true, global = true)]
    pub url: Option<String>,
    /// File with the API key
    #[arg(long, value_name = "FILE", global = true)]
    pub api_key_file: Option<PathBuf>,
    /// File with the admin key
    #[arg(long, value_name = "FILE", global = true)]
    pub admin_key_file: Option<PathBuf>,
    /// File with a bearer key, such as that of a gateway
    #[arg(long, value_name = "FILE", global = true)]
    pub bearer_file: Option<PathBuf>,
    /// The server's own api_tokens.yml, with both keys
    #[arg(long, value_name = "FILE", env = "TABBY_TOKENS_FILE", hide_env_values = true, global = true)]
    pub tokens_file: Option<PathBuf>,
    /// Send the admin key for everything. A server with inline model loading requires it to load the model of
    /// `--param model=NAME`
    #[arg(long, global = true)]
    pub admin: bool,
    /// Timeout in seconds for a whole response or download, and for the start and each silence of a stream
    #[arg(long, value_name = "SECONDS", global = true)]
    pub timeout: Option<u64>,
    /// Maximum number of retries of a failed call
    #[arg(long, value_name = "COUNT", global = true)]
    pub retries: Option<u32>,
    /// Record all exchanges to this file, without keys but with prompts and responses
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// Replay responses from a recording, without a server
    #[arg(long, value_name = "FILE", global = true)]
    pub replay: Option<PathBuf>,
}

impl Args {
    /// All files in the arguments, except recordings.
    pub fn files(&self) -> Vec<&Path> {
        let server = &self.server;
        let keys = [&server.api_key_file, &server.admin_key_file, &server.bearer_file, &server.tokens_file];
        let own = match &self.command {
            Command::Batch(batch) => [Some(&batch.input), Some(&batch.output)],
            Command::Chat(chat) => [chat.load.as_ref(), chat.history.as_ref()],
            Command::Ml(ml) => [ml.token_file.as_ref(), ml.registration_token_file.as_ref()],
            Command::Doctor(doctor) => [doctor.document(), None],
            Command::Download(download) => [download.hub_token_file.as_ref(), None],
            _ => [None, None],
        };
        keys.into_iter().flatten().chain(own.into_iter().flatten()).map(PathBuf::as_path).collect()
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check the health of the server
    Health {
        /// Wait up to this many seconds until a model is loaded
        #[arg(long, value_name = "SECONDS")]
        wait: Option<u64>,
    },
    /// Show the permission of the key
    Permission,
    /// Examine a server, and report what is wrong and what to do
    #[command(after_help = DOCTOR)]
    Doctor(Doctor),
    /// List models, or show the loaded one
    Models(ModelsArgs),
    /// Load a model
    Load(Load),
    /// Unload the model, which ends the running generations of all users
    Unload,
    /// Complete a text
    Complete(Complete),
    /// Chat with the model
    Chat(Chat),
    /// Compute embedding vectors of texts
    Embed(Embed),
    /// Convert text to tokens and back
    #[command(subcommand)]
    Tokens(Tokens),
    /// List, load and unload LoRAs
    Loras(LorasArgs),
    /// List and switch chat templates
    Templates(TemplatesArgs),
    /// Show and set sampler overrides
    Sampling(OverridesArgs),
    /// Download a model from the Hugging Face hub to the server
    Download(Download),
    /// Run all requests of a file
    #[command(after_help = BATCH)]
    Batch(Batch),
    /// Use TabbyML/tabby, whose API is also called TabbyAPI
    Ml(Ml),
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// `NAME=JSON`. A value that is not JSON is a string.
pub fn params(params: &[String]) -> Result<Vec<(String, OrderedJson)>, Failure> {
    let param = |text: &String| {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            Failure::Usage(format!("`{text}` is not a parameter; write NAME=VALUE, as in temperature=0.8"))
        })?;
        Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
    };
    params.iter().map(param).collect()
}

/// Returns the request with these parameters. Known ones are set as fields, so that none is sent twice.
pub fn with_params<T: Serialize + DeserializeOwned>(mut request: T, texts: &[String]) -> Result<T, Failure> {
    for (text, (name, value)) in texts.iter().zip(params(texts)?) {
        let unfit = |error| Failure::Usage(format!("`--param {text}` does not fit the request: {error}"));
        // As text, so that schemas keep the order of their properties.
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
        assert!(error.starts_with("`--param max_tokens=many` does not fit the request: invalid type"), "{error}");
    }
}
