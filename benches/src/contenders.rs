//! Who runs: the floor, ourselves and peers, each over the same chunks.

use std::{
    convert::Infallible,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
};

use async_openai::types::chat::CreateChatCompletionStreamResponse;
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::Deserialize;
use tabbyapi::{
    Limits,
    api::{ChatChunk, ChatEvents, ChatMessage, ChatRequest},
    decode::{Decode, Events},
    sse::Parser,
};

use crate::memory;

/// What a run came to, so that all can be seen to have done the same.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Tally {
    pub(crate) events: usize,
    /// Of data, or of content in typed runs.
    pub(crate) bytes: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, text: &[u8]) {
        self.events += 1;
        self.bytes += black_box(text).len();
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Group {
    Floor,
    Framing,
    Typed,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    pub(crate) run: fn(&[Bytes]) -> Tally,
}

pub(crate) const SCAN: &str = "memchr2 scan";
pub(crate) const OURS_BYTES: &str = "tabbyapi";
pub(crate) const OURS_TEXT: &str = "tabbyapi, as str";
pub(crate) const SSE_STREAM: &str = "sse-stream";
pub(crate) const SSEER: &str = "sseer";
pub(crate) const EVENTSOURCE: &str = "eventsource-stream";
pub(crate) const SSEER_SERDE: &str = "sseer + serde_json, small struct";
pub(crate) const EVENTSOURCE_OPENAI: &str = "eventsource-stream + async-openai";
pub(crate) const OURS_SMALL: &str = "tabbyapi::sse + serde_json, small struct";
pub(crate) const OURS_PLAIN: &str = "tabbyapi, ChatChunk by plain serde";
pub(crate) const OURS_TYPED: &str = "tabbyapi, ChatChunk";
pub(crate) const OURS_WHOLE: &str = "tabbyapi, chat().stream()";

pub(crate) const ALL: &[Contender] = &[
    Contender { name: SCAN, group: Group::Floor, run: scan },
    Contender { name: OURS_BYTES, group: Group::Framing, run: ours_bytes },
    Contender { name: OURS_TEXT, group: Group::Framing, run: ours_text },
    Contender { name: SSE_STREAM, group: Group::Framing, run: sse_stream },
    Contender { name: SSEER, group: Group::Framing, run: sseer },
    Contender { name: EVENTSOURCE, group: Group::Framing, run: eventsource },
    Contender { name: OURS_TYPED, group: Group::Typed, run: ours_typed },
    Contender { name: OURS_WHOLE, group: Group::Typed, run: ours_whole },
    Contender { name: OURS_PLAIN, group: Group::Typed, run: ours_plain },
    Contender { name: OURS_SMALL, group: Group::Typed, run: ours_small },
    Contender { name: SSEER_SERDE, group: Group::Typed, run: sseer_serde },
    Contender { name: EVENTSOURCE_OPENAI, group: Group::Typed, run: eventsource_openai },
];

/// A chunk as those write it who decode by hand.
#[derive(Deserialize, Debug)]
#[allow(dead_code)]
pub(crate) struct Small {
    id: String,
    model: String,
    choices: Vec<SmallChoice>,
}

#[derive(Deserialize, Debug)]
#[allow(dead_code)]
struct SmallChoice {
    index: u32,
    delta: SmallDelta,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Debug)]
struct SmallDelta {
    content: Option<String>,
}

impl Small {
    pub(crate) fn content(&self) -> &[u8] {
        self.choices[0].delta.content.as_deref().unwrap_or("").as_bytes()
    }
}

fn scan(chunks: &[Bytes]) -> Tally {
    let mut ends = 0;
    for chunk in chunks {
        let chunk = chunk.clone();
        ends += memchr::memchr2_iter(b'\r', b'\n', &chunk).count();
    }
    Tally { events: black_box(ends) / 4, bytes: 0 }
}

fn ours(chunks: &[Bytes], mut each: impl FnMut(tabbyapi::sse::Event<'_>)) {
    let mut parser = Parser::new();
    for chunk in chunks {
        parser.feed(chunk.clone());
        while let Some(event) = parser.next().expect("no event is that large") {
            each(event);
        }
    }
}

fn ours_bytes(chunks: &[Bytes]) -> Tally {
    let mut tally = Tally::default();
    ours(chunks, |event| tally.add(event.data_bytes()));
    tally
}

fn ours_text(chunks: &[Bytes]) -> Tally {
    let mut tally = Tally::default();
    ours(chunks, |event| tally.add(event.data().as_bytes()));
    tally
}

/// As a client's stream does it, which knows chunks by what the last ones looked like.
fn ours_typed(chunks: &[Bytes]) -> Tally {
    let mut tally = Tally::default();
    let mut events = Events::new(ChatEvents::new());
    let head = http::Response::new(()).into_parts().0;
    events.start(&head, &Limits::default()).expect("a stream");
    for chunk in chunks {
        events.feed(chunk.clone());
        while !events.is_drained() {
            let mut item = None;
            _ = events.next_into(&mut item);
            let Some(chunk) = &item else { break };
            tally.add(chunk.text().as_bytes());
        }
    }
    tally
}

/// As a caller of a client sees it: transport, driver, call, decoder and sum, with everything but the sockets.
fn ours_whole(chunks: &[Bytes]) -> Tally {
    let mut tally = Tally::default();
    let client = memory::streaming(Vec::from(chunks).into_iter());
    exhaust(client.chat().stream(&ChatRequest::new([ChatMessage::user("Why?")])), |item| {
        // The body ends without `[DONE]`, which is an error after the last item.
        if let Ok(chunk) = &item {
            tally.add(chunk.text().as_bytes());
        }
    });
    tally
}

fn ours_plain(chunks: &[Bytes]) -> Tally {
    let mut tally = Tally::default();
    ours(chunks, |event| {
        let chunk: ChatChunk = serde_json::from_str(&event.data()).expect("valid");
        tally.add(chunk.text().as_bytes());
    });
    tally
}

fn ours_small(chunks: &[Bytes]) -> Tally {
    let mut tally = Tally::default();
    ours(chunks, |event| {
        let chunk: Small = serde_json::from_str(&event.data()).expect("valid");
        tally.add(chunk.content());
    });
    tally
}

/// A stream of the chunks, as an HTTP client gives.
fn body(chunks: &[Bytes]) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::iter(chunks.iter().cloned().map(Ok))
}

/// Polls a stream that is always ready to its end.
fn exhaust<S: Stream>(stream: S, mut each: impl FnMut(S::Item)) {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match stream.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(item)) => each(item),
            Poll::Ready(None) => return,
            Poll::Pending => unreachable!("all chunks are there"),
        }
    }
}

fn sse_stream(chunks: &[Bytes]) -> Tally {
    let mut tally = Tally::default();
    exhaust(sse_stream::SseByteStream::new(body(chunks)), |event| {
        let event = event.expect("valid");
        tally.add(event.data.as_deref().unwrap_or("").as_bytes());
    });
    tally
}

fn sseer(chunks: &[Bytes]) -> Tally {
    let mut tally = Tally::default();
    exhaust(sseer::event_stream::EventStream::new(body(chunks)), |event| {
        tally.add(event.expect("valid").data.as_bytes());
    });
    tally
}

fn sseer_serde(chunks: &[Bytes]) -> Tally {
    let mut tally = Tally::default();
    exhaust(sseer::event_stream::EventStream::new(body(chunks)), |event| {
        let chunk: Small = serde_json::from_str(&event.expect("valid").data).expect("valid");
        tally.add(chunk.content());
    });
    tally
}

fn eventsource(chunks: &[Bytes]) -> Tally {
    let mut tally = Tally::default();
    exhaust(eventsource_stream::EventStream::new(body(chunks)), |event| {
        tally.add(event.expect("valid").data.as_bytes());
    });
    tally
}

fn eventsource_openai(chunks: &[Bytes]) -> Tally {
    let mut tally = Tally::default();
    exhaust(eventsource_stream::EventStream::new(body(chunks)), |event| {
        let data = event.expect("valid").data;
        let chunk: CreateChatCompletionStreamResponse = serde_json::from_str(&data).expect("valid");
        tally.add(chunk.choices[0].delta.content.as_deref().unwrap_or("").as_bytes());
    });
    tally
}

/// The events and the content of these chunks, which everything else has to see too.
pub(crate) fn by_hand(chunks: &[Bytes]) -> Tally {
    sseer_serde(chunks)
}
