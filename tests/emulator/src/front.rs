//! The processing of every request before and after its route: the log, queued responses, CORS, and the responses for paths and
//! methods that are not served.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};

use crate::app::App;
use crate::call::Call;
use crate::canned::{CannedResponse, Kind};
use crate::clock::Moment;
use crate::log::{Disconnect, SeenRequest};
use crate::net::Conn;
use crate::refusal::{self, Refusal};
use crate::routes;

/// The outermost layer of the router.
pub(crate) async fn front(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Some(conn) = parts.extensions.get::<Arc<Conn>>().cloned() else {
        return Refusal::Internal.into_response();
    };
    conn.begin();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let mut exchange = Exchange::new(&app, &conn, &parts.method, &target);
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Refusal::Internal.into_response();
    };
    let seen = seen_request(&parts.method, &target, &parts.headers, &body, conn.id);
    app.note(seen);
    if conn.is_doomed() {
        // The request was read, and is lost with the connection.
        return std::future::pending().await;
    }

    let call = Call {
        app: app.clone(),
        conn: conn.clone(),
        events: exchange.events.clone(),
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        headers: parts.headers.clone(),
        body,
    };
    let mut scripted = None;
    if let Some(answer) = app.next_answer(&call.path) {
        tokio::time::sleep(answer.delay).await;
        exchange.close_after = answer.close_after;
        scripted = replace(answer, &conn).await;
    }
    let is_scripted = scripted.is_some();
    let mut response = match scripted.or_else(|| unrouted(&call)) {
        Some(response) => response,
        None => {
            parts.extensions.insert(call.clone());
            next.run(Request::from_parts(parts, Body::empty())).await
        }
    };
    if !is_scripted {
        dress(&mut response, &call.headers);
    }
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        exchange.doom = app.closing_delay(conn.id);
    }
    // A body of known size counts as delivered; only streams can be interrupted.
    if response.body().size_hint().exact().is_some() {
        exchange.complete.store(true, Ordering::Relaxed);
    }
    response.map(|inner| Body::new(Watched { inner, exchange }))
}

/// Returns the queued response. None if the server responds itself.
async fn replace(answer: CannedResponse, conn: &Conn) -> Option<Response> {
    match answer.kind {
        Kind::Served => None,
        Kind::Hang => std::future::pending().await,
        Kind::Close { reset } => {
            conn.cut(reset);
            std::future::pending().await
        }
        Kind::Http { status, headers, body } => Some(plain(status, &headers, body)),
    }
}

/// Creates a response from parts that a test chose. Invalid parts are ignored.
pub(crate) fn plain(status: u16, headers: &[(String, String)], body: Vec<u8>) -> Response {
    let mut response = Body::from(body).into_response();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Responds to preflights, and to requests without a route.
fn unrouted(call: &Call) -> Option<Response> {
    let header = |name: HeaderName| call.headers.get(name);
    if call.method == Method::OPTIONS {
        let origin = header(header::ORIGIN);
        if let (Some(origin), Some(_)) = (origin, header(header::ACCESS_CONTROL_REQUEST_METHOD)) {
            return Some(preflight(origin, header(header::ACCESS_CONTROL_REQUEST_HEADERS)));
        }
    }
    if let Some(allowed) = routes::methods_of(&call.app, &call.path) {
        if allowed.contains(&call.method.as_str()) {
            return None;
        }
        let mut response = refusal::detail(405, "Method Not Allowed").into_response();
        // The server lists the methods of the first route with this path.
        let first = HeaderValue::from_static(allowed[0]);
        let headers = std::mem::take(response.headers_mut());
        response.headers_mut().insert(header::ALLOW, first);
        response.headers_mut().extend(headers);
        return Some(response);
    }
    let trimmed = call.path.trim_end_matches('/');
    if trimmed != call.path && routes::methods_of(&call.app, trimmed).is_some() {
        let host = header(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let location = HeaderValue::try_from(format!("http://{host}{trimmed}")).ok()?;
        let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        response.headers_mut().insert(header::LOCATION, location);
        return Some(response);
    }
    Some(refusal::detail(404, "Not Found").into_response())
}

fn preflight(origin: &HeaderValue, wanted: Option<&HeaderValue>) -> Response {
    let mut response = "OK".into_response();
    let headers = response.headers_mut();
    headers.clear();
    let mut set = |name, value: &HeaderValue| headers.insert(name, value.clone());
    let fixed = HeaderValue::from_static;
    set(
        header::VARY,
        &fixed(
            "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, \
             Access-Control-Request-Private-Network",
        ),
    );
    let methods = fixed("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY");
    set(header::ACCESS_CONTROL_ALLOW_METHODS, &methods);
    set(header::ACCESS_CONTROL_MAX_AGE, &fixed("600"));
    set(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, &fixed("true"));
    set(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if let Some(wanted) = wanted {
        set(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    }
    set(header::CONTENT_LENGTH, &fixed("2"));
    set(header::CONTENT_TYPE, &fixed("text/plain; charset=utf-8"));
    response
}

/// Adds the headers of all responses before and after those of this one.
fn dress(response: &mut Response, request: &HeaderMap) {
    let own = std::mem::take(response.headers_mut());
    // The response to an unhandled exception does not pass the layer that adds the CORS headers.
    let bare = response.status() == StatusCode::INTERNAL_SERVER_ERROR;
    let headers = response.headers_mut();
    if let Ok(date) = HeaderValue::try_from(Moment::now().http()) {
        headers.insert(header::DATE, date);
    }
    headers.insert(header::SERVER, HeaderValue::from_static("uvicorn"));
    headers.extend(own);
    if bare || headers.contains_key(header::VARY) {
        return;
    }
    if let Some(origin) = request.get(header::ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
}

fn seen_request(method: &Method, path: &str, headers: &HeaderMap, body: &Bytes, connection: u64) -> SeenRequest {
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    SeenRequest {
        method: method.to_string(),
        path: path.to_owned(),
        headers: headers.iter().map(header).collect(),
        body: body.to_vec(),
        connection,
    }
}

/// One request and its response. If it is dropped before it is complete, the client has disconnected.
struct Exchange {
    app: Arc<App>,
    conn: Arc<Conn>,
    method: String,
    path: String,
    events: Arc<AtomicUsize>,
    complete: AtomicBool,
    close_after: bool,
    /// How long after the response the connection ends.
    doom: Option<Duration>,
}

impl Exchange {
    fn new(app: &Arc<App>, conn: &Arc<Conn>, method: &Method, path: &str) -> Exchange {
        app.journal.write(|log| {
            log.in_flight += 1;
            log.most_in_flight = log.most_in_flight.max(log.in_flight);
        });
        Exchange {
            app: app.clone(),
            conn: conn.clone(),
            method: method.to_string(),
            path: path.to_owned(),
            events: Arc::default(),
            complete: AtomicBool::new(false),
            close_after: false,
            doom: None,
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.app.journal.write(|log| log.in_flight = log.in_flight.saturating_sub(1));
        if !self.complete.load(Ordering::Relaxed) && !self.conn.is_ending() {
            let gone = Disconnect {
                method: std::mem::take(&mut self.method),
                path: std::mem::take(&mut self.path),
                connection: self.conn.id,
                events_sent: self.events.load(Ordering::Relaxed),
            };
            self.app.journal.write(|log| log.disconnects.push(gone));
        }
        self.conn.finish();
        if self.close_after {
            self.conn.cut(false);
        }
        if let Some(delay) = self.doom {
            self.conn.doom(delay);
        }
    }
}

/// A body that records whether it was read to its end.
struct Watched {
    inner: Body,
    exchange: Exchange,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) {
            self.exchange.complete.store(true, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
