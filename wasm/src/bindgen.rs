//! The ABI for users of wasm-pack: the same functions, with strings and byte arrays. `wasm/test/by-hand.mjs` makes a call with
//! them.

#![allow(unreachable_pub, reason = "JavaScript reaches them")]

use wasm_bindgen::prelude::wasm_bindgen;

use crate::machine;

/// Returns the records of the last call.
#[wasm_bindgen]
pub fn output() -> String {
    machine::with_output(|output| String::from_utf8_lossy(output).into_owned())
}

/// Returns the detail of the last call, in JSON.
#[wasm_bindgen]
pub fn detail() -> String {
    machine::with_detail(|detail| String::from_utf8_lossy(detail).into_owned())
}

/// Returns the version of the ABI. It changes whenever callers have to change.
#[wasm_bindgen]
pub fn version() -> u32 {
    machine::VERSION
}

/// Returns when to poll the call again that was polled last, in milliseconds. Infinite if never.
#[wasm_bindgen]
pub fn deadline() -> f64 {
    machine::deadline()
}

/// Opens a client from settings. Returns 0 if they are invalid; the detail has the error.
///
/// The settings are a JSON object with `base_url`, `api_key`, `admin_key`, `bearer`, `asks_for_keys`; `servers`, a list of
/// further servers with the first four; `balance`, which is `in_order` or `round_robin`; the limits of each server: `concurrency`
/// with `running` and `waiting`, `rate_limit` with `requests`, `tokens`, `interval` and `refuses`, which a further server can
/// override; `breaker` with `window`, `min_attempts`, `failure_rate`, `open_for` and `probes`; and options, which may be absent
/// or null: `secrets`, a list of texts to redact; `retry` with `max_retries`, `base`, `cap`, `retry_after_cap` and
/// `retry_generations`; `limits` with `event`, `body` and `error_excerpt`, in bytes; `timeout_policy` with `read`, `generate`,
/// `stream`, `stream_tools`, `load` and `download`, each with `head`, `first_item`, `idle` and `total`; `timeout`;
/// `prefer_admin_key`. Times are in milliseconds. A negative number means no limit.
#[wasm_bindgen]
pub fn open(settings: &str) -> u32 {
    machine::open(settings.as_bytes())
}

/// Closes a client. Its calls continue.
#[wasm_bindgen]
pub fn close(client: u32) {
    machine::close(client);
}

/// Opens a client that shares servers, keys, limits and breakers with this one, with its own options. Returns 0 if they are
/// invalid; the detail has the error.
#[wasm_bindgen]
pub fn view(client: u32, settings: &str) -> u32 {
    machine::view(client, settings.as_bytes())
}

/// Writes the state of a client's servers into the detail: `servers`, a list, and `waiting`, the number of waiting calls. Returns
/// 0 if there is no such client.
#[wasm_bindgen]
pub fn servers(client: u32, now: f64) -> u32 {
    machine::servers(client, now)
}

/// Sets which model a server of a client has loaded, from a JSON object with `server` and `model`, which is null if there is
/// none. Returns 0 if the input is invalid.
#[wasm_bindgen]
pub fn loaded(client: u32, what: &str) -> u32 {
    machine::loaded(client, what.as_bytes())
}

/// Creates a call. Returns 0 if it is invalid; the detail has the error.
///
/// The call is a JSON object with `operation`, such as `chat.stream`, `has_body`, `choices` (the requested number),
/// `wants_usage`, `request_bytes`, `model` and `tokens` (of prompt and response, estimated), and options as in the settings,
/// which override those of the client.
#[wasm_bindgen]
pub fn start(client: u32, call: &str) -> u32 {
    machine::start(client, call.as_bytes())
}

/// Drops a call, which cancels it.
#[wasm_bindgen(js_name = dropCall)]
pub fn drop_call(call: u32) {
    machine::drop_call(call);
}

/// Returns the next step: 0 read, 1 send, 2 wait, 3 provide a key, 4 done, 5 failed.
#[wasm_bindgen]
pub fn poll(call: u32, now: f64) -> u32 {
    machine::poll(call, now)
}

/// Passes the head of a response: its status, and the values of `content-type`, `retry-after`, `date`, `x-should-retry` and
/// `retry-after-ms`, one per line.
#[wasm_bindgen]
pub fn head(call: u32, now: f64, status: u32, headers: &str) -> u32 {
    machine::head(call, now, status, headers.as_bytes())
}

/// Passes a part of the body.
#[wasm_bindgen]
pub fn chunk(call: u32, now: f64, bytes: &[u8]) -> u32 {
    machine::chunk(call, now, bytes)
}

/// Passes the end of the body.
#[wasm_bindgen]
pub fn end(call: u32, now: f64) -> u32 {
    machine::end(call, now)
}

/// Passes the failure of the exchange. `how` is 0 if the server cannot have seen the request, 1 if it may have, 2 if its
/// certificate was rejected, 3 if a proxy could not be reached.
#[wasm_bindgen]
pub fn failed(call: u32, now: f64, how: u32, message: &str) -> u32 {
    machine::failed(call, now, how, message.as_bytes())
}

/// Passes the key that was requested. `kind` is 1 for an API key, 2 for an admin key, 3 for a bearer key, 0 for no key, 4 for an
/// error, whose message is the text. The key expires after `expires_in` milliseconds, or never if that is negative.
#[wasm_bindgen]
pub fn key(call: u32, now: f64, kind: u32, expires_in: f64, text: &str) -> u32 {
    machine::key(call, now, kind, expires_in, text.as_bytes())
}

/// Returns a call that waited for another one and must be polled. 0 if there is none.
#[wasm_bindgen]
pub fn woken() -> u32 {
    machine::woken()
}
