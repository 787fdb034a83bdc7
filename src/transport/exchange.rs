//! `Exchange`: one recorded request and its response.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::{Error, ErrorCode, ErrorKind, Result};

/// One recorded exchange: the request, and the response with its timing. As JSON it is one line of a file.
///
/// [`Recorder`](super::record::Recorder) writes them, [`Script`](super::script::Script) replays them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Exchange {
    /// The HTTP method.
    pub method: String,
    /// Path and query, without scheme, host and port.
    pub path: String,
    /// The request headers. Secret values are replaced by `[removed]`.
    #[serde(default)]
    pub request_headers: Vec<(String, String)>,
    /// The request body.
    #[serde(default)]
    pub request_body: Data,
    /// The status of the response. `None` if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The headers of the response.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Milliseconds from sending the request to the head of the response.
    #[serde(default)]
    pub head_ms: u64,
    /// The body of the response, as it arrived.
    #[serde(default)]
    pub chunks: Vec<Chunk>,
    /// How it ended.
    pub end: End,
}

/// A part of a body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Chunk {
    /// Milliseconds from sending the request to this part.
    pub at_ms: u64,
    /// The bytes.
    pub data: Data,
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum End {
    /// The body was read to its end.
    Complete,
    /// The connection failed with this message before anything was sent.
    Refused(String),
    /// The connection failed with this message.
    Failed(String),
    /// The client dropped it.
    Dropped,
    /// The recording reached its size limit.
    Capped,
}

/// Bytes, serialized as text if they are UTF-8, else as `{"base64": ..}`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Data(pub Bytes);

impl Chunk {
    /// Creates a part that arrives this long after the request was sent.
    pub fn new(at: Duration, data: impl Into<Bytes>) -> Self {
        Chunk { at_ms: millis(at), data: Data(data.into()) }
    }
}

impl Exchange {
    /// Creates an exchange from raw HTTP/1.1 text as `curl` prints it: request line or status line, headers, a blank line, body.
    /// The body is used as it is, regardless of `transfer-encoding`.
    ///
    /// # Errors
    ///
    /// Errors with code `invalid_recording` if a head cannot be parsed.
    pub fn from_http(request: &[u8], answer: &[u8]) -> Result<Self> {
        let (line, request_headers, request_body) = parse(request)?;
        let mut words = line.split_ascii_whitespace();
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(unreadable("the request line is missing"));
        };
        let (line, headers, body) = parse(answer)?;
        let status = line.split_ascii_whitespace().nth(1).and_then(|status| status.parse().ok());
        Ok(Exchange {
            method: method.to_owned(),
            path: path.to_owned(),
            request_headers,
            request_body: Data(request_body),
            status: Some(status.ok_or_else(|| unreadable("the status line is missing"))?),
            headers,
            head_ms: 0,
            chunks: if body.is_empty() { Vec::new() } else { vec![Chunk::new(Duration::ZERO, body)] },
            end: End::Complete,
        })
    }

    /// Parses recordings from lines of JSON, as [`to_json_line`](Exchange::to_json_line) writes them.
    ///
    /// # Errors
    ///
    /// Errors with code `invalid_recording` if a line is not an exchange.
    pub fn from_json_lines(text: &str) -> Result<Vec<Self>> {
        text.lines().filter(|line| !line.trim().is_empty()).map(crate::decode::from_json).collect()
    }

    /// Returns the exchange as one line of JSON, without the line end.
    pub fn to_json_line(&self) -> String {
        // Only maps with keys other than strings fail to serialize, and there are none.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the body of the response as one part.
    pub fn body(&self) -> Bytes {
        match self.chunks.as_slice() {
            [only] => only.data.0.clone(),
            chunks => chunks.iter().flat_map(|chunk| chunk.data.0.iter().copied()).collect::<Vec<u8>>().into(),
        }
    }

    pub(super) fn response_head(&self) -> Option<(StatusCode, HeaderMap)> {
        let status = StatusCode::from_u16(self.status?).ok()?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                headers.append(name, value);
            }
        }
        Some((status, headers))
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

type Parsed = (String, Vec<(String, String)>, Bytes);

fn parse(text: &[u8]) -> Result<Parsed> {
    let find = |blank: &[u8]| memchr::memmem::find(text, blank).map(|at| (at, at + blank.len()));
    let (head, body) = find(b"\r\n\r\n").or_else(|| find(b"\n\n")).unwrap_or((text.len(), text.len()));
    let lines = String::from_utf8_lossy(&text[..head]).into_owned();
    let mut lines = lines.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let headers = lines
        .map(|line| match line.split_once(':') {
            Some((name, value)) => Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned())),
            None => Err(unreadable("a header line has no colon")),
        })
        .collect::<Result<_>>()?;
    Ok((first, headers, Bytes::copy_from_slice(&text[body..])))
}

fn unreadable(what: &str) -> Error {
    Error::new(ErrorKind::Decode, ErrorCode::InvalidRecording, format!("the recorded exchange cannot be read: {what}"))
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => Repr::Text(text.into()),
            Err(_) => Repr::Base64 { base64: BASE64.encode(&self.0) },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Repr::deserialize(deserializer)? {
            Repr::Text(text) => Ok(Data(text.into_owned().into())),
            Repr::Base64 { base64 } => {
                BASE64.decode(base64).map(|bytes| Data(bytes.into())).map_err(serde::de::Error::custom)
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Repr<'a> {
    Text(std::borrow::Cow<'a, str>),
    Base64 { base64: String },
}
