//! The tables of all services as data, for the npm package.

use super::graphql::Query;
use super::*;
use crate::api::chat::ChatCompletion;
use crate::api::kinds::Kind;
use crate::api::operation::Described;
use crate::api::operations::{Operation, rows, streams};
use crate::api::streamed::Streamed;
use crate::decode::Empty;

/// The fields of a response, at least one of which is present.
macro_rules! fields {
    (graphql $kind:ident $answer:ty) => {
        &["data", "errors"]
    };
    ($accessor:ident stream $answer:ty) => {
        &[]
    };
    ($accessor:ident call $answer:ty) => {
        <$answer as Kind>::FIELDS
    };
}

// There are no schemas: there is no document of this server's API.
#[cfg(feature = "schemars")]
macro_rules! total {
    ($($total:ty)?) => {
        None
    };
}

#[cfg(feature = "schemars")]
macro_rules! request_schema {
    ($($endpoint:tt)+) => {
        None
    };
}

#[cfg(feature = "schemars")]
macro_rules! answer_schema {
    ($answer:ty) => {
        |_| schemars::Schema::from(true)
    };
}

/// Makes a list of the documents of the GraphQL service's table.
macro_rules! documents {
    (
        $(#[doc = $doc:expr])*
        $accessor:ident: $service:ident {
            $(
                $(#[doc = $mdoc:expr])*
                $kind:ident $method:ident($($arg:ident: $type:ty),*) -> $answer:ty = $call:expr =>
                    own [$endpoint:ty]: $verb:ident $path:literal, $scope:ident, $idempotency:ident, $timeouts:ident, $map_error:path;
            )*
        }
    ) => {
        &[$((stringify!($method), <$endpoint as Query>::FIELD, <$endpoint as Query>::DOCUMENT)),*]
    };
}

/// The operations, by service.
pub static TABBYML_OPERATIONS: &[&[Operation]] = &[
    chat::service!(rows),
    completions::service!(rows),
    events::service!(rows),
    graphql::service!(rows),
    health::health_service!(rows),
    health::models_service!(rows),
    health::setting_service!(rows),
    ingestion::service!(rows),
];

/// The documents of GraphQL: the method, the field of `data` that answers, and the document.
pub static TABBYML_DOCUMENTS: &[(&str, &str, &str)] = graphql::service!(documents);
