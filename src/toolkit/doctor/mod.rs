//! Examines a server: finds problems between a client and a TabbyAPI server, and suggests fixes.
//!
//! [`Doctor`] sends requests that change nothing over any [`Transport`]: it reads what can be read, tries the keys, and provokes
//! errors to check their format. With [`generate`](Doctor::generate) it also generates a few tokens. The [`Report`] has
//! [`Finding`]s, each with a stable name, what was seen, why it matters, which clients it breaks, and what to do. [`CHECKS`]
//! lists all of them.
//!
//! ```
//! use tabbyapi::doctor::Doctor;
//! use tabbyapi::transport::script::{Reply, Script};
//!
//! # futures::executor::block_on(async {
//! // In your CI: a transport such as `Reqwest`, and the address of the server under test.
//! let transport = Script::new([Reply::status(200).header("content-type", "text/html").chunk("<html>Welcome to nginx!</html>")]);
//! let report = Doctor::new("http://127.0.0.1:5000")?.run(&transport).await;
//!
//! assert!(report.has("html"));
//! println!("{report}");
//! # Ok::<(), tabbyapi::Error>(())
//! # }).unwrap();
//! ```
//! [`judge`] does not send anything: it judges an exchange that was recorded by [`Recorder`](crate::transport::record::Recorder),
//! or from raw HTTP.
//! Judging sends nothing: [`judge`] takes an exchange that was recorded, by [`Recorder`](crate::transport::record::Recorder) or from raw HTTP.
//!
//! ```
//! use tabbyapi::doctor::judge;
//! use tabbyapi::transport::Exchange;
//!
//! let request = b"GET /v1/auth/permission HTTP/1.1\r\n\r\n";
//! let answer = b"HTTP/1.1 200 OK\r\ndate: Sun, 22 Nov 2026 14:55:00 GMT\r\ncontent-type: application/json\r\n\r\n{\"permission\":\"root\"}";
//! let findings = judge(&Exchange::from_http(request, answer)?);
//!
//! assert_eq!(findings[0].check.id, "field-value");
//! assert_eq!(findings[0].seen, "`permission` is `root`, not `api` or `admin`");
//! # Ok::<(), tabbyapi::Error>(())
//! ```

mod check;
mod cors;
mod drift;
mod examine;
mod judge;
mod keys;
mod model;
mod plan;
mod report;
mod run;
mod server;

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use serde_json::Value;

use crate::base::secrets::Secrets;
use crate::base::{BaseUrl, Error, Result};
use crate::protocol::auth::Credential;
use crate::transport::{Exchange, Transport};

pub use check::{CHECKS, Check, Severity};
pub use drift::{Change, Drift};
pub use report::{Finding, Probe, Report};

use examine::Examination;
use report::Notes;

/// Settings of an examination.
#[derive(Clone, Debug)]
pub struct Doctor {
    base: BaseUrl,
    api_key: Option<Credential>,
    admin_key: Option<Credential>,
    origin: Option<String>,
    generate: bool,
    timeout: Duration,
    wall_clock: Option<Duration>,
    document: Option<Arc<Value>>,
}

impl Doctor {
    /// Creates an examination of the server at this address, without keys and without generation.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the address is not valid.
    pub fn new(url: &str) -> Result<Self> {
        Ok(Doctor {
            base: url.parse()?,
            api_key: None,
            admin_key: None,
            origin: None,
            generate: false,
            timeout: Duration::from_secs(60),
            wall_clock: None,
            document: None,
        })
    }

    /// Sets the key that the routes are checked with: an API key, an admin key or a bearer key.
    pub fn api_key(mut self, key: Credential) -> Self {
        self.api_key = Some(key);
        self
    }

    /// Sets the admin key, whose permission is checked. Nothing is loaded, unloaded, switched or downloaded with it.
    pub fn admin_key(mut self, key: Credential) -> Self {
        self.admin_key = Some(key);
        self
    }

    /// Sets the origin of a web page, such as `https://chat.example.org`. The server is then also checked for the CORS headers
    /// that a browser on that page requires.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if it is not an origin: scheme and host, optionally a port, and nothing else.
    pub fn origin(mut self, origin: &str) -> Result<Self> {
        let origin = origin.trim();
        let uri: Option<Uri> = origin.parse().ok();
        let host =
            uri.as_ref().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https"))).and_then(Uri::authority);
        if host.is_none_or(|host| host.as_str().contains('@') || !origin.ends_with(host.as_str())) {
            return Err(Error::config("the origin is not of the form `https://chat.example.org`"));
        }
        self.origin = Some(origin.to_owned());
        Ok(self)
    }

    /// Sets whether text and embeddings are generated: two chats, two completions and one request for embeddings, of 16 tokens
    /// each. False by default.
    pub fn generate(mut self, generate: bool) -> Self {
        self.generate = generate;
        self
    }

    /// Sets the time limit of the whole examination; 60 s by default. A single request takes at most half of it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the current time as the time since 1970-01-01T00:00:00Z. The clock of the server is checked against it.
    pub fn wall_clock(mut self, since_epoch: Duration) -> Self {
        self.wall_clock = Some(since_epoch);
        self
    }

    /// Sets a known OpenAPI document, such as the `openapi.json` of this library's repository. The server's own `/openapi.json`
    /// and its responses are compared with it; see [`Report::drift`].
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the text is not an OpenAPI document in JSON.
    pub fn document(mut self, json: &str) -> Result<Self> {
        self.document = Some(Arc::new(drift::parse(json)?));
        Ok(self)
    }

    /// Examines the server. Sends about thirty requests, one at a time. Does not follow redirects. Ends within the timeout.
    pub async fn run<T: Transport>(&self, transport: &T) -> Report {
        run::run(Examination::new(self.clone()), transport).await
    }
}

/// Judges one recorded exchange: headers, encodings, the shape of the response, and for a stream its framing, order, usage and
/// times.
///
/// An error response in the correct format has no finding. Secrets in the exchange are not removed from findings. The recordings
/// of [`Recorder`](crate::transport::record::Recorder) have none.
pub fn judge(exchange: &Exchange) -> Vec<Finding> {
    let path = judge::route(&exchange.method, &exchange.path);
    let mut notes = Notes::new(format!("{} {path}", exchange.method));
    match path == exchange.path {
        true => judge::exchange(exchange, &mut notes),
        false => judge::exchange(&Exchange { path: path.to_owned(), ..exchange.clone() }, &mut notes),
    }
    report::finished(notes.findings, &Secrets::default())
}
