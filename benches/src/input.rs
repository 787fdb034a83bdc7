//! What a TabbyAPI server streams, cut in the ways a network cuts it.

use std::{fs, path::Path};

use bytes::Bytes;

/// How the bytes are cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Chunking {
    /// One event a chunk, as the server writes them.
    Event,
    /// So many bytes a chunk.
    Bytes(usize),
}

impl Chunking {
    pub(crate) const ALL: [Self; 5] =
        [Self::Event, Self::Bytes(128), Self::Bytes(1_400), Self::Bytes(16 << 10), Self::Bytes(1)];

    pub(crate) fn names() -> Vec<&'static str> {
        Self::ALL.map(Self::name).into()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Event => "1 event",
            Self::Bytes(1) => "1 B",
            Self::Bytes(128) => "128 B",
            Self::Bytes(1_400) => "1400 B",
            Self::Bytes(_) => "16 KB",
        }
    }

    /// A chunk holds an event or more.
    pub(crate) fn is_coarse(self) -> bool {
        matches!(self, Self::Event | Self::Bytes(1_400..))
    }
}

/// A stream and its events.
#[derive(Debug)]
pub(crate) struct Input {
    events: Vec<Bytes>,
    all: Bytes,
}

/// Tokens as models make them: short words mostly, some with escapes, some beyond ASCII.
const TOKENS: [&str; 16] = [
    " the",
    " a",
    "ing",
    ",",
    " model",
    " server",
    ".\\n\\n",
    " of",
    " streams",
    " \\\"quoted\\\"",
    " to",
    " naïve",
    " and",
    " 你好",
    "s",
    " while",
];

impl Input {
    /// A stream of so many chat chunks.
    pub(crate) fn new(events: usize) -> Self {
        Self::of((0..events).map(|n| {
            let token = TOKENS[n * 7 % TOKENS.len()];
            [
                "{\"id\": \"chatcmpl-d34aaa3559ee4438a14072367cc177a8\", \"object\": \"chat.completion.chunk\", \
                 \"created\": 1795359344, \"choices\": [{\"index\": 0, \"delta\": {\"content\": \"",
                token,
                "\"}, \"finish_reason\": null}], \"model\": \"alpha-7B-exl3\"}",
            ]
            .concat()
        }))
    }

    /// So many chunks of a recorded stream of the real engine, again and again, without the last ones of the choices.
    pub(crate) fn recorded(recording: &str, events: usize) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts/tabbyapi-engine");
        let text = fs::read_to_string(folder.join(format!("{recording}.resp"))).expect("a recording");
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let chunks: Vec<&str> = data.filter(|data| data.contains("\"finish_reason\": null")).collect();
        assert!(!chunks.is_empty(), "{recording} has no chunks");
        Self::of(chunks.into_iter().map(str::to_owned).cycle().take(events))
    }

    fn of(data: impl Iterator<Item = String>) -> Self {
        let mut all = String::new();
        let mut ends = Vec::new();
        for data in data {
            all.push_str("data: ");
            all.push_str(&data);
            all.push_str("\r\n\r\n");
            ends.push(all.len());
        }
        // Static, so that handing a chunk over costs next to nothing: it is no part of what is measured.
        let all = Bytes::from_static(String::leak(all).as_bytes());
        let mut start = 0;
        let events = ends.into_iter().map(|end| all.slice(std::mem::replace(&mut start, end)..end)).collect();
        Self { events, all }
    }

    /// Chunks of the first so many events.
    pub(crate) fn cut(&self, chunking: Chunking, events: usize) -> Vec<Bytes> {
        match chunking {
            Chunking::Event => self.events[..events].to_vec(),
            Chunking::Bytes(size) => {
                let len = self.events[..events].iter().map(Bytes::len).sum();
                (0..len).step_by(size).map(|at| self.all.slice(at..(at + size).min(len))).collect()
            }
        }
    }

    /// Chunks of so many whole events.
    pub(crate) fn grouped(&self, events: usize) -> Vec<Vec<u8>> {
        self.events.chunks(events).map(<[Bytes]>::concat).collect()
    }

    pub(crate) fn bytes_per_event(&self) -> usize {
        self.all.len() / self.events.len()
    }
}
