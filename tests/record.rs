//! What passes through a recorder can be replayed, and holds no keys.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::ops::{Generate, Read};
use futures::executor::block_on;
use tabbyapi::transport::record::Recorder;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::transport::{End, Exchange, Transport};
use tabbyapi::{Client, Options, Outcome, Pace};

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
    let broken = block_on(client.stream(&Generate::new(Pace::STREAM)).finish()).unwrap_err();
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
    let again = block_on(client.stream(&Generate::new(Pace::STREAM)).finish()).unwrap_err();
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
fn the_end_of_each_exchange_is_told() {
    let (client, tape) = recorded([
        Reply::refused("connection refused"),
        Reply::json(200, "{}"),
        Reply::events().chunk("data: a\n\n").hang(),
        Reply::json(200, vec![b' '; 2000]),
    ]);
    block_on(async {
        client.call(&Read).await.unwrap();
        let mut stream = client.stream(&Generate::new(Pace::STREAM));
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
