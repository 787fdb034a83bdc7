//! A receiver of OTLP over HTTP on loopback, and the client that an exporter sends to it by. For the tests of this member.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// Takes in what is exported to it, until the process ends.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    received: Arc<Mutex<Received>>,
}

/// Paths and bodies.
pub type Received = Vec<(String, Vec<u8>)>;

impl Collector {
    /// Listens on a free port of loopback.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let received = Arc::<Mutex<Received>>::default();
        let sink = received.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if let Ok(request) = answer(connection) {
                    sink.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(request);
                }
            }
        });
        Ok(Collector { address, received })
    }

    /// The address of a signal, such as `traces`.
    pub fn url(&self, signal: &str) -> String {
        format!("http://{}/v1/{signal}", self.address)
    }

    /// The bodies as they came, with their paths.
    pub fn received(&self) -> Received {
        self.received.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// The spans in them.
    pub fn spans(&self) -> Result<Vec<Span>, prost::DecodeError> {
        let mut spans = Vec::new();
        for (_, body) in self.received().iter().filter(|(path, _)| path == "/v1/traces") {
            let request = ExportTraceServiceRequest::decode(&body[..])?;
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            spans.extend(scopes.flat_map(|scope| scope.spans));
        }
        Ok(spans)
    }

    /// The metrics in them.
    pub fn metrics(&self) -> Result<Vec<Metric>, prost::DecodeError> {
        let mut metrics = Vec::new();
        for (_, body) in self.received().iter().filter(|(path, _)| path == "/v1/metrics") {
            let request = ExportMetricsServiceRequest::decode(&body[..])?;
            let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
            metrics.extend(scopes.flat_map(|scope| scope.metrics));
        }
        Ok(metrics)
    }
}

/// Sends by blocking sockets, one connection for each request.
#[derive(Debug)]
pub struct Plain;

#[async_trait::async_trait]
impl HttpClient for Plain {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let authority = request.uri().authority().ok_or("the request has no host")?;
        let mut connection = TcpStream::connect(authority.as_str())?;
        let (path, body) = (request.uri().path(), request.body());
        write!(connection, "POST {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-length: {}\r\n\r\n", body.len())?;
        connection.write_all(body)?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        match answer.starts_with("HTTP/1.1 200 ") {
            true => Ok(Response::new(Bytes::new())),
            false => Err(format!("the collector answered {answer:?}").into()),
        }
    }
}

/// Reads one request with its length, and says that all is well.
fn answer(connection: TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut reader = BufReader::new(connection);
    let (mut line, mut path, mut length) = (String::new(), String::new(), 0);
    while reader.read_line(&mut line)? > 0 && !line.trim().is_empty() {
        if let Some(rest) = line.strip_prefix("POST ") {
            path = rest.split(' ').next().unwrap_or_default().to_owned();
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    reader.into_inner().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    Ok((path, body))
}
