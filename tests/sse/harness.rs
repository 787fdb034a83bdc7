//! Streams cut in every way, and what came out of them.

use std::time::Duration;

use bytes::Bytes;
use tabbyapi::sse::{Overflow, Parser};

/// An event that was kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Kept {
    pub(crate) kind: String,
    pub(crate) data: String,
    pub(crate) id: String,
}

/// All that a parser tells of a stream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Kept>,
    pub(crate) comments: u64,
    pub(crate) retry: Option<Duration>,
    pub(crate) last_id: String,
    pub(crate) overflow: bool,
}

/// Takes what a parser has to give. True at an overflow.
pub(crate) fn drain(parser: &mut Parser, events: &mut Vec<Kept>) -> bool {
    loop {
        match parser.next() {
            Ok(Some(event)) => {
                assert_eq!(event.data(), String::from_utf8_lossy(event.data_bytes()));
                events.push(Kept {
                    kind: event.kind().to_owned(),
                    data: event.data().into_owned(),
                    id: event.id().to_owned(),
                });
            }
            Ok(None) => {
                assert!(matches!(parser.next(), Ok(None)), "None stays None until more is fed");
                return false;
            }
            Err(error) => {
                assert_eq!(parser.next().expect_err("an overflow stays"), error);
                return true;
            }
        }
    }
}

/// Parses chunks, taking the events after each.
pub(crate) fn parse<'a>(mut parser: Parser, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut events = Vec::new();
    let mut overflow = false;
    for chunk in chunks {
        parser.feed(Bytes::copy_from_slice(chunk));
        overflow |= drain(&mut parser, &mut events);
    }
    outcome(&parser, events, overflow)
}

/// Parses chunks that were all fed before the first event was taken.
pub(crate) fn parse_queued<'a>(mut parser: Parser, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    for chunk in chunks {
        parser.feed(Bytes::copy_from_slice(chunk));
    }
    let mut events = Vec::new();
    let overflow = drain(&mut parser, &mut events);
    outcome(&parser, events, overflow)
}

fn outcome(parser: &Parser, events: Vec<Kept>, overflow: bool) -> Outcome {
    Outcome {
        events,
        comments: parser.comments(),
        retry: parser.retry(),
        last_id: parser.last_event_id().to_owned(),
        overflow,
    }
}

/// Parses a stream whole, byte by byte, and cut at every two places, and asserts that it comes to the same.
#[track_caller]
pub(crate) fn parse_all_ways(input: &[u8], new: impl Fn() -> Parser) -> Outcome {
    let whole = parse(new(), [input]);
    let text = String::from_utf8_lossy(input).into_owned();
    assert_eq!(parse(new(), input.chunks(1)), whole, "byte by byte: {text:?}");
    assert_eq!(parse_queued(new(), input.chunks(1)), whole, "byte by byte, queued: {text:?}");
    for first in 0..=input.len() {
        for second in first..=input.len() {
            let cuts = [&input[..first], &input[first..second], &input[second..]];
            assert_eq!(parse(new(), cuts), whole, "cut at {first} and {second}: {text:?}");
        }
        let cuts = [&input[..first], &input[first..]];
        assert_eq!(parse_queued(new(), cuts), whole, "queued, cut at {first}: {text:?}");
    }
    whole
}

/// The limit that an overflow tells.
#[track_caller]
pub(crate) fn overflow_of(parser: &mut Parser, chunk: &[u8]) -> Overflow {
    parser.feed(Bytes::copy_from_slice(chunk));
    loop {
        match parser.next() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("no overflow"),
            Err(overflow) => return overflow,
        }
    }
}

/// A small random generator (xorshift64*), so that failures repeat.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).expect("31 bits") % end
    }

    /// Cuts at random: mostly short pieces, some long, some empty.
    pub(crate) fn cut<'a>(&mut self, mut input: &'a [u8]) -> Vec<&'a [u8]> {
        let longest = [2, 4, 9, 40, 400][self.below(5)];
        let mut chunks = Vec::new();
        while !input.is_empty() {
            let (chunk, rest) = input.split_at(self.below(longest).min(input.len()));
            chunks.push(chunk);
            input = rest;
        }
        chunks
    }
}
