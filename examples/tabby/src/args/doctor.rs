//! Arguments of the examination.

use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(Debug, ClapArgs)]
pub struct Doctor {
    /// Address of the server, instead of --url
    #[arg(value_name = "URL")]
    pub address: Option<String>,
    /// Also generate: two chats and two completions of 16 tokens each, and embeddings
    #[arg(long)]
    pub generate: bool,
    /// Check what a browser requires for a web page of this origin, such as https://chat.example.org
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Option<String>,
    /// Compare the server's own /openapi.json with this OpenAPI document, by default with that of this program
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub drift: Option<Option<PathBuf>>,
    /// Print the report as Markdown, for a bug report; it contains no keys
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
}

impl Doctor {
    /// The file with the document to compare with.
    pub fn document(&self) -> Option<&PathBuf> {
        self.drift.as_ref()?.as_ref()
    }
}
