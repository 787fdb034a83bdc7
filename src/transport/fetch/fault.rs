//! Why `fetch` failed, as far as the host reports it. Pages get the least information, so that scripts cannot scan networks.

use wasm_bindgen::JsValue;

use super::host::{get, text, words};
use crate::base::{Sent, TransportError};

/// Why the host's `fetch` failed: the [source](std::error::Error::source) of a [`TransportError`] of [`Fetch`](super::Fetch).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FetchFault {
    /// The connection could not be established. Nothing was sent.
    #[error("no connection could be made")]
    Connect,
    /// The connection failed or was not established; the host does not distinguish these.
    #[error("the connection failed")]
    Network,
    /// The browser gave no reason, and the server has another origin than the page. The server is unreachable, or
    /// does not allow the page's origin (CORS). Browsers do not distinguish these.
    #[error("the server cannot be reached from here, or does not allow the page's origin (CORS)")]
    CorsSuspected,
    /// A page loaded over https requested http, which browsers block.
    #[error("a page loaded over https cannot send requests to a server over http")]
    MixedContent,
    /// Something other than this library aborted the request, such as leaving the page.
    #[error("the host aborted the request")]
    Aborted,
    /// A time limit of the host passed.
    #[error("the host's own time limit passed")]
    Timeout,
    /// The server redirects. Redirects are not followed, because keys would be sent along.
    #[error("the server redirects")]
    Redirect,
}

/// The error of a request without a response.
pub(super) fn of_request(error: &JsValue, url: &str) -> TransportError {
    let fault = named(error).unwrap_or_else(|| unnamed(error, url));
    let sent = if matches!(fault, FetchFault::Connect | FetchFault::MixedContent) { Sent::No } else { Sent::Maybe };
    failed(sent, fault, detail(error))
}

/// The error of an interrupted body.
pub(super) fn of_body(error: &JsValue) -> TransportError {
    failed(Sent::Maybe, named(error).unwrap_or(FetchFault::Network), detail(error))
}

/// The error of an opaque response.
pub(super) fn redirect() -> TransportError {
    let message = "the server redirects; redirects are not followed, so that keys are not sent to another address; set the base URL to the new address";
    TransportError::new(Sent::Maybe, message).with_source(FetchFault::Redirect)
}

fn failed(sent: Sent, fault: FetchFault, detail: String) -> TransportError {
    TransportError::new(sent, format_args!("{fault} ({detail})")).with_source(fault)
}

/// The faults that the standard names.
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
    // Only pages and their workers have an origin.
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

/// Whether the host reports a failed connection: Node by a code of the cause, Deno by its message.
fn is_refused(error: &JsValue) -> bool {
    const CODES: [&str; 6] =
        ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"];
    let code = get(error, "cause").and_then(|cause| text(&cause, "code"));
    code.is_some_and(|code| CODES.contains(&&*code)) || words(error).contains("client error (Connect)")
}

/// Browsers allow these in secure pages.
fn is_loopback(url: &str) -> bool {
    ["http://127.", "http://localhost", "http://[::1]"].iter().any(|start| url.starts_with(start))
}

/// The host's message, and that of the cause, which is more detailed in Node.
fn detail(error: &JsValue) -> String {
    match get(error, "cause").map(|cause| words(&cause)) {
        Some(cause) => format!("{}: {cause}", words(error)),
        None => words(error),
    }
}
