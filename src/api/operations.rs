//! `OPERATIONS`: the tables of all services as data, for code generators outside this crate.

use http::Method;

use crate::api::kinds::Kind;
use crate::api::operation::Described;
use crate::api::*;
use crate::base::{Error, TimeoutPolicy, Timeouts};
use crate::decode::Empty;
use crate::protocol::{Idempotency, Scope};

/// One operation of the server.
#[derive(Debug)]
#[non_exhaustive]
pub struct Operation {
    /// The service's accessor, such as `models`.
    pub service: &'static str,
    /// The service's type, such as `Models`.
    pub service_type: &'static str,
    /// The method, such as `list`.
    pub method: &'static str,
    /// The HTTP method.
    pub verb: Method,
    /// The path.
    pub path: &'static str,
    /// The scope of the key.
    pub scope: Scope,
    /// Whether it may be sent again.
    pub idempotency: Idempotency,
    /// The time limits.
    pub timeouts: fn(&TimeoutPolicy) -> Timeouts,
    /// Refines its errors.
    pub map_error: fn(Error) -> Error,
    /// A response has at least one of these fields.
    pub fields: &'static [&'static str],
    /// Whether it streams.
    pub streams: bool,
    /// The type that the items of its stream accumulate to.
    #[cfg(feature = "schemars")]
    pub total: Option<&'static str>,
    /// What the method does.
    #[cfg(feature = "schemars")]
    pub doc: &'static str,
    /// The names of the method's arguments.
    #[cfg(feature = "schemars")]
    pub arguments: &'static [&'static str],
    /// The schema of its request.
    #[cfg(feature = "schemars")]
    pub request_schema: Option<SchemaOf>,
    /// The schema of its response, or of the items of its stream.
    #[cfg(feature = "schemars")]
    pub answer_schema: SchemaOf,
}

/// Creates the schema of a type.
#[cfg(feature = "schemars")]
pub type SchemaOf = fn(&mut schemars::SchemaGenerator) -> schemars::Schema;

/// Makes the rows of a service's table. The caller defines the macros `fields!`, `total!`, `request_schema!` and
/// `answer_schema!`.
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
            total: total!($($total)?),
            #[cfg(feature = "schemars")]
            doc: concat!($($mdoc, "\n"),*),
            #[cfg(feature = "schemars")]
            arguments: &[$(stringify!($arg)),*],
            #[cfg(feature = "schemars")]
            request_schema: request_schema!($verb $form [$($endpoint)+]),
            #[cfg(feature = "schemars")]
            answer_schema: answer_schema!($answer),
        }),*]
    };
}

macro_rules! fields {
    ($accessor:ident call $answer:ty) => {
        <$answer as Kind>::FIELDS
    };
    ($accessor:ident stream $answer:ty) => {
        &[]
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
#[cfg(feature = "tabbyml")]
pub(crate) use {rows, streams};

#[cfg(feature = "schemars")]
macro_rules! total {
    () => {
        None
    };
    ($total:ty) => {
        Some(stringify!($total))
    };
}

#[cfg(feature = "schemars")]
macro_rules! request_schema {
    (GET $form:ident [$($endpoint:tt)+]) => { None };
    ($verb:ident unit [$($endpoint:tt)+]) => { None };
    ($verb:ident $form:ident [$($endpoint:tt)+]) => { Some(|generator| generator.subschema_for::<$($endpoint)+>()) };
}

#[cfg(feature = "schemars")]
macro_rules! answer_schema {
    ($answer:ty) => {
        |generator| generator.subschema_for::<$answer>()
    };
}

macro_rules! all {
    ($($service:ident)*) => { &[$(crate::api::$service::service!(rows)),*] };
}

/// The operations, by service.
pub static OPERATIONS: &[&[Operation]] = services!(all);

/// The accessor of a service, and its description.
#[cfg(feature = "schemars")]
macro_rules! service_doc {
    ($(#[doc = $doc:expr])* $accessor:ident: $service:ident { $($row:tt)* }) => {
        (stringify!($accessor), concat!($($doc, "\n"),*))
    };
}

#[cfg(feature = "schemars")]
macro_rules! all_docs {
    ($($service:ident)*) => { &[$(crate::api::$service::service!(service_doc)),*] };
}

/// The accessors of the services and their descriptions, in the order of [`OPERATIONS`].
#[cfg(feature = "schemars")]
pub static SERVICES: &[(&str, &str)] = services!(all_docs);
