//! The executor of wasm32: the host's own `fetch`, on gloo-net.
//!
//! It is made for wherever there is `fetch`, and tested in pages, dedicated and service workers, and Node. It names no window: whatever
//! it needs is looked up among the globals when it is needed, as other workers, Deno and workerd have them, too.
//!
//! gloo-net makes the requests. It does not send them: its `send` panics if `fetch` rejects with something that is no `Error`, as it
//! may when it is aborted, or gives a `Response` of another realm. Nor does it read answers: its iterator over headers panics
//! if one is not a text. After a panic the whole module is dead, so here nothing is taken for granted.

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

/// The transport on the host's `fetch`, for wasm32.
///
/// Redirects are not followed, and cookies go to the page's own origin alone. A page reads only those headers of another
/// origin's answer that the server exposes. TabbyAPI exposes none, so only those are there that every page may read, such as
/// `content-type`; `retry-after`, `date` and `x-request-id` are not.
///
/// TabbyAPI closes a connection 45 to 195 ms after an answer with status 500, without announcing it, and no host lets a connection be given
/// up. So requests to an origin wait until 250 ms after its last answer with that status, though none waits for more than a second.
#[derive(Clone, Debug)]
pub struct Fetch {
    clock: Clock,
    closing: Closing,
}

impl Fetch {
    /// The transport on the `fetch` of this host. Errors if the host has none.
    pub fn new() -> Result<Self> {
        let known = Reflect::get(&js_sys::global(), &"fetch".into()).is_ok_and(|fetch| fetch.is_function());
        if !known {
            return Err(Error::config("this JavaScript host has no `fetch`").with_advice(crate::base::Advice::new(
                crate::base::Remedy::Give,
                "bring a transport of your own with {setting:client_builder.build_with}",
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
                // What pages put in its place may give no promise.
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

/// The body of an answer. Dropping it aborts the exchange, wherever it is.
#[derive(Debug)]
pub struct Body {
    /// None once the end or an error came.
    reader: Option<Reader>,
}

#[derive(Debug)]
struct Reader {
    stream: ReadableStreamDefaultReader,
    /// What was asked for and did not come yet: nothing is asked for before it is wanted.
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
                // An empty chunk says nothing.
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

// The stream is JavaScript's; nothing of it lies here.
impl Unpin for Body {}

/// Aborts an exchange when it is dropped; one that is over does not mind.
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
        // Without a reason: one that is no `Error` confuses hosts and libraries.
        self.0.abort();
    }
}

/// The request as the host takes it.
fn outgoing(url: &str, request: Request<Bytes>, guard: &AbortGuard) -> Result<web_sys::Request, String> {
    let (head, body) = request.into_parts();
    // Not gloo's own `append`, which throws what cannot be a header.
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

/// The head and the body of what `fetch` gave: an answer, unless a page has put something else in the place of `fetch`.
fn incoming(answer: &JsValue, guard: AbortGuard) -> Result<Response<Body>, TransportError> {
    if host::text(answer, "type").as_deref() == Some("opaqueredirect") {
        return Err(fault::redirect());
    }
    // Of no class, which would be another one in each realm; and by no getter of gloo's or web-sys', which panic if it throws.
    let status = host::get(answer, "status").and_then(|status| status.as_f64());
    let status = status.and_then(|status| StatusCode::from_u16(status as u16).ok());
    let status = status.ok_or_else(|| TransportError::new(Sent::Maybe, "the host gave an answer without a status"))?;
    let reader = match host::get(answer, "body") {
        Some(body) => {
            let stream = ReadableStreamDefaultReader::new(body.unchecked_ref());
            Some(Reader { stream: stream.map_err(|error| fault::of_body(&error))?, reading: None, _guard: guard })
        }
        // An answer without a body, such as a 204.
        None => None,
    };
    let mut response = Response::new(Body { reader });
    *response.status_mut() = status;
    let headers = host::get(answer, "headers").and_then(|headers| js_sys::try_iter(&headers).ok().flatten());
    for entry in headers.into_iter().flatten().map_while(Result::ok) {
        // What the host let through and is not a header to us is of no use.
        if let Some((name, value)) = header(&entry) {
            // The host has decoded the body, and leaves the header as it was.
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

/// The bytes of what `read` gave, None at the end.
fn chunk(read: &JsValue) -> Result<Option<Bytes>, TransportError> {
    let get = |name: &str| Reflect::get(read, &name.into()).map_err(|error| fault::of_body(&error));
    if get("done")?.is_truthy() {
        return Ok(None);
    }
    let value = get("value")?;
    // Not by its class, which differs between realms.
    if !ArrayBuffer::is_view(&value) {
        return Err(TransportError::new(Sent::Maybe, "the host gave a body that is not made of bytes"));
    }
    // By its place in memory, for its elements may be no bytes.
    let place = |name: &str| Reflect::get(&value, &name.into()).ok().and_then(|place| place.as_f64());
    let (Ok(buffer), Some(from), Some(length)) =
        (Reflect::get(&value, &"buffer".into()), place("byteOffset"), place("byteLength"))
    else {
        return Err(TransportError::new(Sent::Maybe, "the host gave a body that is not made of bytes"));
    };
    Ok(Some(Uint8Array::new_with_byte_offset_and_length(&buffer, from as u32, length as u32).to_vec().into()))
}
