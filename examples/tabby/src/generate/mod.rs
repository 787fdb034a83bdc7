//! Completions, embeddings, tokens.

pub mod complete;
pub mod embed;
pub mod tokens;

use std::io::Read;

use crate::failure::Failure;

/// The text, or standard input for `-`. Reading does not block Ctrl-C.
pub async fn text(text: &str) -> Result<String, Failure> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let read = tokio::task::spawn_blocking(|| {
        let mut input = String::new();
        std::io::stdin().read_to_string(&mut input).map(|_| input)
    });
    let read = read.await.map_err(std::io::Error::other).flatten();
    read.map_err(|error| Failure::Usage(format!("standard input cannot be read as text: {error}")))
}
