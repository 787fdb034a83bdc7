//! Templates against plain decoding.

use bytes::Bytes;
use serde::Deserialize;

use super::frames::{KEPT, MAX_DATA};
use super::{Exact, PROBE, Slot, Templates};
use crate::base::{Extra, Limits, Text};
use crate::decode::charge::Bounds;
use crate::sse::{Known, Parser};

/// As strict and as tolerant as the types of chunks.
#[derive(Clone, PartialEq, Debug, Deserialize)]
struct Chunk {
    id: Text,
    #[serde(default)]
    content: Option<Text>,
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    created: u64,
    #[serde(flatten)]
    extra: Extra,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
struct Choice {
    index: u32,
    delta: Delta,
    finish_reason: Option<Text>,
    logprobs: Option<Box<Logs>>,
}

/// Log probabilities, written as `{"content": [{"a": 1.5}, ..]}`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
struct Logs {
    content: Vec<std::collections::BTreeMap<Text, f64>>,
}

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
struct Delta {
    content: Option<Text>,
    #[serde(flatten)]
    extra: Extra,
}

impl Slot for Chunk {
    /// The id and the time.
    type Brief = (Text, u64);
    type Details = Logs;

    fn slot(&mut self) -> Option<&mut Text> {
        match &mut self.choices[..] {
            [choice] if choice.logprobs.is_none() => choice.delta.content.as_mut(),
            _ => None,
        }
    }

    fn details(&mut self) -> Option<&mut Option<Box<Logs>>> {
        match &mut self.choices[..] {
            [choice] => Some(&mut choice.logprobs),
            _ => None,
        }
    }

    fn read_details(exact: &mut Exact<'_>) -> Option<Logs> {
        exact.literal("{\"content\": ")?;
        let content = exact.list(|exact| exact.object(Exact::number))?;
        exact.literal("}")?;
        Some(Logs { content: content.into_iter().map(|pairs| pairs.into_iter().collect()).collect() })
    }

    fn may_have_slot(&self) -> bool {
        self.choices.len() == 1
    }

    fn time(&mut self) -> &mut u64 {
        &mut self.created
    }

    fn brief(&self) -> Option<Self::Brief> {
        Some((self.id.clone(), self.created))
    }

    fn expand((id, created): &Self::Brief, text: Text, place: &mut Option<Self>) {
        let delta = Delta { content: Some(text), extra: Extra::new() };
        *place = Some(Chunk {
            id: id.clone(),
            content: None,
            choices: vec![Choice { index: 0, delta, finish_reason: None, logprobs: None }],
            created: *created,
            extra: Extra::new(),
        });
    }
}

fn plain(data: &str) -> Option<Chunk> {
    serde_json::from_str(data).ok()
}

fn chunk(content: &str, rest: &str) -> String {
    detailed(content, "", rest)
}

fn detailed(content: &str, logprobs: &str, rest: &str) -> String {
    format!(
        "{{\"id\": \"c-1\", \"created\": 7, \"choices\": [{{\"index\": 0, \"delta\": {{\"content\": \"{content}\"}}, \
         \"finish_reason\": null{logprobs}}}]{rest}}}"
    )
}

fn taught(data: &[&str]) -> Templates<Chunk> {
    let mut templates = Templates::default();
    for data in data {
        templates.learn(data, &plain(data).expect("valid"), &Bounds::default(), plain);
    }
    templates
}

fn item(templates: &mut Templates<Chunk>, text: Text) -> Option<Chunk> {
    let mut item = None;
    templates.item(text, &mut item);
    item
}

#[track_caller]
fn hits(templates: &mut Templates<Chunk>, data: &str) {
    let (len, text) = templates.known(data.as_bytes()).expect("known");
    assert_eq!(len, data.len());
    assert_eq!(item(templates, text), plain(data), "{data}");
}

#[test]
fn another_content_is_known() {
    let mut templates = taught(&[&chunk(" the", "")]);
    for content in
        ["", " a", "\\n\\t\\\"\\\\\\/\\b\\f\\r", "na\u{ef}ve \u{1F600}\u{2028}", "{\\\"content\\\": 1}", PROBE]
    {
        hits(&mut templates, &chunk(content, ""));
    }
    let long = "word ".repeat(50_000);
    hits(&mut templates, &chunk(&long, ""));
}

#[test]
fn another_time_is_taken_over() {
    // Before the content, after it, and next to similar numbers and texts.
    for (data, at) in [
        (chunk("a", ""), 7),
        (
            r#"{"id": "c", "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": null}], "created":7}"#
                .into(),
            7,
        ),
        (chunk("a", ", \"n\": 7, \"text\": \"created: 7, \"").replace("\"c-1\"", "\"at 7 \""), 7_u64),
    ] {
        let mut templates = taught(&[&data]);
        for (time, content) in [(at, "b"), (8, "c"), (8, "d"), (9_999_999_999_u64, ""), (0, "e"), (7, "f\\n")] {
            let other = data.replace("\"created\": 7", &format!("\"created\": {time}"));
            let other = other.replace("\"created\":7", &format!("\"created\":{time}"));
            hits(&mut templates, &other.replace("\"a\"", &format!("\"{content}\"")));
        }
        for other in ["7.5", "07", "-7", "\"7\"", "null", "18446744073709551616", "7e2"] {
            let other = data.replace("\"created\": 7", &format!("\"created\": {other}"));
            let other = other.replace("\"created\":7", &format!("\"created\":{other}"));
            assert!(other == data || templates.known(other.as_bytes()).is_none(), "{other}");
        }
    }
}

#[test]
fn what_differs_elsewhere_is_not() {
    let mut templates = taught(&[&chunk(" the", "")]);
    for data in [
        "",
        "{",
        "[DONE]",
        &chunk("a", "").replace("c-1", "c-2"),
        &chunk("a", "").replace("null", "\"stop\""),
        &chunk("a", ", \"x\": 1"),
        &chunk("a", "")[..60],
        &chunk("a", "")[1..],
        &chunk("a\n", ""),
        &chunk("a\\\n", ""),
        &chunk("a\\x", ""),
        &chunk("a\\", ""),
        &chunk("\\ud800", ""),
    ] {
        assert!(templates.known(data.as_bytes()).is_none(), "{data}");
    }
    let mut invalid = chunk("ab", "").into_bytes();
    let at = invalid.windows(2).position(|pair| pair == b"ab").expect("there");
    invalid[at] = 0xFF;
    assert!(templates.known(&invalid).is_none());
}

#[test]
fn the_right_string_is_found() {
    // The content's text also occurs elsewhere: as a key, a value, within a string.
    for content in ["index", "id", "content", "c-1", "finish_reason", "", "x"] {
        let tricky = ", \"x\": \"\", \"y\": \"{\\\"content\\\": \\\"x\\\"}\", \"content\": \"x\"";
        let mut templates = taught(&[&chunk(content, tricky)]);
        hits(&mut templates, &chunk("else", tricky));
    }
    // A duplicate key among undefined fields: the last one counts, for all in the same way.
    let twice = ", \"z\": \"x\", \"z\": \"y\"";
    let mut templates = taught(&[&chunk("x", twice)]);
    hits(&mut templates, &chunk("else", twice));
}

#[test]
fn log_probabilities_are_known() {
    let decoy = ", \"z\": {\"content\": [{\"a\": -0.25}]}, \"content\": \"x\"";
    for (time, rest) in [("\"created\": 7, ", ""), ("\"created\": 7, ", decoy), ("", ", \"created\": 7")] {
        let data =
            |content: &str, logprobs: &str| detailed(content, logprobs, rest).replacen("\"created\": 7, ", time, 1);
        let mut templates = taught(&[&data("a", LOGPROBS[3])]);
        assert!(templates.frames.is_empty());
        for (content, logprobs) in [
            ("a", LOGPROBS[3]),
            ("\\n", LOGPROBS[2]),
            ("\u{e9}", LOGPROBS[5]),
            ("long ".repeat(9).as_str(), LOGPROBS[4]),
        ] {
            hits(&mut templates, &data(content, logprobs));
            // Another time.
            hits(&mut templates, &data(content, logprobs).replace("\"created\": 7", "\"created\": 12345"));
        }
        for other in [LOGPROBS[0], LOGPROBS[1], LOGPROBS[6], LOGPROBS[7], LOGPROBS[8], LOGPROBS[9]] {
            assert!(templates.known(data("a", other).as_bytes()).is_none(), "{other}");
        }
        // Events without them have templates of their own.
        let without = data("a", "");
        templates.learn(&without, &plain(&without).expect("valid"), &Bounds::default(), plain);
        hits(&mut templates, &data("x", LOGPROBS[4]));
        hits(&mut templates, &data("x", ""));
        hits(&mut templates, &data("y", LOGPROBS[3]));
    }
}

#[test]
fn log_probabilities_that_have_to_be_counted_are_not_learned() {
    let data = detailed("a", LOGPROBS[3], "");
    for limits in [Limits { items: 100, ..Limits::default() }, Limits { depth: 5, ..Limits::default() }] {
        let mut templates = Templates::default();
        templates.learn(&data, &plain(&data).expect("valid"), &Bounds::of(&limits), plain);
        assert!(templates.known(data.as_bytes()).is_none());
    }
    // Nor after many other objects, each of which is tried.
    let many = data.replacen('{', &format!("{{\"z\": [{}], ", ["{}"; 20].join(", ")), 1);
    assert!(taught(&[&many]).known(many.as_bytes()).is_none());
    // Nor are they recognized in an event that is too large for it.
    let mut templates = taught(&[&data]);
    hits(&mut templates, &detailed(&"x".repeat(10_000), LOGPROBS[3], ""));
    assert!(templates.known(detailed(&"x".repeat(1 << 16), LOGPROBS[3], "").as_bytes()).is_none());
}

#[test]
fn what_cannot_be_learned_is_not() {
    for data in [
        "{\"id\": \"c\"}",
        &chunk("a", "").replace("\"a\"", "null"),
        &chunk("a", "\n"),
        &chunk("a", &format!(", \"x\": \"{PROBE}\"")),
        &chunk("a", &format!(", \"x\": \"{}\"", "long".repeat(2_000))),
    ] {
        assert!(taught(&[data]).frames.is_empty(), "{data}");
    }
    // A decoder that treats an empty string as absent.
    let picky = |data: &str| {
        let mut chunk = plain(data)?;
        let content = &mut chunk.choices[0].delta.content;
        *content = content.take().filter(|text| !text.is_empty());
        Some(chunk)
    };
    let mut templates = Templates::default();
    templates.learn(&chunk("a", ""), &plain(&chunk("a", "")).expect("valid"), &Bounds::default(), picky);
    assert!(templates.frames.is_empty());
}

#[test]
fn a_few_are_kept_and_the_last_match_is_first() {
    let data = |n: usize| chunk("a", &format!(", \"n\": {n}"));
    let all: Vec<String> = (0..6).map(data).collect();
    let mut templates = taught(&all.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(templates.frames.len(), KEPT);
    assert!(templates.known(all[1].as_bytes()).is_none());
    hits(&mut templates, &all[2]);
    let new = data(7);
    templates.learn(&new, &plain(&new).expect("valid"), &Bounds::default(), plain);
    assert!(templates.known(all[3].as_bytes()).is_none());
    hits(&mut templates, &all[2]);
}

#[test]
fn a_stream_in_which_all_differs_is_given_up() {
    let mut templates = Templates::default();
    let learned = std::cell::Cell::new(0);
    let mut see = |n: usize| {
        let data = chunk("a", &format!(", \"n\": {n}"));
        if templates.known(data.as_bytes()).is_none() {
            templates.learn(&data, &plain(&data).expect("valid"), &Bounds::default(), |data| {
                learned.set(learned.get() + 1);
                plain(data)
            });
        }
    };
    (0..1_000).for_each(&mut see);
    let tries = learned.get();
    assert!(tries < 80, "{tries}");
    // Learning resumes when the stream settles.
    (0..200).for_each(|_| see(5_000));
    assert!(learned.get() < tries + 10);
    assert!(templates.frames.credit > 0);
}

#[test]
fn learning_is_a_small_part_of_the_work() {
    // Recognized events alternate with large ones that contain the text in 900 places. Only the last place is right.
    let (small, many) = (chunk("x", ""), vec!["\"x\""; 900].join(","));
    let large = chunk("x", "").replacen('{', &format!("{{\"l\":[{many}],"), 1);
    assert!(large.len() < MAX_DATA && plain(&large).is_some());
    let decoded = std::cell::Cell::new(0);
    let (mut templates, mut received) = (Templates::default(), 0);
    for _ in 0..1_000 {
        for data in [&small, &large] {
            received += data.len();
            if templates.known(data.as_bytes()).is_none() {
                templates.learn(data, &plain(data).expect("valid"), &Bounds::default(), |data| {
                    decoded.set(decoded.get() + data.len());
                    plain(data)
                });
            }
        }
    }
    assert!(decoded.get() <= 2 * received, "{} for {received}", decoded.get());
}

/// A small random generator (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end
    }
}

const CONTENTS: [&str; 12] = [
    "",
    " a",
    "index",
    "\\n",
    "\\\"",
    "\u{e9}\u{1F600}",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\x",
    "\u{1}",
    "x\\\\",
];
const RESTS: [&str; 6] =
    ["", ", \"created\": 7", ", \"n\": 7", ", \"content\": \"\"", ", \"n\": [\"a\", \"\\\"\"]", ", \"error\": {}"];
const LOGPROBS: [&str; 10] = [
    "",
    ", \"logprobs\": null",
    ", \"logprobs\": {\"content\": []}",
    ", \"logprobs\": {\"content\": [{\"a\": -0.25}]}",
    ", \"logprobs\": {\"content\": [{\"a\": -1.652209997177124, \"\\n\": 0}, {}]}",
    ", \"logprobs\": {\"content\": [{\"\u{e9}\": 1e3, \"\u{e9}\": 7}]}",
    ", \"logprobs\": {\"content\": [{\"\\ud83d\": 1}]}",
    ", \"logprobs\": {\"content\":[{\"a\": -0.25}]}",
    ", \"logprobs\": {\"content\": [{\"a\": 01}]}",
    ", \"logprobs\": {\"content\": [{\"a\": -Infinity}]}",
];
const TIMES: [&str; 8] = ["7", "7", "7", "8", "9", "12345678901", "07", "7.0"];
const ENDS: [&[u8]; 8] = [b"\n\n", b"\n\n", b"\r\n\r\n", b"\r\n\r\n", b"\r\n\r\n", b"\r\n\r\n", b"\r\r", b"\n"];
const BYTES: &[u8] = b"\"\"\\\\{}[]:, \r\nnu0a\x01\x7F\xC3\xA9\xFF";

fn mutate(random: &mut Random, data: &mut Vec<u8>) {
    if random.below(3) > 0 {
        return;
    }
    for _ in 0..=random.below(3) {
        let at = random.below(data.len() + 1);
        let byte = BYTES[random.below(BYTES.len())];
        match random.below(4) {
            0 if at < data.len() => data[at] = byte,
            1 => data.insert(at, byte),
            2 if at < data.len() => drop(data.remove(at)),
            _ => data.truncate(data.len() - random.below(3).min(data.len())),
        }
    }
}

/// Whole streams, decoded both ways: items, failures and their order are the same, however they are cut.
#[test]
fn equal_to_plain_decoding() {
    let (mut events, mut hits, mut failures) = (0_u64, 0_u64, 0_u64);
    // Without optimization, more seeds take too long.
    let seeds: u64 = if cfg!(debug_assertions) { 4_000 } else { 20_000 };
    for seed in 1..=seeds {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut stream = Vec::new();
        let rests = 1 + random.below(RESTS.len());
        let contents = 1 + random.below(CONTENTS.len());
        let logprobs = if random.below(4) == 0 { 1 + random.below(LOGPROBS.len()) } else { 1 };
        let times = 1 + random.below(TIMES.len());
        for _ in 0..100 {
            let logprobs = LOGPROBS[random.below(logprobs)];
            let data = detailed(CONTENTS[random.below(contents)], logprobs, RESTS[random.below(rests)]);
            let time = format!("\"created\": {}", TIMES[random.below(times)]);
            let mut data = data.replacen("\"created\": 7", &time, 1).into_bytes();
            mutate(&mut random, &mut data);
            stream.extend_from_slice(if random.below(9) == 0 { b"data:" } else { b"data: " });
            stream.extend_from_slice(&data);
            stream.extend_from_slice(ENDS[random.below(ENDS.len())]);
        }
        let stream = Bytes::from(stream);
        let size = [1, 40, 230, 1_400, usize::MAX / 2][random.below(5)];

        let (mut expected, mut parser) = (Vec::new(), Parser::new());
        parser.feed(stream.clone());
        while let Some(event) = parser.next().expect("no overflow") {
            expected.push(plain(&event.data()));
        }

        let (mut got, mut parser) = (Vec::new(), Parser::new());
        let mut templates = Templates::default();
        let mut start = 0;
        while start < stream.len() {
            let end = stream.len().min(start + size);
            parser.feed(stream.slice(start..end));
            start = end;
            loop {
                if let Known::Yes(text) = parser.next_known(|bytes| templates.known(bytes)) {
                    hits += 1;
                    got.push(item(&mut templates, text));
                    continue;
                }
                let Some(event) = parser.next().expect("no overflow") else { break };
                let data = event.data();
                let known = templates.known_whole(&data);
                hits += u64::from(known.is_some());
                got.push(known.or_else(|| {
                    let item = plain(&data)?;
                    templates.learn(&data, &item, &Bounds::default(), plain);
                    Some(item)
                }));
            }
        }
        assert_eq!(got, expected, "seed {seed}");
        events += expected.len() as u64;
        failures += expected.iter().filter(|item| item.is_none()).count() as u64;
    }
    assert!(events > 50 * seeds && hits > events / 4 && failures > events / 10, "{events} {hits} {failures}");
}
