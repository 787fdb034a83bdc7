//! The operations, by the names that the package gives them.
//!
//! Everything is told by the library's own table. Bodies stay in JavaScript, and responses are read by [`Wire`].

use bytes::Bytes;
use http::StatusCode;
use tabbyapi::call::{Call, Shared};
use tabbyapi::internal::{EndpointParts, OPERATIONS, Operation};
use tabbyapi::{Error, ErrorKind, Result, TimeoutPolicy, Timeouts};

use crate::config::Wanted;
use crate::format::Kind;
use crate::wire::Wire;

/// An operation as JavaScript asks for it.
pub(crate) struct Row {
    operation: &'static Operation,
    timeouts: fn(&TimeoutPolicy) -> Timeouts,
    kind: Kind,
    also: Option<StatusCode>,
}

/// The row of a name: service and method, and how the request changes what is to be expected.
pub(crate) fn find(name: &str) -> Result<Row> {
    let mut parts = name.split('.');
    let (service, method, variant) = (parts.next(), parts.next(), parts.next());
    let named = |operation: &&Operation| Some(operation.service) == service && Some(operation.method) == method;
    let operation = OPERATIONS
        .iter()
        .copied()
        .flatten()
        .find(named)
        .ok_or_else(|| Error::custom(ErrorKind::Misuse, "misuse", format!("there is no operation `{name}`")))?;
    let kind = match (operation.total, operation.service) {
        (None, _) => Kind::Body(operation.fields),
        (Some(_), "models") => Kind::Load,
        (Some(_), "kobold") => Kind::Kobold,
        (Some(_), _) => Kind::Chunks { unbounded: variant == Some("unbounded") },
    };
    Ok(Row {
        operation,
        timeouts: if variant == Some("tools") { |policy| policy.stream_tools } else { operation.timeouts },
        kind,
        // Health is told by this status, too.
        also: (operation.service == "health").then_some(StatusCode::SERVICE_UNAVAILABLE),
    })
}

impl Row {
    /// A call of the operation.
    pub(crate) fn call(&self, shared: &Shared, wanted: &Wanted<'_>) -> Result<Call<Wire>> {
        let options = wanted.options(shared);
        let parts = EndpointParts {
            method: self.operation.verb.clone(),
            path: self.operation.path.to_owned(),
            // That there is one is all that matters here.
            body: Ok(wanted.has_body.then(|| Bytes::from_static(b"{}"))),
            scope: self.operation.scope,
            idempotency: self.operation.idempotency,
            timeouts: (self.timeouts)(&options.timeout_policy.unwrap_or_default()),
            map_error: self.operation.map_error,
            model: None,
            tokens: 0,
        };
        let decoder = Wire::new(self.kind, self.also, wanted.choices, wanted.wants_usage);
        Call::of(shared, parts, decoder, &options)
    }

    /// What the library knows to say of the operation's errors.
    pub(crate) fn map_error(&self) -> fn(Error) -> Error {
        self.operation.map_error
    }
}
