//! `POST /graphql`: custom queries with typed responses, and the queries that clients need.

mod answer;
mod queries;
mod types;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::refined;
use crate::api::operation::{Described, endpoints};
use crate::base::{Advice, Error, ErrorKind, Extra, MaybeSend, OrderedJson, Remedy, Result};
use crate::protocol::{Endpoint, Idempotency, Scope, json_body};

pub(super) use answer::refusal;
pub use answer::{GraphQlAnswer, GraphQlError};
pub(super) use queries::Query;
pub use queries::*;
pub use types::*;

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// The GraphQL API of servers with accounts: `client.graphql()`. Search in code and documents is only available here.
            ///
            /// Most fields of the API reject the token of a user, and require the access token of [`sign_in`](GraphQl::sign_in)
            /// instead. The methods here accept both, unless noted otherwise. Send custom queries with [`query`](GraphQl::query).
            ///
            /// # Errors
            ///
            /// The server reports errors with status 200. Their code is that of the server in lower case, such as `unauthorized`, `forbidden`
            /// or `not_found`, or `graphql_error` if it has none. A document that is not valid for this API is a `bad_request`.
            graphql: GraphQl {
                /// Returns the user that the token belongs to.
                call me() -> CurrentUser = &GetMe::new() =>
                    own [GetMe]: POST "/graphql", Api, IfUnsent, read, map_error;
                /// Returns what can be searched: repositories, documents, pages.
                call context_info() -> ContextInfo = &GetContextInfo::new() =>
                    own [GetContextInfo]: POST "/graphql", Api, IfUnsent, read, map_error;
                /// Returns the repositories that the server has indexed.
                call repositories() -> Vec<Repository> = &ListRepositories::new() =>
                    own [ListRepositories]: POST "/graphql", Api, IfUnsent, read, map_error;
                /// Returns the files of a repository whose paths match the pattern.
                call search_files(search: &SearchFiles) -> Vec<FileMatch> = search =>
                    own [SearchFiles]: POST "/graphql", Api, IfUnsent, read, map_error;
                /// Returns the lines of a repository that match the query: a regular expression, with the filters `f:` for file names and
                /// `lang:` for languages. A leading `-` negates one.
                call grep(grep: &Grep) -> GrepOutput = grep =>
                    own [Grep]: POST "/graphql", Api, IfUnsent, read, map_error;
                /// Returns the conversations of the user, page by page.
                call my_threads(list: &MyThreads) -> Page<Thread> = list =>
                    own [MyThreads]: POST "/graphql", Api, IfUnsent, read, map_error;
                /// Returns the messages of a conversation, page by page.
                call thread_messages(list: &ThreadMessages) -> Page<ThreadMessage> = list =>
                    own [ThreadMessages]: POST "/graphql", Api, IfUnsent, read, map_error;
                /// Returns the indexing progress of documents, by source. Rejects the token of a user.
                call ingestion_status() -> Vec<IngestionStatus> = &GetIngestionStatus::new() =>
                    own [GetIngestionStatus]: POST "/graphql", Api, IfUnsent, read, map_error;
                /// Signs in with the password of an account. Returns an access token, which is valid for 30 minutes as the token of a
                /// client, and a refresh token.
                call sign_in(email: impl Into<String>, password: impl Into<String>) -> SessionTokens = &SignIn::new(email, password) =>
                    own [SignIn]: POST "/graphql", Public, IfUnsent, read, map_error;
                /// Returns new tokens for a refresh token.
                call refresh(refresh_token: impl Into<String>) -> SessionTokens = &RefreshTokens::new(refresh_token) =>
                    own [RefreshTokens]: POST "/graphql", Public, IfUnsent, read, map_error;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

/// A GraphQL document with its variables, and the type of its `data`.
///
/// ```
/// use serde::Deserialize;
/// use tabbyapi::tabbyml::GraphQlQuery;
///
/// #[derive(Deserialize)]
/// struct Data {
///     me: Me,
/// }
///
/// #[derive(Deserialize)]
/// struct Me {
///     email: String,
/// }
///
/// let query = GraphQlQuery::<Data>::new("query { me { email } }");
/// # let _ = query;
/// ```
pub struct GraphQlQuery<T> {
    request: Document,
    data: PhantomData<fn() -> T>,
}

impl<T> GraphQlQuery<T> {
    /// Creates a query with this document and no variables.
    pub fn new(document: impl Into<Cow<'static, str>>) -> Self {
        GraphQlQuery { request: Document::new(document), data: PhantomData }
    }

    /// Sets a variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<OrderedJson>) -> Self {
        self.request.variables.set(name, value);
        self
    }

    /// Selects one of several operations of the document.
    #[must_use]
    pub fn operation(mut self, name: impl Into<String>) -> Self {
        self.request.operation_name = Some(name.into());
        self
    }
}

impl<T> Clone for GraphQlQuery<T> {
    fn clone(&self) -> Self {
        GraphQlQuery { request: self.request.clone(), data: PhantomData }
    }
}

/// Variables can contain passwords, so they are omitted.
impl<T> fmt::Debug for GraphQlQuery<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphQlQuery").field("query", &self.request.query).finish_non_exhaustive()
    }
}

/// The body of a request.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    query: Cow<'static, str>,
    #[serde(skip_serializing_if = "Extra::is_empty")]
    variables: Extra,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_name: Option<String>,
}

impl Document {
    fn new(query: impl Into<Cow<'static, str>>) -> Self {
        Document { query: query.into(), variables: Extra::new(), operation_name: None }
    }
}

impl<T: DeserializeOwned + MaybeSend + 'static> Endpoint for GraphQlQuery<T> {
    type Decoder = GraphQlAnswer<T>;
    const METHOD: http::Method = <GetMe as Described>::METHOD;
    const SCOPE: Scope = Scope::Api;
    const IDEMPOTENCY: Idempotency = Idempotency::IfUnsent;

    fn path(&self) -> Cow<'_, str> {
        <GetMe as Described>::PATH.into()
    }

    fn body(&self) -> Result<Option<Bytes>> {
        json_body(&self.request)
    }

    fn decoder(&self) -> Self::Decoder {
        GraphQlAnswer::whole()
    }

    fn map_error(error: Error) -> Error {
        map_error(error)
    }
}

fn map_error(error: Error) -> Error {
    let error = refined(error);
    match (error.kind(), error.status().map_or(0, |status| status.as_u16()), error.code().as_str()) {
        (ErrorKind::Server, 200, "forbidden") => error.with_advice(Advice::new(
            Remedy::Give,
            "most of this API refuses the tokens of users: sign in with a password and use the access token",
        )),
        (ErrorKind::Server, 200, "unauthorized") => {
            error.with_advice(Advice::new(Remedy::Give, "set the token from the server's home page"))
        }
        (ErrorKind::Server, 400, "bad_request") => {
            error.with_advice(Advice::new(Remedy::Change, "the document does not match this server's schema"))
        }
        _ => error,
    }
}
