//! The abi as wasm-pack's users know it: the same functions, with strings and byte arrays. A call by them stands in
//! `wasm/test/by-hand.mjs`.

#![allow(unreachable_pub, reason = "JavaScript reaches them")]

use wasm_bindgen::prelude::wasm_bindgen;

use crate::machine;

/// The records that the last call gave.
#[wasm_bindgen]
pub fn output() -> String {
    machine::with_output(|output| String::from_utf8_lossy(output).into_owned())
}

/// The detail of the last call, in JSON.
#[wasm_bindgen]
pub fn detail() -> String {
    machine::with_detail(|detail| String::from_utf8_lossy(detail).into_owned())
}

/// The version of what these functions take and give. It changes whenever a caller has to.
#[wasm_bindgen]
pub fn version() -> u32 {
    machine::VERSION
}

/// When to poll the call again that was polled last, in milliseconds; infinite if never.
#[wasm_bindgen]
pub fn deadline() -> f64 {
    machine::deadline()
}

/// Opens a client from settings; 0 if they cannot work, which the detail explains. They are a JSON object of `base_url`, `api_key`, `admin_key`,
/// `bearer`, `asks_for_keys`; `servers`, a list of further ones of the first four; `balance`, which is `in_order` or `round_robin`; limits of each
/// server: `concurrency` of `running` and `waiting`, `rate_limit` of `requests`, `tokens`, `interval` and `refuses`, which a further server may have
/// itself; `breaker` of `window`, `min_attempts`, `failure_rate`, `open_for` and `probes`; and options that may be absent or null: `secrets`, a list of texts that must not show; `retry` of
/// `max_retries`, `base`, `cap`, `retry_after_cap` and `retry_generations`; `limits` of `event`, `body` and `error_excerpt`, in bytes;
/// `timeout_policy` of `read`, `generate`, `stream`, `stream_tools`, `load` and `download`, each of `head`, `first_item`, `idle` and
/// `total`; `timeout`; `prefer_admin_key`. Times are in milliseconds. A negative number means no limit.
#[wasm_bindgen]
pub fn open(settings: &str) -> u32 {
    machine::open(settings.as_bytes())
}

/// Closes a client. Its calls go on.
#[wasm_bindgen]
pub fn close(client: u32) {
    machine::close(client);
}

/// Opens a client that shares servers, keys, limits and breakers with this one, with options of its own; 0 if they cannot work, which the detail
/// explains.
#[wasm_bindgen]
pub fn view(client: u32, settings: &str) -> u32 {
    machine::view(client, settings.as_bytes())
}

/// The state of a client's servers, in the detail: `servers`, a list, and `waiting`, the number of calls that wait; 0 if there is no such client.
#[wasm_bindgen]
pub fn servers(client: u32, now: f64) -> u32 {
    machine::servers(client, now)
}

/// Notes which model a server of a client has loaded: a JSON object of `server` and `model`, which is null if there is none; 0 if it cannot be read.
#[wasm_bindgen]
pub fn loaded(client: u32, what: &str) -> u32 {
    machine::loaded(client, what.as_bytes())
}

/// Makes a call; 0 if it cannot be made, which the detail explains. It is a JSON object of `operation`, such as `chat.stream`, `has_body`,
/// `choices` (how many are asked for), `wants_usage`, `request_bytes`, `model` and `tokens` (of prompt and answer, by estimate), and options as in
/// settings, which override those of the client.
#[wasm_bindgen]
pub fn start(client: u32, call: &str) -> u32 {
    machine::start(client, call.as_bytes())
}

/// Drops a call, which cancels it.
#[wasm_bindgen(js_name = dropCall)]
pub fn drop_call(call: u32) {
    machine::drop_call(call);
}

/// What to do next: 0 read, 1 send, 2 wait, 3 bring a key, 4 done, 5 failed.
#[wasm_bindgen]
pub fn poll(call: u32, now: f64) -> u32 {
    machine::poll(call, now)
}

/// The head of an answer is there: its status, and the values of `content-type`, `retry-after`, `date`, `x-should-retry`
/// and `retry-after-ms`, a line each.
#[wasm_bindgen]
pub fn head(call: u32, now: f64, status: u32, headers: &str) -> u32 {
    machine::head(call, now, status, headers.as_bytes())
}

/// Some bytes of its body.
#[wasm_bindgen]
pub fn chunk(call: u32, now: f64, bytes: &[u8]) -> u32 {
    machine::chunk(call, now, bytes)
}

/// Its end.
#[wasm_bindgen]
pub fn end(call: u32, now: f64) -> u32 {
    machine::end(call, now)
}

/// The exchange failed. `how` is 0 if the server cannot have seen the request, 1 if it can, 2 if its certificate was refused, 3 if a proxy
/// could not be reached.
#[wasm_bindgen]
pub fn failed(call: u32, now: f64, how: u32, message: &str) -> u32 {
    machine::failed(call, now, how, message.as_bytes())
}

/// The key that was asked for: 1 an API key, 2 an admin key, 3 a bearer; 0 there is none, 4 the text is the reason. It expires after so many
/// milliseconds, or never if these are below 0.
#[wasm_bindgen]
pub fn key(call: u32, now: f64, kind: u32, expires_in: f64, text: &str) -> u32 {
    machine::key(call, now, kind, expires_in, text.as_bytes())
}

/// A call that waited for another one and is to be polled; 0 if there is none.
#[wasm_bindgen]
pub fn woken() -> u32 {
    machine::woken()
}
