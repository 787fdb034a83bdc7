//! `/v1beta/ingestion`: the caller's documents for the index of the server.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::failure::refined;
use super::path::segment;
use crate::api::fields::request;
use crate::api::kinds::{json, kinds};
use crate::api::operation::{Described, endpoints};
use crate::base::{Advice, Error, ErrorKind, Extra, Remedy, Result, TimeoutPolicy, Timeouts};
use crate::decode::in_place::filled;
use crate::decode::{Empty, Json};
use crate::protocol::{Endpoint, Idempotency, Scope};

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Documents for the index of the server: `client.ingestion()`. Requires the registration token, a server with accounts,
            /// and version 0.29.
            ingestion: Ingestion {
                /// Adds a document, or replaces the one with the same source and id. The server indexes it later.
                ///
                /// # Errors
                ///
                /// * `bad_request`: a field is too long or empty, or `ttl` is not a duration.
                /// * `validation_failed`: a field is missing.
                /// * `unauthorized`: the token is not the registration token.
                /// * `not_found`: the server does not support ingestion.
                call add(request: &IngestionRequest) -> IngestionResponse = request =>
                    json [IngestionRequest]: POST "/v1beta/ingestion", Admin, Idempotent, read, map_error;
                /// Removes a document. Succeeds even if it does not exist.
                call delete(source: impl Into<String>, id: impl Into<String>) -> Empty = &DeleteDocument::new(source, id) =>
                    own [DeleteDocument]: DELETE "/v1beta/ingestion/{source}/{id}", Admin, Idempotent, read, map_error;
                /// Removes all documents of a source. Succeeds even if there are none.
                call delete_source(source: impl Into<String>) -> Empty = &DeleteSource::new(source) =>
                    own [DeleteSource]: DELETE "/v1beta/ingestion/{source}", Admin, Idempotent, read, map_error;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

request! {
    /// A document for the index of the server.
    ///
    /// Lengths are counted in characters.
    pub struct IngestionRequest {
        required {
            /// The source of the document; 1 to 256 characters.
            source: String,
            /// The id within the source; 1 to 256 characters.
            id: String,
            /// The title; 1 to 65,535 characters.
            title: String,
            /// The text.
            body: String,
        }
        optional {
            /// The address of the document.
            link: String as impl Into<String>,
            /// How long the document is kept, such as `90d` or `12h 30m`; 90 days by default.
            ttl: String as impl Into<String>,
        }
    }
}

impl IngestionRequest {
    /// Creates a document with these parts.
    pub fn new(
        source: impl Into<String>,
        id: impl Into<String>,
        title: impl Into<String>,
        body: impl Into<String>,
    ) -> Self {
        IngestionRequest::blank(source.into(), id.into(), title.into(), body.into())
    }
}

/// The response to an [`IngestionRequest`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct IngestionResponse {
    /// The id of the document.
    #[serde(default, deserialize_with = "filled")]
    pub id: String,
    /// The source.
    #[serde(default, deserialize_with = "filled")]
    pub source: String,
    /// The message of the server.
    #[serde(default, deserialize_with = "filled")]
    pub message: String,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The operation of [`Ingestion::delete`](crate::tabbyml::services::Ingestion::delete).
#[derive(Clone, Debug)]
pub struct DeleteDocument(Result<String>);

impl DeleteDocument {
    /// Creates a request to remove the document with this id. The call errors with `invalid_request` if the source or the id is empty,
    /// `.` or `..`.
    pub fn new(source: impl Into<String>, id: impl Into<String>) -> Self {
        let (source, id) = (segment(&source.into()), segment(&id.into()));
        DeleteDocument(source.and_then(|source| Ok(["/v1beta/ingestion/", &source, "/", &id?].concat())))
    }
}

/// The operation of [`Ingestion::delete_source`](crate::tabbyml::services::Ingestion::delete_source).
#[derive(Clone, Debug)]
pub struct DeleteSource(Result<String>);

impl DeleteSource {
    /// Creates a request to remove the documents of this source. The call errors with `invalid_request` if it is empty, `.` or
    /// `..`.
    pub fn new(source: impl Into<String>) -> Self {
        DeleteSource(segment(&source.into()).map(|source| ["/v1beta/ingestion/", &source].concat()))
    }
}

macro_rules! deletes {
    ($($endpoint:ident),*) => { $(
        impl Endpoint for $endpoint {
            type Decoder = Json<Empty>;
            const METHOD: http::Method = <Self as Described>::METHOD;
            const SCOPE: Scope = <Self as Described>::SCOPE;
            const IDEMPOTENCY: Idempotency = <Self as Described>::IDEMPOTENCY;

            fn path(&self) -> Cow<'_, str> {
                // Without a path no request is sent, because the body is an error.
                self.0.as_deref().unwrap_or_default().into()
            }

            fn body(&self) -> Result<Option<Bytes>> {
                self.0.clone().map(|_| None)
            }

            fn timeouts(&self, policy: &TimeoutPolicy) -> Timeouts {
                <Self as Described>::timeouts(policy)
            }

            fn decoder(&self) -> Self::Decoder {
                json()
            }

            fn map_error(error: Error) -> Error {
                <Self as Described>::map_error(error)
            }
        }
    )* };
}

deletes!(DeleteDocument, DeleteSource);

kinds! {
    IngestionResponse: "id", "source", "message";
}

fn map_error(error: Error) -> Error {
    let error = refined(error);
    match (error.kind(), error.status().map_or(0, |status| status.as_u16()), error.code().as_str()) {
        (ErrorKind::Server, 400, "bad_request") => error.with_advice(Advice::new(
            Remedy::Change,
            "{field:source} and {field:id} take 1 to 256 characters, {field:title} 1 to 65,535, and {field:ttl} a time such as `90d`",
        )),
        (ErrorKind::Server, 401 | 403, _) => error.with_advice(Advice::new(
            Remedy::Give,
            "set the registration token, which an administrator finds in the server's settings; tokens of users are refused here",
        )),
        _ => error,
    }
}
