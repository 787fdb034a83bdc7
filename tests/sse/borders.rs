//! What happens at the borders of chunks and of the stream.

use bytes::Bytes;
use tabbyapi::sse::Parser;

use crate::harness::{drain, parse};

fn fed(chunks: &[&'static str]) -> Parser {
    let mut parser = Parser::new();
    for chunk in chunks {
        parser.feed(Bytes::from_static(chunk.as_bytes()));
    }
    parser
}

#[test]
fn a_lone_cr_ends_the_event_at_once() {
    let mut parser = fed(&["data: a\r\r"]);
    assert_eq!(parser.next().unwrap().unwrap().data(), "a");
    parser.feed(Bytes::from_static(b"\n"));
    assert!(parser.next().unwrap().is_none());
    assert!(!parser.is_partial());
    parser.feed(Bytes::from_static(b"data: b\r\n\r"));
    assert_eq!(parser.next().unwrap().unwrap().data(), "b");
    parser.feed(Bytes::from_static(b"\ndata: c\n\n"));
    assert_eq!(parser.next().unwrap().unwrap().data(), "c");
    assert!(parser.next().unwrap().is_none());
}

#[test]
fn empty_chunks_do_not_part_cr_and_lf() {
    let all = parse(Parser::new(), [&b"data: a\r"[..], b"", b"\n", b"", b"data: b\r\n\r", b"", b"\n"]);
    assert_eq!(all.events.len(), 1);
    assert_eq!(all.events[0].data, "a\nb");
}

#[test]
fn an_event_in_a_chunk_is_lent_from_it() {
    for end in ["\n\n", "\r\n\r\n", "\r\r", "\n\r\n"] {
        let chunk = Bytes::from(format!(": ping{end}data: one{end}data:two{end}"));
        let inside = chunk.as_ptr_range();
        let mut parser = Parser::new();
        parser.feed(chunk.clone());
        for data in ["one", "two"] {
            let event = parser.next().unwrap().unwrap();
            assert_eq!(event.data_bytes(), data.as_bytes());
            assert!(inside.contains(&event.data_bytes().as_ptr()), "copied: {data}{end:?}");
        }
    }
}

#[test]
fn chunks_may_be_fed_at_any_time() {
    let mut parser = fed(&["data: a\n\ndata: b\n\nda", "ta: c\n\n"]);
    assert_eq!(parser.next().unwrap().unwrap().data(), "a");
    parser.feed(Bytes::from_static(b"data: d\n\n"));
    let mut rest = Vec::new();
    assert!(!drain(&mut parser, &mut rest));
    assert_eq!(rest.iter().map(|event| event.data.as_str()).collect::<Vec<_>>(), ["b", "c", "d"]);
}

#[test]
fn a_read_chunk_is_given_back() {
    let chunk = Bytes::from(b"data: a\n\ndata: b".to_vec());
    let mut parser = Parser::new();
    parser.feed(chunk.clone());
    assert!(parser.next().unwrap().is_some());
    assert!(!chunk.is_unique());
    assert!(parser.next().unwrap().is_none());
    assert!(chunk.is_unique());
}

#[test]
fn partial_tells_whether_something_is_lost() {
    for whole in ["", "data: a\n\n", ": ping\n", "retry: 5\n", "event:\n", "other: x\n", "\n", "\u{FEFF}", "id: 1\n\n"]
    {
        let mut parser = fed(&[whole]);
        drain(&mut parser, &mut Vec::new());
        assert!(!parser.is_partial(), "{whole:?}");
        assert_eq!(parser.bytes_pending(), 0, "{whole:?}");
    }
    for part in ["d", "data", "data:", "data: a", "data: a\n", "id: 1\n", "event: x\n", ": pin", "retry: 5", "oth"] {
        let mut parser = fed(&["data: a\n\n", part]);
        drain(&mut parser, &mut Vec::new());
        assert!(parser.is_partial(), "{part:?}");
        parser.reset();
        assert!(!parser.is_partial());
    }
    let mut parser = Parser::new();
    parser.feed(Bytes::from_static(b"\xEF\xBB"));
    assert!(parser.next().unwrap().is_none());
    assert!(parser.is_partial());
    assert!(fed(&["data: a\n\n"]).is_partial(), "an event that was not taken");
}

#[test]
fn pending_counts_what_is_held() {
    let mut parser = fed(&["data: abc", "data: x"]);
    assert_eq!(parser.bytes_pending(), 16);
    assert!(parser.next().unwrap().is_none());
    assert_eq!(parser.bytes_pending(), "abcdata: x".len());
    parser.feed(Bytes::from_static(b"\neve"));
    assert!(parser.next().unwrap().is_none());
    assert_eq!(parser.bytes_pending(), "abcdata: xeve".len());
    parser.feed(Bytes::from_static(b"nt: y\n\n: comment that is not kept"));
    assert_eq!(parser.next().unwrap().unwrap().kind(), "y");
    assert!(parser.next().unwrap().is_none());
    assert_eq!(parser.bytes_pending(), 0);
}

#[test]
fn progress_is_data_and_not_pings() {
    let mut parser = fed(&[": ping\n\nevent: x\nid: 1\nretry: 5\nother: y\n"]);
    assert!(parser.next().unwrap().is_none());
    assert_eq!(parser.data_bytes(), 0);
    parser.feed(Bytes::from_static(b"data: abc"));
    assert!(parser.next().unwrap().is_none());
    assert_eq!(parser.data_bytes(), 3);
    parser.feed(Bytes::from_static(b"d\n\ndata: ef\n\n"));
    assert!(parser.next().unwrap().is_some());
    assert!(parser.next().unwrap().is_some());
    assert!(parser.next().unwrap().is_none());
    assert_eq!(parser.data_bytes(), 6);
}

#[test]
fn reset_is_a_new_stream() {
    let mut parser = fed(&["id: 1\nretry: 5\n:\ndata: a\n\nevent: x\ndata: b"]);
    drain(&mut parser, &mut Vec::new());
    parser.reset();
    assert_eq!((parser.comments(), parser.retry(), parser.last_event_id()), (0, None, ""));
    assert_eq!((parser.data_bytes(), parser.bytes_pending()), (0, 0));
    parser.feed(Bytes::from_static(b"\xEF\xBB\xBFdata: c\n\n"));
    let event = parser.next().unwrap().unwrap();
    assert_eq!((event.kind(), &*event.data(), event.id()), ("message", "c", ""));
}

#[test]
fn debug_tells_no_data() {
    let mut parser = fed(&["id: secret\nevent: kind\ndata: secret\n\ndata: secret"]);
    let event = parser.next().unwrap().unwrap();
    assert!(!format!("{event:?}").contains("secret"));
    drain(&mut parser, &mut Vec::new());
    assert!(!format!("{parser:?}").contains("secret"));
}

const fn is_send_sync<T: Send + Sync + 'static>() {}

const _: () = is_send_sync::<Parser>();
