//! Event streams: however they are cut, the same comes out, and it is what plain parsers give.

use bytes::Bytes;
use tabbyapi::api::{
    ChatChunk, ChatEvents, ChatMessage, ChatRequest, ChatTotal, CompletionRequest, KoboldRequest, LoadRequest,
};
use tabbyapi::decode::{Decode, EventFormat, Events, Step};
use tabbyapi::sse::Parser;
use tabbyapi::{Accumulate, Error, Limits, StreamEndpoint};

use crate::harness::{Kept, Outcome, head, pieces};
use crate::reference;

/// The parser against the standard's algorithm.
pub(crate) fn sse(data: &[u8]) {
    let mut parser = Parser::new();
    let mut outcome = Outcome::default();
    for piece in pieces(data) {
        parser.feed(Bytes::copy_from_slice(piece));
        while let Ok(Some(event)) = parser.next() {
            let (kind, id) = (event.kind().to_owned(), event.id().to_owned());
            outcome.events.push(Kept { kind, data: event.data().into_owned(), id });
        }
    }
    outcome.last_id = parser.last_event_id().to_owned();
    outcome.retry = parser.retry();
    outcome.comments = parser.comments();
    let whole: Vec<u8> = pieces(data).flatten().copied().collect();
    assert_eq!(outcome, reference::parse(&whole));
}

/// Chunks that templates recognize, against each event by a decoder that has seen none before. Halves of characters are left out, as
/// a decoder waits for the other half.
pub(crate) fn templates(data: &[u8]) {
    let text: Vec<u8> = pieces(data).flatten().copied().collect();
    if text.windows(3).any(|part| part.eq_ignore_ascii_case(b"\\ud")) {
        return;
    }
    let mut plain: Vec<ChatChunk> = Vec::new();
    for event in reference::parse(&text).events {
        match ChatEvents::new().event(&event.kind, &event.data) {
            Ok(Step::Item(chunk)) => plain.push(chunk),
            Ok(Step::Last(chunk, _)) => {
                plain.push(chunk);
                break;
            }
            Ok(Step::Done) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let (items, _) = read(Events::new(ChatEvents::new()), pieces(data));
    // Errors may come earlier; an event that lacks its end counts at the end of a body.
    assert!(items.len() <= plain.len() + 1, "{} items, {} events", items.len(), plain.len());
    for (item, plain) in items.iter().zip(&plain) {
        assert_eq!(item, plain);
    }
}

/// The sum of a stream's tool calls, however its text is cut.
pub(crate) fn tool_calls(data: &[u8]) {
    let sum = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (items, error) = read(Events::new(ChatEvents::new()), pieces);
        let mut total = ChatTotal::new(&Limits::default());
        let pushed = items.iter().try_for_each(|item| total.push(item));
        (total.into_output(), error, pushed.err().map(|error| error.to_string()))
    };
    let whole: Vec<u8> = pieces(data).flatten().copied().collect();
    let (answer, error, full) = sum(&mut pieces(data));
    assert_eq!((answer.clone(), error, full), sum(&mut [&whole[..]].into_iter()));
    for choice in &answer.choices {
        assert!(choice.message.tool_calls.len() <= Limits::default().indices);
    }
}

/// Any body as any stream: no panic, and the same however it is cut.
pub(crate) fn streams(data: &[u8]) {
    both(&ChatRequest::new([ChatMessage::user("x")]), data);
    both(&CompletionRequest::new("x").max_tokens(1), data);
    both(&LoadRequest::new("x"), data);
    both(&KoboldRequest::new("x"), data);
}

fn both<R: StreamEndpoint>(request: &R, data: &[u8])
where
    <R::Decoder as Decode>::Item: PartialEq + std::fmt::Debug,
{
    let whole: Vec<u8> = pieces(data).flatten().copied().collect();
    let cut = read(decoder(request), pieces(data));
    assert_eq!(cut, read(decoder(request), [&whole[..]].into_iter()));
}

fn decoder<R: StreamEndpoint>(request: &R) -> R::Decoder {
    use tabbyapi::Endpoint;
    request.streamed().decoder()
}

/// The items, and the error that ended them.
fn read<'a, D: Decode>(mut decoder: D, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<D::Item>, Option<String>) {
    let mut items = Vec::new();
    let run = || {
        decoder.start(&head(200, "text/event-stream"), &Limits::default())?;
        for piece in pieces {
            decoder.feed(Bytes::copy_from_slice(piece));
            while let Some(item) = decoder.next()? {
                items.push(item);
            }
        }
        while let Some(item) = decoder.finish()? {
            items.push(item);
        }
        Ok::<(), Error>(())
    };
    let error = run().err().map(|error| error.to_string());
    (items, error)
}
