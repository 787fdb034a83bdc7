//! Each trial: what a hostile server does, and how a read and a stream end on either client, within bounds of time and memory.
//! `cargo test -p tabbyapi-hostile --test trials -- --nocapture` prints the table.

use std::io;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::policy::Retry;
use tabbyapi::{Client, Error, Limits, Options, Pace, Paces, blocking};
use tabbyapi_hostile::memory::peak;
use tabbyapi_hostile::server::{Script, Server, Wire};

/// Deadlines of the calls: of heads and silences, and of whole reads.
const QUIET: Duration = Duration::from_secs(2);
const TOTAL: Duration = Duration::from_secs(6);
/// What a trial may take beside its deadlines, on a machine that has other things to do.
const SPARE: Duration = Duration::from_secs(20);
/// What a call may take: the floor of documents, and what connections need.
const MEMORY: usize = 24 << 20;

const JSON: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const EVENTS: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n\r\n";
const LIST: &str = r#"{"object":"list","data":[{"id":"alpha"}]}"#;
const CHUNK: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// How a call ends: `ok` and what came, or kind and code of the error, and what had come. One for both clients, or the native one and
/// the blocking one.
type Ends = &'static [&'static str];

struct Trial {
    name: &'static str,
    script: Script,
    /// Of a read, and of a stream; empty if that is not tried.
    read: Ends,
    stream: Ends,
}

fn trial(
    name: &'static str,
    read: Ends,
    stream: Ends,
    script: impl Fn(&mut Wire) -> io::Result<()> + Send + Sync + 'static,
) -> Trial {
    Trial { name, script: Arc::new(script), read, stream }
}

fn options() -> Options {
    let short = |pace: Pace| pace.head(QUIET).stall(QUIET).first_item(None);
    let paces = Paces::DEFAULT.read(short(Pace::READ).total(TOTAL)).stream(short(Pace::STREAM));
    let limits = Limits::default().body(4 << 20).event(2 << 20);
    Options::new().paces(paces).limits(limits).retry(Retry::NEVER)
}

struct Clients {
    runtime: tokio::runtime::Runtime,
}

impl Clients {
    fn asynchronous(&self, url: &str) -> Client {
        let _guard = self.runtime.enter();
        Client::builder(url).options(options()).build().unwrap()
    }

    fn blocking(&self, url: &str) -> blocking::Client {
        blocking::Client::builder(url).options(options()).build().unwrap()
    }

    fn read(&self, url: &str, blocking: bool) -> String {
        let result = match blocking {
            true => self.blocking(url).models().list(),
            false => self.runtime.block_on(async { self.asynchronous(url).models().list().await }),
        };
        match result {
            Ok(list) => format!("ok {}", list.data.len()),
            Err(error) => failed(&error),
        }
    }

    fn stream(&self, url: &str, blocking: bool) -> String {
        let request = ChatRequest::new([ChatMessage::user("hello")]);
        let result = match blocking {
            true => self.blocking(url).chat().stream(&request).finish(),
            false => self.runtime.block_on(async { self.asynchronous(url).chat().stream(&request).finish().await }),
        };
        match result {
            Ok(answer) => format!("ok {}", answer.text()),
            Err(broken) => {
                let text: String = broken.partial.text().chars().take(8).collect();
                format!("{} {text}", failed(&broken.error)).trim_end().to_owned()
            }
        }
    }
}

fn failed(error: &Error) -> String {
    format!("{}/{}", error.kind().as_str(), error.code())
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn trials() -> Vec<Trial> {
    const HEAD: Ends = &["timeout/timeout_head"];
    const STALL: Ends = &["timeout/timeout_stall"];
    const BROKEN: Ends = &["transport/transport"];
    const CUT: Ends = &["truncated/connection_lost"];
    const HUGE: Ends = &["transport/transport", "truncated/connection_lost"];
    const TAIL: Ends = &["truncated/connection_lost", "timeout/timeout_stall"];
    const TAIL_HI: Ends = &["truncated/connection_lost hi", "timeout/timeout_stall hi"];
    const JUNK: Ends = &["decode/unexpected_json"];
    const ENCODED: Ends = &["decode/encoded_body"];
    const BROKEN_JSON: Ends = &["decode/invalid_json"];
    let millis = Duration::from_millis;
    vec![
        // Heads.
        trial("no answer at all", HEAD, HEAD, |wire| wire.hold()),
        trial("a status line without end", BROKEN, BROKEN, |wire| {
            wire.send("HTTP/1.1 200 ")?;
            wire.flood("O")
        }),
        trial("a header without end", BROKEN, BROKEN, |wire| {
            wire.send(JSON)?;
            wire.send("X-Fill: ")?;
            wire.flood("a")
        }),
        trial("headers without end", BROKEN, BROKEN, |wire| {
            wire.send(JSON)?;
            wire.flood("X-Fill: a\r\n")
        }),
        trial("a thousand headers", BROKEN, BROKEN, |wire| {
            wire.send(JSON)?;
            wire.send("X-Fill: a\r\n".repeat(1000))?;
            wire.send(format!("Content-Length: {}\r\n\r\n{LIST}", LIST.len()))
        }),
        trial("a head, byte by byte", HEAD, HEAD, move |wire| wire.drip(JSON.repeat(40), millis(100))),
        trial("100 Continue without end", HEAD, HEAD, move |wire| {
            loop {
                wire.send("HTTP/1.1 100 Continue\r\n\r\n".repeat(20))?;
                sleep(millis(1));
            }
        }),
        trial("103 Early Hints without end", HEAD, HEAD, move |wire| {
            loop {
                wire.send("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n".repeat(20))?;
                sleep(millis(1));
            }
        }),
        trial("not HTTP", BROKEN, BROKEN, |wire| wire.send("SSH-2.0-OpenSSH_9.9\r\n\r\n")),
        trial("HTTP/0.9", BROKEN, BROKEN, |wire| wire.send(LIST)),
        trial("HTTP/9.9", BROKEN, BROKEN, |wire| wire.send("HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n")),
        trial("status 999999", BROKEN, BROKEN, |wire| wire.send("HTTP/1.1 999999 OK\r\nContent-Length: 0\r\n\r\n")),
        trial("NUL in a header", BROKEN, BROKEN, |wire| {
            wire.send("HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n")
        }),
        trial("switching protocols", &["server/http_error"], &["server/http_error"], |wire| {
            wire.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")?;
            wire.flood("x")
        }),
        // Lengths.
        trial("a length that is too long, then FIN", CUT, CUT, |wire| {
            wire.send(format!("{JSON}Content-Length: 5000\r\n\r\n{LIST}"))
        }),
        trial("a length that is too long, then nothing", STALL, STALL, |wire| {
            wire.send(format!("{JSON}Content-Length: 5000\r\n\r\n{LIST}"))?;
            wire.hold()
        }),
        trial("a length of 2^64-1", HUGE, HUGE, |wire| {
            wire.send(format!("{JSON}Content-Length: 18446744073709551615\r\n\r\n{LIST}"))
        }),
        trial("a negative length", BROKEN, BROKEN, |wire| wire.send(format!("{JSON}Content-Length: -1\r\n\r\n{LIST}"))),
        trial("two lengths", BROKEN, BROKEN, |wire| {
            wire.send(format!("{JSON}Content-Length: 1\r\nContent-Length: {}\r\n\r\n{LIST}", LIST.len()))
        }),
        trial("a chunk of 2^64 bytes", CUT, CUT, |wire| {
            wire.send(format!("{EVENTS}{CHUNKED}ffffffffffffffffff\r\n{CHUNK}"))
        }),
        trial("a chunk of a negative size", CUT, CUT, |wire| wire.send(format!("{EVENTS}{CHUNKED}-5\r\n{CHUNK}"))),
        trial("a chunk whose size is no number", CUT, CUT, |wire| wire.send(format!("{EVENTS}{CHUNKED}zz\r\n{CHUNK}"))),
        trial("a chunk that is longer than its size", CUT, CUT, |wire| {
            wire.send(format!("{EVENTS}{CHUNKED}5\r\n{CHUNK}\r\n0\r\n\r\n"))
        }),
        trial("an extension of a chunk without end", CUT, CUT, |wire| {
            wire.send(format!("{EVENTS}{CHUNKED}5;"))?;
            wire.flood("a")
        }),
        trial("trailers without end", TAIL, TAIL_HI, |wire| {
            wire.send(format!("{EVENTS}{CHUNKED}{}0\r\n", chunk(CHUNK)))?;
            wire.flood("X-A: b\r\n")
        }),
        // Bodies.
        trial("a body without end", &["too_large/body_too_large"], &["too_large/body_too_large"], |wire| {
            wire.send(format!("{JSON}\r\n"))?;
            wire.flood("[")
        }),
        trial("a body, byte by byte", STALL, &[], move |wire| {
            wire.send(format!("{JSON}Content-Length: 5000\r\n\r\n"))?;
            wire.drip([b' '; 5000], millis(100))
        }),
        trial("an error without end", &["server/server_error"], &["server/server_error"], |wire| {
            wire.send("HTTP/1.1 500 No\r\n\r\n")?;
            wire.flood("{\"detail\":")
        }),
        trial("deep JSON", BROKEN_JSON, BROKEN_JSON, |wire| {
            wire.send(format!("{JSON}\r\n{{\"choices\":[],\"data\":[],\"x\":{}", "[".repeat(1 << 20)))
        }),
        trial("objects that cost most", &["too_large/decoded_too_large"], &["too_large/decoded_too_large"], |wire| {
            let objects = r#"{"":0},"#.repeat(500_000);
            wire.send(format!("{JSON}\r\n{{\"choices\":[],\"data\":[],\"x\":[{objects}0]}}"))
        }),
        trial("a bomb of gzip", ENCODED, ENCODED, |wire| {
            // A gzip header and a stored block of what would be JSON: nobody asked for it, so nobody unpacks it.
            let list = LIST.as_bytes();
            let len = list.len() as u8;
            wire.send(format!("{JSON}Content-Encoding: gzip\r\n\r\n"))?;
            wire.send([&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, len, 0, !len, 0xff], list].concat())
        }),
        trial("bytes that are no UTF-8", JUNK, &["too_large/decoded_too_large"], |wire| {
            wire.send(format!("{JSON}\r\n"))?;
            wire.send(vec![0xff; 100_000])
        }),
        trial("NULs", JUNK, JUNK, |wire| {
            wire.send(format!("{JSON}\r\n"))?;
            wire.send(vec![0; 100_000])
        }),
        trial("a redirect in a circle", &["server/redirect"], &["server/redirect"], |wire| {
            wire.send("HTTP/1.1 307 There\r\nLocation: /v1/models\r\nContent-Length: 0\r\n\r\n")
        }),
        trial("a redirect to another host", &["server/redirect"], &["server/redirect"], |wire| {
            wire.send("HTTP/1.1 302 There\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n")
        }),
        // Streams.
        trial("comments without end", &[], STALL, |wire| {
            wire.send(format!("{EVENTS}\r\n"))?;
            wire.flood(": ping\n\n")
        }),
        trial("a comment without end", &[], STALL, |wire| {
            wire.send(format!("{EVENTS}\r\n:"))?;
            wire.flood("a")
        }),
        trial("pings for ever", &[], STALL, move |wire| {
            wire.send(format!("{EVENTS}\r\n"))?;
            wire.drip(": ping\n\n".repeat(200), millis(20))
        }),
        trial("an event without end", &[], &["too_large/event_too_large hi"], |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}data: "))?;
            wire.flood("a")
        }),
        trial("lines of data without end", &[], &["too_large/event_too_large hi"], |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}"))?;
            wire.flood("data:x\n")
        }),
        trial("an id without end", &[], &["too_large/event_too_large hi"], |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}id: "))?;
            wire.flood("1")
        }),
        trial("a type of event without end", &[], &["too_large/event_too_large hi"], |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}event: "))?;
            wire.flood("1")
        }),
        trial("a time to wait without end", &[], &["timeout/timeout_stall hi"], |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}retry: "))?;
            wire.flood("1")
        }),
        trial("a field without end", &[], &["timeout/timeout_stall hi"], |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}"))?;
            wire.flood("x")
        }),
        trial("line ends without end", &[], &["timeout/timeout_stall hi"], |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}"))?;
            wire.flood("\r")
        }),
        trial("more after the end", &[], &["ok hi"], |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}{DONE}"))?;
            wire.flood(CHUNK)
        }),
        trial("text without end", &[], &["too_large/stream_too_large aaaaaaaa"], |wire| {
            wire.send(format!("{EVENTS}\r\n"))?;
            wire.flood(format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n",
                "a".repeat(8000)
            ))
        }),
        trial("choices without end", &[], &["too_large/too_many_indices"], |wire| {
            wire.send(format!("{EVENTS}\r\n"))?;
            // Two in each event: a single one whose index counts up is one choice.
            for index in (0..).step_by(2) {
                let choice = |index: u32| format!("{{\"index\":{index},\"delta\":{{}}}}");
                wire.send(format!("data: {{\"choices\":[{},{}]}}\n\n", choice(index), choice(index + 1)))?;
            }
            Ok(())
        }),
        trial("an event of empty choices", &[], &["too_large/decoded_too_large"], |wire| {
            wire.send(format!("{EVENTS}\r\ndata: {{\"choices\":[{}{{}}]}}\n\n{DONE}", "{},".repeat(300_000)))
        }),
        trial("bytes that are no UTF-8 in an event", &[], &["ok \u{fffd}\u{fffd}"], |wire| {
            wire.send(format!("{EVENTS}\r\ndata: {{\"choices\":[{{\"delta\":{{\"content\":\""))?;
            wire.send([0xff, 0xfe])?;
            wire.send(format!("\"}}}}]}}\n\n{DONE}"))
        }),
        trial("FIN inside an event", &[], &["truncated/truncated hi"], |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}data: {{\"cho"))
        }),
        trial("FIN after an event", &[], &["truncated/truncated hi"], |wire| wire.send(format!("{EVENTS}\r\n{CHUNK}"))),
        trial("RST after an event", &[], &["truncated/connection_lost hi"], move |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}"))?;
            wire.reset(millis(300))
        }),
    ]
}

#[test]
fn hostile_servers_do_no_harm() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let clients = Clients { runtime };
    let mut bad = Vec::new();
    println!("{:<38} {:<7} {:<9} {:>7} {:>9}  outcome", "trial", "call", "client", "ms", "KiB");
    for trial in trials() {
        for (call, ends) in [("read", trial.read), ("stream", trial.stream)] {
            if ends.is_empty() {
                continue;
            }
            for blocking in [false, true] {
                let client = if blocking { "blocking" } else { "native" };
                let server = Server::start(Arc::clone(&trial.script)).unwrap();
                let begin = Instant::now();
                let (memory, end) = peak(|| match call {
                    "read" => clients.read(&server.url(), blocking),
                    _ => clients.stream(&server.url(), blocking),
                });
                let took = begin.elapsed();
                println!(
                    "{:<38} {call:<7} {client:<9} {:>7} {:>9}  {}",
                    trial.name,
                    took.as_millis(),
                    memory >> 10,
                    end
                );
                // Text that was added up is what the stream was for.
                let most = if end.contains("stream_too_large") { 3 * Limits::default().accumulated } else { MEMORY };
                let expected = ends.get(usize::from(blocking)).or(ends.first()).copied().unwrap_or_default();
                if end != expected || took > TOTAL + SPARE || memory > most || server.requests() > 1 {
                    bad.push(format!(
                        "{}, {call}, {client}: {end} after {took:?}, {memory} bytes, not {expected}",
                        trial.name
                    ));
                }
            }
        }
    }
    assert!(bad.is_empty(), "\n{}", bad.join("\n"));
}

/// An answer that is cut at any byte is never taken for whole, and what had come is kept.
#[test]
fn cuts_at_every_byte_are_seen() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let clients = Clients { runtime };
    let read = format!("{JSON}Content-Length: {}\r\n\r\n{LIST}", LIST.len());
    let stream = format!("{EVENTS}{CHUNKED}{}{}0\r\n\r\n", chunk(CHUNK), chunk(DONE));
    // All is there at the end of the list, and at the line after `[DONE]`.
    let whole = |text: &str, call: &str| match call {
        "read" => text.len(),
        _ => text.find(DONE).unwrap() + DONE.len(),
    };
    let mut bad = Vec::new();
    for (call, text) in [("read", read), ("stream", stream)] {
        for reset in [false, true] {
            for at in (0..text.len()).step_by(3) {
                let sent = text[..at].to_owned();
                let server = Server::start(Arc::new(move |wire: &mut Wire| {
                    wire.send(&sent)?;
                    if reset { wire.reset(Duration::from_millis(5)) } else { Ok(()) }
                }))
                .unwrap();
                for blocking in [false, true] {
                    let end = match call {
                        "read" => clients.read(&server.url(), blocking),
                        _ => clients.stream(&server.url(), blocking),
                    };
                    let kind = end.split('/').next().unwrap_or_default();
                    let right = match at < whole(&text, call) {
                        true => matches!(kind, "transport" | "truncated"),
                        false => kind.starts_with("ok ") || reset && matches!(kind, "transport" | "truncated"),
                    };
                    if !right {
                        bad.push(format!("{call}, cut at {at}, reset: {reset}, blocking: {blocking}: {end}"));
                    }
                }
            }
        }
    }
    sleep(Duration::from_millis(1));
    assert!(bad.is_empty(), "\n{}", bad.join("\n"));
}
