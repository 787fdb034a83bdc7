//! Arguments of the commands for TabbyML/tabby.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

/// Lines for a terminal of 80 columns.
const AFTER: &str = "\
These commands are for TabbyML/tabby, a different server than that of all other
commands. Its default address is http://127.0.0.1:8080. `tabby ml detect` shows
which of the two is at an address.

Tokens come from files (see above) or from the environment: TABBYML_TOKEN,
TABBYML_REGISTRATION_TOKEN.

Examples:
  tabby ml complete main.py --line 12        at the end of line 12
  tabby ml chat \"What is a closure?\"
  tabby ml search \"fn main lang:rust\"        in all indexed repositories";

#[derive(Debug, ClapArgs)]
#[command(after_help = AFTER)]
pub struct Ml {
    /// File with the token of the user
    #[arg(long, value_name = "FILE", global = true, help_heading = "Server")]
    pub token_file: Option<PathBuf>,
    /// File with the registration token, which `ingest` requires
    #[arg(long, value_name = "FILE", global = true, help_heading = "Server")]
    pub registration_token_file: Option<PathBuf>,
    #[command(subcommand)]
    pub command: MlCommand,
}

#[derive(Debug, Subcommand)]
pub enum MlCommand {
    /// Print which server is at the address: tabbyml, tabbyapi or other
    Detect,
    /// Show the health, version and models of the server
    Health,
    /// List the models of the configured backends
    Models,
    /// Show the server's settings for clients
    Setting,
    /// Complete code at a position in a file
    Complete(MlComplete),
    /// Ask one question
    Chat(MlChat),
    /// Report an event about a completion
    Event(MlEvent),
    /// List the repositories that the server has indexed
    Repositories,
    /// Search the lines of indexed repositories, or the names of their files
    Search(MlSearch),
    /// Add documents to the index of the server, or remove them
    #[command(subcommand)]
    Ingest(MlIngest),
    /// Send a GraphQL document, and print its data as JSON
    Graphql(MlGraphql),
}

#[derive(Debug, ClapArgs)]
pub struct MlComplete {
    /// The file; - reads it from standard input
    pub file: PathBuf,
    /// The line of the cursor, from 1; the last line by default
    #[arg(long, value_name = "NUMBER")]
    pub line: Option<usize>,
    /// The number of characters before the cursor in this line; the whole line by default
    #[arg(long, value_name = "COUNT", requires = "line")]
    pub column: Option<usize>,
    /// The language, as a VS Code language id; by default from the file's extension
    #[arg(long, value_name = "NAME")]
    pub language: Option<String>,
    /// The URL of the repository's remote, which the server uses to find its own snippets
    #[arg(long, value_name = "URL")]
    pub git_url: Option<String>,
    /// Print the completion unchanged, without removing repetitions of the code around it
    #[arg(long)]
    pub raw: bool,
    /// The temperature; 0.1 by default
    #[arg(long, value_name = "NUMBER")]
    pub temperature: Option<f64>,
    /// The seed
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

#[derive(Debug, ClapArgs)]
pub struct MlChat {
    /// The question; - reads it from standard input
    pub question: String,
    /// The instructions to the model
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
    /// The model; by default, the server's default
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// The maximum number of tokens to generate
    #[arg(long, value_name = "TOKENS")]
    pub max_tokens: Option<u32>,
    /// The temperature
    #[arg(long, value_name = "NUMBER")]
    pub temperature: Option<f64>,
    /// Wait for the whole response instead of streaming it
    #[arg(long)]
    pub no_stream: bool,
}

#[derive(Debug, ClapArgs)]
pub struct MlEvent {
    /// The event
    pub kind: MlEventKind,
    /// The id of the completion
    pub completion_id: String,
    /// The index of the choice
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub choice: u32,
    /// The id of this display of the completion
    #[arg(long, value_name = "ID")]
    pub view_id: Option<String>,
    /// The time since it was shown, in milliseconds
    #[arg(long, value_name = "MILLISECONDS")]
    pub elapsed: Option<u32>,
    /// Only a word or a line of it was accepted
    #[arg(long)]
    pub part: bool,
}

/// An event about a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MlEventKind {
    View,
    Select,
    Dismiss,
}

#[derive(Debug, ClapArgs)]
pub struct MlSearch {
    /// A regular expression, with the filters `f:` for file names and `lang:` for languages; with --files a part of a path
    pub query: String,
    /// Search the names of files
    #[arg(long)]
    pub files: bool,
    /// The name of the repository; all by default
    #[arg(long, value_name = "NAME")]
    pub repository: Option<String>,
    /// The revision, such as a branch; the indexed revision by default
    #[arg(long, value_name = "REVISION")]
    pub revision: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum MlIngest {
    /// Add a document, or replace the one with the same source and id
    Add {
        /// The source of the document
        source: String,
        /// The id of the document in the source
        id: String,
        /// The file with the text; - reads it from standard input
        file: PathBuf,
        /// The title; the id by default
        #[arg(long, value_name = "TEXT")]
        title: Option<String>,
        /// The URL of the document
        #[arg(long, value_name = "URL")]
        link: Option<String>,
        /// How long the document is kept; 90d by default
        #[arg(long, value_name = "TIME")]
        ttl: Option<String>,
    },
    /// Remove a document, or all documents of a source
    Remove {
        /// The source
        source: String,
        /// The id of the document; all of the source by default
        id: Option<String>,
    },
    /// Show the indexing progress of documents; requires an access token as TABBYML_TOKEN
    Status,
}

#[derive(Debug, ClapArgs)]
pub struct MlGraphql {
    /// The document; - reads it from standard input
    pub document: String,
    /// A variable; a value that is not JSON is text; may be repeated
    #[arg(long = "var", value_name = "NAME=JSON")]
    pub variables: Vec<String>,
}
