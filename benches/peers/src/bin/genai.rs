//! genai's stream of chat chunks.

use bytes::Bytes;
use futures_util::StreamExt;
use genai::{
    Client, ModelIden, ServiceTarget,
    adapter::AdapterKind,
    chat::{ChatRequest, ChatStreamEvent},
    resolver::{AuthData, Endpoint},
};
use tabbyapi_bench_peers::{Peer, Tally, serve};

struct Genai {
    client: Client,
    target: ServiceTarget,
}

impl Peer for Genai {
    fn new(url: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Self {
            client: Client::builder().with_reqwest(http).build().expect("a client"),
            target: ServiceTarget {
                endpoint: Endpoint::from_owned(format!("{url}/v1/")),
                auth: AuthData::from_single("key"),
                model: ModelIden::new(AdapterKind::OpenAI, "alpha"),
            },
        }
    }

    /// An item for each chunk, after one for the start and before one for `[DONE]`.
    async fn read(&self) -> Tally {
        let request = ChatRequest::from_user("Why is the sky blue?");
        let response = self.client.exec_chat_stream(self.target.clone(), request, None).await.expect("a stream");
        let mut stream = response.stream;
        let mut tally = Tally::default();
        assert!(matches!(stream.next().await, Some(Ok(ChatStreamEvent::Start))), "no start");
        let mut ended = false;
        while let Some(event) = stream.next().await {
            assert!(!ended, "an item after the end");
            match event.expect("an event") {
                ChatStreamEvent::Chunk(chunk) => tally.add(&chunk.content),
                ChatStreamEvent::End(_) => ended = true,
                other => panic!("not expected: {other:?}"),
            }
        }
        assert!(ended, "no end");
        tally
    }

    /// Its streams are made of requests of a `reqwest::Client`; the types in between are private.
    const DECODE: Option<fn(&[Bytes]) -> Tally> = None;
}

fn main() -> std::io::Result<()> {
    serve::<Genai>()
}
