//! Replays a recording: answers each request with what was recorded next, as long as it is the same request.

use std::collections::VecDeque;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http::{Request, Response};
use tabbyapi::call::Time;
use tabbyapi::transport::script::{self, Reply, Script};
use tabbyapi::transport::{End, Exchange, Sent, Transport, TransportError};

use super::INTERRUPTED;
use crate::failure::Failure;
use crate::interrupt::Interrupt;

/// The transport of a recording. Waits take no time.
pub struct Replay {
    script: Script,
    coming: Arc<Mutex<VecDeque<Coming>>>,
    interrupt: Interrupt,
}

/// What is known of a recorded exchange before it is asked for.
struct Coming {
    method: String,
    path: String,
    /// Ctrl-C was pressed after so many chunks; `None` within them if it was before the head.
    interrupted: Option<Option<usize>>,
}

impl Replay {
    pub fn read(path: &Path, interrupt: &Interrupt) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
        let mut exchanges = Exchange::from_json_lines(&text)
            .map_err(|error| Failure::Usage(format!("{} is no recording: {error}", path.display())))?;
        let mut coming = VecDeque::new();
        for exchange in &mut exchanges {
            let interrupted = (exchange.end == End::Failed(INTERRUPTED.to_owned())).then(|| {
                // Nothing comes any more, until the person is as impatient as before.
                exchange.end = End::Dropped;
                exchange.status.map(|_| exchange.chunks.len())
            });
            coming.push_back(Coming { method: exchange.method.clone(), path: exchange.path.clone(), interrupted });
        }
        Ok(Replay {
            script: Script::new(exchanges.iter().map(Reply::from)),
            coming: Arc::new(Mutex::new(coming)),
            interrupt: interrupt.clone(),
        })
    }
}

impl Transport for Replay {
    type Body = Body;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, TransportError>> + Send + 'static {
        let (script, coming, interrupt) = (self.script.clone(), self.coming.clone(), self.interrupt.clone());
        async move {
            let interrupted = next(&coming, &request)?;
            let response = script.send(request).await;
            if interrupted == Some(None) {
                interrupt.press();
                return std::future::pending().await;
            }
            Ok(response?.map(|body| Body { body, left: interrupted.flatten(), interrupt }))
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

/// Takes the next recorded exchange if it is one of this request.
fn next(coming: &Mutex<VecDeque<Coming>>, request: &Request<Bytes>) -> Result<Option<Option<usize>>, TransportError> {
    let mut coming = coming.lock().unwrap_or_else(PoisonError::into_inner);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let is_it = |next: &Coming| next.method == request.method().as_str() && next.path == path;
    let differs =
        |what: String| TransportError::new(Sent::No, format!("the recording {what}: replay the same command"));
    match coming.front() {
        None => Err(differs("is at its end".to_owned())),
        Some(next) if !is_it(next) => Err(differs(format!("goes on with {} {}", next.method, next.path))),
        Some(_) => Ok(coming.pop_front().and_then(|next| next.interrupted)),
    }
}

/// A recorded body, at whose end Ctrl-C may have been pressed.
pub struct Body {
    body: script::Body,
    /// How many chunks come before that.
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
