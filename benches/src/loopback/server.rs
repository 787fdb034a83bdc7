//! The server of the runs over sockets: a process of its own, so that what it does is not counted.
//!
//! What it answers stands in the path of the client's base URL:
//!
//! * `/stream/EVENTS/PER_CHUNK`: so many events, so many of them in an HTTP chunk, written as fast as they are read
//! * `/hold`: one event, and then nothing until the client leaves
//! * `/small`: a short whole answer
//! * `/embed/DIMENSIONS`: a vector for each text

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, ExitCode, Stdio},
    thread,
};

use crate::input::Input;

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Server {
    pub(crate) fn start() -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut address)?;
        }
        Ok(Self { child, address: address.trim().to_owned() })
    }

    /// The base URL under which it answers like this.
    pub(crate) fn url(&self, answers: &str) -> String {
        format!("http://{}/{answers}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its standard input ends, and it with it; killing it makes sure.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// What the server's process does: serves until its standard input ends.
pub(crate) fn serve() -> ExitCode {
    let Ok(listener) = TcpListener::bind("127.0.0.1:0") else { return ExitCode::FAILURE };
    match listener.local_addr() {
        Ok(address) => println!("{address}"),
        Err(_) => return ExitCode::FAILURE,
    }
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            _ = thread::Builder::new().stack_size(256 << 10).spawn(move || connection(stream));
        }
    });
    _ = io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

/// Answers the requests of a connection, which ends with the first error.
fn connection(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let mut answer = None;
    while let Some((path, body)) = request(&mut reader)? {
        let held = path.starts_with("/hold/");
        let (_, bytes) = match answer.take() {
            // A repeated question has the same answer, so that the server is never what is waited for.
            Some((asked, bytes)) if asked == (path.clone(), body.clone()) => (path.clone(), bytes),
            _ => (path.clone(), respond(&path, &body)),
        };
        writer.write_all(&bytes)?;
        if held {
            _ = reader.read(&mut [0])?;
            return Ok(());
        }
        answer = Some(((path, body), bytes));
    }
    Ok(())
}

/// The next request: its path and body.
fn request(reader: &mut impl BufRead) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let Some(path) = line.split(' ').nth(1).map(str::to_owned) else { return Ok(None) };
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((path, body)))
}

fn respond(path: &str, body: &[u8]) -> Vec<u8> {
    let mut words = path.split('/').skip(1);
    let kind = words.next().unwrap_or_default();
    let mut number = || words.next().and_then(|word| word.parse::<usize>().ok()).unwrap_or(1);
    match kind {
        "stream" => {
            let (events, per_chunk) = (number(), number());
            let mut bytes = stream_head();
            for chunk in Input::new(events).grouped(per_chunk) {
                push_chunk(&mut bytes, &chunk);
            }
            push_chunk(&mut bytes, b"data: [DONE]\r\n\r\n");
            bytes.extend_from_slice(b"0\r\n\r\n");
            bytes
        }
        "hold" => {
            let mut bytes = stream_head();
            push_chunk(&mut bytes, &Input::new(1).grouped(1).concat());
            bytes
        }
        "embed" => json(&embeddings(number(), body)),
        _ => json(SMALL),
    }
}

fn stream_head() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()
}

fn push_chunk(bytes: &mut Vec<u8>, chunk: &[u8]) {
    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
    bytes.extend_from_slice(chunk);
    bytes.extend_from_slice(b"\r\n");
}

fn json(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into()
}

const SMALL: &str = concat!(
    r#"{"id": "chatcmpl-d34aaa3559ee4438a14072367cc177a8", "choices": [{"index": 0, "finish_reason": "stop", "#,
    r#""stop_str": null, "message": {"role": "assistant", "content": "The Rhine."}, "logprobs": null}], "#,
    r#""created": 1795359344, "model": "alpha-7B-exl3", "object": "chat.completion", "#,
    r#""usage": {"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}}"#
);

/// A vector in base64 for each text of the request.
fn embeddings(dimensions: usize, request: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Texts {
        input: Vec<serde::de::IgnoredAny>,
    }
    let count = serde_json::from_slice(request).map_or(1, |Texts { input }| input.len());
    // `dimensions` numbers of four bytes; three bytes make four characters.
    let vector = "AACAPwAA".repeat((dimensions * 4).div_ceil(6));
    let vector = &vector[..(dimensions * 4).div_ceil(3) * 4];
    let list = (0..count).map(|n| format!(r#"{{"object": "embedding", "embedding": "{vector}", "index": {n}}}"#));
    let list = list.collect::<Vec<_>>().join(", ");
    format!(
        r#"{{"object": "list", "data": [{list}], "model": "bge-small", "usage": {{"prompt_tokens": 64, "total_tokens": 64}}}}"#
    )
}
