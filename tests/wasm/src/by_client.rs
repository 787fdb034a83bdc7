//! A client on a transport full of `Rc`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn, ready};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::{Request, Response, StatusCode};
use tabbyapi::Client;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::auth::Credential;
use tabbyapi::call::Time;
use tabbyapi::transport::{Transport, TransportError};

use crate::hold;

/// A streamed answer of the server.
pub(crate) const STREAM: &[u8] =
    b"data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\
    \"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"finish_reason\":null}]}\r\n\r\n\
    : ping\r\n\r\n\
    data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\
    \"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\r\n\r\n\
    data: [DONE]\r\n\r\n";

/// What the transport answers, in order: status, content type, body.
type Answers = VecDeque<(u16, &'static str, &'static [u8])>;

/// Clones share one state without locks, so this is not `Send`, nor are its futures and bodies.
#[derive(Clone)]
struct Local {
    answers: Rc<RefCell<Answers>>,
    now: Rc<Cell<Duration>>,
    keys: Rc<Cell<u32>>,
}

/// A body that gives its bytes in threes, and that holds an `Rc`.
struct Body {
    rest: &'static [u8],
    _local: Rc<Cell<Duration>>,
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (now, later) = self.rest.split_at(self.rest.len().min(3));
        self.rest = later;
        Poll::Ready((!now.is_empty()).then(|| Ok(Bytes::from_static(now))))
    }
}

impl Transport for Local {
    type Body = Body;

    fn send(&self, _: Request<Bytes>) -> impl Future<Output = Result<Response<Body>, TransportError>> + 'static {
        let local = self.clone();
        let mut polled = false;
        poll_fn(move |cx| {
            // Once pending, so that an `Rc` is held while nothing goes on.
            if !std::mem::replace(&mut polled, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let (status, content_type, rest) =
                local.answers.borrow_mut().pop_front().unwrap_or((404, "text/plain", b""));
            let mut response = Response::new(Body { rest, _local: local.now.clone() });
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
            response.headers_mut().insert("content-type", http::HeaderValue::from_static(content_type));
            Poll::Ready(Ok(response))
        })
    }

    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + 'static {
        let now = self.now.clone();
        // Time passes only here, and only for short waits: deadlines never fall due.
        let short = until.since_epoch().saturating_sub(now.get()) < Duration::from_secs(10);
        poll_fn(move |_| {
            if !short {
                return Poll::Pending;
            }
            now.set(until.since_epoch());
            Poll::Ready(())
        })
    }

    fn now(&self) -> Time {
        Time::from_epoch(self.now.get())
    }

    fn seed(&self) -> u64 {
        7
    }
}

pub(crate) fn run() -> Result<(), u32> {
    let local = Local {
        answers: Rc::new(RefCell::new(VecDeque::from([
            (503, "application/json", &b"{\"detail\":\"busy\"}"[..]),
            (200, "application/json", b"{\"object\":\"list\",\"data\":[{\"id\":\"alpha\",\"object\":\"model\"}]}"),
            (200, "text/event-stream", STREAM),
            (200, "text/event-stream", &STREAM[..STREAM.len() / 2]),
        ]))),
        now: Rc::default(),
        keys: Rc::default(),
    };
    let keys = local.keys.clone();
    let client = Client::builder("http://127.0.0.1:5000/v1/")
        .key_source(move |_, _| {
            keys.set(keys.get() + 1);
            ready(Credential::bearer("key").map(Some))
        })
        .build_with(local.clone())
        .map_err(|_| line!())?;

    let models = block_on(client.models().list()).map_err(|_| line!())?;
    hold!(models.data.len() == 1 && models.data[0].id == "alpha");
    hold!(models.meta().record().attempt_count == 2);
    hold!(local.keys.get() == 1);

    let request = ChatRequest::new([ChatMessage::user("hello")]);
    let answer = block_on(client.chat().stream(&request).finish()).map_err(|_| line!())?;
    hold!(answer.text() == "Hello");

    let Err(broken) = block_on(client.chat().stream(&request).finish()) else { return Err(line!()) };
    hold!(broken.outcome == tabbyapi::Outcome::Truncated);
    hold!(broken.partial.text() == "Hel");
    Ok(())
}

/// Everything here is ready when it is polled again.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}
