//! The parser against the reference, on random streams cut at random.

use tabbyapi::sse::Parser;

use crate::harness::{Random, parse, parse_queued};
use crate::reference;

/// Pieces of which streams are made that come near to every rule.
const PIECES: [&[u8]; 44] = [
    b"\n",
    b"\n",
    b"\n\n",
    b"\r",
    b"\r",
    b"\r\r",
    b"\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b":",
    b": ",
    b" ",
    b"  ",
    b"data",
    b"data:",
    b"data: ",
    b"data: x",
    b"data: {\"a\": 1}\n\n",
    b"data: {\"b\": 2}\r\n\r\n",
    b"event",
    b"event:",
    b"event: e",
    b"id",
    b"id:",
    b"id: 7",
    b"retry",
    b"retry:",
    b"retry: 12",
    b"\0",
    b"9",
    b"d",
    b"ta",
    b"Data:",
    b"\xEF\xBB\xBF",
    b"\xEF\xBB",
    b"\xEF",
    b"\xBF",
    b"\xFF",
    b"\xC3",
    b"\xA9",
    "\u{2028}".as_bytes(),
    "\u{85}".as_bytes(),
    "\u{1F600}".as_bytes(),
    b": ping - 2026\r\n\r\n",
];

fn stream(random: &mut Random) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..random.below(40) {
        input.extend_from_slice(PIECES[random.below(PIECES.len())]);
    }
    input
}

#[test]
fn equal_to_the_reference() {
    let mut events = 0;
    for seed in 0..100_000 {
        let mut random = Random::new(seed);
        let input = stream(&mut random);
        let expected = reference::parse(&input);
        let text = String::from_utf8_lossy(&input);
        assert_eq!(parse(Parser::new(), [&input[..]]), expected, "seed {seed}, whole: {text:?}");
        assert_eq!(parse(Parser::new(), random.cut(&input)), expected, "seed {seed}, cut: {text:?}");
        assert_eq!(parse_queued(Parser::new(), random.cut(&input)), expected, "seed {seed}, queued: {text:?}");
        events += expected.events.len();
    }
    assert!(events > 50_000, "the streams hold too few events: {events}");
}

/// Short streams of the bytes that matter most, all of them.
#[test]
fn all_short_streams() {
    const ENDINGS: [u8; 4] = [b'\r', b'\n', b':', b'x'];
    for len in 0..=6 {
        for number in 0..4_usize.pow(len) {
            let bytes: Vec<u8> = (0..len).map(|at| ENDINGS[number / 4_usize.pow(at) % 4]).collect();
            let input = [b"data", &bytes[..], b"data: y\n\n"].concat();
            let expected = reference::parse(&input);
            assert_eq!(parse(Parser::new(), [&input[..]]), expected, "{bytes:?}");
            assert_eq!(parse(Parser::new(), input.chunks(1)), expected, "{bytes:?}");
            assert_eq!(parse(Parser::new(), input.chunks(3)), expected, "{bytes:?}");
        }
    }
}
