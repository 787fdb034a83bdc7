//! The executor of wasm32: the host's `fetch`, on gloo-net.
//!
//! Works wherever there is `fetch`. Tested in pages, dedicated and service workers, and Node. It does not use `window`: all globals are
//! looked up when they are needed, as other workers, Deno and workerd have them, too.
//!
//! gloo-net builds the requests. It does not send them: its `send` panics if `fetch` rejects with something other than an
//! `Error`, as it may when it is aborted, or returns a `Response` of another realm. It does not read responses either: its
//! iterator over headers panics if one is not text. A panic stops the whole module, so this code does not rely on types.

mod closing;
mod fault;
mod host;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use gloo_net::http::{Headers, RequestBuilder};
use http::header::{CONTENT_ENCODING, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use js_sys::{ArrayBuffer, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader, RequestRedirect};

use crate::base::{Error, Result, Sent, Time, TransportError};
use crate::transport::seam::Transport;

use closing::Closing;
pub use fault::FetchFault;
use host::{Clock, Sleep};

/// A transport on the host's `fetch`, for wasm32.
///
/// Redirects are not followed, and cookies are sent only to the page's own origin. For responses from another origin, a page can read only
/// the headers that the server exposes. TabbyAPI exposes none, so only the headers that every page may read are available, such as
/// `content-type`. `retry-after`, `date` and `x-request-id` are not.
///
/// TabbyAPI closes a connection 45 to 195 ms after a response with status 500, without announcing it, and hosts cannot discard a
/// connection. So requests to an origin wait until 250 ms after its last response with that status, for at most a second.
#[derive(Clone, Debug)]
pub struct Fetch {
    clock: Clock,
    closing: Closing,
}

impl Fetch {
    /// Creates a transport on the `fetch` of this host.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the host has no `fetch`.
    pub fn new() -> Result<Self> {
        let known = Reflect::get(&js_sys::global(), &"fetch".into()).is_ok_and(|fetch| fetch.is_function());
        if !known {
            return Err(Error::config("this JavaScript host has no `fetch`").with_advice(crate::base::Advice::new(
                crate::base::Remedy::Give,
                "use a custom transport with {setting:client_builder.build_with}",
            )));
        }
        let clock = Clock::new();
        Ok(Fetch { closing: Closing::new(clock.clone()), clock })
    }
}

impl Transport for Fetch {
    type Body = Body;

    fn send(&self, request: Request<Bytes>) -> impl Future<Output = Result<Response<Body>, TransportError>> + 'static {
        let closing = self.closing.clone();
        async move {
            let origin = closing::origin(request.uri());
            closing.wait(&origin).await;
            let url = request.uri().to_string();
            let guard = AbortGuard::new()?;
            let request = outgoing(&url, request, &guard).map_err(|message| TransportError::new(Sent::No, message))?;
            let answer = match host::fetch(&request) {
                // A replacement of `fetch` may not return a promise.
                Ok(promise) => JsFuture::from(Promise::resolve(&promise)).await,
                Err(error) => Err(error),
            };
            let answer = answer.map_err(|error| fault::of_request(&error, &url))?;
            let response = incoming(&answer, guard)?;
            if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
                closing.note(origin);
            }
            Ok(response)
        }
    }

    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + 'static {
        Sleep::new(self.clock.clone(), until)
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn seed(&self) -> u64 {
        host::random()
    }
}

/// The body of a response. Dropping it aborts the exchange.
#[derive(Debug)]
pub struct Body {
    /// None after the end or an error.
    reader: Option<Reader>,
}

#[derive(Debug)]
struct Reader {
    stream: ReadableStreamDefaultReader,
    /// The pending read. Reads start on demand.
    reading: Option<JsFuture>,
    _guard: AbortGuard,
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(reader) = &mut self.reader else { return Poll::Ready(None) };
            let stream = &reader.stream;
            let reading = reader.reading.get_or_insert_with(|| JsFuture::from(stream.read()));
            let read = ready!(Pin::new(reading).poll(cx));
            reader.reading = None;
            match read.map_err(|error| fault::of_body(&error)).and_then(|read| chunk(&read)) {
                // Skips empty chunks.
                Ok(Some(chunk)) if chunk.is_empty() => {}
                Ok(Some(chunk)) => return Poll::Ready(Some(Ok(chunk))),
                Ok(None) => self.reader = None,
                Err(error) => {
                    self.reader = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

// The stream belongs to JavaScript; nothing of it is pinned here.
impl Unpin for Body {}

/// Aborts an exchange on drop. Has no effect on a finished one.
#[derive(Debug)]
struct AbortGuard(AbortController);

impl AbortGuard {
    fn new() -> Result<Self, TransportError> {
        let controller = AbortController::new();
        controller.map(AbortGuard).map_err(|error| TransportError::new(Sent::No, host::words(&error)))
    }
}

impl Drop for AbortGuard {
    fn drop(&mut self) {
        // Without a reason: values other than an `Error` confuse hosts and libraries.
        self.0.abort();
    }
}

/// Converts the request for the host.
fn outgoing(url: &str, request: Request<Bytes>, guard: &AbortGuard) -> Result<web_sys::Request, String> {
    let (head, body) = request.into_parts();
    // Not gloo's `append`, which throws on invalid headers.
    let headers = web_sys::Headers::new().map_err(|error| host::words(&error))?;
    for (name, value) in &head.headers {
        let text: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
        let added = headers.append(name.as_str(), &text);
        added.map_err(|error| format!("the header `{name}` could not be set: {}", host::words(&error)))?;
    }
    let builder = RequestBuilder::new(url)
        .method(head.method)
        .headers(Headers::from_raw(headers))
        .redirect(RequestRedirect::Manual)
        .abort_signal(Some(&guard.0.signal()));
    let request = match body.is_empty() {
        true => builder.build(),
        false => builder.body(Uint8Array::from(&body[..])),
    };
    request.map(Into::into).map_err(|error| error.to_string())
}

/// The head and the body of the result of `fetch`, which a page may have replaced.
fn incoming(answer: &JsValue, guard: AbortGuard) -> Result<Response<Body>, TransportError> {
    if host::text(answer, "type").as_deref() == Some("opaqueredirect") {
        return Err(fault::redirect());
    }
    // Checked by fields instead of class, which differs between realms, and not with the getters of gloo or web-sys, which panic on errors.
    let status = host::get(answer, "status").and_then(|status| status.as_f64());
    let status = status.and_then(|status| StatusCode::from_u16(status as u16).ok());
    let status =
        status.ok_or_else(|| TransportError::new(Sent::Maybe, "the host returned a response without a status"))?;
    let reader = match host::get(answer, "body") {
        Some(body) => {
            let stream = ReadableStreamDefaultReader::new(body.unchecked_ref());
            Some(Reader { stream: stream.map_err(|error| fault::of_body(&error))?, reading: None, _guard: guard })
        }
        // A response without a body, such as a 204.
        None => None,
    };
    let mut response = Response::new(Body { reader });
    *response.status_mut() = status;
    let headers = host::get(answer, "headers").and_then(|headers| js_sys::try_iter(&headers).ok().flatten());
    for entry in headers.into_iter().flatten().map_while(Result::ok) {
        // Skips entries that are not valid headers.
        if let Some((name, value)) = header(&entry) {
            // The host has decoded the body but kept the header.
            if name != CONTENT_ENCODING {
                response.headers_mut().append(name, value);
            }
        }
    }
    Ok(response)
}

fn header(entry: &JsValue) -> Option<(HeaderName, HeaderValue)> {
    let part = |at: u32| Reflect::get_u32(entry, at).ok()?.as_string();
    Some((part(0)?.parse().ok()?, HeaderValue::from_str(&part(1)?).ok()?))
}

/// The bytes of a `read` result. None at the end.
fn chunk(read: &JsValue) -> Result<Option<Bytes>, TransportError> {
    let get = |name: &str| Reflect::get(read, &name.into()).map_err(|error| fault::of_body(&error));
    if get("done")?.is_truthy() {
        return Ok(None);
    }
    let value = get("value")?;
    // Not checked by class, which differs between realms.
    if !ArrayBuffer::is_view(&value) {
        return Err(TransportError::new(Sent::Maybe, "the host returned a body that does not consist of bytes"));
    }
    // By its range in memory, because its elements may not be bytes.
    let place = |name: &str| Reflect::get(&value, &name.into()).ok().and_then(|place| place.as_f64());
    let (Ok(buffer), Some(from), Some(length)) =
        (Reflect::get(&value, &"buffer".into()), place("byteOffset"), place("byteLength"))
    else {
        return Err(TransportError::new(Sent::Maybe, "the host returned a body that does not consist of bytes"));
    };
    Ok(Some(Uint8Array::new_with_byte_offset_and_length(&buffer, from as u32, length as u32).to_vec().into()))
}
