//! Event streams: framing, pings, and the scripted failures.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::response::Response;
use hyper::body::Frame;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::app::App;
use crate::call::Call;
use crate::clock::Moment;
use crate::net::Conn;
use crate::python;
use crate::refusal::ErrorBody;
use crate::script::Script;

/// Receives the events of a producer.
pub(crate) struct Sink {
    queue: mpsc::Sender<Item>,
    app: Arc<App>,
    /// The number of data events of this stream so far.
    sent: Arc<AtomicUsize>,
    cut_after: Option<usize>,
    reset: bool,
    stall_after: Option<usize>,
    split: Option<usize>,
}

enum Item {
    Bytes(Bytes),
    Cut { reset: bool },
}

#[derive(Serialize)]
struct StreamError<'a> {
    message: &'a str,
    trace: Option<String>,
}

/// Opens a stream as the response to a call.
pub(crate) fn open(call: &Call, script: &Script) -> (Sink, Response) {
    let (queue, events) = mpsc::channel(1);
    let sink = Sink {
        queue,
        app: call.app.clone(),
        sent: call.events.clone(),
        cut_after: script.cut_after,
        reset: script.reset,
        stall_after: script.stall_after,
        split: script.split,
    };
    let ping = call.app.config.ping.map(|period| {
        let mut ping = interval_at(Instant::now() + period, period);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping
    });
    call.conn.streams();
    let body = EventBody { events, ping, conn: call.conn.clone(), app: call.app.clone() };
    let mut response = Response::new(Body::new(body));
    *response.headers_mut() = headers();
    (sink, response)
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let fixed = HeaderValue::from_static;
    headers.insert(CACHE_CONTROL, fixed("no-store"));
    headers.insert(CONNECTION, fixed("keep-alive"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), fixed("no"));
    headers.insert(CONTENT_TYPE, fixed("text/event-stream; charset=utf-8"));
    headers
}

impl Sink {
    /// Runs a producer in its own task until it ends or the client disconnects.
    pub(crate) fn spawn<F: Future<Output = ()> + Send + 'static>(self, produce: impl FnOnce(Sink) -> F) {
        let queue = self.queue.clone();
        let producer = produce(self);
        tokio::spawn(async move {
            tokio::select! {
                () = producer => {}
                () = queue.closed() => {}
            }
        });
    }

    /// Sends one event with a body in the spacing of `json.dumps`.
    pub(crate) async fn chunk(&mut self, body: &impl Serialize) {
        self.data(&python::spaced(body)).await;
    }

    /// Sends one event with a compact body.
    pub(crate) async fn compact(&mut self, body: &impl Serialize) {
        self.data(&python::compact(body)).await;
    }

    /// Sends the event that ends a failed stream.
    pub(crate) async fn error(&mut self, message: &str) {
        let trace = self
            .app
            .config
            .tracebacks
            .then(|| format!("Traceback (most recent call last):\nRuntimeError: {message}\n"));
        self.compact(&ErrorBody { error: StreamError { message, trace } }).await;
    }

    /// Ends a generation with `[DONE]`, unless the script omits it.
    pub(crate) async fn done(&mut self, script: &Script) {
        if !script.no_done {
            self.data(b"[DONE]").await;
        }
        self.checkpoint().await;
    }

    pub(crate) async fn data(&mut self, payload: &[u8]) {
        self.event([b"data: ", payload, b"\r\n\r\n"].concat()).await;
    }

    /// Sends one event in the framing of a Kobold stream: named, and with other line ends than the pings.
    pub(crate) async fn named(&mut self, body: &impl Serialize) {
        self.event([b"event: message\ndata: ", &python::compact(body)[..], b"\n\n"].concat()).await;
    }

    async fn event(&mut self, event: Vec<u8>) {
        self.checkpoint().await;
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.raw(Bytes::from(event)).await;
        self.app.journal.write(|log| log.events_sent += 1);
    }

    /// Sends bytes unchanged.
    pub(crate) async fn raw(&mut self, bytes: Bytes) {
        let size = self.split.unwrap_or(bytes.len()).max(1);
        let mut rest = bytes;
        while !rest.is_empty() {
            let part = rest.split_to(size.min(rest.len()));
            // If nobody reads any more, a load continues, and other producers are dropped.
            let _ = self.queue.send(Item::Bytes(part)).await;
        }
    }

    /// Breaks the stream here if the script requires it: after a number of events, before the next one or the end.
    pub(crate) async fn checkpoint(&mut self) {
        let sent = Some(self.sent.load(Ordering::Relaxed));
        if self.cut_after == sent {
            let _ = self.queue.send(Item::Cut { reset: self.reset }).await;
            pending::<()>().await;
        }
        if self.stall_after == sent {
            pending::<()>().await;
        }
    }
}

/// Yields events as they arrive, with pings in between.
struct EventBody {
    events: mpsc::Receiver<Item>,
    ping: Option<Interval>,
    conn: Arc<Conn>,
    app: Arc<App>,
}

impl HttpBody for EventBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.events.poll_recv(cx) {
            Poll::Ready(Some(Item::Bytes(bytes))) => {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            // The producer never continues, so this is not polled to its end.
            Poll::Ready(Some(Item::Cut { reset })) => {
                self.conn.cut(reset);
                return Poll::Pending;
            }
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => {}
        }
        let Some(ping) = &mut self.ping else {
            return Poll::Pending;
        };
        ready!(ping.poll_tick(cx));
        self.app.journal.write(|log| log.pings_sent += 1);
        let comment = format!(": ping - {}\r\n\r\n", Moment::now().ping());
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(comment)))))
    }
}
