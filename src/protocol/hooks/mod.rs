//! Hooks: user code that watches calls, changes what they send and receive, or stops them. The extension point for plug-ins.
//!
//! A [`Hook`] is called at six points of a call. Each method has a default that does nothing:
//!
//! | | when | may change | its error |
//! |---|---|---|---|
//! | [`start`](Hook::start) | before anything else | | ends the call; nothing is sent |
//! | [`request`](Hook::request) | before each attempt | headers except keys, the body | ends the call; nothing more is sent |
//! | [`response`](Hook::response) | when the head of a response arrives | status, headers | ends the call |
//! | [`item`](Hook::item) | before an item is returned | the item | ends the call; earlier items are kept |
//! | [`attempt`](Hook::attempt) | at the end of an attempt | | ends the call, instead of another attempt |
//! | [`outcome`](Hook::outcome) | at the end of the call, or when it is dropped | the error | becomes the call's error |
//!
//! Set hooks with [`ClientBuilder::hook`](crate::ClientBuilder::hook) for all calls of a client, and with
//! [`Options::hook`](crate::Options::hook) for single calls. On requests, the client's hooks run first and then the call's, each in the
//! order in which they were added. On responses, the order is reversed.
//!
//! Hooks run inside the [`Call`](crate::call::Call). They cannot await, they receive the time, and they behave the same on every
//! executor. A client without hooks has no overhead. An error before the request is sent prevents the generation, and an error on an item
//! cancels the generation on the server. A panic in a hook propagates to the caller's poll.
//!
//! Closures can serve as hooks for a single point:
//!
//! ```
//! use tabbyapi::api::{ChatChunk, ChatRequest, ChatMessage};
//! use tabbyapi::transport::script::{Reply, Script};
//! use tabbyapi::{Client, Error, ErrorKind, hooks};
//!
//! # futures::executor::block_on(async {
//! # let event = r#"{"choices": [{"index": 0, "delta": {"content": "It is in the vault."}}]}"#;
//! # let script = Script::new([Reply::events().chunk(format!("data: {event}\n\n"))]);
//! let client = Client::builder("http://tabby.test")
//!     .hook(hooks::on_request(|_, request| {
//!         request.set_header("x-team", "search")?;
//!         request.set_field("user", "u-17")
//!     }))
//!     .hook(hooks::on_item(|_, chunk: &mut ChatChunk| match chunk.text().contains("vault") {
//!         true => Err(Error::custom(ErrorKind::Policy, "secret", "the response contains a secret")),
//!         false => Ok(()),
//!     }))
//!     .build_with(script.clone())?;
//!
//! let request = ChatRequest::new([ChatMessage::user("Where is it?")]);
//! let broken = client.chat().stream(&request).finish().await.unwrap_err();
//! assert_eq!(broken.error.code(), "secret");
//! assert_eq!(script.requests()[0].headers()["x-team"], "search");
//! # Ok::<(), Error>(())
//! # }).unwrap();
//! ```

mod closures;
mod outgoing;
mod watch;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::response::Parts;

use crate::base::{Attempt, Error, MaybeSend, MaybeSync, Record, Result, Time};

pub use closures::{OnItem, OnOutcome, OnRequest, OnResponse, on_item, on_outcome, on_request, on_response};
pub use outgoing::Outgoing;
pub(crate) use watch::Watch;
use watch::Watched;

/// Watches, changes or stops calls. See the [module](self).
///
/// Each call gets its own clone, made before its first step. The fields of a hook therefore belong to one call. Put state that calls share
/// behind an [`Arc`].
///
/// ```
/// use tabbyapi::hooks::{Hook, View};
/// use tabbyapi::{Error, Result};
///
/// /// Prints what became of each call.
/// #[derive(Clone)]
/// struct Log;
///
/// impl Hook for Log {
///     fn outcome(&mut self, call: &View<'_>, error: Option<&mut Error>) -> Result<()> {
///         let word = error.map_or("ok".to_owned(), |error| error.code().to_string());
///         println!("{} {}: {word} after {} attempts", call.method, call.path, call.record.attempt_count);
///         Ok(())
///     }
/// }
/// # let _ = tabbyapi::Options::new().hook(Log);
/// ```
pub trait Hook: MaybeSend + 'static {
    /// Called when the call is polled for the first time, before any wait.
    fn start(&mut self, call: &View<'_>) -> Result<()> {
        let _ = call;
        Ok(())
    }

    /// Called before an attempt is sent. Each attempt starts with the call's own request, so changes have to be made for each attempt.
    fn request(&mut self, call: &View<'_>, request: &mut Outgoing<'_>) -> Result<()> {
        let _ = (call, request);
        Ok(())
    }

    /// Called when the head of a response arrives. The changed head is used: its status decides between response and error.
    fn response(&mut self, call: &View<'_>, head: &mut Parts) -> Result<()> {
        let _ = (call, head);
        Ok(())
    }

    /// Called before an item is returned: a chunk of a stream, or a whole response such as a
    /// [`ChatCompletion`](crate::api::ChatCompletion). Downcast it to the expected type, or use [`on_item`].
    fn item(&mut self, call: &View<'_>, item: &mut dyn Any) -> Result<()> {
        let _ = (call, item);
        Ok(())
    }

    /// Called at the end of an attempt. `error` is set if it failed. [`Attempt::retry_after`] is set if another attempt follows.
    fn attempt(&mut self, call: &View<'_>, attempt: &Attempt, error: Option<&Error>) -> Result<()> {
        let _ = (call, attempt, error);
        Ok(())
    }

    /// Called once at the end of each call that was started. Without an error the call succeeded.
    ///
    /// For a call that is dropped before its end, the error has kind [`Cancelled`](crate::ErrorKind::Cancelled) and is not reported
    /// elsewhere. [`View::now`] is then the last time that the call received.
    fn outcome(&mut self, call: &View<'_>, error: Option<&mut Error>) -> Result<()> {
        let _ = (call, error);
        Ok(())
    }
}

/// The state of a call when a hook runs.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct View<'a> {
    /// The time, on the transport's clock.
    pub now: Time,
    /// The HTTP method.
    pub method: &'a Method,
    /// The path under the base URL.
    pub path: &'a str,
    /// The requested model, if the operation names one.
    pub model: Option<&'a str>,
    /// The body as the operation wrote it. It can contain the prompt, so `Debug` omits it.
    pub body: Option<&'a Bytes>,
    /// The history of the call so far.
    pub record: &'a Record,
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("now", &self.now)
            .field("method", self.method)
            .field("path", &self.path)
            .field("model", &self.model)
            .field("record", self.record)
            .finish_non_exhaustive()
    }
}

/// The hooks of [`Options`](crate::Options), in order.
///
/// ```
/// use tabbyapi::hooks::{Hooks, on_request};
///
/// let mut hooks = Hooks::new();
/// hooks.push(on_request(|_, request| request.set_header("x-team", "docs")));
/// assert_eq!(hooks.len(), 1);
/// ```
#[derive(Clone, Default)]
pub struct Hooks(Vec<Arc<dyn Pattern>>);

impl Hooks {
    /// Creates an empty list.
    pub const fn new() -> Self {
        Hooks(Vec::new())
    }

    /// Adds a hook at the end.
    pub fn push(&mut self, hook: impl Hook + Clone + MaybeSync) {
        self.0.push(Arc::new(hook));
    }

    /// Returns the number of hooks.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no hooks.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn extend(&mut self, others: Hooks) {
        self.0.extend(others.0);
    }

    /// The hooks of one call. `None` if there are none, so that a call without hooks has no overhead.
    pub(crate) fn for_call(&self) -> Option<Box<dyn Watch>> {
        self.0.first().map(|first| first.watch(&self.0))
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hooks({})", self.len())
    }
}

/// The hook that is cloned for each call.
trait Pattern: MaybeSend + MaybeSync {
    fn copy(&self) -> Box<dyn Hook>;

    /// Clones all patterns. A method of the trait, so that this code is linked only if there are hooks.
    fn watch(&self, all: &[Arc<dyn Pattern>]) -> Box<dyn Watch>;
}

impl<H: Hook + Clone + MaybeSync> Pattern for H {
    fn copy(&self) -> Box<dyn Hook> {
        Box::new(self.clone())
    }

    fn watch(&self, all: &[Arc<dyn Pattern>]) -> Box<dyn Watch> {
        watch(all)
    }
}

fn watch(all: &[Arc<dyn Pattern>]) -> Box<dyn Watch> {
    Box::new(Watched(all.iter().map(|pattern| pattern.copy()).collect()))
}
