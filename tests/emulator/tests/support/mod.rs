//! A client that speaks bytes, so that nothing is smoothed over.

// Each test file uses its own part of this.
#![allow(dead_code)]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tabbyapi_emulator::{DEFAULT_ADMIN_KEY, DEFAULT_API_KEY, Emulator};

/// Nothing here takes this long unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to the emulator.
pub struct Client {
    stream: TcpStream,
    /// Read, but not yet used.
    buffer: Vec<u8>,
}

/// An answer, its body de-chunked.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// In the order of the wire, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body should be JSON")
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("the emulator should accept");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client { stream, buffer: Vec::new() }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the request should go out");
    }

    /// Reads one more piece; false at the end of the connection.
    fn fill(&mut self) -> io::Result<bool> {
        let mut piece = [0; 4096];
        let read = self.stream.read(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..read]);
        Ok(read > 0)
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(count);
        std::mem::replace(&mut self.buffer, rest)
    }

    /// Reads up to and without the delimiter.
    fn until(&mut self, delimiter: &str) -> io::Result<String> {
        loop {
            let found = find(&self.buffer, delimiter.as_bytes());
            if let Some(at) = found {
                let taken = self.take(at + delimiter.len());
                return Ok(String::from_utf8_lossy(&taken[..at]).into_owned());
            }
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The head of an answer.
    pub fn head(&mut self) -> io::Result<Reply> {
        let head = self.until("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": ").or(line.split_once(':')));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Ok(Reply { status: status.unwrap(), headers: headers.collect(), body: Vec::new() })
    }

    /// One chunk of a chunked body, `None` for the final one.
    pub fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let size = usize::from_str_radix(&self.until("\r\n")?, 16).expect("a chunk size");
        while self.buffer.len() < size + 2 {
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let chunk = self.take(size + 2);
        Ok((size > 0).then(|| chunk[..size].to_vec()))
    }

    /// The data of the next event that is no ping, `None` at the good end of the stream.
    pub fn event(&mut self) -> io::Result<Option<String>> {
        while let Some(chunk) = self.chunk()? {
            let text = String::from_utf8(chunk).expect("events should be UTF-8");
            if let Some(data) = text.strip_prefix("data: ") {
                return Ok(Some(data.trim_end_matches("\r\n").to_owned()));
            }
        }
        Ok(None)
    }

    /// A whole answer.
    pub fn reply(&mut self, has_body: bool) -> io::Result<Reply> {
        let mut reply = self.head()?;
        if !has_body {
            return Ok(reply);
        }
        if reply.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk()? {
                reply.body.extend(chunk);
            }
            return Ok(reply);
        }
        reply.body = self.rest(&reply)?;
        Ok(reply)
    }

    /// The body of an answer with a known length.
    pub fn rest(&mut self, head: &Reply) -> io::Result<Vec<u8>> {
        let length = head.header("content-length").map_or(0, |n| n.parse().unwrap());
        while self.buffer.len() < length {
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.take(length))
    }

    /// Whether the server closes the connection without another byte.
    pub fn is_closed(&mut self) -> bool {
        assert!(self.buffer.is_empty());
        matches!(self.fill(), Ok(false))
    }

    /// What the next read fails with.
    pub fn broken(&mut self) -> io::ErrorKind {
        loop {
            match self.chunk() {
                Ok(_) => {}
                Err(error) => return error.kind(),
            }
        }
    }
}

pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// A request with a JSON body and both keys, each on its own header.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: emulator\r\nContent-Type: application/json\r\n\
         X-API-Key: {DEFAULT_API_KEY}\r\nX-Admin-Key: {DEFAULT_ADMIN_KEY}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: emulator\r\nX-API-Key: {DEFAULT_API_KEY}\r\n\r\n").into_bytes()
}

/// One exchange on a connection of its own.
pub fn exchange(emulator: &Emulator, request: &[u8]) -> Reply {
    let mut client = Client::connect(emulator.addr());
    client.send(request);
    client.reply(true).expect("there should be an answer")
}

/// A chat request that carries a directive.
pub fn chat(directive: &str, stream: bool) -> Vec<u8> {
    let content = serde_json::to_string(&format!("[[fake:{directive}]]")).unwrap();
    let body = format!("{{\"messages\":[{{\"role\":\"user\",\"content\":{content}}}],\"stream\":{stream}}}");
    post("/v1/chat/completions", &body)
}

/// The content of a chat chunk.
pub fn content(event: &str) -> String {
    let chunk: serde_json::Value = serde_json::from_str(event).expect("a chunk should be JSON");
    chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()
}
