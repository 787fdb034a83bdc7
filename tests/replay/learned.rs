//! Changed chunks of recorded streams, with templates and without: the items and the errors are the same.

use bytes::Bytes;
use tabbyapi::api::{ChatEvents, CompletionEvents};
use tabbyapi::decode::{Decode, EventFormat, Events};
use tabbyapi::sse::Parser;
use tabbyapi::{ErrorCode, Limits};

use crate::ask::{Ask, streams};
use crate::random::Random;
use crate::recording::Recording;

/// White space after a document, which makes it too long for a template.
const PADDING: usize = 5 << 10;

/// How many events are compared. `TEMPLATE_EVENTS` sets another number, and `TEMPLATE_SEED` makes others.
fn number() -> u64 {
    let set = std::env::var("TEMPLATE_EVENTS").ok().and_then(|number| number.parse().ok());
    set.unwrap_or(if cfg!(any(debug_assertions, target_arch = "wasm32")) { 40_000 } else { 400_000 })
}

/// The data of the events of a recorded stream, without what ends it.
fn events(recording: &Recording) -> Vec<String> {
    let mut parser = Parser::new();
    parser.feed(recording.body());
    let mut events = Vec::new();
    while let Some(event) = parser.next().unwrap() {
        events.push(event.data().into_owned());
    }
    events.retain(|data| data.starts_with('{'));
    events
}

/// A decoder of a stream that has begun.
fn decoder<F: EventFormat>(format: F) -> Events<F> {
    let mut events = Events::new(format);
    let head = http::Response::builder().header("content-type", "text/event-stream").body(()).unwrap();
    events.start(&head.into_parts().0, &Limits::default()).unwrap();
    events
}

/// Everything that a decoder has to say, up to an error.
fn drain<F: EventFormat>(events: &mut Events<F>, into: &mut Vec<F::Item>) -> Result<(), ErrorCode> {
    loop {
        match events.next() {
            Ok(Some(item)) => into.push(item),
            Ok(None) => return Ok(()),
            Err(error) => return Err(error.code().clone()),
        }
    }
}

/// Texts and numbers of chunks, and what breaks them.
const WORDS: [&str; 24] = [
    "a",
    " the",
    "é",
    "你好",
    "🦀",
    "\\n",
    "\\\"",
    "\\\\",
    "\\u00e9",
    "\\x",
    "\"",
    "\\",
    "{",
    "}",
    ",",
    "0",
    "1795359344",
    "null",
    "\"content\": \"",
    "-",
    "\u{1}",
    "\u{7f}",
    " ",
    ": ",
];

/// An event with a few changes: mostly of its text, as the next token makes them, or of anything.
fn changed(data: &str, random: &mut Random) -> String {
    let mut data = data.as_bytes().to_vec();
    let string = || {
        let text = std::str::from_utf8(&data).ok()?;
        let at = ["\"content\": \"", "\"text\": \"", "\"reasoning_content\": \""]
            .iter()
            .find_map(|name| Some(text.find(name)? + name.len()))?;
        Some((at, at + text[at..].find('"')?))
    };
    match random.below(8) {
        0 => return String::from_utf8_lossy(&data).into_owned(),
        1..6 => {
            if let Some((start, end)) = string() {
                let most = [9, WORDS.len()][usize::from(random.below(9) == 0)];
                let words: Vec<&str> = (0..random.below(4)).map(|_| WORDS[random.below(most)]).collect();
                data.splice(start..end, words.concat().into_bytes());
            }
        }
        6 => {
            // Another time.
            if let Some(at) = data.windows(11).position(|part| part == b"\"created\": ") {
                let digits = data[at + 11..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                let time = [1_795_359_344 + random.below(3), random.below(20)][random.below(2)];
                data.splice(at + 11..at + 11 + digits, time.to_string().into_bytes());
            }
        }
        _ => {
            for _ in 0..=random.below(2) {
                let at = random.below(data.len() + 1);
                match random.below(5) {
                    0 if at < data.len() => data[at] = random.below(256) as u8,
                    1 if at < data.len() => data[at] ^= 1 << random.below(8),
                    2 => data.truncate(at),
                    3 => drop(data.drain(at..(at + random.below(20)).min(data.len()))),
                    _ => drop(data.splice(at..at, WORDS[random.below(WORDS.len())].bytes())),
                }
            }
        }
    }
    // Line ends would part the event.
    data.retain(|byte| !matches!(byte, b'\r' | b'\n'));
    String::from_utf8_lossy(&data).into_owned()
}

/// What came out: items, those of templates, and errors.
#[derive(Default)]
struct Counts {
    events: u64,
    items: u64,
    errors: u64,
}

/// Compares one stream of changed events, up to its first error.
fn compare<F: EventFormat>(recorded: &[String], make: fn() -> F, random: &mut Random, counts: &mut Counts)
where
    F::Item: PartialEq + std::fmt::Debug,
{
    let (mut learned, mut plain) = (decoder(make()), decoder(make()));
    let mut kept = recorded[random.below(recorded.len())].clone();
    for _ in 0..100 {
        // Mostly like the one before, so that there is something to learn.
        if random.below(6) == 0 {
            kept = recorded[random.below(recorded.len())].clone();
        }
        let data = changed(&kept, random);
        let end = ["\n\n", "\r\n\r\n", "\r\r"][random.below(3)];
        let event = format!("data: {data}{end}").into_bytes();
        let padded = format!("data: {data}{}{end}", " ".repeat(PADDING));
        let mut items = Vec::new();
        let size = [1, 40, 230, usize::MAX][random.below(4)];
        let mut outcome = Ok(());
        for piece in event.chunks(size) {
            learned.feed(Bytes::copy_from_slice(piece));
            outcome = drain(&mut learned, &mut items);
            if outcome.is_err() {
                break;
            }
        }
        let mut expected = Vec::new();
        plain.feed(Bytes::from(padded));
        let expected_outcome = drain(&mut plain, &mut expected);
        assert_eq!((&items, &outcome), (&expected, &expected_outcome), "{data}");
        counts.events += 1;
        counts.items += items.len() as u64;
        if outcome.is_err() {
            counts.errors += 1;
            return;
        }
    }
}

#[test]
fn what_is_recognized_is_what_plain_decoding_gives() {
    let recorded = streams().into_iter().filter_map(|(recording, ask)| match ask {
        Ask::ChatStream(_) => Some((events(recording), true)),
        Ask::CompletionStream(_) => Some((events(recording), false)),
        _ => None,
    });
    let recorded: Vec<_> = recorded.filter(|(events, _)| !events.is_empty()).collect();
    let number = number();
    let mut counts = Counts::default();
    let seed = std::env::var("TEMPLATE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut random = Random::new(seed);
    while counts.events < number {
        let (events, is_chat) = &recorded[random.below(recorded.len())];
        match is_chat {
            true => compare(events, ChatEvents::new, &mut random, &mut counts),
            false => compare(events, || CompletionEvents::new(true), &mut random, &mut counts),
        }
    }
    println!("{} events, {} items, {} errors", counts.events, counts.items, counts.errors);
    assert!(counts.items > counts.events / 2 && counts.errors > counts.events / 100);
}
