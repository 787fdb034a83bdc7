//! What passes through a recorder can be replayed, and holds no keys.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::ops::{Generate, Read};
use futures::executor::block_on;
use tabbyapi::call::Retry;
use tabbyapi::transport::record::Recorder;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::transport::{End, Exchange, Transport};
use tabbyapi::{Client, Options, Outcome, Timeouts};

type Tape = Arc<Mutex<Vec<Exchange>>>;

fn recorded(replies: impl IntoIterator<Item = Reply>) -> (Client, Tape) {
    let tape = Tape::default();
    let sink = tape.clone();
    let recorder = Recorder::new(Script::new(replies), move |exchange| sink.lock().unwrap().push(exchange)).cap(1000);
    let client = Client::builder("http://tabby.test")
        .api_key("api-secret")
        .admin_key("admin-secret")
        .sensitive_header("x-gateway", "gate-secret")
        .build_with(recorder)
        .unwrap();
    (client, tape)
}

#[test]
fn a_recording_replays_as_it_was() {
    let reply = Reply::events()
        .head_after(Duration::from_secs(2))
        .chunk("data: a\n\nda")
        .wait(Duration::from_millis(1500))
        .chunk("ta: b\n\n")
        .fail("reset by peer");
    let (client, tape) = recorded([reply]);
    let broken = block_on(client.stream(&Generate::new(Timeouts::STREAM)).finish()).unwrap_err();
    assert_eq!((broken.outcome, broken.partial.as_str()), (Outcome::Truncated, "ab"));

    // Through its text form, as a file would hold it.
    let lines: Vec<_> = tape.lock().unwrap().iter().map(Exchange::to_json_line).collect();
    let exchange = &Exchange::from_json_lines(&lines.join("\n")).unwrap()[0];
    assert_eq!(exchange, &tape.lock().unwrap()[0]);
    assert_eq!((exchange.method.as_str(), exchange.path.as_str()), ("POST", "/v1/generate"));
    assert_eq!((exchange.status, exchange.head_ms), (Some(200), 2000));
    assert_eq!(exchange.chunks.iter().map(|chunk| chunk.at_ms).collect::<Vec<_>>(), [2000, 3500]);
    assert_eq!(exchange.end, End::Failed("reset by peer".into()));

    let script = Script::new([Reply::from(exchange)]);
    let client = Client::builder("http://tabby.test").build_with(script.clone()).unwrap();
    let again = block_on(client.stream(&Generate::new(Timeouts::STREAM)).finish()).unwrap_err();
    assert_eq!((again.outcome, again.partial.as_str()), (Outcome::Truncated, "ab"));
    assert_eq!(again.error.to_string(), broken.error.to_string());
    assert_eq!(script.now().since_epoch(), Duration::from_millis(3500));
}

#[test]
fn keys_are_removed_wherever_they_stand() {
    let echo = r#"{"echo":"api-secret and gate-secret"}"#;
    let (client, tape) = recorded([
        Reply::json(200, echo).header("x-echo", "api-secret").header("set-cookie", "session=1"),
        Reply::json(200, "null"),
    ]);
    block_on(async {
        client.with(Options::new().extra("note", "api-secret")).call(&Read).await.unwrap();
        client.models().unload().await.unwrap();
    });
    let tape = tape.lock().unwrap();
    let text = tape.iter().map(Exchange::to_json_line).collect::<String>();
    assert!(!text.contains("secret") && !text.contains("session=1"), "{text}");
    assert!(text.contains("[removed] and [removed]"), "{text}");
    assert!(format!("{tape:?}").find("secret").is_none());
}

#[test]
fn the_end_of_each_exchange_is_reported() {
    let (client, tape) = recorded([
        Reply::refused("connection refused"),
        Reply::json(200, "{}"),
        Reply::events().chunk("data: a\n\n").hang(),
        Reply::json(200, vec![b' '; 2000]),
    ]);
    block_on(async {
        client.call(&Read).await.unwrap();
        let mut stream = client.stream(&Generate::new(Timeouts::STREAM));
        stream.next().await.unwrap().unwrap();
        drop(stream);
        client.call(&Read).await.unwrap();
    });
    let ends: Vec<_> = tape.lock().unwrap().iter().map(|exchange| exchange.end.clone()).collect();
    assert_eq!(ends, [End::Refused("connection refused".into()), End::Complete, End::Dropped, End::Capped]);
    let tape = tape.lock().unwrap();
    assert_eq!(tape[3].body().len(), 1000, "the cap");
}

#[test]
fn bodies_that_are_no_text_survive() {
    let (client, tape) = recorded([Reply::status(400).chunk(vec![0xff, 0x00, 0xfe])]);
    block_on(client.call(&Read)).unwrap_err();
    let line = tape.lock().unwrap()[0].to_json_line();
    assert!(line.contains(r#"{"base64":"/wD+"}"#), "{line}");
    assert_eq!(Exchange::from_json_lines(&line).unwrap()[0].body(), vec![0xff, 0x00, 0xfe]);
}

#[test]
fn raw_http_is_read() {
    let request = b"POST /v1/token/encode HTTP/1.1\r\nHost: h\r\nX-API-Key: k\r\n\r\n{\"text\":\"a\"}";
    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"tokens\":[1]}";
    let exchange = Exchange::from_http(request, answer).unwrap();
    assert_eq!(
        (exchange.method.as_str(), exchange.path.as_str(), exchange.status),
        ("POST", "/v1/token/encode", Some(200))
    );
    assert_eq!(exchange.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    assert_eq!(&exchange.body()[..], b"{\"tokens\":[1]}");
    for (request, answer) in
        [("", "HTTP/1.1 200 OK"), ("GET / HTTP/1.1", "HTTP/1.1"), ("GET / HTTP/1.1\nx", "HTTP/1.1 200")]
    {
        assert_eq!(Exchange::from_http(request.as_bytes(), answer.as_bytes()).unwrap_err().code(), "invalid_recording");
    }
}

/// Keys of several kinds, which a server repeats in several writings.
const KEYS: [(&str, &str); 4] = [
    ("api_key", "sk-\u{e9}t\u{e9}/planted+key"),
    ("admin_key", "other \"scope\" planted"),
    ("bearer", "planted%41key\\u0042"),
    ("gate", "Basic dXNlcjpwbGFudGVkLXBhc3N3b3Jk"),
];

/// How a server may write a text.
fn writings(key: &str) -> Vec<Vec<u8>> {
    let json = serde_json::to_string(key).unwrap();
    let json = json[1..json.len() - 1].to_owned();
    let units: String = key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let percent: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let twice = serde_json::to_string(&units).unwrap();
    let latin: String = key.bytes().map(char::from).collect();
    let texts = [key.to_owned(), json, units, percent, twice[1..twice.len() - 1].to_owned(), latin];
    texts.into_iter().map(String::into_bytes).collect()
}

/// The pieces of a text that is parted here.
fn reply(body: &[u8], at: usize) -> Reply {
    let length = body.len().to_string();
    let reply = Reply::status(200).header("content-type", "text/plain").header("content-length", &length);
    reply.chunk(body[..at].to_vec()).wait(Duration::from_millis(5)).chunk(body[at..].to_vec())
}

fn keyed(replies: impl IntoIterator<Item = Reply>, cap: usize) -> (Client, Tape) {
    let tape = Tape::default();
    let sink = tape.clone();
    let recorder = Recorder::new(Script::new(replies), move |exchange| sink.lock().unwrap().push(exchange)).cap(cap);
    let builder = Client::builder("http://tabby.test")
        .retry(Retry::NEVER)
        .api_key(KEYS[0].1)
        .admin_key(KEYS[1].1)
        .bearer(KEYS[2].1);
    (builder.sensitive_header("authorization", KEYS[3].1).build_with(recorder).unwrap(), tape)
}

/// The head of a writing is not there, which is some letters long or an escape.
#[track_caller]
fn assert_gone(recorded: &[u8], key: &[u8], context: &str) {
    let length = if key.starts_with(br"\\") {
        8
    } else if key.starts_with(br"\u") {
        7
    } else {
        4
    };
    let head = &key[..length];
    let shows = recorded.windows(head.len()).any(|window| window == head);
    assert!(!shows, "{context}: {}", String::from_utf8_lossy(recorded));
}

#[test]
fn keys_across_chunks_and_the_cap_are_removed() {
    let secrets = KEYS.iter().map(|(_, key)| *key).chain(["dXNlcjpwbGFudGVkLXBhc3N3b3Jk", "planted-password"]);
    for key in secrets.map(|key| key.strip_prefix("Basic ").unwrap_or(key)) {
        for writing in writings(key) {
            let body = [b"(((((", &writing[..], b")))))"].concat();
            let cuts = 0..=body.len();
            let (client, tape) = keyed(cuts.clone().map(|at| reply(&body, at)), 1 << 20);
            let broken = cuts.clone().map(|at| Reply::status(200).chunk(body[..at].to_vec()).fail("reset"));
            let (client_of_broken, tape_of_broken) = keyed(broken, 1 << 20);
            for at in cuts {
                let context = format!("{} parted at {at}", String::from_utf8_lossy(&writing));
                let _ = block_on(client.call(&Read));
                let tape = tape.lock().unwrap();
                let exchange = tape.last().unwrap();
                assert_eq!(exchange.body(), &b"((((([removed])))))"[..], "{context}");
                // Nothing else is changed: the borders of the chunks, and the announced length.
                let chunks: Vec<_> = exchange.chunks.iter().map(|chunk| chunk.data.0.len()).collect();
                let expected = match at {
                    1..=5 => vec![at, 19 - at],
                    _ if at == 0 || at == body.len() => vec![19],
                    _ if at < 5 + writing.len() => vec![14, 5],
                    _ => vec![14 + at - 5 - writing.len(), 5 - (at - 5 - writing.len())],
                };
                let chunks: Vec<_> = chunks.into_iter().filter(|length| *length > 0).collect();
                assert_eq!(chunks, expected, "{context}");
                assert!(exchange.headers.contains(&("content-length".to_owned(), "19".to_owned())), "{context}");

                // Where the answer breaks off, and where the cap falls.
                let _ = block_on(client_of_broken.call(&Read));
                assert_cut(tape_of_broken.lock().unwrap().last().unwrap(), &writing, at, &context);
                if at % 3 == 0 {
                    let (client, tape) = keyed([reply(&body, body.len() / 2)], at);
                    let _ = block_on(client.call(&Read));
                    assert_cut(&tape.lock().unwrap()[0], &writing, at, &context);
                }
            }
        }
    }
}

/// No part of the key is left of a body that ends at a place.
#[track_caller]
fn assert_cut(exchange: &Exchange, writing: &[u8], at: usize, context: &str) {
    let recorded = exchange.body();
    assert_gone(&recorded, writing, context);
    let most = if at <= 5 { at } else { at + "[removed]".len() };
    let shown = String::from_utf8_lossy(&recorded);
    assert!(recorded.len() <= most && shown.starts_with(&"((((("[..at.min(5)]), "{context}: {shown}");
}

#[test]
fn short_keys_leave_a_recording_as_it_is() {
    let tape = Tape::default();
    let sink = tape.clone();
    let reply = Reply::json(200, r#"{"take":"a key"}"#).header("x-kind", "take a key");
    let recorder = Recorder::new(Script::new([reply]), move |exchange| sink.lock().unwrap().push(exchange));
    let builder = Client::builder("http://take.test/key").api_key("k").admin_key("a");
    let client = builder.sensitive_header("x-gate", "e").header("cookie", "k=take").build_with(recorder).unwrap();
    block_on(client.call(&Read)).unwrap();
    let tape = tape.lock().unwrap();
    let line = tape[0].to_json_line();
    assert!(line.contains(r#""chunks":[{"at_ms":0,"data":"{\"take\":\"a key\"}"}]"#), "{line}");
    assert!(
        line.contains(r#"["x-kind","take a key"]"#) && line.contains(r#"["content-type","application/json"]"#),
        "{line}"
    );
    for name in ["x-api-key", "x-gate", "cookie"] {
        assert!(line.contains(&format!(r#"["{name}","[removed]"]"#)), "{line}");
    }
}
