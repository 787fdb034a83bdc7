//! `POST /v1/download`: makes the server download a model or a LoRA from the Hugging Face hub.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::api::fields::request;
use crate::api::kinds::kinds;
use crate::api::one_or_many::OneOrMany;
use crate::base::text::contains;
use crate::base::{Advice, Error, ErrorCode, Extra, Remedy};
use crate::decode::open_enum::open_enum;

request! {
    /// What to download from the Hugging Face hub, and to which directory.
    ///
    /// ```
    /// use tabbyapi::api::DownloadRequest;
    ///
    /// let request = DownloadRequest::new("acme/thing-exl3").revision("4.0bpw").exclude(["*.bin"]);
    /// # assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"repo_id":"acme/thing-exl3","revision":"4.0bpw","exclude":["*.bin"]}"#);
    /// ```
    pub struct DownloadRequest {
        required {
            /// The repository, as `namespace/name`.
            repo_id: String,
        }
        optional {
            /// The type of the repository, which determines the directory; a model by default.
            repo_type: RepoType,
            /// The name of the new directory; the repository's name by default. An existing directory is rejected.
            folder_name: String as impl Into<String>,
            /// The branch, tag or commit; by default the main branch.
            revision: String as impl Into<String>,
            /// The token for private repositories; by default the server's own.
            token: HubToken as impl Into<HubToken>,
            /// Patterns of the files to download, such as `*.safetensors`; all by default.
            include: OneOrMany<String> as impl Into<OneOrMany<String>>,
            /// Patterns of the files to skip; none by default.
            exclude: OneOrMany<String> as impl Into<OneOrMany<String>>,
            /// The number of parallel requests per file; set by the server by default.
            chunk_limit: u32,
            /// The time limit of the download on the server, in seconds; none by default. Exceeding it is an error with code
            /// `download_timeout`.
            timeout: u32,
        }
    }
}

impl DownloadRequest {
    /// Creates a request for this repository, such as `acme/thing-exl3`.
    pub fn new(repo_id: impl Into<String>) -> Self {
        DownloadRequest::blank(repo_id.into())
    }
}

/// All failures have status 400 and differ in their message. That of a timeout is empty.
pub(super) fn map_error(error: Error) -> Error {
    if error.code() != &ErrorCode::BadRequest {
        return error;
    }
    let says = |words: &str| contains(error.message(), words);
    let (code, remedy, hint) = if error.message().is_empty() {
        (
            "download_timeout",
            Remedy::Raise,
            "the download took longer than its {field:timeout} and was removed; raise it",
        )
    } else if says("already exists") {
        ("already_exists", Remedy::Change, "remove the directory on the server, or choose another {field:folder_name}")
    } else if says("Check your filters") {
        ("nothing_to_download", Remedy::Change, "no file of the repository matches {field:include} and {field:exclude}")
    } else if WITHHELD.iter().any(|words| says(words)) {
        // The hub gives the same response for names that do not exist.
        (
            if says("Repository Not Found") { "unknown_repo" } else { "repo_forbidden" },
            Remedy::Give,
            "a private or gated repository requires a {field:token} of an account that may read it (accept the terms of a gated one at the \
             hub first); otherwise check {field:repo_id} and {field:revision}",
        )
    } else if says("Repository Not Found") || says("404 Client Error") {
        (
            "unknown_repo",
            Remedy::Check,
            "check {field:repo_id} and {field:revision}; a private repository requires a {field:token}",
        )
    } else {
        let hint = "check {field:repo_id}, and whether the server can reach the hub";
        return error.with_advice(Advice::new(Remedy::Check, hint));
    };
    error.with_code(code).with_advice(Advice::new(remedy, hint))
}

/// How the hub reports that a repository is restricted.
const WITHHELD: [&str; 7] = ["401", "403", "Unauthorized", "Forbidden", "gated", "restricted", "authenticated"];

open_enum! {
    /// The type of a repository.
    RepoType {
        /// A model, for the model directory. The server treats unknown types as a model.
        Model = "model",
        /// A LoRA, for the LoRA directory.
        Lora = "lora",
    }
}

/// A token of the Hugging Face hub. `Debug` does not print it. Wiped on drop.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct HubToken(String);

impl HubToken {
    /// Creates a token, such as `hf_…`.
    pub fn new(token: impl Into<String>) -> Self {
        HubToken(token.into())
    }
}

impl Drop for HubToken {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl<S: Into<String>> From<S> for HubToken {
    fn from(token: S) -> Self {
        HubToken::new(token)
    }
}

impl fmt::Debug for HubToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubToken(…)")
    }
}

/// The location of a download.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Downloaded {
    /// The directory, relative to the server's own, such as `models/thing-exl3`.
    #[serde(deserialize_with = "crate::decode::in_place::meant")]
    pub download_path: String,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

kinds! {
    Downloaded: "download_path";
}
