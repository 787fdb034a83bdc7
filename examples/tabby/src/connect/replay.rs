//! Replays a recording: answers each request with the next recorded response, if the request is the same.

use std::collections::VecDeque;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http::{Request, Response};
use serde_json::Value;
use tabbyapi::call::Time;
use tabbyapi::transport::script::{self, Reply, Script};
use tabbyapi::transport::{End, Exchange, Sent, Transport, TransportError};

use super::INTERRUPTED;
use crate::failure::{Failure, RECORDING};
use crate::interrupt::Interrupt;

/// The recorder's replacement for a secret.
const REMOVED: &str = "[removed]";

/// The transport of a recording. Waits take no time.
pub struct Idempotency {
    /// Receives each response right before it is requested.
    script: Script,
    exchanges: Arc<Mutex<VecDeque<Exchange>>>,
    interrupt: Interrupt,
}

impl Idempotency {
    pub fn read(path: &Path, interrupt: &Interrupt) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
        let exchanges = Exchange::from_json_lines(&text)
            .map_err(|error| Failure::Usage(format!("{} is not a recording: {error}", path.display())))?;
        let exchanges = Arc::new(Mutex::new(exchanges.into()));
        Ok(Idempotency { script: Script::new([]), exchanges, interrupt: interrupt.clone() })
    }
}

impl Transport for Idempotency {
    type Body = Body;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, TransportError>> + Send + 'static {
        let (script, exchanges, interrupt) = (self.script.clone(), self.exchanges.clone(), self.interrupt.clone());
        async move {
            let mut exchange = next(&exchanges, &request)?;
            let interrupted = exchange.end == End::Failed(INTERRUPTED.to_owned());
            if interrupted {
                if exchange.status.is_none() {
                    interrupt.press();
                    return std::future::pending().await;
                }
                // Nothing more arrives until Ctrl-C, like in the recording.
                exchange.end = End::Dropped;
            }
            script.push(Reply::from(&exchange));
            let response = script.send(request).await?;
            let left = interrupted.then_some(exchange.chunks.len());
            Ok(response.map(|body| Body { body, left, interrupt }))
        }
    }

    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + Send + 'static {
        self.script.sleep_until(until)
    }

    fn now(&self) -> Time {
        self.script.now()
    }

    fn seed(&self) -> u64 {
        self.script.seed()
    }
}

/// Takes the recorded exchange of this request. Of several concurrent ones, the one with this body.
fn next(exchanges: &Mutex<VecDeque<Exchange>>, request: &Request<Bytes>) -> Result<Exchange, TransportError> {
    let mut exchanges = exchanges.lock().unwrap_or_else(PoisonError::into_inner);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let is_it = |next: &Exchange| next.method == request.method().as_str() && next.path == path;
    let same = exchanges.iter().position(|next| is_it(next) && is_same(&next.request_body.0, request.body()));
    same.and_then(|at| exchanges.remove(at)).ok_or_else(|| {
        let goes_on = match exchanges.front() {
            Some(next) if is_it(next) => format!("continues with {} {} with another body", next.method, next.path),
            Some(next) => format!("continues with {} {}", next.method, next.path),
            None => "has ended".to_owned(),
        };
        TransportError::new(Sent::No, format!("{RECORDING}{goes_on}"))
    })
}

/// Whether both requests are the same. A removed secret matches anything.
fn is_same(recorded: &[u8], asked: &[u8]) -> bool {
    recorded == asked
        || match (serde_json::from_slice(recorded), serde_json::from_slice(asked)) {
            (Ok(recorded), Ok(asked)) => is_alike(&recorded, &asked),
            _ => false,
        }
}

fn is_alike(recorded: &Value, asked: &Value) -> bool {
    match (recorded, asked) {
        (Value::String(recorded), Value::String(_)) if recorded.contains(REMOVED) => true,
        (Value::Array(recorded), Value::Array(asked)) => {
            recorded.len() == asked.len()
                && recorded.iter().zip(asked).all(|(recorded, asked)| is_alike(recorded, asked))
        }
        (Value::Object(recorded), Value::Object(asked)) => {
            let alike = |(name, value)| asked.get(name).is_some_and(|asked| is_alike(value, asked));
            recorded.len() == asked.len() && recorded.iter().all(alike)
        }
        _ => recorded == asked,
    }
}

/// A recorded body, which Ctrl-C may have ended.
pub struct Body {
    body: script::Body,
    /// The number of chunks before that.
    left: Option<usize>,
    interrupt: Interrupt,
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == Some(0) {
            self.interrupt.press();
            return Poll::Pending;
        }
        let item = ready!(Pin::new(&mut self.body).poll_next(cx));
        self.left = self.left.map(|left| left.saturating_sub(1));
        Poll::Ready(item)
    }
}
