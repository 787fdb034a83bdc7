//! The targets on stable: with recordings and small seeds, and with what a few thousand changes make of those. `FUZZ_SECONDS` makes it go
//! on for so long with each target, `FUZZ_TARGET` is one of them.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use tabbyapi_fuzz_checks::TARGETS;

/// Small ones of each kind.
const SEEDS: &[&str] = &[
    "\u{5}data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"bc\"}}]}\r\n\r\ndata: [DONE]\n\n",
    "\u{2}id: 1\nevent: x\r: c\ndata:\ndata: y\n\nretry: 99999999999999999999\n",
    "\u{30}data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}}]}\n\ndata: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}},{\"index\":1}]}}]}\n\ndata: [DONE]\n\n",
    "\u{1}data: {\"model_type\":\"model\",\"module\":1,\"modules\":1,\"status\":\"finished\"}\n\n",
    "\u{9}event: message\ndata: {\"token\":\"a\"}\n\n",
    "\u{9}data: {\"error\":{\"message\":\"no\",\"trace\":\"t\"}}\n\n",
    r#"{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":"x","tool_calls":[]},"finish_reason":"stop","logprobs":{"content":[{"token":"a","logprob":-Infinity,"top_logprobs":[]}]}}],"usage":{"prompt_tokens":1,"completion_tokens_per_sec":"Indeterminate"},"x":{"y":[1,{}]}}"#,
    r#"{"choices":[{"text":"a","logprobs":{"tokens":["a"],"token_logprobs":[null],"top_logprobs":[{"a":-1}],"text_offset":[0]}}]}"#,
    r#"{"object":"list","data":[{"id":"a","parameters":{"max_seq_len":4096,"draft":{"id":"b"}},"logging":{"a":1}}]}"#,
    r#"{"data":[{"index":0,"embedding":[0.1,-2e-3]},{"index":1,"embedding":"AACAPw=="}]}"#,
    r#"{"status":"healthy","issues":[{"time":"2026-01-01T00:00:00","description":"x"}]}"#,
    r#"{"length":1,"tokens":[1,2]}"#,
    "\u{9b}\u{5}{\"detail\":[{\"type\":\"missing\",\"loc\":[\"body\",0],\"msg\":\"Field required\",\"input\":{\"a\":[1]}}]}",
    "\u{9b}\u{5}{\"detail\":\"No models are currently loaded.\"}",
    "\u{c8}\u{5}<html><title>502 Bad Gateway</title></html>",
    "\u{3}{\"detail\":[{\"msg\":\"\",\"input\":\"\"}]}",
    // White space before the first field, which a cut may part from it.
    "\0\tP\0\0\0\0",
    "\0 data: {\"choices\":[]}\r\n\r\ndata: {\"choices\":[{\"d\"< \"ch",
    "\u{1}\u{feff}\n \u{feff}data: {\"token\":\"a\"}\n\n",
    "\0 \u{c} \n\n {\"error\":{\"message\":\"no\"}}",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 99999999999999999999 Nov 1994 08:49:37 GMT",
    "120",
    "https://example.org:443/tabby/v1/",
    "http://[::1]:5000",
    "\u{7}{\"custom_id\":\"a\",\"error\":null,\"request\":\"00000000000000aa\"}\n{\"custom_id\":\"b\",\"er",
    "\u{7}{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"messages\":[]}}\n",
    "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: [DONE]\n\n",
];

fn files(folder: &Path, into: &mut Vec<Vec<u8>>) {
    let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => files(&path, into),
            false => into.extend(fs::read(&path).ok().filter(|bytes| bytes.len() < 64 << 10)),
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found: Vec<Vec<u8>> = SEEDS.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    files(&tests.join("transcripts"), &mut found);
    // Bodies alone, too, cut at several sizes.
    let bodies = found.iter().filter_map(|file| {
        let at = file.windows(4).position(|part| part == b"\r\n\r\n")?;
        Some([&[7], &file[at + 4..]].concat())
    });
    let bodies: Vec<_> = bodies.collect();
    found.extend(bodies);
    found
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end.max(1)
    }
}

/// What matters to parsers of JSON, HTTP and events.
const WORDS: [&str; 32] = [
    "\n",
    "\r",
    "\r\n\r\n",
    "data: ",
    "event: error",
    ":",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "null",
    "-Infinity",
    "NaN",
    "1e999",
    "-",
    "18446744073709551616",
    "\u{feff}",
    "\0",
    "[DONE]",
    "\"error\":",
    "\"detail\":",
    "\"index\":",
    "{}",
    "[]",
    " ",
    "%",
    "@",
];

fn changed(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    if data.len() > 4096 {
        let at = random.below(data.len() - 4096);
        data = data[at..at + 4096].to_vec();
    }
    for _ in 0..1 + random.below(6) {
        let at = random.below(data.len() + 1);
        match random.below(7) {
            0 => data.truncate(at),
            1 if at < data.len() => data[at] = random.below(256) as u8,
            2 if at < data.len() => data[at] ^= 1 << random.below(8),
            3 => {
                let end = (at + random.below(40)).min(data.len());
                data.drain(at..end);
            }
            4 => {
                let end = (at + random.below(200)).min(data.len());
                let part = data[at..end].to_vec();
                let to = random.below(data.len() + 1);
                data.splice(to..to, part);
            }
            5 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let part = other[from..(from + random.below(200)).min(other.len())].to_vec();
                data.splice(at..at, part);
            }
            _ => {
                let word = WORDS[random.below(WORDS.len())].bytes();
                data.splice(at..at, word);
            }
        }
    }
    data
}

#[test]
fn seeds_and_what_becomes_of_them() {
    let seconds: u64 = std::env::var("FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(3);
    let only = std::env::var("FUZZ_TARGET").ok();
    let first: u64 = std::env::var("FUZZ_FIRST").ok().and_then(|first| first.parse().ok()).unwrap_or(1);
    let seeds = seeds();
    let mut found = Vec::new();
    for (name, check) in TARGETS {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut random = Random(first);
        let mut runs = 0;
        let mut try_one = |data: &[u8]| {
            runs += 1;
            let begin = Instant::now();
            let failed = catch_unwind(AssertUnwindSafe(|| check(data))).is_err();
            if failed || begin.elapsed() > Duration::from_secs(20) {
                found.push(format!("{name}: {}", data.escape_ascii()));
            }
        };
        seeds.iter().for_each(|seed| try_one(seed));
        while Instant::now() < until {
            try_one(&changed(&seeds, &mut random));
        }
        println!("{name}: {runs} runs");
    }
    found.sort_by_key(String::len);
    found.truncate(20);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
