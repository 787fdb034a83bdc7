//! How many chunks of recorded streams are recognized by a template of earlier ones.

use tabbyapi::api::{ChatEvents, CompletionEvents};
use tabbyapi::decode::{EventFormat, Step};
use tabbyapi::sse::Parser;

use crate::ask::{Ask, streams};
use crate::recording::Recording;

/// The chunks of a stream that carry text, and how many of them were recognized.
fn hits<F: EventFormat>(recording: &Recording, mut format: F) -> [u32; 2] {
    let mut parser = Parser::new();
    parser.feed(recording.body());
    let [mut chunks, mut known] = [0, 0];
    while let Some(event) = parser.next().unwrap() {
        let data = event.data();
        // The last chunk of a choice is the only one of its kind.
        let is_text = data.contains("\"finish_reason\": null");
        let text = format.known(data.as_bytes()).and_then(|(len, text)| (len == data.len()).then_some(text));
        let is_known = text.is_some();
        match text {
            Some(text) => {
                let mut item = None;
                format.known_item(text, &mut item);
                assert!(item.is_some());
            }
            None => match format.event(event.kind(), &data) {
                Ok(Step::Done) | Err(_) => break,
                Ok(_) => {}
            },
        }
        chunks += u32::from(is_text);
        known += u32::from(is_text && is_known);
    }
    [chunks, known]
}

#[test]
fn nearly_all_chunks_are_recognized() {
    let [mut chunks, mut known, mut first] = [0, 0, 0];
    for (recording, ask) in streams() {
        let found = match ask {
            Ask::ChatStream(_) => hits(recording, ChatEvents::new()),
            Ask::CompletionStream(_) => hits(recording, CompletionEvents::new(true)),
            _ => continue,
        };
        chunks += found[0];
        known += found[1];
        // The first one is learned.
        first += u32::from(found[0] > 0);
        println!("{}: {} of {}", recording.name, found[1], found[0]);
    }
    println!("{known} of {chunks}, of which {first} were the first ones");
    assert!(f64::from(known) >= 0.95 * f64::from(chunks - first), "{known} of {chunks}, {first} first ones");
}
