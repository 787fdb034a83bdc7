//! The cases of the web platform tests' `eventsource/format-*` and `event-data`, restated as vectors of our own, and
//! some beyond them. Each runs whole, byte by byte and cut at every two places; with `Lines::Any` also with each kind
//! of line end. (`format-mime-*` is about the content type and not about the parser.)

use std::time::Duration;

use tabbyapi::sse::Parser;

use crate::harness::{Outcome, parse_all_ways};

enum Lines {
    /// Every LF of the input may as well be CR or CRLF.
    Any,
    /// The line ends are the point.
    AsIs,
}

use Lines::{Any, AsIs};

/// Kind, data, id.
type Event = (&'static str, &'static str, &'static str);

#[track_caller]
fn check(lines: Lines, input: &str, events: &[Event]) -> Outcome {
    check_bytes(lines, input.as_bytes(), events)
}

#[track_caller]
fn check_bytes(lines: Lines, input: &[u8], events: &[Event]) -> Outcome {
    let outcome = check_once(input, events);
    if let Any = lines {
        for end in ["\r", "\r\n"] {
            let mut other = Vec::new();
            for byte in input {
                match byte {
                    b'\n' => other.extend_from_slice(end.as_bytes()),
                    _ => other.push(*byte),
                }
            }
            assert_eq!(check_once(&other, events), outcome);
        }
    }
    outcome
}

#[track_caller]
fn check_once(input: &[u8], events: &[Event]) -> Outcome {
    let outcome = parse_all_ways(input, Parser::new);
    let got: Vec<_> =
        outcome.events.iter().map(|event| (event.kind.as_str(), event.data.as_str(), event.id.as_str())).collect();
    assert_eq!(got, events, "{:?}", String::from_utf8_lossy(input));
    assert!(!outcome.overflow);
    outcome
}

const fn message(data: &'static str) -> Event {
    ("message", data, "")
}

#[test]
fn format_bom() {
    check(Any, "\u{FEFF}data:a\n\n\u{FEFF}data:b\n\ndata:c\n\n", &[message("a"), message("c")]);
}

#[test]
fn format_bom_2() {
    check(Any, "\u{FEFF}\u{FEFF}data:a\n\ndata:b\n\n", &[message("b")]);
}

#[test]
fn format_comments() {
    let long = "x".repeat(40);
    let input = format!("data:a\r:\0\n:\r\ndata:b\n:{long}\rdata:c\n:data:no\r:{long}\ndata:d\n\n");
    let outcome = check(AsIs, &input, &[message("a\nb\nc\nd")]);
    assert_eq!(outcome.comments, 5);
}

#[test]
fn format_data_before_final_empty_line() {
    let outcome = check(Any, "retry:1000\ndata:a\n\nid:lost\ndata:b", &[message("a")]);
    assert_eq!(outcome.retry, Some(Duration::from_secs(1)));
    assert_eq!(outcome.last_id, "");
    check(Any, "data:a\n\nid:lost\ndata:b\n", &[message("a")]);
}

#[test]
fn format_field_data() {
    check(Any, "data:\n\ndata\ndata\n\ndata:a\n\n", &[message(""), message("\n"), message("a")]);
}

#[test]
fn format_field_event() {
    check(Any, "event:load\ndata:a\n\ndata:b\n\n", &[("load", "a", ""), message("b")]);
}

#[test]
fn format_field_event_empty() {
    check(Any, "event: \ndata:a\n\nevent:x\nevent\ndata:b\n\n", &[message("a"), message("b")]);
}

#[test]
fn format_field_id() {
    let outcome = check(Any, "id:…\ndata:a\n\ndata:b\n\n", &[("message", "a", "…"), ("message", "b", "…")]);
    assert_eq!(outcome.last_id, "…");
}

#[test]
fn format_field_id_2() {
    let all = [("message", "a", "…"), ("message", "b", "…"), ("message", "c", "…")];
    check(Any, "id:…\ndata:a\n\ndata:b\n\ndata:c\n\n", &all);
}

#[test]
fn format_field_id_3() {
    let persists = [("message", "a", "1"), ("message", "b", "1"), ("message", "c", "2"), ("message", "d", "2")];
    check(Any, "id: 1\ndata:a\n\ndata:b\n\nid: 2\ndata:c\n\ndata:d\n\n", &persists);
    let resets = [("message", "a", "1"), message("b"), message("c")];
    check(Any, "id: 1\ndata:a\n\nid:\ndata:b\n\ndata:c\n\n", &resets);
    check(Any, "id: 1\ndata:a\n\nid\ndata:b\n\ndata:c\n\n", &resets);
}

#[test]
fn format_field_id_null() {
    for id in ["\0\0", "7\0", "\x007", "7\x007", " \0"] {
        check(Any, &format!("id:{id}\ndata:a\n\ndata:b\n\n"), &[message("a"), message("b")]);
        let kept = [("message", "a", "k"), ("message", "b", "k")];
        check(Any, &format!("id:k\ndata:a\n\nid:{id}\ndata:b\n\n"), &kept);
        check(Any, &format!("id:k\nid:{id}\ndata:a\n\ndata:b\n\n"), &kept);
    }
}

#[test]
fn format_field_parsing() {
    let input = "data:\0\ndata:  b\rData:no\ndata\0:no\ndata:c\r\0data:no\nda-ta:no\rdata_no\ndata:d\rdata:\r\n data:no\ndata:e\n\n";
    check(AsIs, input, &[message("\0\n b\nc\nd\n\ne")]);
}

#[test]
fn format_field_retry() {
    let outcome = check(Any, "retry:03000\ndata:a\n\n", &[message("a")]);
    assert_eq!(outcome.retry, Some(Duration::from_secs(3)));
}

#[test]
fn format_field_retry_bogus() {
    for bogus in ["1000x", "x1000", "-1", "+1", "1.5", "1 ", "0x10", "\u{0661}"] {
        let outcome = check(Any, &format!("retry:3000\nretry:{bogus}\ndata:a\n\n"), &[message("a")]);
        assert_eq!(outcome.retry, Some(Duration::from_secs(3)), "{bogus}");
    }
}

#[test]
fn format_field_retry_empty() {
    for empty in ["retry", "retry:", "retry: "] {
        let outcome = check(Any, &format!("{empty}\ndata:a\n\n"), &[message("a")]);
        assert_eq!(outcome.retry, None);
    }
}

#[test]
fn format_field_unknown() {
    let outcome = check(Any, "data:a\n data\ndata\nother:no\nno colon\n:no\ndata:b\n\n", &[message("a\n\nb")]);
    assert_eq!(outcome.comments, 1);
}

#[test]
fn format_leading_space() {
    check(AsIs, "data:\ta\rdata: \ndata:b\n\n", &[message("\ta\n\nb")]);
    check(Any, "data:  a \n\n", &[message(" a ")]);
}

#[test]
fn format_newlines() {
    check(AsIs, "data:a\r\ndata\ndata:b\r\n\r", &[message("a\n\nb")]);
}

#[test]
fn format_null_character() {
    check(Any, "data:\0\n\n\n\n", &[message("\0")]);
}

#[test]
fn format_utf_8() {
    check(Any, "data:ok…\n\n", &[message("ok…")]);
}

#[test]
fn event_data() {
    let input = "data:a\ndata: a\n\n:\nother:no\n\nother:no\nData:no\n\ndata\n\ndata:z\n\n";
    let outcome = check(Any, input, &[message("a\na"), message(""), message("z")]);
    assert_eq!(outcome.comments, 1);
}

#[test]
fn pings_are_no_events() {
    let outcome = check(
        Any,
        ": ping - 12:00\n\ndata: a\n\n: ping - 12:15\n\ndata: [DONE]\n\n: ping\n\n",
        &[message("a"), message("[DONE]")],
    );
    assert_eq!(outcome.comments, 3);
}

#[test]
fn unicode_line_separators_end_no_line() {
    let data = "\u{2028}a\u{2029}b\u{85}c\x0Bd\x0Ce";
    check(Any, &format!("data:{data}\n\n"), &[message("\u{2028}a\u{2029}b\u{85}c\x0Bd\x0Ce")]);
}

#[test]
fn every_mix_of_line_ends() {
    for first in ["\n", "\r", "\r\n"] {
        for second in ["\n", "\r", "\r\n"] {
            if (first, second) == ("\r", "\n") {
                continue; // one line end
            }
            check(AsIs, &format!("data: a{first}{second}data: b{first}{second}"), &[message("a"), message("b")]);
            check(AsIs, &format!("id: 1{first}data: a{second}{second}"), &[("message", "a", "1")]);
        }
    }
    check(AsIs, "data: a\r\n\n\n\rdata: b\n\r\n", &[message("a"), message("b")]);
}

#[test]
fn an_event_without_data_sets_the_id_but_not_the_kind() {
    let outcome = check(Any, "event:x\nid:5\n\ndata:a\n\n", &[("message", "a", "5")]);
    assert_eq!(outcome.last_id, "5");
}

#[test]
fn fields_that_begin_like_known_ones() {
    check(Any, "dat:no\ndatax:no\ndata :no\nevent2:no\nid2:no\nretryy:1\nd\nevents\n\ndata:a\n\n", &[message("a")]);
}

#[test]
fn values_keep_their_colons() {
    check(Any, "data:a:b: c\nevent::x\nid: :\n\n", &[(":x", "a:b: c", ":")]);
}

#[test]
fn the_last_event_field_counts() {
    check(Any, "event:x\ndata:a\nevent:y\nid:1\nid:2\n\n", &[("y", "a", "2")]);
}

#[test]
fn retry_saturates() {
    let outcome = check(Any, "retry:99999999999999999999999999\n\n", &[]);
    assert_eq!(outcome.retry, Some(Duration::from_millis(u64::MAX)));
}

#[test]
fn invalid_utf_8_is_replaced() {
    let all: [(&[u8], &str); 8] = [
        (b"\xFF", "\u{FFFD}"),
        (b"a\xC3", "a\u{FFFD}"),
        (b"\xC3(", "\u{FFFD}("),
        (b"\xE2\x80", "\u{FFFD}"),
        (b"\xE2\x80\xA6\x80", "…\u{FFFD}"),
        (b"\xF0\x9F\x92\xF0\x9F\x92\xA9", "\u{FFFD}\u{1F4A9}"),
        (b"\xED\xA0\x80", "\u{FFFD}\u{FFFD}\u{FFFD}"),
        (b"\xC0\xAF", "\u{FFFD}\u{FFFD}"),
    ];
    for (bytes, text) in all {
        let input = [b"event:", bytes, b"\ndata:", bytes, b"\nid:", bytes, b"\n\ndata:", bytes, b"\n\n"].concat();
        check_bytes(Any, &input, &[(text, text, text), ("message", text, text)]);
    }
    // Halves in two lines do not make a character.
    check_bytes(Any, b"data:\xC3\ndata:\xA9\n\n", &[message("\u{FFFD}\n\u{FFFD}")]);
    // The colon and the line end are not eaten by an unfinished sequence.
    check_bytes(Any, b"data\xE2:no\ndata:a\n\n", &[message("a")]);
}
