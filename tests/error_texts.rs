//! What errors print: nothing of an answer that could not be read, no control characters, no text twice; and what they know for
//! programs.

use std::error::Error as _;
use std::time::Duration;

use futures::executor::block_on;
use serde_json::{Value, json};
use tabbyapi::api::*;
use tabbyapi::estimate::Estimator;
use tabbyapi::policy::Retry;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, Error, ErrorKind, Limits, Options, Place, Remedy};

fn client(script: &Script) -> Client {
    let builder = Client::builder("http://tabby.test").api_key("the-api-key").admin_key("the-admin-key");
    builder.retry(Retry::NEVER).build_with(script.clone()).expect("a client")
}

fn fail(reply: Reply) -> Error {
    block_on(client(&Script::new([reply])).models().list()).expect_err("an error")
}

/// All that an error prints, with its causes.
fn printed(error: &Error) -> String {
    let mut all = format!("{error} {error:#} {error:?} {error:#?} {:?} {:?}", error.message(), error.path());
    let mut cause = error.cause();
    while let Some(found) = cause {
        all.push_str(&format!(" {found} {found:?}"));
        cause = found.source();
    }
    all
}

/// As anyhow's `{:#}` prints an error.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(found) = cause {
        texts.push(found.to_string());
        cause = found.source();
    }
    texts.join(": ")
}

const PLANTED: &str = "PLANTED, expected `x` at line 1";

/// The document with this value in place of each of its values, one at a time, and under each of its names once more.
fn planted(document: &Value, plant: &Value) -> Vec<Value> {
    let mut all = vec![plant.clone()];
    match document {
        Value::Object(fields) => {
            for (name, value) in fields {
                all.extend(planted(value, plant).into_iter().map(|value| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), value);
                    Value::Object(fields)
                }));
            }
            let mut more = fields.clone();
            more.insert(PLANTED.to_owned(), plant.clone());
            all.push(Value::Object(more));
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                all.extend(planted(item, plant).into_iter().map(|value| {
                    let mut items = items.clone();
                    items[at] = value;
                    Value::Array(items)
                }));
            }
        }
        _ => {}
    }
    all
}

#[test]
fn decode_errors_quote_nothing_of_the_answer() {
    let usage = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2});
    let chat = json!({"id": "c", "created": 1, "model": "m", "usage": usage, "choices": [{
        "index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "x", "tool_calls": [
            {"id": "i", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        "logprobs": {"content": [{"token": "x", "logprob": -0.5, "top_logprobs": [{"token": "x", "logprob": -0.5}]}]}}]});
    let completion = json!({"id": "c", "created": 1, "model": "m", "usage": usage, "choices": [{
        "index": 0, "text": "x", "finish_reason": "stop", "logprobs": {
            "tokens": ["x"], "token_logprobs": [-0.5], "top_logprobs": [{"x": -0.5}], "text_offset": [0]}}]});
    let card = json!({"id": "m", "created": 1, "owned_by": "o", "parameters": {"max_seq_len": 1, "rope_scale": 1.0, "use_vision": true,
        "cache_mode": "Q4"}});
    let embeddings = json!({"data": [{"embedding": [0.5], "index": 0}], "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}});
    let overrides =
        json!({"selected_preset": "p", "overrides": {"top_p": {"override": 1.0, "force": true}}, "presets": ["p"]});
    let mut seen = 0;
    let mut assert_clean = |result: Option<Error>, body: &str| {
        let Some(error) = result else { return };
        assert_eq!(error.kind(), ErrorKind::Decode, "{error} {body}");
        let printed = printed(&error);
        assert!(!printed.contains("PLANTED"), "{printed} {body}");
        seen += 1;
    };
    let plants =
        [json!(PLANTED), json!([PLANTED]), json!({PLANTED: PLANTED}), json!(-7.5), json!({"a": {PLANTED: [PLANTED]}})];
    for plant in &plants {
        macro_rules! try_all {
            ($document:expr, $client:ident => $call:expr) => {
                for body in planted(&$document, plant).iter().map(Value::to_string) {
                    let $client = client(&Script::new([Reply::json(200, body.clone())]));
                    assert_clean(block_on($call).err(), &body);
                }
            };
        }
        let question = ChatRequest::new([ChatMessage::user("x")]);
        try_all!(chat, client => client.chat().create(&question));
        try_all!(completion, client => client.completions().create(&CompletionRequest::new("x").max_tokens(1)));
        try_all!(card, client => client.models().current());
        try_all!(json!({"data": [card]}), client => client.models().list());
        try_all!(embeddings, client => client.embeddings().create(&EmbeddingsRequest::new("x")));
        try_all!(overrides, client => client.sampling().overrides());
        try_all!(json!({"tokens": [1], "length": 1}), client => client.tokens().encode(&EncodeRequest::new("x")));
        try_all!(json!({"status": "healthy", "issues": [{"time": "t", "description": "d"}]}), client => client.health().check());
        try_all!(json!({"value": 1, "ids": [1]}), client => client.kobold().count_tokens("x"));
        let events = |body: &str| Reply::events().chunk(format!("data: {body}\n\n"));
        let chunk = json!({"id": "c", "choices": [{"index": 0, "delta": {"content": "x"}}], "usage": usage});
        for body in planted(&chunk, plant).iter().map(Value::to_string) {
            let end = block_on(client(&Script::new([events(&body)])).chat().stream(&question).finish());
            let error = end.err().map(|broken| broken.error).filter(|error| error.kind() == ErrorKind::Decode);
            assert_clean(error, &body);
        }
    }
    // Odd scalars are read as far as they mean something, so that not every plant is an error.
    assert!(seen > 80, "{seen}");
}

#[test]
fn decode_errors_are_short_however_long_the_answer() {
    let long = "x".repeat(1 << 20);
    for body in [
        format!(r#"{{"data":"{long}"}}"#),
        format!(r#"{{"data":["{long}"]}}"#),
        format!(r#"{{"{long}":[]}}"#),
        format!(r#"{{"data":[{{"{long}":1, oops"#),
    ] {
        let error = fail(Reply::json(200, body));
        let printed = printed(&error);
        assert!(printed.len() < 8192, "{} bytes", printed.len());
    }
    let media = format!("x/{}", "y".repeat(9000));
    let error = fail(Reply::status(200).header("content-type", &media).chunk("no JSON"));
    assert!(error.to_string().len() < 1000, "{error}");
}

#[test]
fn sentences_have_no_control_characters() {
    let odd = "a\nerror: forged\r\u{1b}[31m\u{9b}31m\u{7f}\u{202e}txt\u{2066}\u{200f}\u{85}\u{2028}z";
    let reported = r"a\nerror: forged\r\u{1b}[31m\u{9b}31m\u{7f}\u{202e}txt\u{2066}\u{200f}\u{85}\u{2028}z";
    for body in [json!({"detail": odd}), json!({"error": {"message": odd}}), json!({"message": odd})] {
        let error = fail(Reply::json(400, body.to_string()));
        assert_eq!(error.message(), odd, "programs have the server's words as they came");
        assert_eq!(error.to_string(), format!("GET http://tabby.test/v1/models: the server answered 400: {reported}"));
        let debug = format!("{error:?} {error:#?}").replace('\n', "");
        assert!(
            !debug.contains(|c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{2066}' | '\u{200f}' | '\u{2028}')),
            "{debug}"
        );
    }
    let issue = json!({"detail": [{"loc": ["body", odd], "msg": odd, "type": odd}]});
    let error = fail(Reply::json(422, issue.to_string()));
    assert!(!error.to_string().contains(char::is_control), "{error}");
    let redirect = fail(Reply::status(307).header("location", "http://h/\tx"));
    assert!(!redirect.to_string().contains(char::is_control), "{redirect}");
}

#[test]
fn no_text_stands_twice_in_a_chain() {
    for (reply, words) in [
        (Reply::refused("connection refused by the host"), "connection refused by the host"),
        (Reply::reset("connection reset by the peer"), "connection reset by the peer"),
        (Reply::json(200, r#"{"data":7}"#), "invalid type"),
        (Reply::json(400, r#"{"detail":"wrong words"}"#), "wrong words"),
    ] {
        let error = fail(reply.clone());
        assert_eq!(chain(&error).matches(words).count(), 1, "{}", chain(&error));
        let script = Script::new([reply]);
        let request = ChatRequest::new([ChatMessage::user("x")]);
        let broken = block_on(client(&script).chat().stream(&request).finish()).expect_err("an error");
        let printed = chain(&broken);
        assert!(printed.matches(words).count() <= 1, "{printed}");
        assert_eq!(printed.matches("POST http").count(), 1, "{printed}");
    }
    let refused = fail(Reply::refused("connection refused by the host"));
    assert!(refused.source().is_none());
    assert!(refused.cause().is_some_and(|cause| cause.is::<tabbyapi::transport::TransportError>()));
}

#[test]
fn when_to_come_again() {
    for (name, value, wait) in [
        ("retry-after", "7", Some(Duration::from_secs(7))),
        ("retry-after", "1.5", Some(Duration::from_millis(1500))),
        ("retry-after-ms", "250", Some(Duration::from_millis(250))),
        ("retry-after", "Sun, 99999999999999999999 Nov 1994 08:49:37 GMT", None),
        ("x-other", "7", None),
    ] {
        for status in [429, 503] {
            let error = fail(Reply::json(status, r#"{"detail":"no"}"#).header(name, value));
            assert_eq!(error.retry_after(), wait, "{status} {name}: {value}");
        }
    }
    assert_eq!(fail(Reply::refused("no")).retry_after(), None);
}

/// The wait that the server asks for is kept to, to the millisecond.
#[test]
fn waits_are_kept_to() {
    for (name, value, wait) in [
        ("retry-after", "1.5", 1500),
        ("retry-after", "0.2", 200),
        ("retry-after-ms", "30", 30),
        ("retry-after", "0", 0),
    ] {
        let script = Script::new([
            Reply::json(429, r#"{"detail":"no"}"#).header(name, value),
            Reply::json(200, r#"{"data":[]}"#),
        ]);
        let client = Client::builder("http://tabby.test").build_with(script).expect("a client");
        let answer = block_on(client.models().list()).expect("an answer");
        assert_eq!(
            answer.meta().record().attempts[0].retry_after,
            Some(Duration::from_millis(wait)),
            "{name}: {value}"
        );
    }
}

#[test]
fn a_refused_key_is_named() {
    let refused = |detail: &str| Reply::json(401, json!({"detail": detail}).to_string());
    let list = fail(refused("Invalid API key"));
    assert!(list.to_string().ends_with("(the admin key was sent)"), "{list}");
    let script = Script::new([refused("Invalid API key")]);
    let chat =
        block_on(client(&script).chat().create(&ChatRequest::new([ChatMessage::user("x")]))).expect_err("an error");
    assert!(chat.to_string().ends_with("(the API key was sent)"), "{chat}");
    let script = Script::new([refused("Invalid API key")]);
    let without = Client::builder("http://tabby.test").build_with(script).expect("a client");
    let without = block_on(without.models().list()).expect_err("an error");
    assert!(without.to_string().ends_with("(no key was sent)"), "{without}");
}

#[test]
fn hints_name_the_real_cause() {
    let ask = |reply: Reply, model: Option<&str>| {
        let mut request = ChatRequest::new([ChatMessage::user("x")]);
        if let Some(model) = model {
            request = request.model(model);
        }
        block_on(client(&Script::new([reply])).chat().create(&request)).expect_err("an error")
    };
    let switch = "Unable to switch model to x because an admin key isn't provided";
    let error = ask(Reply::json(401, json!({"detail": switch}).to_string()), Some("x"));
    assert_eq!(error.code(), "missing_key");
    assert!(error.hint().is_some_and(|hint| hint.contains("a model that is not loaded")), "{error}");
    assert!(error.advice().unwrap().places().any(|place| place == Place::Field("model")));

    let bare = || Reply::status(500).header("content-type", "text/plain").chunk("Internal Server Error");
    assert!(ask(bare(), Some("x")).advice().unwrap().places().any(|place| place == Place::Field("model")));

    let gated = "401 Client Error. Cannot access gated repo for url https://huggingface.co/a/b";
    let script = Script::new([Reply::json(400, json!({"detail": gated}).to_string())]);
    let error = block_on(client(&script).models().download(&DownloadRequest::new("a/b"))).expect_err("an error");
    let advice = error.advice().expect("advice");
    assert_eq!((error.code().as_str(), advice.remedy()), ("repo_forbidden", Remedy::Give));
    assert_eq!(advice.places().next(), Some(Place::Field("token")));
    let reported = error.clone().spelled(|place| format!("<{place}>"));
    assert!(reported.to_string().contains("requires a <`token`> of"), "{reported}");
}

#[test]
fn whatever_names_a_setting_is_spelled() {
    let spelled = |error: Error| error.spelled(|place| format!("<{place:?}>")).to_string();

    let wrong = |url: &str| spelled(url.parse::<tabbyapi::BaseUrl>().expect_err("an error"));
    assert_eq!(wrong("localhost:5000"), "<BaseUrl> `localhost:5000` has no scheme; write `http://localhost:5000`");
    assert_eq!(
        wrong("http://h?x"),
        "<BaseUrl> has a query or a fragment; keep scheme, host, port and path prefix only"
    );
    assert_eq!(
        wrong("http://me:hush@h"),
        r#"<BaseUrl> carries a user name or password; leave them out and set keys with <Key("api_key")> and <Key("admin_key")>, or a gateway's `Authorization` with <Setting("client_builder.sensitive_header")>"#
    );
    // What looks like the base URL elsewhere stays as it is.
    let own = Error::custom(ErrorKind::Config, "config", "the base URL is odd");
    assert_eq!(spelled(own), "the base URL is odd");

    let moved = fail(Reply::status(308).header("location", "https://tabby.test/x"));
    assert!(spelled(moved).ends_with("use the address it points to as <BaseUrl>: https://tabby.test/x"));

    // The error of the last look is spelled within the one that quotes it.
    let script = Script::new([Reply::json(503, r#"{"detail":"No models are currently loaded."}"#)]);
    let waited = block_on(client(&script).health().wait_until_ready(Duration::ZERO)).expect_err("an error");
    assert!(waited.to_string().ends_with("load one with `client.models().load(..)`"), "{waited}");
    let reported = spelled(waited);
    assert!(
        reported.contains("; the last check reported: GET http://tabby.test/v1/model: the server answered 503"),
        "{reported}"
    );
    assert!(reported.ends_with(r#"load one with <Method("models.load")>"#), "{reported}");

    let deep = Script::new([Reply::json(200, r#"{"data":[],"x":[[[[[[]]]]]]}"#)]);
    let deep = client(&deep).with(Options::new().limits(Limits::default().depth(5)));
    let error = block_on(deep.models().list()).expect_err("an error");
    assert_eq!(error.code(), "too_deep");
    assert_eq!(error.advice().map(|advice| advice.remedy()), Some(Remedy::Raise));
    assert!(spelled(error).ends_with(r#"raise <Setting("limits.depth")> if such answers are expected"#));

    let image = spelled(ContentPart::image("no image").expect_err("an error"));
    assert!(image.ends_with(r#"name its type with <Setting("content_part.image_bytes")>"#), "{image}");
    let long = ChatRequest::new([ChatMessage::user("long ".repeat(99))]);
    let long = spelled(long.fit(10, &Estimator::default()).expect_err("an error"));
    assert!(long.contains(r#"<Field("max_tokens")>"#), "{long}");
}
