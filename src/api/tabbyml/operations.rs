//! The tables of all services as data, for the npm package.

use super::graphql::Query;
use super::*;
use crate::api::chat::ChatCompletion;
use crate::api::kinds::Kind;
use crate::api::operation::Described;
use crate::api::operations::Operation;
use crate::api::streamed::Streamed;
use crate::decode::Empty;

/// Makes rows of a service's table. They have no schemas: there is no document of this server's API.
macro_rules! rows {
    (
        $(#[doc = $doc:expr])*
        $accessor:ident: $service:ident {
            $(
                $(#[doc = $mdoc:expr])*
                $kind:ident $method:ident($($arg:ident: $type:ty),*) -> $answer:ty $(=> $total:ty)? = $call:expr =>
                    $form:ident [$($endpoint:tt)+]: $verb:ident $path:literal, $scope:ident, $idempotency:ident, $timeouts:ident
                    $(, $map_error:path)?;
            )*
        }
    ) => {
        &[$(Operation {
            service: stringify!($accessor),
            service_type: stringify!($service),
            method: stringify!($method),
            verb: <$($endpoint)+ as Described>::METHOD,
            path: <$($endpoint)+ as Described>::PATH,
            scope: <$($endpoint)+ as Described>::SCOPE,
            idempotency: <$($endpoint)+ as Described>::IDEMPOTENCY,
            timeouts: <$($endpoint)+ as Described>::timeouts,
            map_error: <$($endpoint)+ as Described>::map_error,
            fields: fields!($accessor $kind $answer),
            streams: streams!($kind),
            #[cfg(feature = "schemars")]
            total: None,
            #[cfg(feature = "schemars")]
            doc: concat!($($mdoc, "\n"),*),
            #[cfg(feature = "schemars")]
            request_schema: None,
            #[cfg(feature = "schemars")]
            answer_schema: |_| schemars::Schema::from(true),
        }),*]
    };
}

/// The fields of an answer, at least one of which is there.
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

macro_rules! streams {
    (call) => {
        false
    };
    (stream) => {
        true
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
