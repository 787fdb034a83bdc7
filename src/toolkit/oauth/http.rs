//! Requests to the authorization server through the transport, with a deadline and a size limit, and the handling of failures.

use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use oauth2::{AsyncHttpClient, ErrorResponse, ErrorResponseType, HttpRequest, HttpResponse, RequestTokenError};

use super::Provider;
use crate::base::secrets::mark;
use crate::base::{Advice, BoxFuture, Error, ErrorKind, Remedy, Secrets, Time};
use crate::transport::Erased;

/// The maximum size of a response.
const LARGEST: usize = 1 << 20;
/// The maximum length of the server's own text in an error, in characters.
const LONGEST: usize = 300;

/// The HTTP client of one grant.
#[derive(Clone)]
pub(super) struct Http(Arc<Inner>);

struct Inner {
    transport: Arc<dyn Erased>,
    timeout: Duration,
    /// Secrets, which are removed from errors.
    secrets: Mutex<Secrets>,
    /// The status of the last response.
    status: AtomicU16,
    /// The transport's time in milliseconds when it was last read. The polling of device codes needs the time in a place where
    /// the transport cannot be used on wasm32.
    millis: Arc<AtomicU64>,
}

/// Why there is no token. Several calls may report it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Fault {
    pub(super) code: String,
    message: String,
    /// In the form of an [`Advice`].
    hint: Option<&'static str>,
    retryable: bool,
}

impl Http {
    pub(super) fn new(provider: &Provider, transport: Arc<dyn Erased>, timeout: Duration) -> Self {
        let inner =
            Inner { transport, timeout, secrets: Mutex::default(), status: AtomicU16::new(0), millis: Arc::default() };
        let http = Http(Arc::new(inner));
        http.now();
        if let Some(secret) = &provider.secret {
            http.guard(secret.secret());
        }
        http
    }

    pub(super) fn now(&self) -> Time {
        let now = self.0.transport.now();
        self.0.millis.store(now.since_epoch().as_millis().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        now
    }

    /// Returns the time of the last reading, in the form that the OAuth crate requires.
    pub(super) fn time(&self) -> impl Fn() -> chrono::DateTime<chrono::Utc> + Send + Sync + 'static {
        let millis = self.0.millis.clone();
        move || {
            let millis = millis.load(Ordering::Relaxed).try_into().unwrap_or(i64::MAX);
            chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default()
        }
    }

    pub(super) async fn sleep(self, duration: Duration) {
        self.0.transport.sleep_until(self.now() + duration).await;
        self.now();
    }

    /// Adds a secret that is removed from errors.
    pub(super) fn guard(&self, secret: &str) {
        self.0.secrets.lock().unwrap_or_else(PoisonError::into_inner).add(secret);
    }

    /// Sends a request and reads the whole response.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Fault> {
        let place = request.uri().to_string();
        let (mut head, body) = request.into_parts();
        mark(&mut head.headers);
        self.0.secrets.lock().unwrap_or_else(PoisonError::into_inner).add_headers(&head.headers);
        self.0.status.store(0, Ordering::Relaxed);
        let exchange = self.exchange(http::Request::from_parts(head, Bytes::from(body)), &place);
        let late = self.0.transport.sleep_until(self.now() + self.0.timeout);
        let result = match select(std::pin::pin!(exchange), late).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => {
                let message = format!("the authorization server at {place} did not answer within {:?}", self.0.timeout);
                Err(self
                    .fault(
                        "oauth_timeout",
                        message,
                        Some("check the network, or give it more time with {setting:o_auth.timeout}"),
                    )
                    .retryable())
            }
        };
        self.now();
        result
    }

    async fn exchange(&self, request: http::Request<Bytes>, place: &str) -> Result<HttpResponse, Fault> {
        let lost = |error: crate::base::TransportError| {
            let message = format!("the authorization server at {place} could not be reached: {error}");
            self.fault("oauth_connect", message, Some("check its address and the network")).retryable()
        };
        let (head, mut chunks) = self.0.transport.send(request).await.map_err(lost)?.into_parts();
        self.0.status.store(head.status.as_u16(), Ordering::Relaxed);
        let mut body = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(lost)?;
            if body.len() + chunk.len() > LARGEST {
                let message = format!("the answer of the authorization server at {place} is larger than 1 MiB");
                return Err(self.fault("oauth_answer", message, Some("check that this is an OAuth endpoint")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(http::Response::from_parts(head, body))
    }

    /// Creates a fault without secrets in its message.
    pub(super) fn fault(&self, code: &str, message: String, hint: Option<&'static str>) -> Fault {
        let secrets = self.0.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        Fault { code: secrets.remove(code), message: secrets.remove(&message), hint, retryable: false }
    }

    /// The server's text for a message. Secrets are removed before it is truncated, so that none is cut in two.
    fn excerpt(&self, text: &str, most: usize) -> String {
        let text = self.0.secrets.lock().unwrap_or_else(PoisonError::into_inner).remove(text);
        text.chars().filter(|c| !c.is_control()).take(most).collect()
    }

    /// Converts the failure of a grant.
    pub(super) fn failed<T>(&self, grant: &str, place: &str, error: RequestTokenError<Fault, T>) -> Fault
    where
        T: ErrorResponse + Words,
    {
        let status = self.0.status.load(Ordering::Relaxed);
        match error {
            RequestTokenError::Request(fault) => fault,
            RequestTokenError::ServerResponse(answer) => {
                let (code, words) = answer.words();
                let (code, words) = (self.excerpt(&code, 64), self.excerpt(&words, LONGEST));
                let words = if words.is_empty() { words } else { format!(" ({})", words.trim_end_matches('.')) };
                let message = format!("the authorization server at {place} refused the {grant}: {code}{words}");
                let hint = hint(&code);
                self.fault(&code, message, hint)
            }
            // The text that the parser found could be part of a token.
            RequestTokenError::Parse(error, _) => {
                let message = format!(
                    "the authorization server at {place} answered {status} with something that is not a response to the {grant} \
                     (at `{}`)",
                    error.path()
                );
                self.fault("oauth_answer", message, Some("check that this is an OAuth endpoint"))
            }
            RequestTokenError::Other(what) => {
                let what = self.excerpt(&what, LONGEST);
                let message = format!("the authorization server at {place} answered {status} to the {grant}: {what}");
                self.fault("oauth_answer", message, Some("check that this is an OAuth endpoint"))
            }
        }
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Fault;
    type Future = BoxFuture<Result<HttpResponse, Fault>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        let http = self.clone();
        Box::pin(async move { http.send(request).await })
    }
}

/// The error code and the description from the server.
pub(super) trait Words {
    fn words(&self) -> (String, String);
}

impl<T: ErrorResponseType + std::fmt::Display> Words for oauth2::StandardErrorResponse<T> {
    fn words(&self) -> (String, String) {
        // `Display` of the error code is its wire form.
        (self.error().to_string(), self.error_description().cloned().unwrap_or_default())
    }
}

impl Fault {
    pub(super) fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Returns a copy of the error for one of the waiting calls.
    pub(super) fn error(&self) -> Error {
        let error = Error::custom(ErrorKind::Credentials, &self.code, &self.message).with_retryable(self.retryable);
        match self.hint {
            Some(hint) => error.with_advice(Advice::new(Remedy::Check, hint)),
            None => error,
        }
    }
}

fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "invalid_client" => {
            "check the client id and secret, and whether the server requires the secret with {setting:provider.secret_in_body}"
        }
        "invalid_grant" => "sign in again: the code or token was used, has expired or was revoked",
        "unauthorized_client" | "unsupported_grant_type" => {
            "allow this grant to this client at the authorization server"
        }
        "invalid_scope" => "request scopes that this client may have",
        "access_denied" => "the user declined, or may not do this",
        "expired_token" => "start again: the user did not confirm in time",
        "invalid_request" | "invalid_target" => "check the parameters that were added with {setting:provider.param}",
        _ => return None,
    })
}
