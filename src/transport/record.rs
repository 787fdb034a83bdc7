//! `Recorder`: a transport that records the exchanges of another one, with keys removed.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Request, Response};

use crate::base::secrets::{REMOVED, is_secret};
use crate::base::{MaybeSend, MaybeSync, Secrets, Sent, Time, TransportError};
use crate::protocol::hub_token::without_token;
use crate::transport::exchange::{Chunk, Data, End, Exchange, millis};
use crate::transport::seam::Transport;

/// The default of [`Recorder::cap`] in bytes.
pub const DEFAULT_CAP: usize = 16 << 20;

/// The type of forms.
const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// Wraps a transport and passes each finished exchange to a sink: a file, a list, a log.
///
/// Secret header values are removed, as is the `token` of a download. Keys of the client, and keys in the request, are also
/// removed from bodies, paths and other headers, in any [encoding](crate::auth#redaction-of-keys), including across chunks and at
/// the size limit. They are replaced by `[removed]` in the chunk in which they begin. The other chunks keep the rest of their
/// bytes. Keys shorter than six bytes are removed only from their own headers. For forms, which are sent to authorization
/// servers, neither bodies nor response headers are recorded. Prompts and responses are kept.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use tabbyapi::transport::record::Recorder;
/// use tabbyapi::transport::script::{Reply, Script};
///
/// # futures::executor::block_on(async {
/// let tape = Arc::new(Mutex::new(Vec::new()));
/// let sink = tape.clone();
/// let script = Script::new([Reply::json(200, r#"{"permission": "api"}"#)]);
/// let recorder = Recorder::new(script, move |exchange| sink.lock().unwrap().push(exchange.to_json_line()));
///
/// let client = tabbyapi::Client::builder("http://tabby.test").api_key("hush-hush").build_with(recorder)?;
/// client.auth().permission().await?;
/// let line = &tape.lock().unwrap()[0];
/// assert!(line.contains("permission") && !line.contains("hush-hush"));
/// # Ok::<(), tabbyapi::Error>(())
/// # }).unwrap();
/// ```
pub struct Recorder<T> {
    inner: Arc<T>,
    sink: Arc<dyn Sink>,
    cap: usize,
}

trait Sink: MaybeSend + MaybeSync {
    fn take(&self, exchange: Exchange);
}

impl<F: Fn(Exchange) + MaybeSend + MaybeSync> Sink for F {
    fn take(&self, exchange: Exchange) {
        self(exchange);
    }
}

impl<T: Transport> Recorder<T> {
    /// Records the exchanges of `inner`. The sink is called once per exchange, when it ended or was dropped.
    pub fn new(inner: T, sink: impl Fn(Exchange) + MaybeSend + MaybeSync + 'static) -> Self {
        Recorder { inner: Arc::new(inner), sink: Arc::new(sink), cap: DEFAULT_CAP }
    }

    /// Sets how much of one response is recorded, in bytes; [`DEFAULT_CAP`] by default. Replacing a key by `[removed]` may add a
    /// few.
    pub fn cap(mut self, bytes: usize) -> Self {
        self.cap = bytes;
        self
    }
}

impl<T: Transport> Transport for Recorder<T> {
    type Body = Body<T>;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Self::Body>, TransportError>> + MaybeSend + 'static {
        let mut tape = Tape::new(&request, self.sink.clone(), self.cap, self.inner.now());
        let sending = self.inner.send(request);
        let clock = self.inner.clone();
        async move {
            match sending.await {
                Ok(response) => {
                    tape.head(&response, clock.now());
                    Ok(response.map(|body| Body { body: Box::pin(body), clock, tape }))
                }
                Err(error) => {
                    let message = tape.cleaned(&error);
                    tape.finish(match error.sent() {
                        Sent::No => End::Refused(message),
                        Sent::Maybe => End::Failed(message),
                    });
                    Err(error)
                }
            }
        }
    }

    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + MaybeSend + 'static {
        self.inner.sleep_until(until)
    }

    fn now(&self) -> Time {
        self.inner.now()
    }

    fn seed(&self) -> u64 {
        self.inner.seed()
    }
}

impl<T: fmt::Debug> fmt::Debug for Recorder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// A body that is recorded as it is read.
pub struct Body<T: Transport> {
    body: Pin<Box<T::Body>>,
    clock: Arc<T>,
    tape: Tape,
}

impl<T: Transport> Stream for Body<T> {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = std::task::ready!(self.body.as_mut().poll_next(cx));
        match &item {
            Some(Ok(chunk)) => {
                let now = self.clock.now();
                self.tape.chunk(chunk, now);
            }
            Some(Err(error)) => self.tape.end = End::Failed(self.tape.cleaned(error)),
            None if self.tape.end == End::Dropped => self.tape.end = End::Complete,
            None => {}
        }
        Poll::Ready(item)
    }
}

impl<T: Transport> fmt::Debug for Body<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

/// The recording of one exchange. Passed to the sink on drop, however the exchange ended.
struct Tape {
    exchange: Option<Exchange>,
    sink: Arc<dyn Sink>,
    secrets: Secrets,
    /// Whether it is a form for an authorization server, whose bodies are secret.
    form: bool,
    sent: Time,
    /// The body: the recorded part, plus the length of a secret that begins there.
    body: Vec<Bytes>,
    /// How many more bytes are recorded.
    room: usize,
    /// How many more bytes are searched.
    beyond: usize,
    /// `Dropped` until the end is known.
    end: End,
}

impl Tape {
    fn new(request: &Request<Bytes>, sink: Arc<dyn Sink>, cap: usize, sent: Time) -> Self {
        // The secrets of the client, from the request's extensions, and those in the request itself.
        let mut secrets = request.extensions().get::<Secrets>().cloned().unwrap_or_default();
        secrets.add_headers(request.headers());
        secrets.add_token(request.uri().path(), request.body());
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let form = request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(FORM));
        let body = match form {
            true => Bytes::from_static(REMOVED.as_bytes()),
            false => {
                let body = without_token(request.uri().path(), request.body());
                secrets.remove_from_body(body.as_ref().unwrap_or(request.body()), false)
            }
        };
        let exchange = Exchange {
            method: request.method().to_string(),
            path: secrets.remove(path),
            request_headers: without_secrets(request.headers(), &secrets),
            request_body: Data(body),
            status: None,
            headers: Vec::new(),
            head_ms: 0,
            chunks: Vec::new(),
            end: End::Dropped,
        };
        let beyond = secrets.reach();
        let body = Vec::new();
        Tape { exchange: Some(exchange), sink, secrets, form, sent, body, room: cap, beyond, end: End::Dropped }
    }

    fn head<B>(&mut self, response: &Response<B>, now: Time) {
        if let Some(exchange) = &mut self.exchange {
            exchange.status = Some(response.status().as_u16());
            if !self.form {
                exchange.headers = without_secrets(response.headers(), &self.secrets);
            }
            exchange.head_ms = millis(now.since(self.sent));
        }
    }

    fn cleaned(&self, error: &TransportError) -> String {
        if self.form { REMOVED.to_owned() } else { self.secrets.remove(&error.to_string()) }
    }

    fn finish(mut self, end: End) {
        self.end = end;
    }

    fn chunk(&mut self, chunk: &Bytes, now: Time) {
        let kept = chunk.slice(..chunk.len().min(self.room));
        let rest = &chunk[kept.len()..];
        self.room -= kept.len();
        if let (Some(exchange), false) = (&mut self.exchange, kept.is_empty()) {
            exchange.chunks.push(Chunk::new(now.since(self.sent), kept));
        }
        if !rest.is_empty() {
            self.end = End::Capped;
            let seen = &rest[..rest.len().min(self.beyond)];
            self.beyond -= seen.len();
            self.body.push(Bytes::copy_from_slice(seen));
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        if let Some(mut exchange) = self.exchange.take() {
            exchange.end = std::mem::replace(&mut self.end, End::Dropped);
            match self.form {
                true => exchange.chunks.iter_mut().for_each(|chunk| chunk.data = Data(REMOVED.into())),
                false => clean(&mut exchange, &self.body, &self.secrets),
            }
            self.sink.take(exchange);
        }
    }
}

/// Removes secrets from the body as a whole, and keeps the division into chunks. `beyond` follows the body and is not
/// recorded.
fn clean(exchange: &mut Exchange, beyond: &[Bytes], secrets: &Secrets) {
    let chunks = exchange.chunks.iter().map(|chunk| &chunk.data.0);
    let before: usize = chunks.clone().map(Bytes::len).sum();
    let cut = exchange.end != End::Complete;
    let found = secrets.find(chunks.chain(beyond).map(|bytes| &bytes[..]), cut);
    let mut found = found.into_iter().filter(|range| range.start < before).peekable();
    if found.peek().is_none() {
        return;
    }
    let mut start = 0;
    for chunk in &mut exchange.chunks {
        let data = chunk.data.0.clone();
        let end = start + data.len();
        let mut without = Vec::with_capacity(data.len());
        let mut kept = start;
        while let Some(range) = found.peek().filter(|range| range.start < end) {
            // The start of the secret was replaced in an earlier chunk.
            if range.start >= start {
                without.extend_from_slice(&data[kept - start..range.start - start]);
                without.extend_from_slice(REMOVED.as_bytes());
            }
            kept = range.end.min(end);
            if range.end > end {
                break;
            }
            found.next();
        }
        without.extend_from_slice(&data[kept - start..]);
        chunk.data = Data(without.into());
        start = end;
    }
    let after: usize = exchange.chunks.iter().map(|chunk| chunk.data.0.len()).sum();
    // Makes the length in the head equal that of the body again.
    for (_, value) in exchange.headers.iter_mut().filter(|(name, _)| name == CONTENT_LENGTH.as_str()) {
        if let Some(length) = value.parse::<usize>().ok().and_then(|length| (length + after).checked_sub(before)) {
            *value = length.to_string();
        }
    }
}

fn without_secrets(headers: &HeaderMap, secrets: &Secrets) -> Vec<(String, String)> {
    let value = |name, value: &http::HeaderValue| match is_secret(name, value) {
        true => REMOVED.to_owned(),
        false => match secrets.without(value.as_bytes(), false) {
            Some(without) => String::from_utf8_lossy(&without).into_owned(),
            None => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        },
    };
    headers.iter().map(|(name, v)| (name.to_string(), value(name, v))).collect()
}
