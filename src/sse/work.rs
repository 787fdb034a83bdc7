//! Linear time, proved by counting the bytes that are looked at or copied, which no clock can blur.

use bytes::Bytes;

use super::Parser;

/// Feeds chunks of a size, takes all events after each or only at the end, and returns the bytes worked on.
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
fn raw_events_may_be_passed_over() {
    let one = b"data: {\"a\": 1}\r\n\r\n";
    let mut parser = Parser::new();
    parser.feed(Bytes::from_static(one));
    assert!(parser.ahead().is_none(), "a byte order mark may come");
    assert_eq!(parser.next().expect("no overflow").and_then(|event| event.raw()), Some(&one[..]));
    assert!(parser.ahead().is_none(), "no bytes");

    parser.feed(Bytes::from([&one[..], b"data: x\n\ndata: cut"].concat()));
    assert!(parser.ahead().is_some_and(|bytes| bytes.starts_with(one)));
    parser.pass(one.len(), 8);
    assert_eq!(parser.next().expect("no overflow").and_then(|event| event.raw()), Some(&b"data: x\n\n"[..]));
    assert!(parser.ahead().is_some_and(|bytes| bytes == b"data: cut"));
    assert!(parser.next().expect("no overflow").is_none());
    assert!(parser.ahead().is_none(), "within an event");

    parser.feed(Bytes::from_static(b"\r\n\r"));
    assert_eq!(parser.next().expect("no overflow").and_then(|event| event.raw()), None);
    parser.feed(Bytes::from_static(b"\ndata: y\n\r\ndata: z\r\r"));
    assert!(parser.ahead().is_some_and(|bytes| bytes.starts_with(b"data: y")));
    assert_eq!(parser.next().expect("no overflow").map(|event| event.raw()), Some(None), "mixed line ends");
    assert_eq!(parser.next().expect("no overflow").map(|event| event.raw()), Some(None), "an LF may follow");
    parser.feed(Bytes::from_static(b"\n"));
    assert!(parser.ahead().is_none());
    assert_eq!(parser.data_bytes(), 8 + 8 + 1 + 3 + 1 + 1);
}
