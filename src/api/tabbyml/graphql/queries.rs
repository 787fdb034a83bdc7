//! The queries that clients need.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::Method;

use super::{
    ContextInfo, CurrentUser, FileMatch, GrepOutput, IngestionStatus, Page, Repository, RepositoryKind, SessionTokens,
    Thread, ThreadMessage,
};
use super::{Document, GraphQlAnswer};
use crate::api::operation::Described;
use crate::base::{Error, Result, TimeoutPolicy, Timeouts};
use crate::protocol::{Endpoint, Idempotency, Scope, json_body};

/// The document of a query, and the field of its response.
pub(crate) trait Query {
    /// The field of `data` in the response.
    const FIELD: &'static str;
    const DOCUMENT: &'static str;
}

/// Declares queries: arguments, the type of the field in the response, and the document.
macro_rules! queries {
    ($($(#[doc = $doc:expr])* $query:ident($($arg:ident: $type:ty = $name:literal),*) -> $field:literal $answer:ty, $document:literal;)*) => { $(
        $(#[doc = $doc])*
        #[derive(Clone)]
        pub struct $query(Document);

        impl $query {
            /// Creates the query with its required arguments.
            #[allow(clippy::new_without_default, reason = "some take no argument")]
            pub fn new($($arg: $type),*) -> Self {
                #[allow(unused_mut, reason = "some take no argument")]
                let mut document = Document::new(<$query as Query>::DOCUMENT);
                $(document.variables.set($name, String::from($arg.into()));)*
                $query(document)
            }
        }

        /// Variables can contain passwords, so they are omitted.
        impl fmt::Debug for $query {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($query)).finish_non_exhaustive()
            }
        }

        impl Query for $query {
            const FIELD: &'static str = $field;
            const DOCUMENT: &'static str = $document;
        }

        impl Endpoint for $query {
            type Decoder = GraphQlAnswer<$answer>;
            const METHOD: Method = <Self as Described>::METHOD;
            const SCOPE: Scope = <Self as Described>::SCOPE;
            const IDEMPOTENCY: Idempotency = <Self as Described>::IDEMPOTENCY;

            fn path(&self) -> Cow<'_, str> {
                <Self as Described>::PATH.into()
            }

            fn body(&self) -> Result<Option<Bytes>> {
                json_body(&self.0)
            }

            fn timeouts(&self, policy: &TimeoutPolicy) -> Timeouts {
                <Self as Described>::timeouts(policy)
            }

            fn decoder(&self) -> Self::Decoder {
                GraphQlAnswer::field(<$query as Query>::FIELD)
            }

            fn map_error(error: Error) -> Error {
                <Self as Described>::map_error(error)
            }
        }
    )* };
}

queries! {
    /// The operation of [`GraphQl::me`](crate::tabbyml::services::GraphQl::me).
    GetMe() -> "me" CurrentUser, "query { me { id email name isAdmin isOwner authToken } }";

    /// The operation of [`GraphQl::context_info`](crate::tabbyml::services::GraphQl::context_info).
    GetContextInfo() -> "contextInfo" ContextInfo, "query { contextInfo { sources { sourceId sourceKind sourceName } } }";

    /// The operation of [`GraphQl::repositories`](crate::tabbyml::services::GraphQl::repositories).
    ListRepositories() -> "repositoryList" Vec<Repository>,
        "query { repositoryList { id sourceId sourceName name kind gitUrl refs { name commit } } }";

    /// The operation of [`GraphQl::search_files`](crate::tabbyml::services::GraphQl::search_files).
    SearchFiles(kind: impl Into<RepositoryKind> = "kind", id: impl Into<String> = "id", pattern: impl Into<String> = "pattern")
        -> "repositorySearch" Vec<FileMatch>,
        "query ($kind: RepositoryKind!, $id: ID!, $rev: String, $pattern: String!) \
         { repositorySearch(kind: $kind, id: $id, rev: $rev, pattern: $pattern) { type path indices } }";

    /// The operation of [`GraphQl::grep`](crate::tabbyml::services::GraphQl::grep).
    Grep(kind: impl Into<RepositoryKind> = "kind", id: impl Into<String> = "id", query: impl Into<String> = "query")
        -> "repositoryGrep" GrepOutput,
        "query ($kind: RepositoryKind!, $id: ID!, $rev: String, $query: String!) \
         { repositoryGrep(kind: $kind, id: $id, rev: $rev, query: $query) { elapsedMs files { path lines \
         { lineNumber byteOffset line { text base64 } subMatches { bytesStart bytesEnd } } } } }";

    /// The operation of [`GraphQl::my_threads`](crate::tabbyml::services::GraphQl::my_threads).
    MyThreads() -> "myThreads" Page<Thread>,
        "query ($after: String, $first: Int) { myThreads(after: $after, first: $first) \
         { edges { cursor node { id userId isEphemeral createdAt updatedAt } } pageInfo { hasNextPage endCursor } } }";

    /// The operation of [`GraphQl::thread_messages`](crate::tabbyml::services::GraphQl::thread_messages).
    ThreadMessages(thread: impl Into<String> = "threadId") -> "threadMessages" Page<ThreadMessage>,
        "query ($threadId: ID!, $after: String, $first: Int) { threadMessages(threadId: $threadId, after: $after, first: $first) \
         { edges { cursor node { id threadId role content createdAt updatedAt } } pageInfo { hasNextPage endCursor } } }";

    /// The operation of [`GraphQl::ingestion_status`](crate::tabbyml::services::GraphQl::ingestion_status).
    GetIngestionStatus() -> "ingestionStatus" Vec<IngestionStatus>, "query { ingestionStatus { source pending failed total } }";

    /// The operation of [`GraphQl::sign_in`](crate::tabbyml::services::GraphQl::sign_in).
    SignIn(email: impl Into<String> = "email", password: impl Into<String> = "password") -> "tokenAuth" SessionTokens,
        "mutation ($email: String!, $password: String!) { tokenAuth(email: $email, password: $password) { accessToken refreshToken } }";

    /// The operation of [`GraphQl::refresh`](crate::tabbyml::services::GraphQl::refresh).
    RefreshTokens(token: impl Into<String> = "refreshToken") -> "refreshToken" SessionTokens,
        "mutation ($refreshToken: String!) { refreshToken(refreshToken: $refreshToken) { accessToken refreshToken } }";
}

macro_rules! revisions {
    ($($query:ident),*) => { $(
        impl $query {
            /// Sets the revision, such as a branch; that of the index by default.
            #[must_use]
            pub fn revision(mut self, revision: impl Into<String>) -> Self {
                self.0.variables.set("rev", revision.into());
                self
            }
        }
    )* };
}

macro_rules! pages {
    ($($query:ident),*) => { $(
        impl $query {
            /// Sets the cursor after which the page begins: [`Page::next`] of the previous page.
            #[must_use]
            pub fn after(mut self, cursor: impl Into<String>) -> Self {
                self.0.variables.set("after", cursor.into());
                self
            }

            /// Sets the maximum number of entries of the page.
            #[must_use]
            pub fn first(mut self, count: u32) -> Self {
                self.0.variables.set("first", count);
                self
            }
        }
    )* };
}

revisions!(SearchFiles, Grep);
pages!(MyThreads, ThreadMessages);
