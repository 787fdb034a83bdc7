//! Hooks: code of yours that watches calls, changes what they carry, or stops them. The seam for plug-ins.
//!
//! A [`Hook`] is called at six points of a call, each of which it may leave out:
//!
//! | | when | may change | its error |
//! |---|---|---|---|
//! | [`start`](Hook::start) | before anything else | | ends the call; nothing is sent |
//! | [`request`](Hook::request) | before each attempt | headers but keys, the body | ends the call; nothing more is sent |
//! | [`response`](Hook::response) | when the head of an answer is there | status, headers | ends the call |
//! | [`item`](Hook::item) | before an item is given out | the item | ends the call with what had arrived |
//! | [`attempt`](Hook::attempt) | when an attempt is over | | ends the call, in place of another attempt |
//! | [`outcome`](Hook::outcome) | when the call is over, or dropped | the error | is the call's error |
//!
//! Set them with [`ClientBuilder::hook`](crate::ClientBuilder::hook) for all calls of a client, and with
//! [`Options::hook`](crate::Options::hook) for some. On the way out the client's come first and then the call's, each in the
//! order in which they were set; on the way back the order is reversed.
//!
//! Hooks are a part of the [`Call`](crate::call::Call): they cannot await, they are given the time, and they work alike on every
//! executor. A client without hooks pays nothing for them. What they do to a generation is up to them: a veto before it is sent
//! begins none, and one on an item cancels it on the wire. A hook that panics panics in the caller's poll.
//!
//! For one point there are closures:
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

/// Watches, changes or stops calls; see the [module](self).
///
/// Each call gets a clone of its own, made before its first step. So fields of a hook belong to one call; what calls share
/// goes behind an [`Arc`].
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
    /// The call is polled for the first time. It has not waited for anything yet.
    fn start(&mut self, call: &View<'_>) -> Result<()> {
        let _ = call;
        Ok(())
    }

    /// An attempt is about to be sent. Each attempt begins with the call's own request, so that changes are made again.
    fn request(&mut self, call: &View<'_>, request: &mut Outgoing<'_>) -> Result<()> {
        let _ = (call, request);
        Ok(())
    }

    /// The head of an answer is there. What is made of it (its status decides between answer and error) counts.
    fn response(&mut self, call: &View<'_>, head: &mut Parts) -> Result<()> {
        let _ = (call, head);
        Ok(())
    }

    /// An item is about to be given out: a chunk of a stream, or a whole answer such as a
    /// [`ChatCompletion`](crate::api::ChatCompletion). Downcast it to the type that is meant; see [`on_item`].
    fn item(&mut self, call: &View<'_>, item: &mut dyn Any) -> Result<()> {
        let _ = (call, item);
        Ok(())
    }

    /// An attempt is over. With `error` it failed; [`Attempt::retry_after`] says whether there is to be another one.
    fn attempt(&mut self, call: &View<'_>, attempt: &Attempt, error: Option<&Error>) -> Result<()> {
        let _ = (call, attempt, error);
        Ok(())
    }

    /// The call is over, once for each call that was started. Without an error it succeeded.
    ///
    /// A call that is dropped before its end has an error of kind [`Cancelled`](crate::ErrorKind::Cancelled), which nobody
    /// else gets to see, and [`View::now`] is the last time that it was told.
    fn outcome(&mut self, call: &View<'_>, error: Option<&mut Error>) -> Result<()> {
        let _ = (call, error);
        Ok(())
    }
}

/// A call as it is when a hook is called.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct View<'a> {
    /// The time, on the transport's clock.
    pub now: Time,
    /// The verb.
    pub method: &'a Method,
    /// The path under the base URL.
    pub path: &'a str,
    /// The model that is asked for, if the operation names one.
    pub model: Option<&'a str>,
    /// The body as the operation wrote it. It can hold the prompt, so `Debug` omits it.
    pub body: Option<&'a Bytes>,
    /// What the call did so far.
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

/// The hooks of [`Options`](crate::Options), in their order.
#[derive(Clone, Default)]
pub struct Hooks(Vec<Arc<dyn Pattern>>);

impl Hooks {
    /// None.
    pub const fn new() -> Self {
        Hooks(Vec::new())
    }

    /// Adds one, after the others.
    pub fn push(&mut self, hook: impl Hook + Clone + MaybeSync) {
        self.0.push(Arc::new(hook));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn extend(&mut self, others: Hooks) {
        self.0.extend(others.0);
    }

    /// The hooks of one call; `None` without any, so that it costs a call nothing but to look.
    pub(crate) fn for_call(&self) -> Option<Box<dyn Watch>> {
        self.0.first().map(|first| first.watch(&self.0))
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hooks({})", self.len())
    }
}

/// What the hooks of calls are made from.
trait Pattern: MaybeSend + MaybeSync {
    fn copy(&self) -> Box<dyn Hook>;

    /// Copies of all patterns. It stands here so that none of it is linked where there never is a pattern.
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
