//! `Error`: one sentence for people, a kind and a code for programs, and the server's response.

mod code;
mod hinted;
mod issue;
mod kind;
mod make;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::base::advice::{Advice, Place};
use crate::base::date;
use crate::base::record::Record;
use crate::base::text::{Texts, decimal, printable, without_end};
use crate::base::time::Time;

pub use code::ErrorCode;
pub use issue::ValidationIssue;
pub use kind::{ErrorKind, Phase};

/// The result of this library's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error type of this library, opaque and boxed.
///
/// `Display` writes one sentence: what happened, where, and what to do. Programs read [`kind`](Error::kind) and
/// [`code`](Error::code). The server's status, headers, body and message are kept within the caps of
/// [`Limits`](crate::Limits). Errors do not contain partial responses: a stream keeps those itself.
///
/// Bodies and echoed input can contain the prompt, so neither `Display` nor `Debug` prints them. Keys are never printed.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    /// The setting at the start of the message.
    subject: Option<Place>,
    code: ErrorCode,
    phase: Option<Phase>,
    hint: Option<String>,
    advice: Option<Advice>,
    /// Text that follows the advice in the hint.
    remark: String,
    /// The hint is these words and the text of the source, which is an [`Error`].
    quotes: Option<&'static str>,
    endpoint: Option<(Method, String)>,
    response: Option<Answered>,
    issues: Vec<ValidationIssue>,
    path: Option<String>,
    trace: Option<String>,
    // Shared, so that several readers can receive the same error.
    source: Option<Source>,
    retryable: bool,
    record: Option<Record>,
    retry_at: Option<Time>,
    retry_after: Option<Duration>,
    /// The status that the error itself names, if the response status is a success.
    named_status: Option<StatusCode>,
    /// The error was reported by an event of a stream.
    in_stream: bool,
    partial: Option<crate::base::text::Text>,
}

/// The server's response to which the error belongs.
#[derive(Clone)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Error {
    /// Returns the class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns what happened, for programs. Codes can be compared with strings.
    ///
    /// ```
    /// # fn handle(error: &tabbyapi::Error) {
    /// use tabbyapi::ErrorCode;
    ///
    /// match error.code() {
    ///     ErrorCode::NoModelLoaded => println!("load a model first"),
    ///     ErrorCode::ContextLengthExceeded => println!("that was too long"),
    ///     code => println!("{code}: {error}"),
    /// }
    /// # }
    /// ```
    pub fn code(&self) -> &ErrorCode {
        &self.0.code
    }

    /// Returns what happened, without the location and the hint. For server errors this is the server's own text. `Display` escapes
    /// control characters, this method does not.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the HTTP status, if the server responded. For an error inside a successful response or stream, returns the status that
    /// the error names (such as `"code": 429`), if any.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.named_status.or_else(|| self.0.response.as_ref().map(|r| r.status))
    }

    /// Returns the headers of the response, if the server responded.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.0.response.as_ref().map(|r| &r.headers)
    }

    /// Returns the raw body of the response, or the event that carried the error, cut at
    /// [`Limits::error_excerpt`](crate::Limits::error_excerpt). It can echo the request.
    pub fn body(&self) -> Option<&Bytes> {
        self.0.response.as_ref().map(|r| &r.body)
    }

    /// Returns the text of the first choice of a whole response that was cut: for code `generation_cut`, whose [`body`](Error::body) has all of
    /// it, and for any error after the first text of a response of TabbyML that is accumulated from its stream. Streams keep their partial
    /// response themselves.
    pub fn partial_text(&self) -> Option<&str> {
        self.0.partial.as_deref()
    }

    /// Returns the entries of a 422 response. Empty for other errors.
    pub fn validation(&self) -> &[ValidationIssue] {
        &self.0.issues
    }

    /// Returns the path inside the JSON document that failed to decode, such as `choices[0].delta`.
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// Returns the server's traceback. Only servers with `send_tracebacks` send it (wire: `trace`).
    pub fn trace(&self) -> Option<&str> {
        self.0.trace.as_deref()
    }

    /// Returns the part of the call that timed out, for [`ErrorKind::Timeout`].
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// Returns the operation as method and URL. The URL does not contain keys.
    pub fn endpoint(&self) -> Option<(&Method, &str)> {
        self.0.endpoint.as_ref().map(|(method, url)| (method, url.as_str()))
    }

    /// Returns the attempts of the call, with causes, waits, bytes and times.
    pub fn record(&self) -> Option<&Record> {
        self.0.record.as_ref()
    }

    /// Returns the id that a proxy set as `x-request-id`. TabbyAPI itself does not send one.
    pub fn request_id(&self) -> Option<&str> {
        self.headers()?.get("x-request-id")?.to_str().ok()
    }

    /// Returns whether the same call may succeed later without a change.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Returns the sentence that `Display` writes: where, what happened, and what to do.
    // Concatenated without `format!`: the formatting code would be a tenth of the wasm module that
    // browsers load.
    pub fn sentence(&self) -> String {
        let inner = &*self.0;
        let mut parts = Vec::new();
        if let Some((method, url)) = &inner.endpoint {
            parts.extend([method.as_str(), " ", url, ": "]);
        }
        let status = self.status().filter(|status| !status.is_success());
        let status = status.map(|status| decimal(status.as_u16().into()));
        match inner.kind {
            ErrorKind::Server => {
                parts.push("the server ");
                match &status {
                    Some(status) => parts.extend(["answered ", status]),
                    None if inner.in_stream => parts.push("reported an error in the stream"),
                    None => parts.push("reported an error in its answer"),
                }
                if !inner.message.is_empty() {
                    // The server's sentence continues in ours.
                    parts.extend([": ", without_end(&inner.message, ".")]);
                }
            }
            _ => parts.push(&inner.message),
        }
        if let Some(path) = &inner.path {
            parts.extend([" (at `", path, "`)"]);
        }
        if let Some(hint) = &inner.hint {
            // A question from the server cannot be followed by a semicolon.
            match inner.path.is_none() && matches!(inner.message.as_bytes().last(), Some(b'?' | b'!')) {
                true => parts.extend([" (", hint, ")"]),
                false => parts.extend(["; ", hint]),
            }
        }
        printable(&parts.concat()).into_owned()
    }

    /// Returns how long to wait before making the same call again, if known. The server sets it with `Retry-After` (in seconds, or as a
    /// date relative to the response's `Date`) or `retry-after-ms`. For a call that an open circuit or a rate limit of this client rejected,
    /// it is the time until calls are admitted again, counted from the rejection.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after.or_else(|| date::retry_after(self.headers()?))
    }

    /// Returns the underlying error, such as a [`TransportError`](crate::transport::TransportError), for downcasting. `Display` already
    /// includes its text, so [`source`](std::error::Error::source) skips it.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &*source.error as &(dyn std::error::Error + 'static))
    }

    /// Returns when a call that a policy of this client rejected can be made again, on the transport's clock.
    pub fn retry_at(&self) -> Option<Time> {
        self.0.retry_at
    }

    /// Returns whether a deadline passed.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Creates the error of a stream that ended without its announced end and without an error event. For
    /// [`EventFormat::end`](crate::decode::EventFormat::end).
    pub fn truncated() -> Self {
        Error::new(ErrorKind::Truncated, ErrorCode::Truncated, "the stream ended before its end was announced")
            .with_hint("the connection was cut or the server was stopped; the stream keeps what arrived")
    }
}

/// A cause, and the function that returns its texts.
#[derive(Clone)]
struct Source {
    error: Arc<dyn std::error::Error + Send + Sync>,
    texts: Texts,
}

/// The text of a cause, without the secret that it repeated.
struct Cleaned(String);

impl Cleaned {
    fn into_source(self) -> Source {
        let texts: Texts = |error| {
            error.downcast_ref::<Cleaned>().map(|cleaned| [cleaned.0.clone(), String::new()]).unwrap_or_default()
        };
        Source { error: Arc::new(self), texts }
    }
}

impl std::error::Error for Cleaned {}

impl fmt::Display for Cleaned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cleaned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Allows a [`BaseUrl`](crate::BaseUrl) where a value is converted into one.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let mut out = f.debug_struct("Error");
        out.field("kind", &inner.kind).field("code", &inner.code).field("message", &inner.message);
        if let Some(response) = &inner.response {
            out.field("status", &response.status.as_u16()).field("body_bytes", &response.body.len());
        }
        if let Some((method, url)) = &inner.endpoint {
            out.field("endpoint", &format_args!("{method} {url}"));
        }
        for (name, value) in [("path", &inner.path), ("hint", &inner.hint)] {
            if let Some(value) = value {
                out.field(name, value);
            }
        }
        if let Some(phase) = &inner.phase {
            out.field("phase", phase);
        }
        if !inner.issues.is_empty() {
            out.field("validation", &inner.issues);
        }
        if let Some(source) = &inner.source {
            out.field("source", &source.error);
        }
        out.finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    /// Skips causes whose text `Display` already includes, because printers of error chains print every link.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let sentence = self.sentence();
        let mut next = self.cause();
        while let Some(cause) = next
            && sentence.contains(&*printable(&cause.to_string()))
        {
            next = cause.source();
        }
        next
    }
}

/// A JSON path for messages. The document itself and an unknown path return None.
pub(crate) fn place(path: &str) -> Option<String> {
    (!matches!(path, "" | "." | "?")).then(|| path.to_owned())
}
