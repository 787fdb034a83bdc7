//! Files of requests with one JSON line each, as in OpenAI's batch files, and files of their results.
//!
//! This module does no IO: it reads and returns lines. The caller reads the lines from a file, appends the results, and flushes.
//! The file of results is the [`Journal`]: after a crash, requests that have a result are not repeated, and nothing is lost.
//!
//! ```
//! use tabbyapi::batch::jsonl::{Rerun, Journal, Plan, ResultLine};
//! use tabbyapi::transport::script::{Reply, Script};
//! # futures::executor::block_on(async {
//! # let answer = || Reply::json(200, r#"{"data":[]}"#);
//! # let client = tabbyapi::Client::builder("http://tabby.test").build_with(Script::new([answer(), answer()]))?;
//!
//! let input = r#"
//!     {"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"input": "one"}}
//!     {"custom_id": "b", "method": "POST", "url": "/v1/embeddings", "body": {"input": "two"}}"#;
//! let mut results = String::new();
//! for _run in 0..2 {
//!     let mut journal = Journal::new();
//!     journal.feed(results.as_bytes());
//!     journal.end();
//!     results += journal.glue();
//!
//!     // The second run finds no remaining requests.
//!     let mut batch = client.batch(Plan::new(input.lines(), journal, Rerun::Never)).concurrency(4);
//!     while let Some(done) = batch.next().await {
//!         results += &ResultLine::of(&done).to_line();
//!     }
//! }
//! assert_eq!(results.lines().count(), 2);
//! # Ok::<(), tabbyapi::Error>(())
//! # }).unwrap();
//! ```

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::BatchResult;
use crate::base::{Error, ErrorCode, ErrorKind, OrderedJson, Result, Text, TimeoutPolicy, Timeouts};
use crate::decode::Json;
use crate::protocol::estimate::Estimator;
use crate::protocol::{Endpoint, Idempotency, Scope};
use crate::toolkit::errors::Hash;
use http::Method;

pub use super::journal::Journal;

/// The routes that a line can name.
const ROUTES: [&str; 3] = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"];

/// Which requests that have a result are made again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rerun {
    /// None.
    #[default]
    Never,
    /// Those that failed, except lines that are not valid requests.
    Failed,
}

/// The remaining requests of a file, line by line.
///
/// Empty lines are skipped. A line that is not a request is returned as a request that fails at once, so that it has a result,
/// too. Keeps the ids of all lines to find duplicates.
pub struct Plan<I> {
    lines: I,
    number: u64,
    journal: Journal,
    again: Rerun,
    ids: HashSet<String>,
    skipped: u64,
}

/// One line of a file of requests, as an operation. Its body is sent unchanged, but without `stream`.
#[derive(Clone)]
pub struct BatchRequest {
    custom_id: String,
    digest: u64,
    /// Route and body, or why the line is not a request.
    what: Result<(&'static str, Body)>,
}

#[derive(Clone)]
struct Body {
    /// The text that is sent, because the order of fields matters in schemas.
    sent: Bytes,
    value: Value,
}

/// A line of the file.
#[derive(Deserialize)]
struct Line {
    custom_id: String,
    #[serde(default)]
    method: Option<String>,
    url: String,
    body: OrderedJson,
}

/// One line of a file of results: OpenAI's fields, and the digest of the request, which identifies it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResultLine {
    /// The id of the call. Empty if there was none.
    pub id: Text,
    /// The id in the line of the request.
    pub custom_id: String,
    /// The server's response, if there was one.
    pub response: Option<LineResponse>,
    /// Why there is no usable response.
    pub error: Option<LineError>,
    /// The digest of the line of the request. A line that changed is another request.
    pub request: String,
}

/// The server's response to a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LineResponse {
    /// The HTTP status.
    pub status_code: u16,
    /// The request id that a proxy set.
    pub request_id: Option<String>,
    /// The body. For an error, the part that was kept, as text if it is not JSON.
    pub body: Value,
}

/// Why a line has no successful response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LineError {
    /// The [code](Error::code) of the error.
    pub code: String,
    /// The text of the error.
    pub message: String,
}

impl<I> Plan<I> {
    /// Creates a plan of the lines that the journal has no result for.
    pub fn new(lines: I, journal: Journal, again: Rerun) -> Self {
        Plan { lines, number: 0, journal, again, ids: HashSet::new(), skipped: 0 }
    }

    /// Returns how many lines were skipped so far because they have a result.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}

impl<I: Iterator<Item: AsRef<str>>> Iterator for Plan<I> {
    type Item = BatchRequest;

    fn next(&mut self) -> Option<BatchRequest> {
        loop {
            let line = self.lines.next()?;
            self.number += 1;
            let line = line.as_ref().trim();
            if line.is_empty() {
                continue;
            }
            let mut request = BatchRequest::read(line, self.number);
            if request.what.is_ok() && !self.ids.insert(request.custom_id.clone()) {
                let why = format!("the id `{}` is used in an earlier line", request.custom_id);
                request = BatchRequest::refused(request.custom_id, line, self.number, why);
            }
            match (self.journal.result(&request.custom_id, request.digest), self.again) {
                (None, _) => return Some(request),
                (Some(false), Rerun::Failed) if request.what.is_ok() => return Some(request),
                _ => self.skipped += 1,
            }
        }
    }
}

impl<I> fmt::Debug for Plan<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("line", &self.number).field("skipped", &self.skipped).finish_non_exhaustive()
    }
}

impl BatchRequest {
    /// Reads a line. A line that is not a request becomes one that fails at once with an error that names the line.
    pub fn read(line: &str, number: u64) -> Self {
        let id_alone = || {
            let value: Option<Value> = serde_json::from_str(line).ok();
            value.and_then(|value| value.get("custom_id")?.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let Line { custom_id, method, url, mut body } = match serde_json::from_str(line) {
            Ok(line) => line,
            Err(error) => return BatchRequest::refused(id_alone(), line, number, error.to_string()),
        };
        let refuse = |why: String| BatchRequest::refused(custom_id.clone(), line, number, why);
        let Some(route) = ROUTES.into_iter().find(|route| *route == url) else {
            return refuse(format!("`{}` is not one of {}", url.escape_debug(), ROUTES.join(", ")));
        };
        if let Some(method) = method.filter(|method| method != "POST") {
            return refuse(format!("the method is `{}`, not POST", method.escape_debug()));
        }
        if !body.is_object() {
            return refuse("the body is not an object".to_owned());
        }
        if body.remove("stream").is_some_and(|stream| stream != false) {
            return refuse("a line cannot be streamed; leave `stream` out".to_owned());
        }
        // A digest of the content of the request, independent of how the line is written and of the features of `serde_json`.
        let mut canonical = String::new();
        body.canonical(&mut canonical);
        let digest = digest(&[&custom_id, route, &canonical]);
        let body = Body { sent: body.to_string().into(), value: body.to_value() };
        BatchRequest { custom_id, digest, what: Ok((route, body)) }
    }

    fn refused(custom_id: String, line: &str, number: u64, why: String) -> Self {
        let digest = digest(&["refused", &number.to_string(), line]);
        let error =
            Error::new(ErrorKind::Encode, ErrorCode::InvalidLine, format!("line {number} is not a request: {why}"))
                .with_hint(r#"write {"custom_id", "method": "POST", "url", "body"}, each id once"#);
        BatchRequest { custom_id, digest, what: Err(error) }
    }

    /// Returns the id in the line. Empty if it has none.
    pub fn custom_id(&self) -> &str {
        &self.custom_id
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// Returns why the line is not a request. `None` if it is one.
    pub fn error(&self) -> Option<&Error> {
        self.what.as_ref().err()
    }

    /// Returns the body that is sent. Its fields are sent in the order of the line, which a [`Value`] may not keep.
    pub fn json(&self) -> Option<&Value> {
        self.what.as_ref().ok().map(|(_, body)| &body.value)
    }
}

fn digest(parts: &[&str]) -> u64 {
    let mut hash = Hash::new();
    parts.iter().for_each(|part| hash.part(part));
    hash.0
}

impl Endpoint for BatchRequest {
    type Decoder = Json<Value>;
    const METHOD: Method = Method::POST;
    const SCOPE: Scope = Scope::Api;
    // Most are generations.
    const IDEMPOTENCY: Idempotency = Idempotency::IfUnsent;

    fn path(&self) -> Cow<'_, str> {
        self.what.as_ref().map_or("/", |(route, _)| *route).into()
    }

    fn body(&self) -> Result<Option<Bytes>> {
        match &self.what {
            Ok((_, body)) => Ok(Some(body.sent.clone())),
            Err(error) => Err(error.clone()),
        }
    }

    fn timeouts(&self, timeout_policy: &TimeoutPolicy) -> Timeouts {
        timeout_policy.generate
    }

    fn model(&self) -> Option<&str> {
        self.json()?.get("model")?.as_str()
    }

    fn tokens(&self) -> u64 {
        let Some(body) = self.json() else { return 0 };
        let answer = body.get("max_tokens").and_then(Value::as_u64).unwrap_or_default();
        answer.saturating_add(Estimator::new().text(&body.to_string()).tokens)
    }

    fn decoder(&self) -> Json<Value> {
        Json::new()
    }
}

impl ResultLine {
    /// Creates the line of this result.
    pub fn of(done: &BatchResult<BatchRequest>) -> Self {
        let request = &done.request;
        let mut line = ResultLine {
            id: Text::default(),
            custom_id: request.custom_id.clone(),
            response: None,
            error: None,
            request: format!("{:016x}", request.digest),
        };
        match &done.result {
            Ok(answer) => {
                line.id = answer.meta().record().id.clone();
                line.response = Some(LineResponse {
                    status_code: answer.meta().status().as_u16(),
                    request_id: answer.meta().request_id().map(str::to_owned),
                    body: Value::clone(answer),
                });
            }
            Err(error) => {
                // Without the location, which a line that was never sent does not have.
                let error = request.error().unwrap_or(error);
                line.id = error.record().map(|record| record.id.clone()).unwrap_or_default();
                line.response = error.status().map(|status| LineResponse {
                    status_code: status.as_u16(),
                    request_id: error.request_id().map(str::to_owned),
                    body: error.body().map(|body| readable(body)).unwrap_or_default(),
                });
                line.error = Some(LineError { code: error.code().to_string(), message: error.to_string() });
            }
        }
        line
    }

    /// Returns the line as text, with its line end. Write it whole, and flush.
    pub fn to_line(&self) -> String {
        // It has only strings and JSON, which can always be serialized.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

fn readable(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

impl fmt::Debug for BatchRequest {
    // Omits the body, which is the prompt.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchRequest")
            .field("custom_id", &self.custom_id)
            .field("digest", &self.digest)
            .field("error", &self.error())
            .finish_non_exhaustive()
    }
}
