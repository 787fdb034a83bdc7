//! Where an answer ends: bodies that end with their connection, in good order or not, and answers that state their length twice or are
//! encoded. Either client comes to the same.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tabbyapi::{ErrorKind, Outcome};
use tabbyapi_faults::{LONG, Op, Seen, Subject};

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
const TEXT: &str =
    "data: {\"id\":\"c1\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n";
const LOADING: &str = "data: {\"model_type\":\"model\",\"module\":1,\"modules\":2,\"status\":\"processing\"}\n\n";
const LOADED: &str = "data: {\"model_type\":\"model\",\"module\":2,\"modules\":2,\"status\":\"finished\"}\n\n";

/// Answers the first request on each connection with these bytes, and ends it.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Server {
    fn start(answer: String, reset: bool) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                request(&mut stream);
                // Whoever has enough of it before its end may go.
                let _ = stream.write_all(answer.as_bytes());
                if reset {
                    // A reset overtakes what was not read yet.
                    std::thread::sleep(Duration::from_millis(100));
                    reset_now(stream).unwrap();
                }
            }
        });
        Server { url, connections }
    }

    fn both(&self, op: Op) -> [Seen; 2] {
        Subject::both(&self.url, LONG).unwrap().map(|subject| subject.run(op))
    }
}

/// Closes with a reset.
fn reset_now(stream: TcpStream) -> std::io::Result<()> {
    stream.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { tokio::net::TcpStream::from_std(stream)?.set_zero_linger() })
}

/// Reads a request with its body.
fn request(stream: &mut TcpStream) {
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut buffer).unwrap_or_default();
        seen.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if n == 0 {
                return;
            }
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if n == 0 || body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return;
        }
    }
}

#[test]
fn a_stream_that_is_cut_is_never_complete() {
    let cut = "data: {\"id\":\"c1\",\"cho";
    for (op, body, arrived) in [
        (Op::Stream, [TEXT, cut].concat(), "Hel"),
        (Op::Stream, TEXT.to_owned(), "Hel"),
        (Op::Load, [LOADING, "data: {\"model_type\":\"mo"].concat(), "1"),
        (Op::Load, [LOADING, LOADED, "data: {\"model_type\":\"mo"].concat(), "2"),
        // All is there, but nobody knows whether it is all.
        (Op::Load, [LOADING, LOADED].concat(), "2"),
    ] {
        for reset in [false, true] {
            if !reset && op == Op::Load && body.contains("finished") {
                continue;
            }
            let server = Server::start([STREAM, &body].concat(), reset);
            for (name, seen) in ["async", "blocking"].into_iter().zip(server.both(op)) {
                let what = format!("{name}, {op:?}, reset: {reset}, {body:?}: {seen:?}");
                assert_eq!(seen.error, Some(ErrorKind::Truncated), "{what}");
                assert_eq!(seen.outcome, Some(Outcome::Truncated), "{what}");
                assert!(seen.arrived.split(',').next_back() == Some(arrived), "{what}");
            }
        }
    }
    // The end of a load is the end of its body.
    let server = Server::start([STREAM, LOADING, LOADED].concat(), false);
    for seen in server.both(Op::Load) {
        assert_eq!(seen.error, None, "{seen:?}");
    }
}

#[test]
fn a_body_whose_connection_is_reset_is_not_whole() {
    let server = Server::start([JSON, r#"{"permission":"admin"}"#].concat(), true);
    for seen in server.both(Op::Next) {
        assert_eq!((seen.error, seen.attempts), (Some(ErrorKind::Truncated), 3), "{seen:?}");
    }
    let server = Server::start([JSON, r#"{"permission":"admin"}"#].concat(), false);
    for seen in server.both(Op::Next) {
        assert_eq!((seen.error, &*seen.arrived), (None, "admin"), "{seen:?}");
    }
}

#[test]
fn an_answer_with_two_lengths_is_refused() {
    let chunked = "16\r\n{\"permission\":\"admin\"}\r\n0\r\n\r\n";
    for headers in [
        "content-length: 22\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 5",
        "Transfer-Encoding: Chunked\r\nContent-Length: 0",
    ] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{headers}\r\n\r\n");
        let server = Server::start([&head, chunked].concat(), false);
        for (name, seen) in ["async", "blocking"].into_iter().zip(server.both(Op::Next)) {
            assert_eq!((seen.error, seen.attempts), (Some(ErrorKind::Transport), 3), "{name}, {headers}: {seen:?}");
            assert!(seen.text.contains("`content-length` and `transfer-encoding`"), "{name}, {headers}: {seen:?}");
        }
        assert_eq!(server.connections.load(Ordering::SeqCst), 6);
    }
}

#[test]
fn an_encoded_answer_is_named_as_such() {
    for (headers, shown) in [("content-encoding: gzip", "`gzip`"), ("Content-Encoding: br", "`br`")] {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{headers}\r\ncontent-length: 3\r\n\r\n\u{1}\u{2}\u{3}"
        );
        let server = Server::start(head, false);
        for seen in server.both(Op::Next) {
            assert_eq!((seen.error, seen.attempts), (Some(ErrorKind::Decode), 1), "{seen:?}");
            assert!(seen.text.contains(shown), "{seen:?}");
        }
    }
}
