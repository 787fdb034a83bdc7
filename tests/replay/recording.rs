//! The recordings in `tests/transcripts`.

use std::sync::OnceLock;

use bytes::Bytes;
use tabbyapi::transport::script::Reply;
use tabbyapi::transport::{Chunk, End, Exchange};

use crate::transcripts::{self, read};

const ENGINE: &str = "tabbyapi-engine";

/// One recorded exchange.
pub(crate) struct Recording {
    /// Its file's name without the extension.
    pub(crate) name: String,
    pub(crate) exchange: Exchange,
    /// Of a server with a real engine. Its request is read, and not made by `requests`.
    pub(crate) has_engine: bool,
}

impl Recording {
    pub(crate) fn reply(&self) -> Reply {
        Reply::from(&self.exchange)
    }

    pub(crate) fn body(&self) -> Bytes {
        self.exchange.body()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body().to_vec()).expect("recorded answers are UTF-8")
    }

    pub(crate) fn status(&self) -> u16 {
        self.exchange.status.expect("every recording has an answer")
    }

    /// Whether the answer is a stream of events, whatever was asked for.
    pub(crate) fn is_stream(&self) -> bool {
        self.header("content-type").is_some_and(|value| value.starts_with("text/event-stream"))
    }

    /// Whether the client gave up, so that the body goes on for all it knew.
    pub(crate) fn is_given_up(&self) -> bool {
        self.exchange.end == End::Dropped
    }

    /// The answer's header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.exchange.headers, name)
    }

    /// The request's header.
    pub(crate) fn request_header(&self, name: &str) -> Option<&str> {
        find(&self.exchange.request_headers, name)
    }

    /// The request's body, if it is JSON.
    pub(crate) fn request_json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.exchange.request_body.0).ok()
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

/// All recordings, sorted by name.
pub(crate) fn all() -> &'static [Recording] {
    static ALL: OnceLock<Vec<Recording>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: Vec<_> =
            names("tabbyapi", ".req").into_iter().map(|name| with_request("tabbyapi", name)).collect();
        // The same server with a real engine.
        all.extend(names(ENGINE, ".req").into_iter().map(|name| with_request(ENGINE, name)));
        all.extend(names("tabbyapi-extra", ".resp").into_iter().map(answer_only));
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    })
}

#[track_caller]
pub(crate) fn named(name: &str) -> &'static Recording {
    all().iter().find(|recording| recording.name == name).unwrap_or_else(|| panic!("no recording is named {name}"))
}

/// The names of a folder's files that end so, without that end.
pub(crate) fn names(folder: &str, end: &str) -> Vec<String> {
    let files = transcripts::names(folder);
    let mut names: Vec<String> = files.iter().filter_map(|file| file.strip_suffix(end).map(str::to_owned)).collect();
    names.sort();
    names
}

fn with_request(folder: &str, name: String) -> Recording {
    let mut request = read(&format!("{folder}/{name}.req"));
    // Where curl gave up, it says so after the request.
    let note = request.windows(12).rposition(|window| window == b"\n[curl exit ");
    if let Some(at) = note {
        request.truncate(at);
    }
    let answer = read(&format!("{folder}/{name}.resp"));
    let mut exchange = Exchange::from_http(&request, &answer).unwrap_or_else(|error| panic!("{name}: {error}"));
    if note.is_some() {
        exchange.end = End::Dropped;
    }
    Recording { name, exchange, has_engine: folder == ENGINE }
}

/// An answer that was kept without its request.
fn answer_only(name: String) -> Recording {
    let (path, body) = match name.as_str() {
        "logprob-minus-infinity-completion" => ("/v1/completions", "{}"),
        "logprob-minus-infinity-stream-true" | "stream-server-sigterm" => {
            ("/v1/chat/completions", r#"{"stream":true}"#)
        }
        name if name.starts_with("koboldfix") => ("/api/", "{}"),
        _ => ("/v1/chat/completions", "{}"),
    };
    let request = format!("POST {path} HTTP/1.1\r\n\r\n{body}");
    let answer = read(&format!("tabbyapi-extra/{name}.resp"));
    let mut exchange = Exchange::from_http(request.as_bytes(), &answer).expect("the answer can be read");
    if name == "stream-server-sigterm" {
        exchange.chunks = without_framing(&exchange.body());
        exchange.end = End::Failed("connection closed before message completed".to_owned());
    }
    Recording { name, exchange, has_engine: false }
}

/// The chunks of a body that was kept with its chunked framing; it lacks the last, empty one.
fn without_framing(mut body: &[u8]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    while !body.is_empty() {
        let line = body.windows(2).position(|window| window == b"\r\n").expect("a size ends with CR LF");
        let size = std::str::from_utf8(&body[..line]).expect("a size is ASCII");
        let size = usize::from_str_radix(size, 16).expect("a size is a hexadecimal number");
        let (data, rest) = body[line + 2..].split_at(size);
        chunks.push(Chunk::new(std::time::Duration::ZERO, data.to_vec()));
        body = rest.strip_prefix(b"\r\n").expect("a chunk ends with CR LF");
    }
    chunks
}

#[test]
fn the_list_of_recordings_agrees_with_their_files() {
    let index = String::from_utf8(read("tabbyapi/INDEX.tsv")).unwrap();
    let mut lines = 0;
    for line in index.lines().skip(1) {
        let cells: Vec<_> = line.split('\t').collect();
        let recording = named(cells[0]);
        let Exchange { method, path, .. } = &recording.exchange;
        assert_eq!([method, path], [cells[1], cells[2]], "{line}");
        assert_eq!(recording.status().to_string(), cells[3], "{line}");
        assert_eq!(recording.header("content-type").unwrap_or_default(), cells[4], "{line}");
        assert_eq!(recording.is_given_up(), cells[5] == "28", "{line}");
        assert!(matches!(cells[5], "0" | "28"), "{line}");
        if let (Some(length), "GET" | "POST") = (recording.header("content-length"), cells[1]) {
            assert_eq!(recording.body().len().to_string(), length, "{line}");
        }
        lines += 1;
    }
    assert_eq!(lines, 240);
    assert_eq!(names("tabbyapi", ".req"), names("tabbyapi", ".resp"));
    let sigterm = &named("stream-server-sigterm").exchange;
    assert_eq!(sigterm.chunks.iter().map(|chunk| chunk.data.0.len()).collect::<Vec<_>>(), [222, 223, 223, 45, 223]);
}
