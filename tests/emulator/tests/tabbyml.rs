//! The dialect of TabbyML/tabby, held to the recorded exchanges: status, headers and their order, framing and bodies.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use tabbyapi_emulator::tabbyml::TabbyMl;

/// Recordings that are not compared, and why.
const NOT_COMPARED: &[(&str, &str)] = &[
    ("00-health-before-admin", "there is always an account"),
    ("87-comp-client-cancel", "nothing was answered"),
    ("90-ws-thread-run", "there is no WebSocket"),
    ("91-tabby-agent-1.9-wire", "what the official agent sends; the answers are those of other recordings"),
    ("92-tabby-agent-1.5-wire", "what the official agent sends; the answers are those of other recordings"),
];

struct Recording {
    name: String,
    notes: String,
    request: Vec<u8>,
    /// The bytes of the response.
    response: Vec<u8>,
    /// The client ended it.
    given_up: bool,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../transcripts/tabbyml")
}

fn names() -> Vec<String> {
    let files = fs::read_dir(folder()).expect("the transcripts");
    let mut names: Vec<_> =
        files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8").replace(".txt", "")).collect();
    names.sort();
    names
}

fn recording(name: &str) -> Recording {
    let text = fs::read_to_string(folder().join(format!("{name}.txt"))).expect("a recording");
    let (notes, text) = text.split_once(">>> request\n").expect("a request");
    let (request, response) = text.split_once("\n<<< response").expect("a response");
    let (line, response) = response.split_once('\n').expect("a line");
    let mut bytes = Vec::new();
    for block in response.split("--- +").skip(1) {
        let (line, text) = block.split_once('\n').expect("a line");
        let size: usize = line.split(' ').nth(1).unwrap().strip_suffix('B').unwrap().parse().unwrap();
        let text = text.replace("\\r\\n\n", "\r\n");
        bytes.extend_from_slice(&text.as_bytes()[..size]);
    }
    let (head, body) = request.split_once("\n\n").unwrap_or((request.trim_end(), ""));
    let mut body = body.trim_end_matches('\n').to_owned();
    let mut head = head.trim_end().to_owned();
    let length =
        head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse::<usize>().ok()).unwrap_or(0);
    if body.len() < length {
        // Long bodies were cut in the recording.
        body = match name {
            "80g-long-title" => {
                format!(r#"{{"source": "my docs/x", "id": "doc 1", "title": "{}", "body": "B"}}"#, "x".repeat(65_536))
            }
            _ => "x".repeat(length),
        };
    }
    head = head.replace("http://127.0.0.1:28080", "");
    let given = format!("Content-Length: {length}");
    head = head.replace(&given, &format!("Content-Length: {}", body.len()));
    let request = format!("{}\r\n\r\n{body}", head.replace('\n', "\r\n")).into_bytes();
    let given_up = !line.contains("ended by eof");
    Recording { name: name.to_owned(), notes: notes.to_owned(), request, response: bytes, given_up }
}

/// An emulator in the state in which the recorded server was.
fn server(recording: &Recording) -> TabbyMl {
    // Those that were given up compare byte by byte, so that no keep-alive may be among them.
    let interval = if recording.given_up { 15_000 } else { 60 };
    let builder = TabbyMl::builder().keep_alive(Duration::from_millis(interval));
    let builder = match &recording.notes {
        notes if notes.contains("no models") => builder.no_webserver().no_models(),
        notes if notes.contains("--no-webserver") => builder.no_webserver(),
        _ => builder,
    };
    let limited = ["88-429", "88b-429-health", "88d-after-5s"].contains(&&*recording.name);
    let builder = if limited { builder.rate_limit(0) } else { builder };
    builder.start().expect("the emulator should start")
}

fn ask(server: &TabbyMl, recording: &Recording) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.addr()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(&recording.request).expect("the request should go out");
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    while !recording.given_up || bytes.len() < recording.response.len() {
        match stream.read(&mut piece).expect("an answer") {
            0 => break,
            read => bytes.extend_from_slice(&piece[..read]),
        }
    }
    if recording.given_up {
        bytes.truncate(recording.response.len());
    }
    bytes
}

/// With what differs from run to run replaced.
fn masked(name: &str, bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let mut out = String::new();
    for line in text.split_inclusive("\r\n") {
        if line.starts_with("date: ") {
            out.push_str("date: …\r\n");
        } else {
            out.push_str(line);
        }
    }
    if let Some(at) = out.find("\"cmpl-") {
        out.replace_range(at + 6..at + 6 + 36, "…");
    }
    if name.starts_with("29") && out.contains("<!DOCTYPE html>") {
        // The page is for people.
        let at = out.find("<!DOCTYPE html>").unwrap();
        out.truncate(at);
        let length = out.find("content-length: ").unwrap();
        let end = length + out[length..].find("\r\n").unwrap();
        out.replace_range(length..end, "content-length: …");
    }
    // How many keep-alives there are is up to the clock.
    while let Some(at) = out.find("3\r\n:\n\n\r\n") {
        out.replace_range(at..at + 9, "");
    }
    out
}

#[test]
fn answers_are_those_of_the_recordings() {
    let mut failures = Vec::new();
    let mut compared = 0;
    for name in names() {
        if NOT_COMPARED.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let recording = recording(&name);
        let server = server(&recording);
        let answer = masked(&name, &ask(&server, &recording));
        let expected = masked(&name, &recording.response);
        if answer != expected {
            failures.push(format!("== {name}\n{answer}\n-- recorded:\n{expected}"));
        }
        compared += 1;
    }
    assert!(failures.is_empty(), "{} of {compared} differ:\n{}", failures.len(), failures.join("\n"));
    assert!(compared > 100, "{compared}");
}

#[test]
fn the_table_names_recordings_only() {
    for (name, _) in NOT_COMPARED {
        assert!(names().iter().any(|other| other == name), "there is no recording {name}");
    }
}

#[test]
fn the_121st_request_of_a_minute_is_refused_and_health_is_not_counted() {
    let server = TabbyMl::builder().start().unwrap();
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    let mut ask = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nauthorization: Bearer {}\r\n\r\n", server.token());
        stream.write_all(request.as_bytes()).unwrap();
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).unwrap();
        String::from_utf8_lossy(&piece[9..12.min(read)]).into_owned()
    };
    for count in 0..120 {
        assert_eq!(ask("/v1beta/server_setting"), "200", "{count}");
    }
    assert_eq!(ask("/v1beta/server_setting"), "429");
    assert_eq!(ask("/v1/health"), "200");
}
