//! Why `fetch` failed, as far as hosts tell. Pages are told least: a script shall not learn which servers there are.

use wasm_bindgen::JsValue;

use super::host::{get, text, words};
use crate::base::{Sent, TransportError};

/// Why the host's `fetch` failed: the [source](std::error::Error::source) of a [`TransportError`] of [`Fetch`](super::Fetch).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FetchFault {
    /// No connection could be made. Nothing was sent.
    #[error("no connection could be made")]
    Connect,
    /// The connection failed, or was never made: the host does not say which.
    #[error("the connection failed")]
    Network,
    /// The browser said no more than that it failed, and the server is of another origin than the page: it cannot be reached, or
    /// does not allow the page's origin (CORS). Browsers hide which.
    #[error("the server cannot be reached from here, or does not allow the page's origin (CORS)")]
    CorsSuspected,
    /// A page that came by https asked for http, which browsers block.
    #[error("a page that came by https may not ask a server by http")]
    MixedContent,
    /// Something other than this library aborted it, such as a page that is being left.
    #[error("the host aborted the request")]
    Aborted,
    /// The host has a time limit of its own, which passed.
    #[error("the host's own time limit passed")]
    Timeout,
    /// The server redirects, which is not followed: keys would go along.
    #[error("the server redirects")]
    Redirect,
}

/// The error of a request that got no answer.
pub(super) fn of_request(error: &JsValue, url: &str) -> TransportError {
    let fault = named(error).unwrap_or_else(|| unnamed(error, url));
    let sent = if matches!(fault, FetchFault::Connect | FetchFault::MixedContent) { Sent::No } else { Sent::Maybe };
    failed(sent, fault, detail(error))
}

/// The error of a body that broke off.
pub(super) fn of_body(error: &JsValue) -> TransportError {
    failed(Sent::Maybe, named(error).unwrap_or(FetchFault::Network), detail(error))
}

/// The error of an answer that a page may not look at.
pub(super) fn redirect() -> TransportError {
    let message =
        "the server redirects, which is not followed since keys would go along; set the base URL to where it redirects";
    TransportError::new(Sent::Maybe, message).with_source(FetchFault::Redirect)
}

fn failed(sent: Sent, fault: FetchFault, detail: String) -> TransportError {
    TransportError::new(sent, format_args!("{fault} ({detail})")).with_source(fault)
}

/// What the standard has a name for.
fn named(error: &JsValue) -> Option<FetchFault> {
    match text(error, "name")?.as_str() {
        "AbortError" => Some(FetchFault::Aborted),
        "TimeoutError" => Some(FetchFault::Timeout),
        _ => None,
    }
}

fn unnamed(error: &JsValue, url: &str) -> FetchFault {
    if is_refused(error) {
        return FetchFault::Connect;
    }
    let globals = js_sys::global();
    if get(&globals, "navigator").and_then(|navigator| get(&navigator, "onLine")) == Some(JsValue::FALSE) {
        return FetchFault::Connect;
    }
    // Only pages and their workers have an origin to compare with.
    let Some(origin) = get(&globals, "location").and_then(|location| text(&location, "origin")) else {
        return FetchFault::Network;
    };
    let same = url.strip_prefix(&*origin).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    if same {
        FetchFault::Network
    } else if origin.starts_with("https:") && url.starts_with("http:") && !is_loopback(url) {
        FetchFault::MixedContent
    } else {
        FetchFault::CorsSuspected
    }
}

/// Whether the host says that there was no connection: Node by a code of the cause, Deno in its words.
fn is_refused(error: &JsValue) -> bool {
    const CODES: [&str; 6] =
        ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"];
    let code = get(error, "cause").and_then(|cause| text(&cause, "code"));
    code.is_some_and(|code| CODES.contains(&&*code)) || words(error).contains("client error (Connect)")
}

/// Browsers let secure pages ask these.
fn is_loopback(url: &str) -> bool {
    ["http://127.", "http://localhost", "http://[::1]"].iter().any(|start| url.starts_with(start))
}

/// The host's words, and those of the cause, which tell more in Node.
fn detail(error: &JsValue) -> String {
    match get(error, "cause").map(|cause| words(&cause)) {
        Some(cause) => format!("{}: {cause}", words(error)),
        None => words(error),
    }
}
