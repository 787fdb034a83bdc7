//! The limit on the size of an event.

use bytes::Bytes;
use tabbyapi::sse::{DEFAULT_MAX_EVENT_BYTES, Parser};

use crate::harness::{Random, overflow_of, parse, parse_all_ways};

#[test]
fn data_up_to_the_limit_passes() {
    for end in ["\n", "\r", "\r\n"] {
        let fits = format!("data:12345678{end}{end}data: 12345678{end}{end}");
        assert_eq!(parse_all_ways(fits.as_bytes(), || Parser::with_max_event_bytes(8)).events.len(), 2);
        let over = format!("data:1{end}{end}data:123456789{end}{end}data:2{end}{end}");
        let outcome = parse_all_ways(over.as_bytes(), || Parser::with_max_event_bytes(8));
        assert!(outcome.overflow);
        assert_eq!(outcome.events.len(), 1);
    }
}

#[test]
fn the_parts_of_an_event_count_together() {
    let overflows = |input: &str| parse_all_ways(input.as_bytes(), || Parser::with_max_event_bytes(8)).overflow;
    assert!(!overflows("data:123\ndata:4567\n\n"));
    assert!(overflows("data:1234\ndata:5678\n\n"));
    assert!(!overflows("event:1234\ndata:5678\n\n"));
    assert!(overflows("event:1234\ndata:56789\n\n"));
    assert!(!overflows("event:12\nid:34\ndata:5678\n\n"));
    assert!(overflows("event:12\nid:345\ndata:6789\n\n"));
    // Each event has the limit to itself, and a line that is replaced counts no more.
    assert!(!overflows("id:12345678\n\nid:12345678\n\nevent:1234\nevent:5\nevent:6789\n\ndata:12345678\n\n"));
    // Three bytes for each that is replaced.
    assert!(parse(Parser::with_max_event_bytes(8), [&b"event:\xFF\xFF\xFF\n"[..]]).overflow);
}

#[test]
fn what_is_not_kept_has_no_limit() {
    let long = "0".repeat(99);
    let input = format!(":{long}\nother:{long}\n{long}\nretry:{long}7\ndata:1\n\n");
    let outcome = parse(Parser::with_max_event_bytes(1), [input.as_bytes()]);
    assert!(!outcome.overflow);
    assert_eq!(outcome.events.len(), 1);
    assert_eq!(outcome.retry.map(|retry| retry.as_millis()), Some(7));
}

#[test]
fn a_limit_of_nothing_lets_empty_events_pass() {
    let outcome = parse_all_ways(b"data\n\ndata:\n\ndata: \n\ndata:1\n\n", || Parser::with_max_event_bytes(0));
    assert_eq!(outcome.events.len(), 3);
    assert!(outcome.overflow);
}

#[test]
fn an_overflow_ends_the_stream() {
    let mut parser = Parser::with_max_event_bytes(4);
    let overflow = overflow_of(&mut parser, b": ping\nid: 1\ndata: a\n\ndata: 12345");
    assert_eq!(overflow.limit, 4);
    assert_eq!(overflow.to_string(), "the server sent an event that exceeds the limit of 4 bytes");
    parser.feed(Bytes::from_static(b"\n\ndata: b\n\n"));
    assert_eq!(parser.next().unwrap_err(), overflow);
    assert_eq!(parser.bytes_pending(), 0);
    assert!(parser.is_partial());
    assert_eq!((parser.comments(), parser.last_event_id()), (1, "1"));
    parser.reset();
    parser.feed(Bytes::from_static(b"data: b\n\ndata: 12345\n\n"));
    assert_eq!(parser.next().unwrap().unwrap().data(), "b");
    assert_eq!(parser.next().unwrap_err(), overflow);
}

#[test]
fn the_default_is_16_mib() {
    let mut parser = Parser::default();
    parser.feed(Bytes::from([b"data:", vec![b'x'; DEFAULT_MAX_EVENT_BYTES].as_slice()].concat()));
    assert!(parser.next().unwrap().is_none());
    assert_eq!(parser.bytes_pending(), 16 << 20);
    assert_eq!(overflow_of(&mut parser, b"x").limit, 16 << 20);
}

/// Whether an event is too large does not hang on how the stream was cut.
#[test]
fn chunking_does_not_change_the_verdict() {
    let parts: [&[u8]; 14] = [
        b"data:", b"data: ", b"event:", b"id:", b"retry:", b":", b"x", b"12345", b"\n", b"\n", b"\n\n", b"\r\n",
        b"\xFF", b"\0",
    ];
    let mut overflows = 0;
    for seed in 0..20_000 {
        let mut random = Random::new(seed);
        let mut input = Vec::new();
        for _ in 0..random.below(60) {
            input.extend_from_slice(parts[random.below(parts.len())]);
        }
        let max = random.below(16);
        let whole = parse(Parser::with_max_event_bytes(max), [&input[..]]);
        let cut = parse(Parser::with_max_event_bytes(max), random.cut(&input));
        assert_eq!(cut, whole, "seed {seed}, limit {max}, {:?}", String::from_utf8_lossy(&input));
        overflows += u32::from(whole.overflow);
    }
    assert!((2_000..18_000).contains(&overflows), "{overflows}");
}
