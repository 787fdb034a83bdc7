//! The description of operations: once, in the table of their service.
//!
//! The table of a service is a macro, `service!`, which passes its rows to another macro. This module generates the
//! [endpoints](crate::Endpoint), `client` the methods of both clients, and [`OPERATIONS`](crate::api::operations::OPERATIONS) the
//! data for the npm package, its types and the table of routes.
//!
//! ```text
//! /// Chat templates.                                     the service
//! templates: Templates {
//!     /// Returns the names of the templates.             the method, async and blocking
//!     call list() -> TemplateList = &ListTemplates =>     its response, and the endpoint that it calls
//!         unit [ListTemplates]: GET "/v1/templates", PreferAdmin, Idempotent, read;
//! }
//! ```
//!
//! * `call` returns one response; `stream` returns items that accumulate, `-> Item => Total`.
//! * The argument `request` is the request itself. Arguments with other names are the fields of the request, which are then all
//!   required. The methods in JavaScript take the same arguments.
//! * `unit` declares an endpoint without parameters, `json` one that serializes itself as JSON; `own` is written by hand, with
//!   [`described!`] for the values of the table.
//! * The last line has method, path, scope, idempotency, timeouts (a field of [`TimeoutPolicy`], or `load_whole`), and optionally
//!   a function that refines errors.

use std::time::Duration;

use http::Method;

use crate::base::{Error, TimeoutPolicy, Timeouts};
use crate::protocol::{Idempotency, Scope};

/// The values of the table for an endpoint.
pub(crate) trait Described {
    const METHOD: Method;
    const PATH: &'static str;
    const SCOPE: Scope;
    const IDEMPOTENCY: Idempotency;
    fn timeouts(policy: &TimeoutPolicy) -> Timeouts;
    fn map_error(error: Error) -> Error;
}

/// Makes the endpoints of a service's table.
macro_rules! endpoints {
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
        $(
            impl crate::api::operation::Described for $($endpoint)+ {
                const METHOD: ::http::Method = ::http::Method::$verb;
                const PATH: &'static str = $path;
                const SCOPE: crate::protocol::Scope = crate::protocol::Scope::$scope;
                const IDEMPOTENCY: crate::protocol::Idempotency = crate::protocol::Idempotency::$idempotency;

                fn timeouts(policy: &crate::base::TimeoutPolicy) -> crate::base::Timeouts {
                    crate::api::operation::timeouts!(policy, $timeouts)
                }

                fn map_error(error: crate::base::Error) -> crate::base::Error {
                    crate::api::operation::map_error!(error $(, $map_error)?)
                }
            }

            crate::api::operation::endpoint!($form [$($endpoint)+], $answer, concat!(
                "The operation of [`", stringify!($service), "::", stringify!($method), "`](crate::services::",
                stringify!($service), "::", stringify!($method), ")."
            ));
        )*
    };
}
pub(crate) use endpoints;

/// An endpoint of this form.
macro_rules! endpoint {
    (unit [$endpoint:ident], $answer:ty, $doc:expr) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $endpoint;

        impl crate::protocol::Endpoint for $endpoint {
            type Decoder = crate::decode::Json<$answer>;

            crate::api::operation::described!();

            fn decoder(&self) -> Self::Decoder {
                crate::api::kinds::json()
            }
        }
    };
    (json [$endpoint:ty], $answer:ty, $doc:expr) => {
        impl crate::protocol::Endpoint for $endpoint {
            type Decoder = crate::decode::Json<$answer>;

            crate::api::operation::described!();

            fn body(&self) -> crate::base::Result<Option<::bytes::Bytes>> {
                crate::protocol::json_body(self)
            }

            fn decoder(&self) -> Self::Decoder {
                crate::api::kinds::json()
            }
        }
    };
    (own [$($endpoint:tt)+], $answer:ty, $doc:expr) => {};
}
pub(crate) use endpoint;

/// The values of the table, as items of an `impl Endpoint`; `own timeouts` omits the timeouts.
macro_rules! described {
    () => {
        crate::api::operation::described!(own timeouts);

        fn timeouts(&self, policy: &crate::base::TimeoutPolicy) -> crate::base::Timeouts {
            <Self as crate::api::operation::Described>::timeouts(policy)
        }
    };
    (own timeouts) => {
        const METHOD: ::http::Method = <Self as crate::api::operation::Described>::METHOD;
        const SCOPE: crate::protocol::Scope = <Self as crate::api::operation::Described>::SCOPE;
        const IDEMPOTENCY: crate::protocol::Idempotency = <Self as crate::api::operation::Described>::IDEMPOTENCY;

        fn path(&self) -> ::std::borrow::Cow<'_, str> {
            <Self as crate::api::operation::Described>::PATH.into()
        }

        fn map_error(error: crate::base::Error) -> crate::base::Error {
            <Self as crate::api::operation::Described>::map_error(error)
        }
    };
}
pub(crate) use described;

macro_rules! timeouts {
    ($policy:ident, load_whole) => {
        crate::api::operation::load_whole($policy)
    };
    ($policy:ident, $kind:ident) => {
        $policy.$kind
    };
}
pub(crate) use timeouts;

macro_rules! map_error {
    ($error:ident) => {
        $error
    };
    ($error:ident, $map_error:path) => {
        $map_error($error)
    };
}
pub(crate) use map_error;

/// The timeouts of a load without events. Its head arrives at the end, so the limit for the head is at least 10 minutes.
pub(crate) fn load_whole(policy: &TimeoutPolicy) -> Timeouts {
    const LEAST: Duration = Duration::from_secs(600);
    policy.load.head(policy.load.head.map(|head| head.max(LEAST)))
}
