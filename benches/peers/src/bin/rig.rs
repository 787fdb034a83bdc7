//! rig-core's stream of chat chunks, through rig-reqwest and from memory.

use std::{
    future::{self, Future},
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use rig_core::{
    Model,
    completion::{AssistantContent, CompletionRequest},
    error::ProviderError,
    http_client::{Error, HttpClientExt, LazyBody, MultipartForm, Request, Response, StreamingResponse},
    providers::openai::{
        OpenAIConfig,
        wire::{Chat, Dialect, Quirks},
    },
    streaming::{Item, StreamEvent},
};
use rig_reqwest::ReqwestClient;
use tabbyapi_bench_peers::{Peer, Tally, serve};

/// The server ends a stream by `[DONE]` alone.
const TABBY: Dialect = Dialect::gateway("tabby", "http://memory.test", "TABBY_API_KEY")
    .with_quirks(Quirks::openai().done_without_finish_reason());

fn model(http: impl HttpClientExt + 'static, url: &str) -> Model<Chat> {
    OpenAIConfig::with_key(&TABBY, "key").with_base_url(format!("{url}/v1")).connect(http).chat("alpha")
}

struct Rig(Model<Chat>);

impl Peer for Rig {
    fn new(url: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Self(model(ReqwestClient::from(http), url))
    }

    async fn read(&self) -> Tally {
        let mut stream = self.0.stream(CompletionRequest::new("Why is the sky blue?")).expect("a stream");
        let mut seen = Seen::default();
        while let Some(item) = stream.next().await {
            seen.add(item.expect("an item"));
        }
        assert_eq!(seen.ended, Some(seen.tally.bytes()), "the whole text is another");
        seen.tally
    }

    const DECODE: Option<fn(&[Bytes]) -> Tally> = Some(decode);
}

/// An item for each chunk, after one for the start of the text and before one with all of it.
#[derive(Default)]
struct Seen {
    tally: Tally,
    started: bool,
    ended: Option<usize>,
}

impl Seen {
    fn add(&mut self, item: Item<StreamEvent>) {
        match item {
            Item::Event(StreamEvent::Text { text, .. }) if self.started && self.ended.is_none() => {
                self.tally.add(&text)
            }
            Item::Event(StreamEvent::Start { .. }) if !self.started => self.started = true,
            Item::Event(StreamEvent::End { content: AssistantContent::Text(all), .. }) if self.ended.is_none() => {
                self.ended = Some(all.text.len());
            }
            other => panic!("not expected: {other:?}"),
        }
    }
}

fn decode(chunks: &[Bytes]) -> Tally {
    let model = model(Memory(chunks.to_vec()), "http://memory.test");
    let mut stream = pin!(model.stream(CompletionRequest::new("Why?")).expect("a stream"));
    let mut context = Context::from_waker(Waker::noop());
    let mut seen = Seen::default();
    loop {
        match stream.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(Ok(item))) => seen.add(item),
            // The body ends without `[DONE]`.
            Poll::Ready(Some(Err(ProviderError::Truncated))) => {}
            Poll::Ready(Some(Err(error))) => panic!("{error}"),
            Poll::Ready(None) => return seen.tally,
            Poll::Pending => unreachable!("all chunks are there"),
        }
    }
}

/// Answers each request by a stream of these chunks.
#[derive(Clone)]
struct Memory(Vec<Bytes>);

impl HttpClientExt for Memory {
    fn send<T, U>(&self, _: Request<T>) -> impl Future<Output = Result<Response<LazyBody<U>>, Error>> + Send + 'static
    where
        T: Into<Bytes> + Send,
        U: From<Bytes> + Send + 'static,
    {
        future::ready(Err(Error::StreamEnded))
    }

    fn send_multipart<U>(
        &self,
        _: Request<MultipartForm>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>, Error>> + Send + 'static
    where
        U: From<Bytes> + Send + 'static,
    {
        future::ready(Err(Error::StreamEnded))
    }

    fn send_streaming<T>(&self, _: Request<T>) -> impl Future<Output = Result<StreamingResponse, Error>> + Send
    where
        T: Into<Bytes> + Send,
    {
        let body = Box::pin(stream::iter(self.0.clone()).map(Ok));
        let response = Response::builder().header("content-type", "text/event-stream").body(body as _);
        future::ready(response.map_err(Error::from))
    }
}

fn main() -> std::io::Result<()> {
    serve::<Rig>()
}
