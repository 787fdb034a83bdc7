//! HTTP/1.1 in the form of the recorded server: names, order and framing.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::State;
use crate::clock::Moment;

/// The maximum size of a body.
const MOST_BODY: usize = 2 << 20;
/// The maximum size of a head.
const MOST_HEAD: usize = 64 << 10;

/// A request with its whole body.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// `None` if it is too large.
    pub(super) body: Option<Vec<u8>>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// A response.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) content_type: Option<&'static str>,
    /// Besides those of all responses.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) cors: Cors,
    pub(super) allow: Option<&'static str>,
    pub(super) body: Body,
}

/// The CORS headers of a response.
pub(super) enum Cors {
    /// Those of a response of a route.
    Route,
    /// Those of a response to a preflight.
    Preflight,
    /// None.
    Without,
}

/// Writes a stream. Returns false to cut it.
pub(super) type Produce = Box<dyn FnOnce(&mut Events<'_>) -> io::Result<bool>>;

pub(super) enum Body {
    Whole(Vec<u8>),
    /// Sends the head, and then the output of the function.
    Stream(Produce),
    /// The connection ends without a response.
    Nothing,
}

impl Response {
    pub(super) fn empty(status: u16) -> Response {
        Response {
            status,
            content_type: None,
            headers: Vec::new(),
            cors: Cors::Route,
            allow: None,
            body: Body::Whole(Vec::new()),
        }
    }

    pub(super) fn json(status: u16, body: impl Into<Vec<u8>>) -> Response {
        Response { content_type: Some("application/json"), body: Body::Whole(body.into()), ..Response::empty(status) }
    }

    pub(super) fn text(status: u16, body: impl Into<Vec<u8>>) -> Response {
        Response {
            content_type: Some("text/plain; charset=utf-8"),
            body: Body::Whole(body.into()),
            ..Response::empty(status)
        }
    }

    pub(super) fn nothing() -> Response {
        Response { body: Body::Nothing, ..Response::empty(200) }
    }
}

/// Reads bytes of a connection, and stops when the server stops.
pub(super) struct Reader<'a> {
    pub(super) stream: &'a TcpStream,
    pub(super) state: &'a State,
    pub(super) buffer: Vec<u8>,
}

impl Reader<'_> {
    /// Reads the next request. `None` if the client has disconnected or the server stops.
    pub(super) fn request(&mut self) -> io::Result<Option<Request>> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if self.buffer.len() > MOST_HEAD || !self.fill()? {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or("/").to_owned());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers =
            headers.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned())).collect();
        let mut request = Request { method, target, headers, body: None };
        let length: usize = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if request.header("expect").is_some() {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut body = Vec::new();
        let mut left = length;
        while left > 0 {
            if self.buffer.is_empty() && !self.fill()? {
                return Ok(None);
            }
            let taken = left.min(self.buffer.len());
            // A body that is too large is read and discarded.
            if length <= MOST_BODY {
                body.extend_from_slice(&self.buffer[..taken]);
            }
            self.buffer.drain(..taken);
            left -= taken;
        }
        request.body = (length <= MOST_BODY).then_some(body);
        Ok(Some(request))
    }

    fn fill(&mut self) -> io::Result<bool> {
        let mut piece = [0; 16 << 10];
        loop {
            match self.stream.read(&mut piece) {
                Ok(read) => {
                    self.buffer.extend_from_slice(&piece[..read]);
                    return Ok(read > 0);
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if self.state.is_stopping() {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Writes a response. Returns whether the connection can be reused.
pub(super) fn write(stream: &TcpStream, state: &State, response: Response, is_head: bool) -> io::Result<bool> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    let mut header = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
    if let Some(content_type) = response.content_type {
        header("content-type", content_type);
    }
    for (name, value) in &response.headers {
        header(name, value);
    }
    const VARY: &str = "origin, access-control-request-method, access-control-request-headers";
    match response.cors {
        Cors::Route => {
            header("vary", VARY);
            header("access-control-allow-origin", "*");
            header("access-control-expose-headers", "*");
        }
        Cors::Preflight => {
            header("access-control-allow-origin", "*");
            header("vary", VARY);
            header("access-control-allow-methods", "*");
            header("access-control-allow-headers", "*");
        }
        Cors::Without => {}
    }
    if let Some(methods) = response.allow {
        header("allow", methods);
    }
    match &response.body {
        Body::Whole(body) => header("content-length", &body.len().to_string()),
        Body::Stream(_) => header("transfer-encoding", "chunked"),
        Body::Nothing => return Ok(false),
    }
    header("date", &Moment::now().http());
    head.push_str("\r\n");
    let mut out = head.into_bytes();
    match response.body {
        Body::Whole(body) => {
            if !is_head {
                out.extend_from_slice(&body);
            }
            let mut writer = stream;
            writer.write_all(&out)?;
            Ok(true)
        }
        Body::Stream(produce) => {
            let mut writer = stream;
            writer.write_all(&out)?;
            let mut events = Events { stream, state };
            if !produce(&mut events)? {
                return Ok(false);
            }
            writer.write_all(b"0\r\n\r\n")?;
            Ok(true)
        }
        Body::Nothing => Ok(false),
    }
}

/// The events of a stream, each in its own chunk.
pub(super) struct Events<'a> {
    stream: &'a TcpStream,
    state: &'a State,
}

impl Events<'_> {
    pub(super) fn data(&mut self, json: &str) -> io::Result<()> {
        self.chunk(&format!("data: {json}\n\n"))
    }

    fn chunk(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(format!("{:X}\r\n{text}\r\n", text.len()).as_bytes())
    }

    /// Waits, and writes a comment after each keep-alive interval. Returns false if the server stops.
    pub(super) fn wait(&mut self, mut time: Duration) -> io::Result<bool> {
        let interval = self.state.config.keep_alive;
        while time > interval {
            if !self.state.sleep(interval) {
                return Ok(false);
            }
            self.chunk(":\n\n")?;
            time -= interval;
        }
        Ok(self.state.sleep(time))
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Payload Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        501 => "Not Implemented",
        _ => "Internal Server Error",
    }
}
