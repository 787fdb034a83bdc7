//! The operations by their names in the package, and requests to any other route.
//!
//! The library's own table describes them. Bodies stay in JavaScript, and responses are read by [`Wire`].

use bytes::Bytes;
use http::{Method, StatusCode};
use tabbyapi::call::{Call, Shared};
use tabbyapi::internal::{EndpointParts, OPERATIONS, Operation};
use tabbyapi::{Error, ErrorKind, Idempotency, Options, Result, Scope, TimeoutPolicy, Timeouts};

use crate::config::Wanted;
use crate::format::Kind;
use crate::resume::Reports;
use crate::wire::Wire;

/// An operation as requested by JavaScript.
pub(crate) struct Row {
    pub(crate) verb: Method,
    pub(crate) path: String,
    pub(crate) scope: Scope,
    pub(crate) idempotency: Idempotency,
    pub(crate) map_error: fn(Error) -> Error,
    pub(crate) timeouts: fn(&TimeoutPolicy) -> Timeouts,
    pub(crate) kind: Kind,
    pub(crate) also: Option<StatusCode>,
}

/// Returns the row of an operation by its name, which is service and method, adapted to the request.
pub(crate) fn find(wanted: &Wanted<'_>) -> Result<Row> {
    let name = &*wanted.operation;
    if name == "request" || name == "request.stream" {
        return custom(wanted, name != "request");
    }
    #[cfg(feature = "tabbyml")]
    if let Some(name) = name.strip_prefix("tabbyml.") {
        return crate::tabbyml::find(name, wanted);
    }
    let mut parts = name.split('.');
    let (service, method, variant) = (parts.next(), parts.next(), parts.next());
    let named = |operation: &&Operation| Some(operation.service) == service && Some(operation.method) == method;
    let operation = OPERATIONS
        .iter()
        .copied()
        .flatten()
        .find(named)
        .ok_or_else(|| Error::custom(ErrorKind::Misuse, "misuse", format!("there is no operation `{name}`")))?;
    let kind = match (operation.streams, operation.service) {
        (false, _) => Kind::Body(operation.fields),
        (true, "models") => Kind::Load,
        (true, "kobold") => Kind::Kobold,
        (true, _) => Kind::Chunks { unbounded: variant == Some("unbounded") },
    };
    Ok(Row {
        verb: operation.verb.clone(),
        path: operation.path.to_owned(),
        scope: operation.scope,
        idempotency: operation.idempotency,
        map_error: operation.map_error,
        timeouts: if variant == Some("tools") { |policy| policy.stream_tools } else { operation.timeouts },
        kind,
        // An unhealthy server reports its health with this status.
        also: (name == "health.check").then_some(StatusCode::SERVICE_UNAVAILABLE),
    })
}

/// A route without an operation. It is sent again only if it is idempotent, or if the server cannot have started it.
fn custom(wanted: &Wanted<'_>, streams: bool) -> Result<Row> {
    let misuse = |reason: &str| Error::custom(ErrorKind::Misuse, "misuse", reason);
    let [method, path, scope] = ["method", "path", "scope"].map(|name| wanted.text(name));
    let verb = Method::from_bytes(method.as_bytes()).map_err(|_| misuse("`method` is not an HTTP method"))?;
    if !path.starts_with('/') {
        return Err(misuse("`path` must begin with a slash"));
    }
    let is_read = verb == Method::GET || verb == Method::HEAD;
    Ok(Row {
        path,
        scope: match &*scope {
            "public" => Scope::Public,
            "prefer_admin" => Scope::PreferAdmin,
            "admin" => Scope::Admin,
            "api" => Scope::Api,
            _ => return Err(misuse("`scope` is not one of `api`, `admin`, `prefer_admin` and `public`")),
        },
        idempotency: if is_read { Idempotency::Idempotent } else { Idempotency::IfUnsent },
        map_error: |error| error,
        timeouts: match (streams, is_read) {
            (true, _) => |policy| policy.stream,
            (false, true) => |policy| policy.read,
            (false, false) => |policy| policy.generate,
        },
        kind: if streams { Kind::Events } else { Kind::Body(&[]) },
        also: None,
        verb,
    })
}

impl Row {
    /// Creates a call of the operation.
    pub(crate) fn call(
        &self,
        shared: &Shared,
        options: &Options,
        wanted: &Wanted<'_>,
        reports: &Reports,
    ) -> Result<Call<Wire>> {
        let options = wanted.options(options)?;
        let model = wanted.model();
        let parts = EndpointParts {
            method: self.verb.clone(),
            path: self.path.clone(),
            #[cfg(feature = "tabbyml")]
            older_path: (self.kind == Kind::Assistant).then_some(tabbyapi::internal::OLDER_PATH),
            #[cfg(not(feature = "tabbyml"))]
            older_path: None,
            // Only its presence matters here.
            body: Ok(wanted.has_body.then(|| Bytes::from_static(b"{}"))),
            scope: self.scope,
            idempotency: self.idempotency,
            timeouts: (self.timeouts)(&options.timeout_policy.unwrap_or_default()),
            map_error: self.map_error,
            model: model.as_deref().map(Into::into),
            tokens: wanted.tokens,
        };
        let resuming = wanted.resuming();
        let decoder = Wire::new(self.kind, self.also, wanted.choices, wanted.wants_usage, resuming.is_some());
        let mut call = Call::of(shared, parts, decoder, &options)?;
        if let Some(resuming) = resuming {
            let chunks = matches!(self.kind, Kind::Chunks { .. });
            let (resume, join) = resuming.parts(reports, chunks, self.path.contains("chat"));
            call.resume(resume, join);
        }
        Ok(call)
    }

    /// Returns the function that refines the operation's errors.
    pub(crate) fn map_error(&self) -> fn(Error) -> Error {
        self.map_error
    }
}
