//! The host, and the servers that `serve.mjs` started.

use std::time::Duration;

use js_sys::{Function, Promise, Reflect};
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::call::Retry;
use tabbyapi::transport::FetchFault;
use tabbyapi::{Client, Error, Options};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

const SERVE: Option<&str> = option_env!("TABBY_HOSTS_URL");
pub const API_KEY: &str = "emulator-api-key";
pub const ADMIN_KEY: &str = "emulator-admin-key";

/// Whether there is a global of this name.
pub fn has(name: &str) -> bool {
    Reflect::has(&js_sys::global(), &name.into()).unwrap_or(false)
}

/// Whether this host keeps scripts from what other origins do not offer.
pub fn is_browser() -> bool {
    has("location")
}

/// Runs JavaScript, and awaits what it returns.
pub async fn run(code: &str) -> JsValue {
    let value = Function::new_no_args(code).call0(&JsValue::NULL).expect("the script does not throw");
    match value.dyn_into::<Promise>() {
        Ok(promise) => JsFuture::from(promise).await.expect("the script does not fail"),
        Err(value) => value,
    }
}

/// An address below `serve.mjs`.
pub fn address(path: &str) -> String {
    format!("{}{path}", SERVE.expect("these tests run by `tests/run wasm-fetch`"))
}

async fn text(path: &str) -> String {
    run(&format!("return (globalThis.keptFetch ?? fetch)({:?}).then((answer) => answer.text())", address(path)))
        .await
        .as_string()
        .expect("text")
}

/// The address of one of the servers.
pub async fn server(name: &str) -> String {
    let servers: serde_json::Value = serde_json::from_str(&text("/servers").await).unwrap();
    servers[name].as_str().unwrap().to_owned()
}

/// A client of the emulator.
pub async fn client() -> Client {
    let builder = Client::builder(server("emulator").await).api_key(API_KEY).admin_key(ADMIN_KEY);
    builder.build().unwrap()
}

/// A client of a server that misbehaves, which asks once, and its path.
pub fn odd(how: &str) -> (Client, String) {
    let path = format!("/{how}/{}", (js_sys::Math::random() * 1e15) as u64);
    let client = Client::builder(address(&path)).build().unwrap();
    (client.with(Options::new().retry(Retry::NEVER)), path)
}

pub fn ask(text: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(text)]).max_tokens(200)
}

pub async fn sleep(client: &Client, milliseconds: u64) {
    client.clock().sleep(Duration::from_millis(milliseconds)).await;
}

/// How many lines of the servers' logs begin so.
pub async fn logged(start: &str) -> usize {
    text("/log").await.lines().filter(|line| line.starts_with(start)).count()
}

/// Waits until so many lines of the servers' logs begin so.
pub async fn until_logged(client: &Client, start: &str, count: usize) {
    for _ in 0..100 {
        if logged(start).await >= count {
            return;
        }
        sleep(client, 50).await;
    }
    panic!("{start:?} was not logged {count} times:\n{}", text("/log").await);
}

/// What the transport says of an error.
pub fn fault(error: &Error) -> Option<FetchFault> {
    let mut cause = error.cause();
    while let Some(found) = cause {
        if let Some(fault) = found.downcast_ref::<FetchFault>() {
            return Some(*fault);
        }
        cause = found.source();
    }
    None
}
