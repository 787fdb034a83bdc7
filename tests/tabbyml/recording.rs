//! The recordings in `tests/transcripts/tabbyml`: raw reads with their times.

use std::sync::OnceLock;
use std::time::Duration;

use tabbyapi::transport::script::Reply;
use tabbyapi::transport::{Chunk, End, Exchange};

use crate::transcripts;

/// One recorded exchange.
pub(crate) struct Recording {
    /// The name of its file without the extension; with a number where a file has several exchanges.
    pub(crate) name: String,
    pub(crate) exchange: Exchange,
}

/// Files that are no HTTP exchanges, and why they are not replayed.
pub(crate) const NO_EXCHANGE: [(&str, &str); 1] =
    [("90-ws-thread-run", "a WebSocket; the library has no client for one")];

impl Recording {
    pub(crate) fn reply(&self) -> Reply {
        Reply::from(&self.exchange)
    }

    pub(crate) fn body_len(&self) -> usize {
        self.exchange.body().len()
    }

    /// The token that was sent, if it was sent in the way that the server expects.
    pub(crate) fn token(&self) -> &str {
        let mut headers = self.exchange.request_headers.iter();
        let value = headers.find(|(name, _)| name == "authorization").map(|(_, value)| value.as_str());
        value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
    }

    /// The body that was sent, if it is JSON.
    pub(crate) fn request_json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.exchange.request_body.0).ok()
    }
}

/// All recordings, sorted by name.
pub(crate) fn all() -> &'static [Recording] {
    static ALL: OnceLock<Vec<Recording>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Vec::new();
        for name in names() {
            let text = String::from_utf8(transcripts::read(&format!("tabbyml/{name}.txt"))).expect("UTF-8");
            match text.split_once(">>> request\n") {
                Some((_, text)) if text.contains("\n<<< response") => all.push(raw(name, text)),
                _ if NO_EXCHANGE.iter().any(|(other, _)| *other == name) => {}
                _ => all.extend(wire(&name, &text)),
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    })
}

/// The names of the files.
pub(crate) fn names() -> Vec<String> {
    let files = transcripts::names("tabbyml");
    let mut names: Vec<_> = files.iter().map(|file| file.strip_suffix(".txt").expect("text").to_owned()).collect();
    names.sort();
    names
}

#[track_caller]
pub(crate) fn named(name: &str) -> &'static Recording {
    all().iter().find(|recording| recording.name == name).unwrap_or_else(|| panic!("no recording is named {name}"))
}

/// Request, then the reads of the response with their times and sizes.
fn raw(name: String, text: &str) -> Recording {
    let (request, response) = text.split_once("\n<<< response").expect("a response");
    let (note, response) = response.split_once('\n').expect("a line");
    let mut reads = Vec::new();
    for block in response.split("--- +").skip(1) {
        let (line, text) = block.split_once('\n').expect("a line");
        let (at, size) = line.split_once("s ").expect("time and size");
        let mut bytes = text.replace("\\r\\n\n", "\r\n").into_bytes();
        let size: usize = size.strip_suffix('B').expect("bytes").parse().expect("a number");
        if bytes.len() == size + 1 {
            // The line end of the file.
            bytes.pop();
        }
        assert_eq!(bytes.len(), size, "{name}");
        reads.push((Duration::from_secs_f64(at.parse().expect("seconds")), bytes));
    }
    let ended_by_server = note.contains("ended by eof");
    Recording { exchange: exchange(&name, request.as_bytes(), &reads, ended_by_server), name }
}

/// Parts of several connections: `[ 1.193s conn1 client->server 338B]`, then what was sent.
fn wire(name: &str, text: &str) -> Vec<Recording> {
    let mut open: Vec<(String, String)> = Vec::new();
    let mut found = Vec::new();
    for block in text.split("\n[").skip(1) {
        let (line, text) = block.split_once("]\n").expect("a line");
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (connection, direction) = (words[1], words[2]);
        let is_data = words[3].ends_with('B');
        match direction {
            // It was closed or reset.
            _ if !is_data => {
                // A request that was given up has no answer.
                if let Some(at) = open.iter().position(|(other, _)| other == connection) {
                    let (_, request) = open.remove(at);
                    found.push((request, None));
                }
            }
            "client->server" => open.push((connection.to_owned(), text.to_owned())),
            _ => {
                let at = open.iter().position(|(other, _)| other == connection).expect("a request");
                found.push((open.remove(at).1, Some(text.strip_suffix('\n').unwrap_or(text).to_owned())));
            }
        }
    }
    let recording = |(at, (request, answer)): (usize, (String, Option<String>))| {
        let name = format!("{name}#{}", at + 1);
        let reads: Vec<_> = answer.map(|answer| (Duration::ZERO, answer.replace('\n', "\r\n"))).into_iter().collect();
        let reads: Vec<_> = reads.into_iter().map(|(at, text)| (at, one_line_body(&text).into_bytes())).collect();
        Recording { exchange: exchange(&name, request.trim_end_matches('\n').as_bytes(), &reads, false), name }
    };
    found.into_iter().enumerate().map(recording).collect()
}

/// The head with CR LF, and the body, which is one line, without.
fn one_line_body(text: &str) -> String {
    match text.split_once("\r\n\r\n") {
        Some((head, body)) => format!("{head}\r\n\r\n{}", body.trim_end_matches("\r\n")),
        None => format!("{}\r\n\r\n", text.trim_end_matches("\r\n")),
    }
}

fn exchange(name: &str, request: &[u8], reads: &[(Duration, Vec<u8>)], ended_by_server: bool) -> Exchange {
    let all: Vec<u8> = reads.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    let request = String::from_utf8_lossy(request).into_owned();
    let request = if request.contains("\n\n") { request } else { request.trim_end().to_owned() + "\n\n" };
    let end_of_head = all.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
    let answer = end_of_head.map_or(&b"HTTP/1.1 200 OK\r\n\r\n"[..], |end| &all[..end]);
    let mut exchange =
        Exchange::from_http(request.as_bytes(), answer).unwrap_or_else(|error| panic!("{name}: {error}"));
    let cut = if ended_by_server {
        End::Failed("connection closed before message completed".to_owned())
    } else {
        End::Dropped
    };
    let Some(start) = end_of_head else {
        (exchange.status, exchange.end) = (None, cut);
        return exchange;
    };
    // When each byte came.
    let mut ends = Vec::new();
    for (at, bytes) in reads {
        ends.push((ends.last().map_or(0, |(end, _)| *end) + bytes.len(), *at));
    }
    let time = |offset: usize| ends.iter().find(|(end, _)| offset < *end).map_or(Duration::ZERO, |(_, at)| *at);
    exchange.head_ms = u64::try_from(time(start - 1).as_millis()).expect("short");
    let header =
        |wanted: &str| exchange.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let body = &all[start..];
    if header("transfer-encoding").as_deref() == Some("chunked") {
        let (chunks, whole) = chunks(body, start, time);
        exchange.chunks = chunks;
        exchange.end = if whole { End::Complete } else { cut };
    } else {
        let length = header("content-length").map_or(body.len(), |length| length.parse().expect("a number"));
        if !body.is_empty() {
            exchange.chunks = vec![Chunk::new(time(all.len() - 1), body.to_vec())];
        }
        let complete = body.len() == length || exchange.method == "HEAD";
        exchange.end = if complete { End::Complete } else { cut };
    }
    exchange
}

/// The chunks of a chunked body at their own borders, and whether the last, empty one came.
fn chunks(mut body: &[u8], mut offset: usize, time: impl Fn(usize) -> Duration) -> (Vec<Chunk>, bool) {
    let mut chunks = Vec::new();
    while let Some(line) = body.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&body[..line]).expect("a size is ASCII");
        let size = usize::from_str_radix(size, 16).expect("a size is a hexadecimal number");
        if size == 0 {
            return (chunks, true);
        }
        let from = line + 2;
        chunks.push(Chunk::new(time(offset + from + size - 1), body[from..from + size].to_vec()));
        assert_eq!(&body[from + size..from + size + 2], b"\r\n");
        body = &body[from + size + 2..];
        offset += from + size + 2;
    }
    (chunks, false)
}

#[test]
fn recordings_are_read_with_their_borders_and_times() {
    let basic = &named("70-chat-basic").exchange;
    let sizes: Vec<_> = basic.chunks.iter().map(|chunk| chunk.data.0.len()).collect();
    assert_eq!(sizes, [0x145, 0x143, 0x143, 0x14d, 0x13f, 0x142]);
    assert_eq!(basic.end, End::Complete);
    let slow = &named("77-trickle-keepalive").exchange;
    let times: Vec<_> = slow.chunks.iter().map(|chunk| chunk.at_ms).collect();
    assert_eq!(times, [47, 47, 15_048, 20_003, 20_004, 20_004, 20_004]);
    assert_eq!(named("50e-backend-errchunk").exchange.status, None);
    assert_eq!(named("76d-badjson").exchange.end, End::Failed("connection closed before message completed".to_owned()));
    assert_eq!(named("79-chat-client-cancel").exchange.end, End::Dropped);
    assert_eq!(named("48-crlf").exchange.body().len(), 147);
}
