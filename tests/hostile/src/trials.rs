//! The list of trials: what a hostile server does, and how a call ends, on each stack. Tests of Rust and of the npm package run it.

use std::io;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use crate::server::{Script, Wire};

/// Deadline for the head of an answer, and for silences.
pub const QUIET: Duration = Duration::from_secs(2);
/// Deadline for a whole read.
pub const TOTAL: Duration = Duration::from_secs(6);
/// What a trial may take beside its deadlines, on a machine that has other things to do.
pub const SPARE: Duration = Duration::from_secs(20);
/// The cap on bodies, in bytes.
pub const BODY: usize = 4 << 20;
/// The cap on events, in bytes.
pub const EVENT: usize = 2 << 20;

/// The head of an answer in JSON, without its end.
pub const JSON: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
/// The head of a stream, without its end.
pub const EVENTS: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
/// The end of a head whose body comes in chunks.
pub const CHUNKED: &str = "Transfer-Encoding: chunked\r\n\r\n";
/// A list of one model.
pub const LIST: &str = r#"{"object":"list","data":[{"id":"alpha"}]}"#;
/// An event with the text `hi`.
pub const CHUNK: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
/// The announced end of a stream.
pub const DONE: &str = "data: [DONE]\n\n";
/// An event of the KoboldAI API with the text `hi`.
const TOKEN: &str = "event: message\ndata: {\"token\":\"hi\"}\n\n";
/// The last event of a load.
const LOADED: &str = "data: {\"model_type\":\"model\",\"module\":2,\"modules\":2,\"status\":\"finished\"}\n\n";

/// A library under test, with the HTTP stack below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// The async client, on reqwest.
    Native,
    /// The blocking client, on ureq.
    Blocking,
    /// The npm package in Node, on undici.
    Node,
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// The list of models.
    Read,
    /// A streamed conversation.
    Stream,
    /// A streamed generation of the KoboldAI API.
    Kobold,
    /// The load of a model.
    Load,
}

impl Call {
    /// Its name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Call::Read => "read",
            Call::Stream => "stream",
            Call::Kobold => "kobold",
            Call::Load => "load",
        }
    }
}

/// How a call ends: `ok` and what came, or kind and code of the error, and what had come. Stacks below the library differ in what they
/// notice, so one of them may end otherwise, for a reason.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    usual: &'static str,
    blocking: Option<Differs>,
    node: Option<Differs>,
}

/// How a call ends on one stack, and why.
type Differs = (&'static str, &'static str);

impl Ends {
    const fn with(usual: &'static str) -> Self {
        Ends { usual, blocking: None, node: None }
    }

    const fn blocking(self, end: &'static str, why: &'static str) -> Self {
        Ends { blocking: Some((end, why)), ..self }
    }

    const fn node(self, end: &'static str, why: &'static str) -> Self {
        Ends { node: Some((end, why)), ..self }
    }

    /// How it ends on this stack, and why that is not as usual; empty if it is.
    pub fn on(&self, stack: Stack) -> (&'static str, &'static str) {
        let differs = match stack {
            Stack::Native => None,
            Stack::Blocking => self.blocking,
            Stack::Node => self.node,
        };
        differs.unwrap_or((self.usual, ""))
    }
}

/// What a server does, and how calls end.
pub struct Trial {
    /// What the server does, in words.
    pub name: &'static str,
    /// What it does.
    pub script: Script,
    /// The calls that are tried, and how they end.
    pub calls: Vec<(Call, Ends)>,
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trial").field("name", &self.name).field("calls", &self.calls).finish_non_exhaustive()
    }
}

/// Sends a text and closes or resets the connection after so many bytes of it.
#[derive(Debug)]
pub struct Cut {
    /// What is called.
    pub call: Call,
    /// What a whole answer is.
    pub text: String,
    /// Whether the connection is reset.
    pub reset: bool,
    /// From how many bytes on nothing is missing.
    pub whole: usize,
}

impl Cut {
    /// The places where it is cut.
    pub fn places(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.text.len()).step_by(3)
    }

    /// What the server does.
    pub fn script(&self, at: usize) -> Script {
        let (sent, reset) = (self.text.get(..at).unwrap_or_default().to_owned(), self.reset);
        Arc::new(move |wire: &mut Wire| {
            wire.send(&sent)?;
            if reset { wire.reset(Duration::from_millis(5)) } else { Ok(()) }
        })
    }

    /// The kinds that a call may end with if it is cut there: those of errors, and `ok`.
    pub fn kinds(&self, at: usize) -> &'static [&'static str] {
        match (at < self.whole, self.reset) {
            (true, _) => &["transport", "truncated"],
            (false, false) => &["ok"],
            (false, true) => &["ok", "transport", "truncated"],
        }
    }
}

/// Answers that are cut at many places, none of which may be taken for whole.
pub fn cuts() -> Vec<Cut> {
    let read = format!("{JSON}Content-Length: {}\r\n\r\n{LIST}", LIST.len());
    let stream = format!("{EVENTS}{CHUNKED}{}{}0\r\n\r\n", chunk(CHUNK), chunk(DONE));
    // Its end is that of the connection.
    let closed = format!("{EVENTS}\r\n{CHUNK}{DONE}");
    // All is there at the end of the list, and at the line after `[DONE]`.
    let end = |text: &str| text.find(DONE).map_or(text.len(), |at| at + DONE.len());
    // Where the connection's end is the end, the last line needs none.
    let answers = [
        (Call::Read, end(&read), read),
        (Call::Stream, end(&stream), stream),
        (Call::Stream, closed.trim_end().len(), closed),
    ];
    let cut = |(call, whole, text): (Call, usize, String)| {
        [false, true].map(|reset| Cut { call, text: text.clone(), reset, whole })
    };
    answers.into_iter().flat_map(cut).collect()
}

/// Bits as bytes, the lowest one first.
fn packed(bits: &str) -> Vec<u8> {
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | (bit & 1));
    bits.as_bytes().chunks(8).map(byte).collect()
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn trial(
    name: &'static str,
    read: impl Into<Option<Ends>>,
    stream: impl Into<Option<Ends>>,
    script: impl Fn(&mut Wire) -> io::Result<()> + Send + Sync + 'static,
) -> Trial {
    let calls = [(Call::Read, read.into()), (Call::Stream, stream.into())];
    let calls = calls.into_iter().filter_map(|(call, ends)| Some((call, ends?))).collect();
    Trial { name, script: Arc::new(script), calls }
}

/// A trial of another call.
fn other(
    name: &'static str,
    call: Call,
    ends: Ends,
    script: impl Fn(&mut Wire) -> io::Result<()> + Send + Sync + 'static,
) -> Trial {
    Trial { name, script: Arc::new(script), calls: vec![(call, ends)] }
}

/// All trials.
pub fn trials() -> Vec<Trial> {
    const HEAD: Ends = Ends::with("timeout/timeout_head");
    const STALL: Ends = Ends::with("timeout/timeout_idle");
    const BROKEN: Ends = Ends::with("transport/transport");
    const CUT: Ends = Ends::with("truncated/connection_lost");
    const HUGE: Ends = Ends::with("transport/transport")
        .blocking("truncated/connection_lost", "ureq accepts the length")
        .node("truncated/connection_lost", "undici accepts the length");
    const TAIL: Ends =
        Ends::with("truncated/connection_lost").blocking("timeout/timeout_idle", "ureq reads trailers for ever");
    const TAIL_HI: Ends =
        Ends::with("truncated/connection_lost hi").blocking("timeout/timeout_idle hi", "ureq reads trailers for ever");
    const STATUS: Ends = BROKEN.node("timeout/timeout_head", "undici has no cap on it, and keeps none of it");
    const COUNT: &str = "undici has a cap on bytes, not on the number";
    const CONTINUE: Ends = HEAD.node("transport/transport", "undici refuses it");
    const SWITCHED: Ends = Ends::with("server/http_error").node("transport/transport", "undici refuses it");
    const EXTENSION: Ends = CUT.node("timeout/timeout_idle", "undici has no cap on it, and keeps none of it");
    const EARLY: &str = "the package refuses an event where a list was to come";
    const DECODES: &str = "`fetch` decodes it";
    const JUNK_CODE: &str = "decode/unexpected_json";
    const RESET: Ends = Ends::with("truncated/connection_lost hi").node("truncated/truncated hi", RESET_ENDS);
    const RESET_ENDS: &str = "to undici a reset ends a body that has no length";
    const LONG: Ends = Ends::with("too_large/body_too_large");
    const JUNK: Ends = Ends::with("decode/unexpected_json");
    const ENCODED: Ends = Ends::with("decode/encoded_body");
    const BROKEN_JSON: Ends = Ends::with("decode/invalid_json");
    let millis = Duration::from_millis;
    vec![
        // Heads.
        trial("no answer at all", HEAD, HEAD, |wire| wire.hold()),
        trial("a status line without end", STATUS, STATUS, |wire| {
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
        trial("a thousand headers", BROKEN.node("ok 1", COUNT), BROKEN.node("decode/unexpected_json", COUNT), |wire| {
            wire.send(JSON)?;
            wire.send("X-Fill: a\r\n".repeat(1000))?;
            wire.send(format!("Content-Length: {}\r\n\r\n{LIST}", LIST.len()))
        }),
        trial("a head, byte by byte", HEAD, HEAD, move |wire| wire.drip(JSON.repeat(40), millis(100))),
        trial("100 Continue without end", CONTINUE, CONTINUE, move |wire| {
            loop {
                wire.send("HTTP/1.1 100 Continue\r\n\r\n".repeat(5))?;
                sleep(millis(5));
            }
        }),
        trial("103 Early Hints without end", HEAD, HEAD, move |wire| {
            loop {
                wire.send("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n".repeat(5))?;
                sleep(millis(5));
            }
        }),
        trial("not HTTP", BROKEN, BROKEN, |wire| wire.send("SSH-2.0-OpenSSH_9.9\r\n\r\n")),
        trial("HTTP/0.9", BROKEN, BROKEN, |wire| wire.send(LIST)),
        trial("HTTP/9.9", BROKEN, BROKEN, |wire| wire.send("HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n")),
        trial("status 999999", BROKEN, BROKEN, |wire| wire.send("HTTP/1.1 999999 OK\r\nContent-Length: 0\r\n\r\n")),
        trial("NUL in a header", BROKEN, BROKEN, |wire| {
            wire.send("HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n")
        }),
        trial("switching protocols", SWITCHED, SWITCHED, |wire| {
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
        trial("an extension of a chunk without end", EXTENSION, EXTENSION, |wire| {
            wire.send(format!("{EVENTS}{CHUNKED}5;"))?;
            wire.flood("a")
        }),
        trial("trailers without end", TAIL.node("decode/unexpected_json", EARLY), TAIL_HI, |wire| {
            wire.send(format!("{EVENTS}{CHUNKED}{}0\r\n", chunk(CHUNK)))?;
            wire.flood("X-A: b\r\n")
        }),
        // Bodies.
        trial("a body without end", LONG, LONG, |wire| {
            wire.send(format!("{JSON}\r\n"))?;
            wire.flood("[")
        }),
        trial("blanks without end", LONG, LONG, |wire| {
            wire.send(format!("{JSON}\r\n"))?;
            wire.flood(" ")
        }),
        trial("a body, byte by byte", STALL, None, move |wire| {
            wire.send(format!("{JSON}Content-Length: 5000\r\n\r\n"))?;
            wire.drip([b' '; 5000], millis(100))
        }),
        trial("an error without end", Ends::with("server/server_error"), Ends::with("server/server_error"), |wire| {
            wire.send("HTTP/1.1 500 No\r\n\r\n")?;
            wire.flood("{\"detail\":")
        }),
        trial("deep JSON", BROKEN_JSON, BROKEN_JSON, |wire| {
            wire.send(format!("{JSON}\r\n{{\"choices\":[],\"data\":[],\"x\":{}", "[".repeat(1 << 20)))
        }),
        trial(
            "objects that cost most",
            Ends::with("too_large/decoded_too_large"),
            Ends::with("too_large/decoded_too_large"),
            |wire| {
                let objects = r#"{"":0},"#.repeat(500_000);
                wire.send(format!("{JSON}\r\n{{\"choices\":[],\"data\":[],\"x\":[{objects}0]}}"))
            },
        ),
        trial("gzip that nobody asked for", ENCODED.node("ok 1", DECODES), ENCODED.node(JUNK_CODE, DECODES), |wire| {
            // A gzip header and a stored block of what would be JSON: nobody asked for it, so nobody unpacks it.
            let list = LIST.as_bytes();
            let len = list.len() as u8;
            wire.send(format!("{JSON}Content-Encoding: gzip\r\n\r\n"))?;
            wire.send([&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, len, 0, !len, 0xff], list].concat())
        }),
        trial(
            "a bomb of gzip",
            // A read has a deadline for all of it, which a busy machine may reach first.
            None,
            ENCODED.node("too_large/body_too_large", DECODES),
            |wire| {
                wire.send(format!("{JSON}Content-Encoding: gzip\r\n\r\n"))?;
                wire.send([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])?;
                // A block of Huffman's fixed codes: a blank, and then 258 more of what came last, again and again, in 13 bits each.
                let (blank, more) = (["010", "01010000"].concat(), "1100010100000".repeat(80));
                wire.send(packed(&format!("{blank}{}", &more[..5])))?;
                wire.flood(packed(&format!("{}{}", &more[5..], &more[..5])))
            },
        ),
        trial(
            "bytes that are no UTF-8",
            JUNK.node("too_large/decoded_too_large", "the package reads lists as it reads streams"),
            Ends::with("too_large/decoded_too_large"),
            |wire| {
                wire.send(format!("{JSON}\r\n"))?;
                wire.send(vec![0xff; 100_000])
            },
        ),
        trial("NULs", JUNK, JUNK, |wire| {
            wire.send(format!("{JSON}\r\n"))?;
            wire.send(vec![0; 100_000])
        }),
        trial("a redirect in a circle", Ends::with("server/redirect"), Ends::with("server/redirect"), |wire| {
            wire.send("HTTP/1.1 307 There\r\nLocation: /v1/models\r\nContent-Length: 0\r\n\r\n")
        }),
        trial("a redirect to another host", Ends::with("server/redirect"), Ends::with("server/redirect"), |wire| {
            wire.send("HTTP/1.1 302 There\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n")
        }),
        // Streams.
        trial("comments without end", None, STALL, |wire| {
            wire.send(format!("{EVENTS}\r\n"))?;
            wire.flood(": ping\n\n")
        }),
        trial("a comment without end", None, STALL, |wire| {
            wire.send(format!("{EVENTS}\r\n:"))?;
            wire.flood("a")
        }),
        trial("pings for ever", None, STALL, move |wire| {
            wire.send(format!("{EVENTS}\r\n"))?;
            wire.drip(": ping\n\n".repeat(200), millis(20))
        }),
        trial("an event without end", None, Ends::with("too_large/event_too_large hi"), |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}data: "))?;
            wire.flood("a")
        }),
        trial("lines of data without end", None, Ends::with("too_large/event_too_large hi"), |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}"))?;
            wire.flood("data:x\n")
        }),
        trial("an id without end", None, Ends::with("too_large/event_too_large hi"), |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}id: "))?;
            wire.flood("1")
        }),
        trial("a type of event without end", None, Ends::with("too_large/event_too_large hi"), |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}event: "))?;
            wire.flood("1")
        }),
        trial("a time to wait without end", None, Ends::with("timeout/timeout_idle hi"), |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}retry: "))?;
            wire.flood("1")
        }),
        trial("a field without end", None, Ends::with("timeout/timeout_idle hi"), |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}"))?;
            wire.flood("x")
        }),
        trial("line ends without end", None, Ends::with("timeout/timeout_idle hi"), |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}"))?;
            wire.flood("\r")
        }),
        trial("more after the end", None, Ends::with("ok hi"), |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}{DONE}"))?;
            wire.flood(CHUNK)
        }),
        trial("text without end", None, Ends::with("too_large/stream_too_large aaaaaaaa"), |wire| {
            wire.send(format!("{EVENTS}\r\n"))?;
            wire.flood(format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n",
                "a".repeat(8000)
            ))
        }),
        trial("choices without end", None, Ends::with("too_large/too_many_indices"), |wire| {
            wire.send(format!("{EVENTS}\r\n"))?;
            // Two in each event: a single one whose index counts up is one choice.
            for index in (0..).step_by(2) {
                let choice = |index: u32| format!("{{\"index\":{index},\"delta\":{{}}}}");
                wire.send(format!("data: {{\"choices\":[{},{}]}}\n\n", choice(index), choice(index + 1)))?;
            }
            Ok(())
        }),
        trial("an event of empty choices", None, Ends::with("too_large/decoded_too_large"), |wire| {
            wire.send(format!("{EVENTS}\r\ndata: {{\"choices\":[{}{{}}]}}\n\n{DONE}", "{},".repeat(300_000)))
        }),
        trial("bytes that are no UTF-8 in an event", None, Ends::with("ok \u{fffd}\u{fffd}"), |wire| {
            wire.send(format!("{EVENTS}\r\ndata: {{\"choices\":[{{\"delta\":{{\"content\":\""))?;
            wire.send([0xff, 0xfe])?;
            wire.send(format!("\"}}}}]}}\n\n{DONE}"))
        }),
        trial("FIN inside an event", None, Ends::with("truncated/truncated hi"), |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}data: {{\"cho"))
        }),
        trial("FIN after an event", None, Ends::with("truncated/truncated hi"), |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}"))
        }),
        trial("RST after an event", None, RESET, move |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}"))?;
            wire.reset(millis(300))
        }),
        trial("RST inside an event", None, RESET, move |wire| {
            wire.send(format!("{EVENTS}\r\n{CHUNK}data: {{\"cho"))?;
            wire.reset(millis(300))
        }),
        // Streams whose end is that of the connection.
        other("FIN after an event", Call::Kobold, Ends::with("ok hi"), |wire| {
            wire.send(format!("{EVENTS}\r\n{TOKEN}"))
        }),
        other("FIN inside an event", Call::Kobold, Ends::with("truncated/truncated hi"), |wire| {
            wire.send(format!("{EVENTS}\r\n{TOKEN}event: message\ndata: {{\"tok"))
        }),
        other("RST after an event", Call::Kobold, RESET.node("ok hi", RESET_ENDS), move |wire| {
            wire.send(format!("{EVENTS}\r\n{TOKEN}"))?;
            wire.reset(millis(300))
        }),
        other("RST inside an event", Call::Kobold, RESET, move |wire| {
            wire.send(format!("{EVENTS}\r\n{TOKEN}event: message\ndata: {{\"tok"))?;
            wire.reset(millis(300))
        }),
        other("FIN after the last event", Call::Load, Ends::with("ok 1"), |wire| {
            wire.send(format!("{EVENTS}\r\n{LOADED}"))
        }),
        other("FIN inside the last event", Call::Load, Ends::with("truncated/truncated"), |wire| {
            wire.send(format!("{EVENTS}\r\n{}", &LOADED[..LOADED.len() - 5]))
        }),
        other("FIN inside an event after the last one", Call::Load, Ends::with("truncated/truncated 1"), |wire| {
            wire.send(format!("{EVENTS}\r\n{LOADED}data: {{\"mod"))
        }),
        other(
            "RST inside the last event",
            Call::Load,
            Ends::with("truncated/connection_lost").node("truncated/truncated", RESET_ENDS),
            move |wire| {
                wire.send(format!("{EVENTS}\r\n{}", &LOADED[..LOADED.len() - 5]))?;
                wire.reset(millis(300))
            },
        ),
    ]
}
