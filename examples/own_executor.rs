//! A custom executor: the library's client on hyper, without reqwest.
//!
//! `cargo run --example own_executor --no-default-features`
//!
//! An executor moves bytes and provides the time. The library implements retries, deadlines, keys and streams.

use std::error::Error;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::{Client as HyperClient, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tabbyapi::Client;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::call::Time;
use tabbyapi::transport::{Sent, Transport, TransportError};
use tabbyapi_emulator::Emulator;
use tokio::time::Instant;

struct Hyper {
    client: HyperClient<HttpConnector, Full<Bytes>>,
    /// The start of the library's clock.
    epoch: Instant,
}

impl Hyper {
    fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(Duration::from_secs(10)));
        connector.set_nodelay(true);
        // The server closes idle connections after 5 s, so the pool must close them earlier.
        let client = HyperClient::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(4))
            .pool_timer(TokioTimer::new())
            // The library decides about retries.
            .retry_canceled_requests(false)
            .build(connector);
        Hyper { client, epoch: Instant::now() }
    }
}

impl Transport for Hyper {
    type Body = Body;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, TransportError>> + Send + 'static {
        // The request is complete: method, absolute URL, headers with the key, body. It is sent unchanged.
        let sending = self.client.request(request.map(Full::new));
        async move {
            match sending.await {
                Ok(response) => Ok(response.map(Body)),
                // Reports whether the server can have received the request. If not, it can safely be sent again.
                // hyper reports a cancellation if a pooled connection was closed before anything was sent.
                Err(error) => {
                    let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
                    let unsent = error.is_connect() || cause.is_some_and(hyper::Error::is_canceled);
                    let sent = if unsent { Sent::No } else { Sent::Maybe };
                    Err(TransportError::new(sent, root(&error)).with_source(error))
                }
            }
        }
    }

    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + Send + 'static {
        let at = self.epoch.checked_add(until.since_epoch());
        async move {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }

    fn now(&self) -> Time {
        Time::from_epoch(self.epoch.elapsed())
    }

    fn seed(&self) -> u64 {
        RandomState::new().hash_one(0)
    }
}

/// Yields frames as they arrive. Not polling applies back-pressure to the server, and dropping closes the connection.
struct Body(Incoming);

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            return Poll::Ready(match ready!(Pin::new(&mut self.0).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => Some(Ok(data)),
                    // There are no trailers here.
                    Err(_) => continue,
                },
                Some(Err(error)) => Some(Err(TransportError::new(Sent::Maybe, root(&error)).with_source(error))),
                None => None,
            });
        }
    }
}

/// The innermost cause, which is the most specific.
fn root(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Emulator::builder().start()?;
    let client = Client::builder(server.url()).api_key(server.api_key()).build_with(Hyper::new())?;

    println!("loaded: {}", client.models().current().await?.id);
    let request = ChatRequest::new([ChatMessage::user("Does it work on hyper?")]).max_tokens(100);
    let mut stream = client.chat().stream(&request);
    while let Some(chunk) = stream.next().await {
        print!("{}", chunk?.text());
    }
    let answer = stream.finish().await?;
    println!("\n{} chunks, {} bytes", answer.meta().record().items, answer.text().len());

    // Errors are the same as with the library's own executors, after its retries.
    drop(server);
    if let Err(error) = client.models().current().await {
        let attempts = error.record().map_or(0, |record| record.attempt_count);
        println!("{:?} after {attempts} attempts: {error}", error.kind());
    }
    Ok(())
}
