//! A transport without sockets: a response whose body is in memory.

use std::{
    future::{self, Future},
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use futures_util::Stream;
use http::{Request, Response, header};
use tabbyapi::{
    Client,
    call::Time,
    transport::{Transport, TransportError},
};

/// The pieces of a body, as they are asked for.
type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

/// A client whose next response is a stream of events in these pieces.
pub(crate) fn streaming(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Client {
    client("text/event-stream", None, Box::new(pieces))
}

/// A client whose next response is a JSON body of this length in these pieces.
pub(crate) fn answering(length: usize, pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Client {
    client("application/json", Some(length), Box::new(pieces))
}

fn client(content_type: &'static str, length: Option<usize>, pieces: Pieces) -> Client {
    let transport = Memory { content_type, length, pieces: Mutex::new(Some(pieces)), epoch: Instant::now() };
    Client::builder("http://memory.test").build_with(transport).expect("a client")
}

/// Its clock is the one of the native transports.
struct Memory {
    content_type: &'static str,
    length: Option<usize>,
    pieces: Mutex<Option<Pieces>>,
    epoch: Instant,
}

impl Transport for Memory {
    type Body = Body;

    fn send(&self, _: Request<Bytes>) -> impl Future<Output = Result<Response<Body>, TransportError>> + Send + 'static {
        let pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut response = Response::new(Body(pieces.unwrap_or_else(|| Box::new(std::iter::empty()))));
        let content_type = header::HeaderValue::from_static(self.content_type);
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        if let Some(length) = self.length {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        future::ready(Ok(response))
    }

    fn sleep_until(&self, _: Time) -> impl Future<Output = ()> + Send + 'static {
        future::pending()
    }

    fn now(&self) -> Time {
        Time::from_epoch(self.epoch.elapsed())
    }

    fn seed(&self) -> u64 {
        0
    }
}

/// Always ready.
struct Body(Pieces);

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}
