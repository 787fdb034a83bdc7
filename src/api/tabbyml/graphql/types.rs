//! The responses of the queries.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::{Extra, Text};
use crate::decode::in_place::{filled, in_place_objects, listed, or_default, row};
use crate::decode::open_enum::open_enum;

/// Declares responses. Their fields are optional on the wire, and have their type's default if they are missing.
macro_rules! answers {
    ($($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* $field:ident: $type:ty = $with:literal,)* })*) => { $(
        $(#[$meta])*
        #[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$fmeta])* #[serde(default, deserialize_with = $with)] pub $field: $type,)*
            /// Fields that this library does not define.
            #[serde(flatten)]
            pub extra: Extra,
        }

        in_place_objects!($name);
    )* };
}

answers! {
    /// The user that a token belongs to. `Debug` omits the token.
    pub struct CurrentUser {
        /// The id.
        id: String = "filled",
        /// The email address of the account.
        email: String = "filled",
        /// The name.
        name: String = "filled",
        /// Whether the user is an administrator.
        is_admin: bool = "filled",
        /// Whether the user owns the server.
        is_owner: bool = "filled",
        /// The token for the clients of this user.
        auth_token: String = "filled",
    }

    /// The tokens of a session. `Debug` omits them.
    pub struct SessionTokens {
        /// The token for a client; valid for 30 minutes.
        access_token: String = "filled",
        /// The token that [`refresh`](crate::tabbyml::services::GraphQl::refresh) takes.
        refresh_token: String = "filled",
    }

    /// The sources that can be searched.
    #[derive(Debug)]
    pub struct ContextInfo {
        /// The sources.
        sources: Vec<ContextSource> = "listed",
    }

    /// A source that can be searched.
    #[derive(Debug)]
    pub struct ContextSource {
        /// The id, which other queries take.
        source_id: String = "filled",
        /// The kind, such as `GIT` or `DOC`.
        source_kind: Text = "filled",
        /// The display name.
        source_name: String = "filled",
    }

    /// A repository that the server has indexed.
    #[derive(Debug)]
    pub struct Repository {
        /// The id.
        id: String = "filled",
        /// The id of its source.
        source_id: String = "filled",
        /// The name of its source.
        source_name: String = "filled",
        /// The name.
        name: String = "filled",
        /// The kind.
        kind: RepositoryKind = "or_default",
        /// The URL.
        git_url: String = "filled",
        /// Branches and tags.
        refs: Vec<GitReference> = "listed",
    }

    /// A branch or a tag.
    #[derive(Debug)]
    pub struct GitReference {
        /// The name.
        name: String = "filled",
        /// The commit.
        commit: String = "filled",
    }

    /// A file whose path matches.
    #[derive(Debug)]
    pub struct FileMatch {
        /// The type, such as `file` or `dir` (wire: `type`).
        #[serde(rename = "type")]
        kind: Text = "filled",
        /// The path.
        path: String = "filled",
        /// The matching positions of the path.
        indices: Vec<u64> = "row",
    }

    /// The matching lines.
    #[derive(Debug)]
    pub struct GrepOutput {
        /// The files with matching lines.
        files: Vec<GrepFile> = "listed",
        /// The duration in milliseconds.
        elapsed_ms: u64 = "filled",
    }

    /// A file with matching lines.
    #[derive(Debug)]
    pub struct GrepFile {
        /// The path.
        path: String = "filled",
        /// The lines.
        lines: Vec<GrepLine> = "listed",
    }

    /// A matching line.
    #[derive(Debug)]
    pub struct GrepLine {
        /// The text of the line.
        line: GrepText = "or_default",
        /// The offset of the line in the file, in bytes.
        byte_offset: u64 = "filled",
        /// The line number, from 1.
        line_number: u64 = "filled",
        /// The matching parts.
        sub_matches: Vec<SubMatch> = "listed",
    }

    /// Text, or Base64 if it is not UTF-8.
    #[derive(Debug)]
    pub struct GrepText {
        /// The text.
        text: Option<String> = "filled",
        /// The bytes.
        base64: Option<String> = "filled",
    }

    /// A matching part of a line.
    #[derive(Debug)]
    pub struct SubMatch {
        /// Where it begins, in bytes.
        bytes_start: u64 = "filled",
        /// Where it ends, in bytes.
        bytes_end: u64 = "filled",
    }

    /// A conversation on the server.
    #[derive(Debug)]
    pub struct Thread {
        /// The id.
        id: String = "filled",
        /// The id of the user.
        user_id: String = "filled",
        /// Whether it is removed automatically.
        is_ephemeral: bool = "filled",
        /// The creation time, as RFC 3339.
        created_at: Text = "filled",
        /// The time of the last change, as RFC 3339.
        updated_at: Text = "filled",
    }

    /// A message of a conversation on the server.
    #[derive(Debug)]
    pub struct ThreadMessage {
        /// The id.
        id: String = "filled",
        /// The id of the conversation.
        thread_id: String = "filled",
        /// The author: `USER` or `ASSISTANT`.
        role: Text = "filled",
        /// The text.
        content: String = "filled",
        /// The creation time, as RFC 3339.
        created_at: Text = "filled",
        /// The time of the last change, as RFC 3339.
        updated_at: Text = "filled",
    }

    /// The indexing progress of the documents of a source.
    #[derive(Debug)]
    pub struct IngestionStatus {
        /// The source.
        source: String = "filled",
        /// The number of waiting documents.
        pending: u64 = "filled",
        /// The number of documents that failed.
        failed: u64 = "filled",
        /// The total number of documents.
        total: u64 = "filled",
    }

    /// The end of a page.
    #[derive(Debug)]
    pub struct PageInfo {
        /// Whether there is another page.
        has_next_page: bool = "filled",
        /// The cursor of the last entry.
        end_cursor: Option<String> = "filled",
    }
}

impl fmt::Debug for CurrentUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentUser").field("id", &self.id).field("email", &self.email).finish_non_exhaustive()
    }
}

impl fmt::Debug for SessionTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTokens").finish_non_exhaustive()
    }
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Page<T> {
    /// The entries.
    #[serde(
        default = "Vec::new",
        deserialize_with = "listed_edges",
        bound(deserialize = "T: Deserialize<'de> + Default")
    )]
    pub edges: Vec<Edge<T>>,
    /// The end of the page.
    #[serde(default, deserialize_with = "or_default")]
    pub page_info: PageInfo,
}

impl<T> Page<T> {
    /// Returns the entries, in order.
    pub fn nodes(&self) -> impl Iterator<Item = &T> {
        self.edges.iter().map(|edge| &edge.node)
    }

    /// Returns the cursor after which the next page begins. `None` for the last page.
    pub fn next(&self) -> Option<&str> {
        self.page_info.end_cursor.as_deref().filter(|_| self.page_info.has_next_page)
    }
}

/// An entry of a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Edge<T> {
    /// The position in the list.
    #[serde(default)]
    pub cursor: Option<String>,
    /// The entry.
    pub node: T,
}

fn listed_edges<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<Edge<T>>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

open_enum! {
    /// The kind of a repository.
    #[derive(Default)]
    RepositoryKind {
        /// Added by its URL.
        #[default]
        Git = "GIT",
        /// On GitHub.
        Github = "GITHUB",
        /// On GitLab.
        Gitlab = "GITLAB",
        /// On a self-hosted GitHub server.
        GithubSelfHosted = "GITHUB_SELF_HOSTED",
        /// On a self-hosted GitLab server.
        GitlabSelfHosted = "GITLAB_SELF_HOSTED",
        /// From the server's configuration file.
        GitConfig = "GIT_CONFIG",
    }
}

impl From<RepositoryKind> for String {
    fn from(kind: RepositoryKind) -> String {
        kind.as_str().to_owned()
    }
}
