//! Plays recorded exchanges through the client.

use std::fmt::Debug;
use std::future::Future;

use futures::executor::block_on;
use serde_json::Value;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, Error, ErrorKind, Response, Result};

use crate::transcripts;

/// The parts of an error that tests compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported {
    pub kind: ErrorKind,
    pub code: String,
    pub status: Option<u16>,
    pub message: String,
    pub hint: Option<String>,
}

impl From<Error> for Reported {
    fn from(error: Error) -> Self {
        Reported {
            kind: error.kind(),
            code: error.code().to_string(),
            status: error.status().map(|status| status.as_u16()),
            message: error.message().to_owned(),
            hint: error.hint().map(str::to_owned),
        }
    }
}

pub fn client(script: &Script) -> Client {
    Client::builder("http://tabby.test").api_key("api").admin_key("adm").build_with(script.clone()).unwrap()
}

/// Routes that the server has under two names, or under two verbs, of which the library takes the second.
const ALIASES: [(&str, &str); 3] = [
    ("GET /v1/lora/list", "GET /v1/loras"),
    ("GET /v1/sampling/override/list", "GET /v1/sampling/overrides"),
    ("GET /api/extra/generate/check", "POST /api/extra/generate/check"),
];

/// Plays the recorded answer whole, byte by byte and cut in two at every place, and holds the request against the
/// recorded one.
#[track_caller]
pub fn play<T, F>(name: &str, call: impl Fn(&Client) -> F) -> Result<T, Reported>
where
    T: PartialEq + Debug,
    F: Future<Output = Result<Response<T>>>,
{
    let (line, body) = request(name);
    play_as(name, (&line, body), call)
}

/// The same where the library writes a request otherwise than the recorded one, or cannot write it at all.
#[track_caller]
pub fn play_as<T, F>(name: &str, expected: (&str, Option<Value>), call: impl Fn(&Client) -> F) -> Result<T, Reported>
where
    T: PartialEq + Debug,
    F: Future<Output = Result<Response<T>>>,
{
    let (reply, len) = reply(name);
    let play = |reply: Reply| {
        let script = Script::new([reply]);
        let result = block_on(call(&client(&script))).map(Response::into_inner).map_err(Reported::from);
        let requests = script.requests();
        assert_eq!(requests.len(), 1, "{name} is asked once");
        (requests.into_iter().next().expect("one"), result)
    };
    let (sent, whole) = play(reply.clone());
    let body = (!sent.body().is_empty()).then(|| serde_json::from_slice::<Value>(sent.body()).expect("JSON"));
    assert_eq!((format!("{} {}", sent.method(), sent.uri().path()).as_str(), body), expected, "{name}");
    let (_, result) = play(reply.clone().byte_by_byte());
    assert_eq!(result, whole, "{name} byte by byte");
    for at in 1..len {
        let (_, result) = play(reply.clone().cut_at(&[at]));
        assert_eq!(result, whole, "{name} cut at {at}");
    }
    whole
}

/// The value of a call that succeeds.
#[track_caller]
pub fn good<T: Debug>(result: Result<T, Reported>) -> T {
    result.expect("an answer")
}

/// Holds an error against status, code, the start of the server's words and a word of the hint.
#[track_caller]
pub fn assert_error<T: Debug>(result: Result<T, Reported>, status: u16, code: &str, message: &str, hint: &str) {
    let reported = result.expect_err("an error");
    assert_eq!(
        (reported.kind, reported.status, reported.code.as_str()),
        (ErrorKind::Server, Some(status), code),
        "{reported:?}"
    );
    assert!(
        reported.message.starts_with(message) && (reported.message.is_empty() == message.is_empty()),
        "{reported:?}"
    );
    assert!(reported.hint.as_ref().is_some_and(|text| text.contains(hint)), "{reported:?}");
}

/// The names of recordings whose paths start with one of these.
pub fn recorded_names(prefixes: &[&str]) -> Vec<String> {
    let index = String::from_utf8(read("INDEX.tsv")).expect("the index is text");
    let rows = index.lines().skip(1).map(|row| row.split('\t').collect::<Vec<_>>());
    rows.filter(|row| prefixes.iter().any(|prefix| row[2].starts_with(prefix))).map(|row| row[0].to_owned()).collect()
}

/// The body of a recorded request.
pub fn recorded_body(name: &str) -> Value {
    request(name).1.expect("a body")
}

fn read(file: &str) -> Vec<u8> {
    match file.strip_prefix("../") {
        Some(file) => transcripts::read(file),
        None => transcripts::read(&format!("tabbyapi/{file}")),
    }
}

fn request(name: &str) -> (String, Option<Value>) {
    let recorded = read(&format!("{name}.req"));
    let (head, body) = split(&recorded);
    let line = head.lines().next().expect("a request line").trim_end_matches(" HTTP/1.1");
    let line = ALIASES.iter().find(|(alias, _)| *alias == line).map_or(line, |(_, ours)| ours);
    (line.to_owned(), (!body.is_empty()).then(|| serde_json::from_slice(body).expect(name)))
}

/// The answer, and the length of its body.
fn reply(name: &str) -> (Reply, usize) {
    let recorded = read(&format!("{name}.resp"));
    let (head, body) = split(&recorded);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    let reply = lines.filter_map(|line| line.split_once(": ")).fold(Reply::status(status), |r, (n, v)| r.header(n, v));
    (reply.chunk(body.to_vec()), body.len())
}

fn split(message: &[u8]) -> (&str, &[u8]) {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    (std::str::from_utf8(&message[..end]).expect("text"), &message[end + 4..])
}
