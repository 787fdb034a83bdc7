//! `Script`: a transport that replays responses from memory, on a virtual clock. For tests and docs.
//!
//! ```
//! use std::time::Duration;
//! use tabbyapi::transport::script::{Reply, Script};
//!
//! # futures::executor::block_on(async {
//! let script = Script::new([
//!     Reply::refused("connection refused"),
//!     Reply::json(200, r#"{"status": "healthy", "issues": []}"#),
//! ]);
//! let client = tabbyapi::Client::builder("http://tabby.test").build_with(script.clone())?;
//!
//! let health = client.health().check().await?;
//! assert!(health.is_healthy());
//! assert_eq!(health.meta().record().attempt_count, 2);
//! assert_eq!(script.requests()[1].uri().path(), "/health");
//! # Ok::<(), tabbyapi::Error>(())
//! # }).unwrap();
//! ```

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};

use crate::base::{Sent, Time, TransportError};
use crate::transport::exchange::{End, Exchange};
use crate::transport::seam::Transport;

/// A transport that answers each request with the next reply, regardless of the request, and keeps the requests.
///
/// Its clock is virtual: it stands still while there is work, and jumps to the next timer when there is none.
/// Waits and deadlines take no real time and are deterministic.
#[derive(Clone)]
pub struct Script(Arc<Mutex<State>>);

struct State {
    now: Time,
    replies: VecDeque<Reply>,
    requests: Vec<Request<Bytes>>,
    dropped: usize,
    waits: HashMap<u64, (Time, Waker)>,
    next_wait: u64,
}

/// One scripted response.
#[derive(Clone, Debug)]
pub struct Reply {
    head: Result<(StatusCode, HeaderMap), (Sent, String)>,
    head_after: Duration,
    steps: VecDeque<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Chunk(Bytes),
    Wait(Duration),
    Fail(String),
    Hang,
}

impl Script {
    /// Creates a script of these replies, in this order. When they are used up, further requests fail.
    pub fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Script(Arc::new(Mutex::new(State {
            now: Time::default(),
            replies: replies.into_iter().collect(),
            requests: Vec::new(),
            dropped: 0,
            waits: HashMap::new(),
            next_wait: 0,
        })))
    }

    /// Adds a reply at the end.
    pub fn push(&self, reply: Reply) {
        self.lock().replies.push_back(reply);
    }

    /// Returns the requests so far, including keys.
    pub fn requests(&self) -> Vec<Request<Bytes>> {
        self.lock().requests.clone()
    }

    /// Returns the number of bodies that were dropped before their end, which cancels them on the wire.
    pub fn dropped(&self) -> usize {
        self.lock().dropped
    }

    /// Returns the number of replies that are left.
    pub fn remaining(&self) -> usize {
        self.lock().replies.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, until: Time) -> Wait {
        Wait { script: self.clone(), until, id: None, polled: (Time::default(), 0) }
    }
}

impl Reply {
    /// Creates a response with an empty body.
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Reply { head: Ok((status, HeaderMap::new())), head_after: Duration::ZERO, steps: VecDeque::new() }
    }

    /// Creates a response with a JSON body.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Reply::status(status).header("content-type", "application/json").chunk(body)
    }

    /// Creates the head of a stream of events. Add [`chunk`](Reply::chunk)s.
    pub fn events() -> Self {
        Reply::status(200).header("content-type", "text/event-stream; charset=utf-8")
    }

    /// Creates a failure to connect.
    pub fn refused(message: &str) -> Self {
        Reply { head: Err((Sent::No, message.to_owned())), ..Reply::status(200) }
    }

    /// Creates a connection failure after the request was sent, before the head.
    pub fn reset(message: &str) -> Self {
        Reply { head: Err((Sent::Maybe, message.to_owned())), ..Reply::status(200) }
    }

    /// Adds a header. An invalid one is ignored.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok((_, headers)), Ok(name), Ok(value)) =
            (&mut self.head, name.parse::<HeaderName>(), HeaderValue::from_str(value))
        {
            headers.append(name, value);
        }
        self
    }

    /// Sets the delay of the head.
    pub fn head_after(mut self, wait: Duration) -> Self {
        self.head_after = wait;
        self
    }

    /// Adds some bytes.
    pub fn chunk(self, data: impl Into<Bytes>) -> Self {
        self.step(Step::Chunk(data.into()))
    }

    /// Adds a pause.
    pub fn wait(self, wait: Duration) -> Self {
        self.step(Step::Wait(wait))
    }

    /// Adds a connection failure.
    pub fn fail(self, message: &str) -> Self {
        self.step(Step::Fail(message.to_owned()))
    }

    /// Adds a pause without end.
    pub fn hang(self) -> Self {
        self.step(Step::Hang)
    }

    /// Splits the same bytes at these offsets into the body. Removes the pauses between chunks.
    pub fn cut_at(mut self, offsets: &[usize]) -> Self {
        let mut body = Vec::new();
        let mut rest = VecDeque::new();
        for step in self.steps {
            match step {
                Step::Chunk(chunk) => body.extend_from_slice(&chunk),
                Step::Wait(_) => {}
                end => rest.push_back(end),
            }
        }
        let body = Bytes::from(body);
        let mut chunks = VecDeque::new();
        let mut from = 0;
        for to in offsets.iter().copied().chain([body.len()]) {
            let to = to.clamp(from, body.len());
            if to > from {
                chunks.push_back(Step::Chunk(body.slice(from..to)));
            }
            from = to;
        }
        chunks.extend(rest);
        self.steps = chunks;
        self
    }

    /// Splits the same bytes into single ones.
    pub fn byte_by_byte(self) -> Self {
        let len = self.steps.iter().map(|step| if let Step::Chunk(chunk) = step { chunk.len() } else { 0 }).sum();
        self.cut_at(&(1..len).collect::<Vec<_>>())
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }
}

impl From<&Exchange> for Reply {
    /// Creates a reply from a recorded response, with its chunks and timing.
    fn from(exchange: &Exchange) -> Self {
        let head = match (exchange.response_head(), &exchange.end) {
            (Some(head), _) => Ok(head),
            (None, End::Refused(message)) => Err((Sent::No, message.clone())),
            (None, End::Failed(message)) => Err((Sent::Maybe, message.clone())),
            (None, _) => Err((Sent::Maybe, "the recording has no answer".to_owned())),
        };
        let mut reply = Reply { head, head_after: Duration::from_millis(exchange.head_ms), steps: VecDeque::new() };
        let mut now = exchange.head_ms;
        for chunk in &exchange.chunks {
            if chunk.at_ms > now {
                reply = reply.wait(Duration::from_millis(chunk.at_ms - now));
                now = chunk.at_ms;
            }
            reply = reply.chunk(chunk.data.0.clone());
        }
        match &exchange.end {
            End::Complete => reply,
            End::Refused(message) | End::Failed(message) => reply.fail(message),
            End::Dropped | End::Capped => reply.hang(),
        }
    }
}

impl Transport for Script {
    type Body = Body;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, TransportError>> + crate::base::MaybeSend + 'static {
        let script = self.clone();
        async move {
            let (reply, at) = {
                let mut state = script.lock();
                state.requests.push(request);
                let reply = state.replies.pop_front();
                let reply = reply.unwrap_or_else(|| Reply::refused("the script has no further reply"));
                let at = state.now + reply.head_after;
                (reply, at)
            };
            script.wait(at).await;
            let (status, headers) = reply.head.map_err(|(sent, message)| TransportError::new(sent, message))?;
            let mut response = Response::new(Body { script, steps: reply.steps, wait: None, ended: false });
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok(response)
        }
    }

    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + crate::base::MaybeSend + 'static {
        self.wait(until)
    }

    fn now(&self) -> Time {
        self.lock().now
    }

    fn seed(&self) -> u64 {
        0
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("remaining", &self.remaining()).finish_non_exhaustive()
    }
}

/// The body of a scripted response.
#[derive(Debug)]
pub struct Body {
    script: Script,
    steps: VecDeque<Step>,
    wait: Option<Wait>,
    ended: bool,
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(wait) = &mut this.wait {
                std::task::ready!(Pin::new(wait).poll(cx));
                this.wait = None;
            }
            match this.steps.pop_front() {
                Some(Step::Chunk(chunk)) => return Poll::Ready(Some(Ok(chunk))),
                Some(Step::Wait(wait)) => {
                    let until = this.script.lock().now + wait;
                    this.wait = Some(this.script.wait(until));
                }
                Some(Step::Fail(message)) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(TransportError::new(Sent::Maybe, message))));
                }
                Some(Step::Hang) => {
                    this.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
                None => {
                    this.ended = true;
                    return Poll::Ready(None);
                }
            }
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if !self.ended {
            self.script.lock().dropped += 1;
        }
    }
}

/// A wait on the virtual clock. If it is polled repeatedly at the same time, nothing else was ready, and the clock may jump.
struct Wait {
    script: Script,
    until: Time,
    id: Option<u64>,
    /// The time of the last poll, and the number of polls at that time. If another wait moved the clock since, its work comes first.
    polled: (Time, u32),
}

/// How often a wait is polled before the clock jumps. At the first poll another wait may have moved the clock, and at the second
/// the work that follows may have started.
const POLLS: u32 = 3;

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut wake = Vec::new();
        let ready = {
            let mut guard = this.script.lock();
            let state = &mut *guard;
            let (at, polls) = this.polled;
            this.polled = (state.now, if at == state.now { polls + 1 } else { 1 });
            if this.polled.1 >= POLLS && state.now < this.until {
                this.polled.1 = 0;
                let now = state.now;
                let next = state.waits.values().map(|(until, _)| *until).filter(|until| *until > now).min();
                state.now = next.unwrap_or(this.until);
                wake.extend(state.waits.values().map(|(_, waker)| waker.clone()));
            }
            if state.now < this.until {
                let id = *this.id.get_or_insert_with(|| {
                    state.next_wait += 1;
                    state.next_wait
                });
                state.waits.insert(id, (this.until, cx.waker().clone()));
            }
            state.now >= this.until
        };
        wake.into_iter().for_each(Waker::wake);
        if ready {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.script.lock().waits.remove(&id);
        }
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("until", &self.until).finish_non_exhaustive()
    }
}
