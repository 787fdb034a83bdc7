//! Tests for linear time, by counting the bytes that are inspected or copied.

use bytes::Bytes;

use crate::sse::parser::{Known, Parser};

/// Feeds chunks of a size, takes all events after each or only at the end, and returns the bytes processed.
fn work(input: &[u8], size: usize, queued: bool) -> u64 {
    let mut parser = Parser::new();
    let input = Bytes::copy_from_slice(input);
    let mut at = 0;
    while at < input.len() {
        let end = (at + size).min(input.len());
        parser.feed(input.slice(at..end));
        at = end;
        while !queued && parser.next().expect("no overflow").is_some() {}
    }
    while parser.next().expect("no overflow").is_some() {}
    assert!(!parser.is_partial());
    parser.work
}

#[test]
fn each_byte_is_looked_at_and_copied_once() {
    let long = "x".repeat(20_000);
    let streams = [
        "data: {\"a\": 1}\r\n\r\n".repeat(1_000),
        "event: e\nid: 7\ndata: {\"a\": 1}\n\n".repeat(1_000),
        "data: x\ndata: y\r".repeat(1_000) + "\r\r",
        "\r\n".repeat(20_000),
        ": ping\n".repeat(5_000),
        format!("data: {long}\n\n"),
        format!("event: {long}\nid: {long}\nretry: {long}\nother: {long}\n:{long}\n{long}\n\n"),
        "data:\n".repeat(5_000) + "\n",
        "data: no blank line\n: comment\n".repeat(1_000) + "\n",
    ];
    for stream in &streams {
        for size in [1, 2, 3, 7, 64, 128, 1_400, 16_384, usize::MAX / 2] {
            for queued in [false, true] {
                let work = work(stream.as_bytes(), size, queued);
                let len = stream.len() as u64;
                assert!(work <= 2 * len, "{work} for {len} in chunks of {size}: {:.30?}", stream);
            }
        }
    }
}

#[test]
fn an_event_in_a_chunk_is_not_copied() {
    let stream = "data: {\"a\": 1}\r\n\r\n".repeat(1_000);
    assert!(work(stream.as_bytes(), stream.len(), false) <= stream.len() as u64);
}

#[test]
fn buffers_stay_within_the_limit_and_are_given_back() {
    let max = 1 << 20;
    let mut parser = Parser::with_max_event_bytes(max);
    parser.feed(Bytes::from_static(b"data: "));
    for _ in 0..max / 1_024 {
        parser.feed(Bytes::from(vec![b'x'; 1_024]));
        assert!(parser.next().expect("no overflow").is_none());
        assert!(parser.capacity() <= max);
    }
    parser.feed(Bytes::from_static(b"\n\ndata: y"));
    assert_eq!(parser.next().expect("no overflow").map(|event| event.data_bytes().len()), Some(max));
    assert!(parser.next().expect("no overflow").is_none());
    assert!(parser.capacity() <= 64 << 10);
}

#[test]
fn an_id_that_is_ignored_is_given_back_too() {
    let mut parser = Parser::new();
    parser.feed(Bytes::from([&b"id: \0"[..], &[b'x'; 1 << 20], b"\ndata: y\n\n\n"].concat()));
    assert!(parser.next().expect("no overflow").is_some());
    assert!(parser.next().expect("no overflow").is_none());
    assert!(parser.capacity() <= 4 * (64 << 10), "each buffer keeps some");
}

#[test]
fn known_events_are_taken_only_whole() {
    let known = |value: &[u8]| value.starts_with(b"{1}").then_some((3, ()));
    let mut parser = Parser::new();
    parser.feed(Bytes::from_static(b"data: {1}\n\n"));
    assert!(matches!(parser.next_known(known), Known::No), "a byte order mark may come");
    assert!(parser.next().expect("no overflow").is_some());
    assert!(matches!(parser.next_known(known), Known::Starved));

    parser.feed(Bytes::from_static(b"data: {1}\r\n\r\ndata:{1}\n\ndata: {1}2\n\ndata: {1}\n: x\n\ndata: {1}\r"));
    assert!(matches!(parser.next_known(known), Known::Yes(())));
    assert!(matches!(parser.next_known(known), Known::Yes(())));
    assert!(matches!(parser.next_known(known), Known::No), "more data");
    assert_eq!(parser.next().expect("no overflow").map(|event| event.data_bytes()), Some(&b"{1}2"[..]));
    assert!(matches!(parser.next_known(known), Known::No), "no blank line");
    assert!(parser.next().expect("no overflow").is_some());
    assert!(matches!(parser.next_known(known), Known::No), "no blank line yet");
    assert!(parser.next().expect("no overflow").is_none());
    assert!(matches!(parser.next_known(known), Known::Starved), "within an event");

    parser.feed(Bytes::from_static(b"\rdata: {1}\r\n\r"));
    assert!(parser.next().expect("no overflow").is_some());
    assert!(matches!(parser.next_known(known), Known::Yes(())));
    parser.feed(Bytes::from_static(b"\ndata: {1}\n\n"));
    assert!(matches!(parser.next_known(known), Known::Yes(())), "the LF was swallowed");
    assert_eq!(parser.data_bytes(), 8 * 3 + 1);
    assert!(!parser.is_partial());

    let mut parser = Parser::with_max_event_bytes(2);
    parser.feed(Bytes::from_static(b"\ndata: 1\n\ndata: {1}\n\n"));
    assert!(parser.next().expect("no overflow").is_some());
    assert!(matches!(parser.next_known(known), Known::No), "too large");
    assert!(parser.next().is_err());
}
