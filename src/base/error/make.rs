//! Construction of errors, and what is added to them on the way out.

use std::fmt;
use std::sync::Arc;

use http::{Method, StatusCode};

use super::{Answered, Cleaned, Error, ErrorCode, ErrorKind, Inner, Phase, Source, ValidationIssue, place};
use crate::base::advice::{Advice, Remedy};
use crate::base::record::Record;
use crate::base::secrets::Secrets;
use crate::base::text::texts_of_any;
use crate::base::time::Time;
use crate::base::transport_error::TransportError;

impl Error {
    pub(crate) fn with_partial_text(mut self, text: &str) -> Self {
        self.0.partial = Some(text.into());
        self
    }

    /// Creates an error for a custom [`Endpoint`](crate::Endpoint), decoder or key source.
    pub fn custom(kind: ErrorKind, code: impl Into<ErrorCode>, message: impl fmt::Display) -> Self {
        Error::new(kind, code, message.to_string())
    }

    /// Replaces the code, for an [`Endpoint::map_error`](crate::Endpoint::map_error).
    #[must_use]
    pub fn with_code(mut self, code: impl Into<ErrorCode>) -> Self {
        self.0.code = code.into();
        self
    }

    pub(crate) fn new(kind: ErrorKind, code: impl Into<ErrorCode>, message: impl Into<String>) -> Self {
        Error::made(kind, code.into(), message.into())
    }

    fn made(kind: ErrorKind, code: ErrorCode, message: String) -> Self {
        Error(Box::new(Inner {
            kind,
            message,
            subject: None,
            code,
            phase: None,
            hint: None,
            advice: None,
            remark: String::new(),
            quotes: None,
            endpoint: None,
            response: None,
            issues: Vec::new(),
            path: None,
            trace: None,
            source: None,
            retryable: matches!(
                kind,
                ErrorKind::Connect
                    | ErrorKind::Transport
                    | ErrorKind::Timeout
                    | ErrorKind::Truncated
                    | ErrorKind::Policy
            ),
            record: None,
            retry_at: None,
            retry_after: None,
            named_status: None,
            in_stream: false,
            partial: None,
        }))
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Config, ErrorCode::Config, message)
    }

    pub(crate) fn misuse(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Misuse, ErrorCode::Misuse, message)
    }

    pub(crate) fn cancelled() -> Self {
        Error::new(ErrorKind::Cancelled, ErrorCode::Cancelled, "the call was cancelled")
    }

    pub(crate) fn too_many(what: &str, most: usize) -> Self {
        Error::new(
            ErrorKind::TooLarge,
            "too_many_indices",
            format!("the answer has more {what} than the cap of {most}"),
        )
        .with_advice(Advice::new(Remedy::Raise, "raise {setting:limits.indices} if such answers are expected"))
    }

    pub(crate) fn with_phase(mut self, phase: Phase) -> Self {
        self.0.phase = Some(phase);
        self
    }

    pub(crate) fn with_path(mut self, path: String) -> Self {
        self.0.path = place(&path);
        self
    }

    pub(crate) fn with_trace(mut self, trace: Option<String>) -> Self {
        self.0.trace = trace;
        self
    }

    pub(crate) fn with_issues(mut self, issues: Vec<ValidationIssue>) -> Self {
        self.0.issues = issues;
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(Source { error: Arc::from(source.into()), texts: texts_of_any });
        self
    }

    pub(crate) fn with_failure(mut self, failure: TransportError) -> Self {
        let texts = failure.texts();
        self.0.source = Some(Source { error: Arc::new(failure), texts });
        self
    }

    pub(crate) fn with_retry_at(mut self, at: Time, now: Time) -> Self {
        self.0.retry_at = Some(at);
        self.0.retry_after = Some(at - now);
        self
    }

    pub(crate) fn with_named_status(mut self, status: Option<StatusCode>) -> Self {
        self.0.named_status = status;
        self
    }

    pub(crate) fn in_stream(mut self) -> Self {
        self.0.in_stream = true;
        self
    }

    pub(crate) fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    pub(crate) fn with_record(mut self, record: Record) -> Self {
        self.0.record = Some(record);
        self
    }

    /// Removes these secrets wherever a server or a transport may have repeated them.
    pub(crate) fn without(mut self, secrets: &Secrets) -> Self {
        let inner = &mut *self.0;
        secrets.remove_from(&mut inner.message);
        let mut code = inner.code.as_str().to_owned();
        secrets.remove_from(&mut code);
        inner.code = code.into();
        secrets.remove_from(&mut inner.remark);
        let texts = [&mut inner.hint, &mut inner.path, &mut inner.trace];
        texts.into_iter().flatten().for_each(|text| secrets.remove_from(text));
        for issue in &mut inner.issues {
            issue.location.iter_mut().for_each(|part| secrets.remove_from(part));
            [&mut issue.message, &mut issue.kind].into_iter().for_each(|text| secrets.remove_from(text));
            issue.input.iter_mut().for_each(|text| secrets.remove_from(text));
            issue.extra.remove_secrets(secrets);
        }
        if let Some(answered) = &mut inner.response {
            answered.body = secrets.remove_from_body(&answered.body, false);
            secrets.remove_from_headers(&mut answered.headers);
        }
        // A cause cannot be changed. One that repeats a secret is replaced by its cleaned text.
        if let Some(source) = &inner.source {
            let [mut text, deep] = (source.texts)(&*source.error);
            if secrets.are_in(text.as_bytes()) || secrets.are_in(deep.as_bytes()) {
                secrets.remove_from(&mut text);
                inner.source = Some(Cleaned(text).into_source());
            }
        }
        self
    }

    /// Sets the operation, unless a more precise location is set.
    pub(crate) fn at(mut self, method: &Method, url: &str) -> Self {
        if self.0.endpoint.is_none() {
            self.0.endpoint = Some((method.clone(), url.to_owned()));
        }
        self
    }

    /// Sets the response, unless a more precise one (the text of an event) is set.
    pub(crate) fn answered(mut self, answered: Answered) -> Self {
        if self.0.response.is_none() {
            self.0.response = Some(answered);
        }
        self
    }
}
