//! `Error`: one sentence for people, a kind and a code for programs, and whatever the server said.

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

/// What went wrong, in one opaque, boxed type.
///
/// It prints as one sentence: what happened, where, and what to do. Programs read [`kind`](Error::kind) and
/// [`code`](Error::code); the server's status, headers, body and words are kept within the caps of
/// [`Limits`](crate::Limits). Partial answers of streams are not in it: a stream keeps those itself.
///
/// Bodies and echoed input can hold the prompt, so neither `Display` nor `Debug` prints them; keys never show.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    /// What the message begins with.
    subject: Option<Place>,
    code: ErrorCode,
    phase: Option<Phase>,
    hint: Option<String>,
    advice: Option<Advice>,
    /// What the hint says beside the advice.
    remark: String,
    /// The hint is this and the text of the source, which is an [`Error`].
    quotes: Option<&'static str>,
    endpoint: Option<(Method, String)>,
    response: Option<Answered>,
    issues: Vec<ValidationIssue>,
    path: Option<String>,
    trace: Option<String>,
    // Shared, so that errors can be handed to several readers.
    source: Option<Source>,
    retryable: bool,
    record: Option<Record>,
    retry_at: Option<Time>,
    retry_after: Option<Duration>,
    /// What the error itself names, where the answer's status is a success.
    named_status: Option<StatusCode>,
    /// It came in an event of a stream.
    in_stream: bool,
    partial: Option<crate::base::text::Text>,
}

/// What the server answered, when an error came of it.
#[derive(Clone)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Error {
    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns what happened, for programs. Codes compare with strings, too.
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

    /// What happened, without the place and the hint; for server errors the server's own words, as they came: `Display` escapes
    /// control characters, this does not.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status, when the server had answered. An error inside of an answer or a stream that began as a success has the
    /// status that it names itself (such as `"code": 429`), if it does.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.named_status.or_else(|| self.0.response.as_ref().map(|r| r.status))
    }

    /// The headers of the answer, when the server had answered.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.0.response.as_ref().map(|r| &r.headers)
    }

    /// The raw body of the answer, or the event that carried the error, cut at
    /// [`Limits::error_excerpt`](crate::Limits::error_excerpt). It can echo the request.
    pub fn body(&self) -> Option<&Bytes> {
        self.0.response.as_ref().map(|r| &r.body)
    }

    /// What had been generated of a whole answer that was cut, of its first choice, for code `generation_cut`; all of it is in the
    /// [`body`](Error::body). Streams keep what had arrived themselves.
    pub fn partial_text(&self) -> Option<&str> {
        self.0.partial.as_deref()
    }

    /// The entries of a 422 answer; empty for other errors.
    pub fn validation(&self) -> &[ValidationIssue] {
        &self.0.issues
    }

    /// The path inside the JSON document that did not decode, such as `choices[0].delta`.
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// The server's traceback, sent only by servers that run with `send_tracebacks` (wire: `trace`).
    pub fn trace(&self) -> Option<&str> {
        self.0.trace.as_deref()
    }

    /// The part of the call that ran out of time, for [`ErrorKind::Timeout`].
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// The operation, as method and URL (which never holds a key).
    pub fn endpoint(&self) -> Option<(&Method, &str)> {
        self.0.endpoint.as_ref().map(|(method, url)| (method, url.as_str()))
    }

    /// The attempts that were made, with causes, waits, bytes and times.
    pub fn record(&self) -> Option<&Record> {
        self.0.record.as_ref()
    }

    /// The id that a proxy put into `x-request-id`; TabbyAPI itself sends none.
    pub fn request_id(&self) -> Option<&str> {
        self.headers()?.get("x-request-id")?.to_str().ok()
    }

    /// Whether the same call may succeed later without a change.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// The sentence for people, as `Display` has it: where, what happened, and what to do.
    // By plain concatenation, as other texts of the core are made: the machinery of formatting would be a tenth of the module that
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
                    // The server's sentence goes on in ours.
                    parts.extend([": ", without_end(&inner.message, ".")]);
                }
            }
            _ => parts.push(&inner.message),
        }
        if let Some(path) = &inner.path {
            parts.extend([" (at `", path, "`)"]);
        }
        if let Some(hint) = &inner.hint {
            // A question of the server's cannot go on after a semicolon.
            match inner.path.is_none() && matches!(inner.message.as_bytes().last(), Some(b'?' | b'!')) {
                true => parts.extend([" (", hint, ")"]),
                false => parts.extend(["; ", hint]),
            }
        }
        printable(&parts.concat()).into_owned()
    }

    /// How long to wait before the same call is made again, where that is known: what the server asks for with `Retry-After` (in
    /// seconds, or as a date, which counts from the answer's own `Date`) or `retry-after-ms`, or when a breaker or rate limit of this
    /// client lets calls through again, counted from the refusal.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after.or_else(|| date::retry_after(self.headers()?))
    }

    /// What lies beneath, such as a [`TransportError`](crate::transport::TransportError), for programs that look for a type. The text
    /// of the error has its text already, which is why [`source`](std::error::Error::source) passes it over.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &*source.error as &(dyn std::error::Error + 'static))
    }

    /// When a call that was refused by a policy of this client can be made, on the transport's clock.
    pub fn retry_at(&self) -> Option<Time> {
        self.0.retry_at
    }

    /// Whether a deadline passed.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// The error of a stream that ended without its announced end and without an error event, for an
    /// [`EventFormat::end`](crate::decode::EventFormat::end).
    pub fn truncated() -> Self {
        Error::new(ErrorKind::Truncated, ErrorCode::Truncated, "the stream ended before its end was announced")
            .with_hint("the connection was cut or the server was stopped; what had arrived is kept by the stream")
    }
}

/// A cause, and what tells its texts.
#[derive(Clone)]
struct Source {
    error: Arc<dyn std::error::Error + Send + Sync>,
    texts: Texts,
}

/// A cause without the secret that it repeated.
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

/// So that what is a [`BaseUrl`](crate::BaseUrl) already can stand where one is parsed.
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
    /// The first cause that tells more than the error's own text, as those who print a chain print all of it.
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

/// A JSON path as it is told: that of the document itself, or an unknown one, says nothing.
pub(crate) fn place(path: &str) -> Option<String> {
    (!matches!(path, "" | "." | "?")).then(|| path.to_owned())
}
