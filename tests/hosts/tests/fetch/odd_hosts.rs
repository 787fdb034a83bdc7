//! Hosts, or what pages put in place of their `fetch`, that do what the standard does not say. None of it may be a panic, since
//! a module that panicked is dead.

use tabbyapi::call::Retry;
use tabbyapi::transport::{Fetch, FetchFault};
use tabbyapi::{Client, ErrorKind, Options};

use super::host::{self, ask, fault};

/// A whole answer.
const ANSWER: &str = r#"{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}"#;

/// Runs a call while `fetch` is this script.
async fn with_fetch(script: &str) -> tabbyapi::Result<String> {
    host::run(&format!("globalThis.keptFetch ??= globalThis.fetch; globalThis.fetch = {script};")).await;
    let client = Client::builder("http://127.0.0.1:9").build().unwrap().with(Options::new().retry(Retry::NEVER));
    let answer = client.chat().create(&ask("x")).await;
    host::run("globalThis.fetch = globalThis.keptFetch;").await;
    answer.map(|answer| answer.text().to_owned())
}

#[test]
async fn rejections_of_every_kind() {
    for (thrown, expected) in [
        ("undefined", None),
        ("null", None),
        ("7", None),
        ("'words'", None),
        ("{}", None),
        ("Symbol('s')", None),
        ("Object.create(null)", None),
        ("new Proxy({}, { get() { throw 1 } })", None),
        ("new DOMException('left', 'AbortError')", Some(FetchFault::Aborted)),
        ("new DOMException('late', 'TimeoutError')", Some(FetchFault::Timeout)),
        ("{ name: 'AbortError' }", Some(FetchFault::Aborted)),
    ] {
        for script in [format!("() => Promise.reject({thrown})"), format!("() => {{ throw {thrown} }}")] {
            let error = with_fetch(&script).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Transport, "{script}: {error}");
            let fault = fault(&error).expect(&script);
            assert!(expected.is_none_or(|expected| expected == fault), "{script}: {error}");
        }
    }
}

#[test]
async fn answers_that_are_none() {
    for answer in [
        "undefined",
        "null",
        "7",
        "'words'",
        "{}",
        "[]",
        "() => 1",
        "{ status: 99 }",
        "{ status: 200, body: 1 }",
        "new Proxy({}, { get() { throw 1 } })",
    ] {
        for script in [format!("() => Promise.resolve({answer})"), format!("() => ({answer})")] {
            let error = with_fetch(&script).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Transport, "{script}: {error}");
        }
    }
}

#[test]
async fn headers_that_are_none() {
    for headers in ["undefined", "7", "[1, 'x', [], [2, 3], ['a b', 'c'], ['x-odd', '\\n']]"] {
        let script = format!("async () => ({{ status: 200, headers: {headers}, body: new Response('7').body }})");
        let error = with_fetch(&script).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{script}: {error}");
    }
}

#[test]
async fn bodies_that_are_not_made_of_bytes() {
    for piece in ["'text'", "7", "{}", "null", "undefined", "new ArrayBuffer(4)"] {
        let script = format!(
            "async () => new Response(new ReadableStream({{ start(c) {{ c.enqueue({piece}); c.close(); }} }}), \
             {{ headers: {{ 'content-type': 'application/json' }} }})"
        );
        let error = with_fetch(&script).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Transport | ErrorKind::Truncated), "{script}: {error}");
    }
    for (thrown, expected) in
        [("undefined", FetchFault::Network), ("new DOMException('x', 'AbortError')", FetchFault::Aborted)]
    {
        let script = format!(
            "async () => new Response(new ReadableStream({{ start(c) {{ c.error({thrown}); }} }}), \
             {{ headers: {{ 'content-type': 'application/json' }} }})"
        );
        let error = with_fetch(&script).await.unwrap_err();
        assert_eq!(fault(&error), Some(expected), "{script}: {error}");
    }
}

#[test]
async fn a_body_that_somebody_else_reads() {
    let script = "async () => { const r = new Response('{}'); r.body.getReader(); return r; }";
    let error = with_fetch(script).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
}

#[test]
async fn views_of_every_kind_are_bytes() {
    for view in ["bytes", "new DataView(bytes.buffer)", "new Uint8ClampedArray(bytes.buffer)"] {
        let script = format!(
            "async () => {{ const bytes = new TextEncoder().encode({ANSWER:?}).slice(); return new Response(new ReadableStream({{ \
             start(c) {{ c.enqueue({view}); c.close(); }} }}), {{ headers: {{ 'content-type': 'application/json' }} }}) }}"
        );
        assert_eq!(with_fetch(&script).await.unwrap(), "ok", "{view}");
    }
}

#[test]
async fn a_host_without_fetch_is_reported_before_anything_is_sent() {
    host::run("globalThis.keptFetch ??= globalThis.fetch; globalThis.fetch = undefined;").await;
    let (transport, client) = (Fetch::new(), Client::builder("http://127.0.0.1:9").build());
    host::run("globalThis.fetch = globalThis.keptFetch;").await;
    assert_eq!(transport.unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(client.unwrap_err().kind(), ErrorKind::Config);
}

#[test]
async fn a_host_without_timers_still_answers() {
    // Node's own `fetch` needs them, so it is another one.
    host::run("globalThis.keptTimeout = globalThis.setTimeout; globalThis.setTimeout = undefined;").await;
    let answer = with_fetch(&format!("async () => Response.json({ANSWER})")).await;
    host::run("globalThis.setTimeout = globalThis.keptTimeout;").await;
    assert_eq!(answer.unwrap(), "ok");
}
