//! The stream decoders, which learn what events look like, against decoding each event afresh.

use bytes::Bytes;
use tabbyapi::api::{ChatChunk, ChatEvents, CompletionChunk, CompletionEvents};
use tabbyapi::decode::{Decode, EventFormat, Events, Step};
use tabbyapi::sse::Parser;
use tabbyapi::{Error, Limits};

/// A small random generator (xorshift64*), so that failures repeat.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).expect("31 bits") % end
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

const TEXTS: [&str; 16] = [
    "",
    " a",
    " the",
    "index",
    "stop",
    "content",
    "\\n",
    "\\\"quoted\\\"",
    "\u{e9}\u{1F600}\u{2028}",
    "x\\\\",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\ud800x",
    "\\x",
    "\u{1}",
    "a text that is longer than what is kept inline",
];

const CHAT: [(&str, &str); 9] = [
    ("\"content\": \"", "\"}, \"finish_reason\": null}], \"model\": \"m\"}"),
    ("\"content\": \"", "\"}, \"finish_reason\": null}], \"model\": \"m\"}"),
    ("\"reasoning_content\": \"", "\"}, \"finish_reason\": null}], \"model\": \"m\"}"),
    ("\"content\": \"", "\"}, \"finish_reason\": \"length\", \"eos_reason\": \"max_new_tokens\"}], \"model\": \"m\"}"),
    ("\"content\": \"", "\"}, \"finish_reason\": null, \"logprobs\": {\"content\": []}}], \"model\": \"m\"}"),
    ("\"content\": \"", "\", \"mood\": \"x\"}, \"finish_reason\": null}], \"model\": \"m\", \"content\": \"\"}"),
    ("\"content\": \"x\", \"content\": \"", "\"}, \"finish_reason\": null}], \"model\": \"m\"}"),
    ("\"mood\": \"x\", \"mood\": \"", "\"}, \"finish_reason\": null}], \"model\": \"m\"}"),
    ("\"content\": \"", "\"}}], \"error\": {\"message\": \"late\"}}"),
];

fn chat(random: &mut Random) -> String {
    let (before, after) = random.pick(&CHAT);
    let index = usize::from(random.below(6) == 0);
    let id = if random.below(40) == 0 { "chatcmpl-2" } else { "chatcmpl-1" };
    format!(
        "{{\"id\": \"{id}\", \"object\": \"chat.completion.chunk\", \"created\": 1, \"choices\": [{{\"index\": {index}, \
         \"delta\": {{{before}{}{after}",
        random.pick(&TEXTS)
    )
}

fn completion(random: &mut Random) -> String {
    let index = usize::from(random.below(6) == 0);
    let reason = random.pick(&["null", "null", "null", "null", "\"stop\""]);
    let model = random.pick(&["model_name", "model_name", "model_name", "model_name", "model"]);
    format!(
        "{{\"id\": \"chatcmpl-1\", \"object\": \"text_completion\", \"choices\": [{{\"index\": {index}, \"text\": \"{}\", \
         \"finish_reason\": {reason}}}], \"created\": 1, \"{model}\": \"m\"}}",
        random.pick(&TEXTS)
    )
}

/// Now and then changes a byte or a few, but of halves of characters: a text that ends in one waits for the other.
fn mutate(random: &mut Random, data: &mut Vec<u8>) {
    if random.below(4) > 0 || data.windows(3).any(|part| part == b"\\ud") {
        return;
    }
    for _ in 0..=random.below(3) {
        let at = random.below(data.len() + 1);
        let byte = random.pick(b"\"\"\\\\{}[]:, \r\nnu0a\x01\x7F\xC3\xA9\xFF");
        match random.below(4) {
            0 if at < data.len() => data[at] = byte,
            1 => data.insert(at, byte),
            2 if at < data.len() => drop(data.remove(at)),
            _ => data.truncate(data.len() - random.below(3).min(data.len())),
        }
    }
}

fn stream(random: &mut Random, event: fn(&mut Random) -> String) -> Bytes {
    let mut stream = Vec::new();
    for _ in 0..100 {
        match random.below(60) {
            0 => stream.extend_from_slice(b": ping\r\n\r\n"),
            1 => stream.extend_from_slice(b"event: error\n"),
            2 => stream.extend_from_slice(b"event: other\n"),
            3 => stream.extend_from_slice(b"data: {\"error\": {\"message\": \"no\"}}\r\n\r\n"),
            _ => {}
        }
        let mut data = event(random).into_bytes();
        mutate(random, &mut data);
        stream.extend_from_slice(random.pick(&[&b"data: "[..], b"data: ", b"data: ", b"data:"]));
        stream.extend_from_slice(&data);
        stream.extend_from_slice(random.pick(&[
            &b"\r\n\r\n"[..],
            b"\r\n\r\n",
            b"\r\n\r\n",
            b"\n\n",
            b"\n\n",
            b"\r\r",
            b"\n",
        ]));
    }
    stream.into()
}

type Outcome<T> = Result<T, (tabbyapi::ErrorKind, String)>;

fn outcome<T>(result: Result<T, Error>) -> Outcome<T> {
    result.map_err(|error| (error.kind(), error.code().to_string()))
}

/// Each event by a decoder that has seen none before. No text ends in half of a character, for which a decoder would wait.
fn afresh<F: EventFormat>(stream: &Bytes, new: impl Fn() -> F) -> Vec<Outcome<F::Item>> {
    let mut parser = Parser::new();
    let mut all = Vec::new();
    parser.feed(stream.clone());
    while let Some(event) = parser.next().expect("no overflow") {
        match new().event(event.kind(), &event.data()) {
            Ok(Step::Item(item)) => all.push(Ok(item)),
            Ok(Step::Last(item, error)) => all.extend([Ok(item), outcome(Err(error))]),
            Ok(_) => {}
            Err(error) => all.push(outcome(Err(error))),
        }
    }
    all
}

/// All events by one decoder, in chunks of a size.
fn learning<F: EventFormat>(stream: &Bytes, format: F, size: usize) -> Vec<Outcome<F::Item>> {
    let (head, ()) = http::Response::builder()
        .header("content-type", "text/event-stream; charset=utf-8")
        .body(())
        .expect("valid")
        .into_parts();
    let mut events = Events::new(format);
    events.start(&head, &Limits::default()).expect("a stream");
    let mut all = Vec::new();
    for start in (0..stream.len()).step_by(size) {
        events.feed(stream.slice(start..stream.len().min(start + size)));
        loop {
            match events.next() {
                Ok(Some(item)) => all.push(Ok(item)),
                Ok(None) => break,
                Err(error) => all.push(outcome(Err(error))),
            }
        }
    }
    all
}

fn compare<F>(event: fn(&mut Random) -> String, new: impl Fn() -> F, seeds: u64)
where
    F: EventFormat,
    F::Item: PartialEq + std::fmt::Debug,
{
    let (mut items, mut errors) = (0, 0);
    for seed in 1..=seeds {
        let mut random = Random::new(seed);
        let stream = stream(&mut random, event);
        let size = random.pick(&[1, 40, 230, 1_400, 1 << 20]);
        let expected = afresh(&stream, &new);
        let got = learning(&stream, new(), size);
        assert!(
            got == expected,
            "seed {seed}: {:?}",
            got.iter().zip(&expected).find(|(got, expected)| got != expected)
        );
        items += expected.iter().filter(|item| item.is_ok()).count();
        errors += expected.iter().filter(|item| item.is_err()).count();
    }
    assert!(items > 40 * seeds as usize && errors > 10 * seeds as usize, "{items} {errors}");
}

/// Fewer where the program is not optimized; `tests/run wasm-suite` runs them all.
const SEEDS: u64 = if cfg!(debug_assertions) { 600 } else { 3_000 };

#[test]
fn chat_streams_decode_as_their_events_do() {
    compare::<ChatEvents>(chat, ChatEvents::new, SEEDS);
}

#[test]
fn completion_streams_decode_as_their_events_do() {
    compare::<CompletionEvents>(completion, || CompletionEvents::new(true), SEEDS);
}

#[test]
fn known_chunks_share_their_strings() {
    let stream: String = (0..9)
        .map(|n| format!("data: {{\"id\": \"an id that is longer than inline\", \"choices\": [{{\"index\": 0, \"delta\": {{\"content\": \"{n}\"}}}}]}}\n\n"))
        .collect();
    let chunks: Vec<ChatChunk> =
        learning(&stream.into(), ChatEvents::new(), 1 << 20).into_iter().map(|chunk| chunk.expect("valid")).collect();
    assert_eq!(chunks.len(), 9);
    assert!(chunks.iter().all(|chunk| chunk.id.as_ptr() == chunks[0].id.as_ptr()));
    assert_eq!(chunks.iter().map(ChatChunk::text).collect::<String>(), "012345678");
}

const fn is_send<T: Send + 'static>() {}

const _: () = is_send::<Events<ChatEvents>>();
const _: () = is_send::<CompletionChunk>();
