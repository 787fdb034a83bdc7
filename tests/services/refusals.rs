//! Bad input and wrong keys: the server's words, a code and a hint for each. Those of one service stand with it.

use futures::executor::block_on;
use tabbyapi::Client;
use tabbyapi::api::{ChatMessage, ChatRequest, CompletionRequest, LoadRequest};
use tabbyapi::transport::script::{Reply, Script};

use crate::harness::{Reported, assert_error, client, play_as};

/// What the client makes of this answer to switching presets, an operation like any other.
fn reported(reply: Reply) -> Result<(), Reported> {
    let script = Script::new([reply]);
    let result = block_on(client(&script).sampling().switch_preset("nope"));
    result.map(|_| ()).map_err(Reported::from)
}

#[test]
fn unknown_presets() {
    let body = r#"{"detail":"Sampler override file named \"nope\" was not found. Make sure it's located in the sampler_overrides folder."}"#;
    let words = "Sampler override file named \"nope\" was not found.";
    assert_error(reported(Reply::json(400, body)), 400, "unknown_preset", words, "client.sampling().overrides()");
    // As its routes say it.
    let words = "Sampler override preset with name nope does not exist. Check the spelling?";
    let body = serde_json::json!({ "detail": words }).to_string();
    assert_error(reported(Reply::json(400, body)), 400, "unknown_preset", words, "client.sampling().overrides()");
}

#[test]
fn unknown_models() {
    let load = |client: &Client| {
        let stream = client.models().load(&LoadRequest::new("nope"));
        async move { stream.finish().await.map_err(|broken| broken.error) }
    };
    let expected = ("POST /v1/model/load", Some(serde_json::json!({"model_name": "nope"})));
    let result = play_as("model-load-missing", expected, load);
    assert_error(result, 400, "unknown_model", "Could not find the model path for load.", "client.models()");
}

#[test]
fn keys_that_do_not_fit_the_scope() {
    let detail = |text: &str| Reply::json(401, format!(r#"{{"detail":"{text}"}}"#));
    let cases = [
        ("Please provide an admin key", "missing_key", "admin operations need the admin key"),
        ("Please provide an API key", "missing_key", "`api_key`"),
        ("Invalid admin key", "invalid_key", "check `admin_key`, which the server refused"),
        ("Invalid API key", "invalid_key", "check `admin_key`, which the server refused"),
        ("Unable to switch model to x because an admin key isn't provided", "missing_key", "the admin key"),
    ];
    for (words, code, hint) in cases {
        assert_error(reported(detail(words)), 401, code, words, hint);
    }
}

#[test]
fn no_model_and_no_template() {
    let generation = CompletionRequest::new("x").max_tokens(1);
    let expected = |body: &str| Some(serde_json::from_str(body).unwrap());
    let body = r#"{"prompt":"x","max_tokens":1,"stream_options":{"include_usage":true}}"#;
    let result = play_as("completion-none-loaded", ("POST /v1/completions", expected(body)), |c| {
        c.completions().create(&generation)
    });
    assert_error(result, 503, "no_model_loaded", "No models are currently loaded.", "client.models().load(..)");

    let chat = ChatRequest::new([ChatMessage::user("x")]);
    let body = r#"{"messages":[{"role":"user","content":"x"}],"stream_options":{"include_usage":true}}"#;
    let result = play_as("chat-model-without-template", ("POST /v1/chat/completions", expected(body)), |c| {
        c.chat().create(&chat)
    });
    let words = "Chat completions are disabled because a prompt template is not set.";
    assert_error(result, 422, "no_template", words, "client.templates().switch(..)");
}

/// An operation of one's own may say more of its errors too.
#[test]
fn an_endpoint_explains_its_errors() {
    struct Odd;
    impl tabbyapi::Endpoint for Odd {
        type Decoder = tabbyapi::decode::Json<serde_json::Value>;
        const METHOD: http::Method = http::Method::GET;
        const SCOPE: tabbyapi::Scope = tabbyapi::Scope::Public;
        const IDEMPOTENCY: tabbyapi::Idempotency = tabbyapi::Idempotency::Idempotent;
        fn path(&self) -> std::borrow::Cow<'_, str> {
            "/odd".into()
        }
        fn decoder(&self) -> Self::Decoder {
            tabbyapi::decode::Json::new()
        }
        fn map_error(error: tabbyapi::Error) -> tabbyapi::Error {
            error.with_code("odd").with_hint("come again")
        }
    }
    let script = Script::new([Reply::json(400, r#"{"detail":"no"}"#)]);
    let error = block_on(client(&script).call(&&Odd)).unwrap_err();
    assert_eq!(error.code(), "odd");
    assert_eq!(error.to_string(), "GET http://tabby.test/odd: the server answered 400: no; come again");
}
