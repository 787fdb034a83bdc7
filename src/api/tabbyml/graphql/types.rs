//! What the queries answer.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::{Extra, Text};
use crate::decode::in_place::{filled, in_place_objects, listed, or_default, row};
use crate::decode::open_enum::open_enum;

/// Declares answers: their fields are optional on the wire, and have the default of their type if they are missing.
macro_rules! answers {
    ($($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* $field:ident: $type:ty = $with:literal,)* })*) => { $(
        $(#[$meta])*
        #[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$fmeta])* #[serde(default, deserialize_with = $with)] pub $field: $type,)*
            /// Fields that this library has no name for.
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
        /// The address of the account.
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
        /// Good for 30 minutes as the token of a client.
        access_token: String = "filled",
        /// Good for new tokens.
        refresh_token: String = "filled",
    }

    /// What can be searched.
    #[derive(Debug)]
    pub struct ContextInfo {
        /// The sources.
        sources: Vec<ContextSource> = "listed",
    }

    /// Something that can be searched.
    #[derive(Debug)]
    pub struct ContextSource {
        /// The id, by which other queries name it.
        source_id: String = "filled",
        /// The kind, such as `GIT` or `DOC`.
        source_kind: Text = "filled",
        /// The name for people.
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
        /// What it is, such as `file` or `dir` (wire: `type`).
        #[serde(rename = "type")]
        kind: Text = "filled",
        /// The path.
        path: String = "filled",
        /// The places of the path that match.
        indices: Vec<u64> = "row",
    }

    /// The lines that match.
    #[derive(Debug)]
    pub struct GrepOutput {
        /// The files with such lines.
        files: Vec<GrepFile> = "listed",
        /// How long it took, in milliseconds.
        elapsed_ms: u64 = "filled",
    }

    /// A file with lines that match.
    #[derive(Debug)]
    pub struct GrepFile {
        /// The path.
        path: String = "filled",
        /// The lines.
        lines: Vec<GrepLine> = "listed",
    }

    /// A line that matches.
    #[derive(Debug)]
    pub struct GrepLine {
        /// The text of the line.
        line: GrepText = "or_default",
        /// Where the line begins in the file, in bytes.
        byte_offset: u64 = "filled",
        /// Its number, from 1.
        line_number: u64 = "filled",
        /// The parts that match.
        sub_matches: Vec<SubMatch> = "listed",
    }

    /// Text, or Base64 of what is not UTF-8.
    #[derive(Debug)]
    pub struct GrepText {
        /// The text.
        text: Option<String> = "filled",
        /// The bytes.
        base64: Option<String> = "filled",
    }

    /// A part of a line that matches.
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
        /// Whether it is removed by itself.
        is_ephemeral: bool = "filled",
        /// When it began, after RFC 3339.
        created_at: Text = "filled",
        /// When it was changed last, after RFC 3339.
        updated_at: Text = "filled",
    }

    /// A message of a conversation on the server.
    #[derive(Debug)]
    pub struct ThreadMessage {
        /// The id.
        id: String = "filled",
        /// The id of the conversation.
        thread_id: String = "filled",
        /// Whose message it is: `USER` or `ASSISTANT`.
        role: Text = "filled",
        /// The text.
        content: String = "filled",
        /// When it was made, after RFC 3339.
        created_at: Text = "filled",
        /// When it was changed last, after RFC 3339.
        updated_at: Text = "filled",
    }

    /// How far the documents of a source are indexed.
    #[derive(Debug)]
    pub struct IngestionStatus {
        /// The source.
        source: String = "filled",
        /// How many wait.
        pending: u64 = "filled",
        /// How many could not be indexed.
        failed: u64 = "filled",
        /// How many there are.
        total: u64 = "filled",
    }

    /// Where a page ends.
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

/// A part of a list.
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
    /// Where it ends.
    #[serde(default, deserialize_with = "or_default")]
    pub page_info: PageInfo,
}

impl<T> Page<T> {
    /// The entries, in their order.
    pub fn nodes(&self) -> impl Iterator<Item = &T> {
        self.edges.iter().map(|edge| &edge.node)
    }

    /// The cursor after which the next page begins; `None` if this is the last one.
    pub fn next(&self) -> Option<&str> {
        self.page_info.end_cursor.as_deref().filter(|_| self.page_info.has_next_page)
    }
}

/// An entry of a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Edge<T> {
    /// Where it is in the list.
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
        /// One that was added by its URL.
        #[default]
        Git = "GIT",
        /// Of GitHub.
        Github = "GITHUB",
        /// Of GitLab.
        Gitlab = "GITLAB",
        /// Of a GitHub server of one's own.
        GithubSelfHosted = "GITHUB_SELF_HOSTED",
        /// Of a GitLab server of one's own.
        GitlabSelfHosted = "GITLAB_SELF_HOSTED",
        /// One of the server's configuration file.
        GitConfig = "GIT_CONFIG",
    }
}

impl From<RepositoryKind> for String {
    fn from(kind: RepositoryKind) -> String {
        kind.as_str().to_owned()
    }
}
