//! Sends the requests of an examination over a transport.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::Request;

use crate::base::{Sent, Time, TransportError};
use crate::toolkit::doctor::examine::{Examination, exchange_of};
use crate::toolkit::doctor::report::Report;
use crate::transport::{Chunk, End, Exchange, Transport};

/// The maximum size of a response, and of all responses together. JSON takes several times its size in memory.
const MOST_BYTES: usize = 2 << 20;
const MOST_BYTES_OF_ALL: usize = 8 << 20;
/// The maximum number of parts of a response that are kept. A server may send its bytes one by one.
const MOST_CHUNKS: usize = 50_000;

pub(super) async fn run<T: Transport>(mut examination: Examination, transport: &T) -> Report {
    let begin = transport.now();
    let mut read = 0;
    while let Some((request, limit)) = examination.next_request(transport.now().since(begin)) {
        let exchange = exchange(transport, request, limit, MOST_BYTES.min(MOST_BYTES_OF_ALL - read)).await;
        read += exchange.chunks.iter().map(|chunk| chunk.data.0.len()).sum::<usize>().min(MOST_BYTES_OF_ALL - read);
        examination.observe(exchange);
    }
    examination.report()
}

/// Sends one request and reads its response, for at most this long and at most this many bytes.
async fn exchange<T: Transport>(transport: &T, request: Request<Bytes>, limit: Duration, most: usize) -> Exchange {
    let begin = transport.now();
    let mut exchange = exchange_of(&request);
    let mut timer = pin!(transport.sleep_until(begin + limit));
    let head = {
        let mut sending = pin!(transport.send(request));
        poll_fn(|cx| match sending.as_mut().poll(cx) {
            Poll::Ready(head) => Poll::Ready(Some(head)),
            Poll::Pending => timer.as_mut().poll(cx).map(|()| None),
        })
        .await
    };
    exchange.head_ms = since(transport.now(), begin);
    let head = match head {
        Some(Ok(head)) => head,
        Some(Err(error)) => {
            exchange.end = failed(&error);
            return exchange;
        }
        None => {
            exchange.end = End::Dropped;
            return exchange;
        }
    };
    let (parts, body) = head.into_parts();
    exchange.status = Some(parts.status.as_u16());
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    exchange.headers = parts.headers.iter().map(header).collect();
    let mut body = pin!(body);
    let mut read = 0;
    loop {
        let chunk = poll_fn(|cx| match body.as_mut().poll_next(cx) {
            Poll::Ready(chunk) => Poll::Ready(Some(chunk)),
            Poll::Pending => timer.as_mut().poll(cx).map(|()| None),
        })
        .await;
        let now = transport.now();
        match chunk {
            Some(Some(Ok(data))) => {
                read += data.len();
                let data = data.slice(..data.len().min((most + 1).saturating_sub(read - data.len())));
                exchange.chunks.push(Chunk::new(now.since(begin), data));
                if read > most || exchange.chunks.len() > MOST_CHUNKS {
                    exchange.end = End::Capped;
                    return exchange;
                }
                // A body that always has data would never let the timer be polled.
                if now.since(begin) >= limit {
                    exchange.end = End::Dropped;
                    return exchange;
                }
            }
            Some(Some(Err(error))) => {
                exchange.end = failed(&error);
                return exchange;
            }
            Some(None) => return exchange,
            None => {
                exchange.end = End::Dropped;
                return exchange;
            }
        }
    }
}

fn since(now: Time, begin: Time) -> u64 {
    now.since(begin).as_millis().try_into().unwrap_or(u64::MAX)
}

fn failed(error: &TransportError) -> End {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let about = if error.is_about_certificate() { "certificate: " } else { "" };
    let message = format!("{about}{error}{cause}");
    match error.sent() {
        Sent::No => End::Refused(message),
        Sent::Maybe => End::Failed(message),
    }
}
