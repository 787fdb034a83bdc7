//! An endpoint with the options of its call, ready to be sent any number of times.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};

use super::Shared;
use super::guard::secrets_beyond;
use crate::base::{BaseUrl, Error, Limits, Pace, Result, Secrets, Text};
use crate::protocol::endpoint::{Endpoint, Replay, Scope};
use crate::protocol::hub_token::without_token;
use crate::protocol::options::{Options, Retrying};

/// What stays the same over the attempts of a call. The server, its URL and the key are looked up for each attempt.
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Bytes>,
    /// The body without the token that is in it.
    pub(super) shown: Option<Bytes>,
    pub(super) headers: HeaderMap,
    /// The secrets that are its own.
    own: OnceLock<Secrets>,
    /// The header that the call's id is sent in.
    correlation: Option<HeaderName>,
    pub(super) scope: Scope,
    pub(super) replay: Replay,
    pub(super) pace: Pace,
    /// The time until the first item, with all retries and waits.
    pub(super) timeout: Option<Duration>,
    /// Whether the total of the pace was set apart from it.
    pub(super) has_total: bool,
    pub(super) limits: Limits,
    pub(super) retry: Retrying,
    /// [`Endpoint::explain`] of the endpoint.
    pub(super) explain: fn(Error) -> Error,
}

/// What an endpoint says of itself, apart from its type, so that what is made of it is compiled once.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    body: Result<Option<Bytes>>,
    scope: Scope,
    replay: Replay,
    pace: Pace,
    explain: fn(Error) -> Error,
    pub(super) model: Option<Text>,
    pub(super) tokens: u64,
}

impl Asked {
    pub(super) fn of<E: Endpoint>(endpoint: &E, options: &Options, counts_tokens: bool) -> Self {
        Asked {
            method: E::METHOD,
            path: endpoint.path().into_owned(),
            body: endpoint.body_with(&options.extra),
            scope: match E::SCOPE {
                Scope::Api if options.prefer_admin_key == Some(true) => Scope::List,
                scope => scope,
            },
            replay: E::REPLAY,
            pace: paced(options.pace.unwrap_or_else(|| endpoint.pace(&options.paces.unwrap_or_default())), options),
            explain: E::explain,
            model: endpoint.model().map(Text::from),
            tokens: if counts_tokens { endpoint.tokens() } else { 0 },
        }
    }
}

/// A pace with the times that options set apart from it.
fn paced(mut pace: Pace, options: &Options) -> Pace {
    if let Some(limit) = options.timeout {
        pace.head = Some(limit);
        // A load is silent for as long as it takes: what has no limit gets none.
        pace.first_item = pace.first_item.map(|_| limit);
        pace.stall = pace.stall.map(|_| limit);
        pace.total = pace.total.map(|total| total.max(limit));
    }
    if options.total.is_some() { pace.total(options.total) } else { pace }
}

impl Operation {
    pub(super) fn new(asked: Asked, options: &Options) -> Result<Self> {
        let body = asked.body?;
        Ok(Operation {
            method: asked.method,
            shown: without_token(&asked.path, body.as_deref().unwrap_or_default()),
            path: asked.path,
            body,
            own: OnceLock::new(),
            headers: options.headers.clone(),
            correlation: options.correlation_header.clone(),
            scope: asked.scope,
            replay: asked.replay,
            pace: asked.pace,
            timeout: options.timeout,
            has_total: options.total.is_some(),
            limits: options.limits.clone().unwrap_or_default(),
            retry: options.retrying(),
            explain: asked.explain,
        })
    }

    /// Whether it fails on a server that has no model loaded: what takes an API key alone does, but for embeddings, which have a model of
    /// their own.
    pub(super) fn needs_model(&self) -> bool {
        self.scope == Scope::Api && !self.path.contains("embedding")
    }

    pub(super) fn loads_model(&self) -> bool {
        self.path == "/v1/model/load"
    }

    /// What must not show of the call: all that its client holds, and what is its own.
    pub(super) fn secrets(&self, shared: &Shared) -> Secrets {
        let mut secrets = shared.secrets();
        let own = self.own.get_or_init(|| {
            let mut own = secrets_beyond(&self.headers, &shared.options().headers);
            own.add_token(&self.path, self.body.as_deref().unwrap_or_default());
            own
        });
        secrets.join(own);
        secrets
    }

    /// The body as it may be shown: without the token of a download.
    pub(super) fn shown_body(&self) -> Option<&Bytes> {
        self.shown.as_ref().or(self.body.as_ref())
    }

    /// The request of one attempt of the call with this id, without a key.
    pub(super) fn request(&self, base: &BaseUrl, id: &str) -> Result<Request<Bytes>> {
        let mut request = Request::new(self.body.clone().unwrap_or_default());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = base.join(&self.path)?;
        let headers = request.headers_mut();
        // By one way of inserting and one of appending: each that the map has is compiled for each kind of name.
        if !self.headers.contains_key(header::ACCEPT) {
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        }
        // Bodies are read as they come. A page may not set it; its `fetch` decodes bodies by itself.
        if !self.headers.contains_key(header::ACCEPT_ENCODING) {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        for (name, value) in &self.headers {
            headers.append(name.clone(), value.clone());
        }
        if let (Some(name), Ok(id)) = (&self.correlation, HeaderValue::from_str(id)) {
            headers.insert(name.clone(), id);
        }
        if self.body.is_some() {
            // Without this type the server takes the body for a string and refuses it.
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(request)
    }
}
