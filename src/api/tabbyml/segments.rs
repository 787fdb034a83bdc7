//! The code around the position to complete.

use serde::{Deserialize, Serialize};

use crate::api::fields::request;
use crate::base::Extra;
use crate::decode::in_place::filled;

request! {
    /// The code around the cursor, and what is known about the rest of the project.
    ///
    /// The server truncates the prompt to its last 1,536 bytes by default. A suffix that is longer than that removes the whole
    /// prefix. Limit both before sending, for example with [`SegmentBudget`](crate::tabbyml::editor::SegmentBudget).
    pub struct Segments {
        required {
            /// The code before the cursor. May be empty.
            prefix: String,
        }
        optional {
            /// The code after the cursor. The server replaces an empty one by a line break.
            suffix: String as impl Into<String>,
            /// The path of the file, relative to the root of the repository if `git_url` is set, else to the workspace. Since 0.10.
            filepath: String as impl Into<String>,
            /// The URL of the repository's remote. The server adds snippets of an indexed repository with the same name. Since 0.10.
            git_url: String as impl Into<String>,
            /// The text on the clipboard. The server logs it and does not use it.
            clipboard: String as impl Into<String>,
            /// Declarations of symbols that the code uses. Since 0.10.
            declarations: Vec<Declaration> as impl Into<Vec<Declaration>>,
            /// Snippets of recently changed files. Since 0.10.
            relevant_snippets_from_changed_files: Vec<Snippet> as impl Into<Vec<Snippet>>,
            /// Snippets of recently opened files. Since 0.19.
            relevant_snippets_from_recently_opened_files: Vec<Snippet> as impl Into<Vec<Snippet>>,
            /// The edits that the next one is predicted from; required for
            /// [`CompletionMode::NextEditSuggestion`](super::CompletionMode::NextEditSuggestion), ignored otherwise. Since 0.29.
            edit_history: EditHistory,
        }
    }
}

impl Segments {
    /// Creates segments with only the code before the cursor.
    pub fn new(prefix: impl Into<String>) -> Self {
        Segments::blank(prefix.into())
    }
}

/// A declaration of a symbol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Declaration {
    /// The path of the file.
    pub filepath: String,
    /// The code.
    pub body: String,
}

impl Declaration {
    /// Creates a declaration.
    pub fn new(filepath: impl Into<String>, body: impl Into<String>) -> Self {
        Declaration { filepath: filepath.into(), body: body.into() }
    }
}

/// A part of another file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Snippet {
    /// The path of the file.
    #[serde(default, deserialize_with = "filled")]
    pub filepath: String,
    /// The code.
    #[serde(default, deserialize_with = "filled")]
    pub body: String,
    /// The relevance. The server requires the field, and uses 1 for snippets in requests.
    #[serde(default)]
    pub score: f64,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

crate::decode::in_place::in_place_objects!(Snippet);

impl Snippet {
    /// Creates a snippet with the score 1.
    pub fn new(filepath: impl Into<String>, body: impl Into<String>) -> Self {
        Snippet { filepath: filepath.into(), body: body.into(), score: 1.0, extra: Extra::new() }
    }
}

/// The edits that the next one is predicted from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct EditHistory {
    /// The code before the edits.
    pub original_code: String,
    /// The edits, as a unified diff.
    pub edits_diff: String,
    /// The code as it is now.
    pub current_version: String,
}

impl EditHistory {
    /// Returns a history with these parts. The server requires all of them.
    pub fn new(
        original_code: impl Into<String>,
        edits_diff: impl Into<String>,
        current_version: impl Into<String>,
    ) -> Self {
        EditHistory {
            original_code: original_code.into(),
            edits_diff: edits_diff.into(),
            current_version: current_version.into(),
        }
    }
}
