//! An endpoint with the options of its call, ready to be sent any number of times.

use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};

use super::Shared;
use super::extra_fields::with_extra;
use super::guard::secrets_beyond;
use crate::base::text::contains;
use crate::base::{BaseUrl, Error, Limits, Result, Secrets, Text, Timeouts};
use crate::protocol::endpoint::{Endpoint, Idempotency, Scope};
use crate::protocol::hub_token::without_token;
use crate::protocol::options::{Options, Retrying};

/// What all attempts of a call share. The server, its URL and the key are selected for each attempt.
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: String,
    /// The path on older servers, until it is requested; then the other one.
    #[cfg(feature = "tabbyml")]
    older: Older,
    pub(super) body: Option<Bytes>,
    /// The body without the token in it.
    pub(super) shown: Option<Bytes>,
    pub(super) headers: HeaderMap,
    /// The secrets that the options name.
    named: Secrets,
    /// The secrets of the operation itself.
    own: OnceLock<Secrets>,
    /// The header for the id of the call.
    correlation: Option<HeaderName>,
    needs_model: bool,
    pub(super) scope: Scope,
    pub(super) idempotency: Idempotency,
    pub(super) timeouts: Timeouts,
    /// The limit until the first item, including retries and waits.
    pub(super) timeout: Option<Duration>,
    /// Whether the total limit was set separately.
    pub(super) has_total: bool,
    pub(super) limits: Limits,
    pub(super) retry: Retrying,
    /// [`Endpoint::map_error`] of the endpoint.
    pub(super) map_error: fn(Error) -> Error,
}

/// Whether there is a path for older servers.
#[cfg(feature = "tabbyml")]
enum Older {
    No,
    Path(&'static str),
    /// It was requested. This is the path of current servers.
    Asked(String),
}

/// The description of an endpoint without its type, so that the code that uses it is compiled once.
#[allow(missing_debug_implementations, reason = "it is hidden, and holds a prompt")]
pub struct EndpointParts {
    /// The HTTP method.
    pub method: Method,
    /// The path under the base URL.
    pub path: String,
    /// The path on older servers.
    pub older_path: Option<&'static str>,
    /// The body, without the fields of options.
    pub body: Result<Option<Bytes>>,
    /// The scope of the key.
    pub scope: Scope,
    /// Whether it may be sent again.
    pub idempotency: Idempotency,
    /// The time limits.
    pub timeouts: Timeouts,
    /// Refines errors.
    pub map_error: fn(Error) -> Error,
    /// The requested model.
    pub model: Option<Text>,
    /// The number of tokens for a rate limit.
    pub tokens: u64,
}

impl EndpointParts {
    pub(super) fn of<E: Endpoint>(endpoint: &E, options: &Options, counts_tokens: bool) -> Self {
        EndpointParts {
            method: E::METHOD,
            path: endpoint.path().into_owned(),
            #[cfg(feature = "tabbyml")]
            older_path: endpoint.older_path(),
            #[cfg(not(feature = "tabbyml"))]
            older_path: None,
            body: endpoint.body().and_then(|body| with_extra(body, &options.extra)),
            scope: E::SCOPE,
            idempotency: E::IDEMPOTENCY,
            timeouts: endpoint.timeouts(&options.timeout_policy.unwrap_or_default()),
            map_error: E::map_error,
            model: endpoint.model().map(Text::from),
            tokens: if counts_tokens { endpoint.tokens() } else { 0 },
        }
    }
}

/// The scope of a call with these options.
fn preferred(scope: Scope, options: &Options) -> Scope {
    match (scope, options.prefer_admin_key) {
        (Scope::Api, Some(true)) => Scope::PreferAdmin,
        (Scope::PreferAdmin, Some(false)) => Scope::Api,
        (scope, _) => scope,
    }
}

/// The timeouts with the limits that the options set separately.
fn paced(mut timeouts: Timeouts, options: &Options) -> Timeouts {
    if let Some(limit) = options.timeout {
        timeouts.head = Some(limit);
        // A load is silent while it progresses. A part without a limit does not get one.
        timeouts.first_item = timeouts.first_item.map(|_| limit);
        timeouts.idle = timeouts.idle.map(|_| limit);
        timeouts.total = timeouts.total.map(|total| total.max(limit));
    }
    if options.total.is_some() { timeouts.total(options.total) } else { timeouts }
}

impl Operation {
    pub(super) fn new(parts: EndpointParts, options: &Options) -> Result<Self> {
        let body = parts.body?;
        Ok(Operation {
            method: parts.method,
            shown: without_token(&parts.path, body.as_deref().unwrap_or_default()),
            body,
            named: options.secrets.clone(),
            own: OnceLock::new(),
            headers: options.headers.clone(),
            correlation: options.correlation_header.clone(),
            needs_model: parts.scope == Scope::Api && !contains(&parts.path, "embedding"),
            scope: preferred(parts.scope, options),
            path: parts.path,
            #[cfg(feature = "tabbyml")]
            older: parts.older_path.map_or(Older::No, Older::Path),
            idempotency: parts.idempotency,
            timeouts: paced(options.timeouts.unwrap_or(parts.timeouts), options),
            timeout: options.timeout,
            has_total: options.total.is_some(),
            limits: options.limits.clone().unwrap_or_default(),
            retry: options.retrying(),
            map_error: parts.map_error,
        })
    }

    /// Whether it fails on a server without a loaded model: operations of scope `Api` do, except embeddings, which have their own
    /// model.
    pub(super) fn needs_model(&self) -> bool {
        self.needs_model
    }

    /// Handles a missing path. Returns whether the request is sent again to the path on older servers.
    #[cfg(feature = "tabbyml")]
    pub(super) fn is_missing(&mut self) -> bool {
        match std::mem::replace(&mut self.older, Older::No) {
            Older::No => false,
            Older::Path(older) => {
                self.older = Older::Asked(std::mem::replace(&mut self.path, older.to_owned()));
                true
            }
            Older::Asked(path) => {
                self.path = path;
                false
            }
        }
    }

    pub(super) fn loads_model(&self) -> bool {
        self.path == "/v1/model/load"
    }

    /// The secrets of the client and of the operation.
    pub(super) fn secrets(&self, shared: &Shared) -> Secrets {
        let mut secrets = shared.secrets();
        let own = self.own.get_or_init(|| {
            let mut own = secrets_beyond(&self.headers, &shared.options().headers);
            own.add_token(&self.path, self.body.as_deref().unwrap_or_default());
            own.join(&self.named);
            own
        });
        secrets.join(own);
        secrets
    }

    /// The body for hooks and records: without the token of a download.
    pub(super) fn shown_body(&self) -> Option<&Bytes> {
        self.shown.as_ref().or(self.body.as_ref())
    }

    /// Returns the request of one attempt, without a key.
    pub(super) fn request(&self, base: &BaseUrl, id: &str) -> Result<Request<Bytes>> {
        let mut request = Request::new(self.body.clone().unwrap_or_default());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = base.join(&self.path)?;
        *request.headers_mut() = match self.body {
            // Cloning the headers of most requests takes less time than inserting them.
            Some(_) if self.headers.is_empty() && self.correlation.is_none() => USUAL_HEADERS.clone(),
            _ => self.all_headers(id),
        };
        Ok(request)
    }

    fn all_headers(&self, id: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        // `insert` and `append` are used with one type each, since they are compiled for each type of name.
        if !self.headers.contains_key(header::ACCEPT) {
            headers.insert(header::ACCEPT, ACCEPTED);
        }
        // Requests an identity encoding. In a browser this header cannot be set, and `fetch` decodes bodies itself.
        if !self.headers.contains_key(header::ACCEPT_ENCODING) {
            headers.insert(header::ACCEPT_ENCODING, IDENTITY);
        }
        for (name, value) in &self.headers {
            headers.append(name.clone(), value.clone());
        }
        if let (Some(name), Ok(id)) = (&self.correlation, HeaderValue::from_str(id)) {
            headers.insert(name.clone(), id);
        }
        if self.body.is_some() {
            headers.insert(header::CONTENT_TYPE, JSON);
        }
        headers
    }
}

const ACCEPTED: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
/// Without this type the server reads the body as a string and rejects it.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The headers of a request with a body, if there are no others.
static USUAL_HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, ACCEPTED);
    headers.insert(header::ACCEPT_ENCODING, IDENTITY);
    headers.insert(header::CONTENT_TYPE, JSON);
    headers
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ChatMessage, ChatRequest};

    #[test]
    fn usual_headers_are_those_that_would_be_inserted() {
        let (request, options) = (ChatRequest::new([ChatMessage::user("hi")]), Options::new());
        let operation = Operation::new(EndpointParts::of(&request, &options, false), &options).unwrap();
        let base = "http://127.0.0.1:5000".parse().unwrap();
        let sent = operation.request(&base, "id").unwrap();
        let inserted = operation.all_headers("id");
        assert_eq!(sent.headers().iter().collect::<Vec<_>>(), inserted.iter().collect::<Vec<_>>());
    }
}
