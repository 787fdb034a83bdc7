//! Errors as other servers and proxies write them, and what each must come to: `tests/odd/errors.json`, which the npm package is held
//! against, too.

use futures::executor::block_on;
use http::StatusCode;
use serde_json::{Value, json};
use tabbyapi::api::*;
use tabbyapi::policy::Retry;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, Error, Response, Result};

const CASES: &str = include_str!("odd/errors.json");

/// What an operation came to, as the cases have it.
#[derive(Debug, Default)]
struct Came {
    text: Option<String>,
    finish_reason: Option<String>,
    error: Option<Error>,
}

impl Came {
    fn of<T>(result: Result<Response<T>>) -> Came {
        Came { error: result.err(), ..Came::default() }
    }
}

fn operate(client: &Client, operation: &str) -> Came {
    let chat = ChatRequest::new([ChatMessage::user("x")]);
    let completion = CompletionRequest::new("x").max_tokens(1);
    macro_rules! come {
        ($call:expr) => {
            Came::of(block_on($call))
        };
    }
    match operation {
        "chat.create" => match block_on(client.chat().create(&chat)) {
            Ok(answer) => Came {
                text: Some(answer.text().to_owned()),
                finish_reason: answer.choices.first().and_then(|c| Some(c.finish_reason.as_ref()?.to_string())),
                error: None,
            },
            Err(error) => Came { error: Some(error), ..Came::default() },
        },
        "chat.stream" => {
            let end = block_on(client.chat().stream(&chat).finish());
            Came { error: end.err().map(|broken| broken.error), ..Came::default() }
        }
        "completions.create" => come!(client.completions().create(&completion)),
        "embeddings.create" => come!(client.embeddings().create(&EmbeddingsRequest::new("x"))),
        "models.list" => come!(client.models().list()),
        "models.current" => come!(client.models().current()),
        "models.props" => come!(client.models().props()),
        "models.drafts" => come!(client.models().drafts()),
        "models.unload" => come!(client.models().unload()),
        "loras.list" => come!(client.loras().list()),
        "loras.active" => come!(client.loras().active()),
        "loras.unload" => come!(client.loras().unload()),
        "templates.list" => come!(client.templates().list()),
        "templates.switch" => come!(client.templates().switch("x")),
        "templates.unload" => come!(client.templates().unload()),
        "sampling.overrides" => come!(client.sampling().overrides()),
        "sampling.switch_preset" => come!(client.sampling().switch_preset("x")),
        "sampling.unload" => come!(client.sampling().unload()),
        "tokens.encode" => come!(client.tokens().encode(&EncodeRequest::new("x"))),
        "tokens.decode" => come!(client.tokens().decode(&DecodeRequest::new([1]))),
        "embedding_models.list" => come!(client.embedding_models().list()),
        "embedding_models.current" => come!(client.embedding_models().current()),
        "embedding_models.unload" => come!(client.embedding_models().unload()),
        "health.check" => come!(client.health().check()),
        "health.service_info" => come!(client.health().service_info()),
        "auth.permission" => come!(client.auth().permission()),
        other => panic!("no such operation: {other}"),
    }
}

fn reply(case: &Value) -> Reply {
    let status = case["status"].as_u64().expect("a status") as u16;
    let headers = case["headers"].as_object().expect("headers");
    let reply = headers.iter().fold(Reply::status(status), |reply, (name, value)| {
        reply.header(name.as_str(), value.as_str().expect("a text"))
    });
    reply.chunk(case["body"].as_str().expect("a body").to_owned())
}

/// How what came differs from what is expected.
fn faults(case: &Value) -> Vec<String> {
    let script = Script::new([reply(case)]);
    let builder = Client::builder("http://tabby.test").api_key("api").admin_key("adm").retry(Retry::NEVER);
    let client = builder.build_with(script).expect("a client");
    let came = operate(&client, case["operation"].as_str().expect("an operation"));
    let mut faults = Vec::new();
    let mut differs = |what: &str, expected: &Value, found: Value| {
        if !expected.is_null() && *expected != found {
            faults.push(format!("{what} is {found}, not {expected}"));
        }
    };
    let expect = &case["expect"];
    differs("ok", &expect["ok"], came.error.is_none().into());
    differs("text", &expect["text"], json!(came.text));
    differs("finish_reason", &expect["finish_reason"], json!(came.finish_reason));
    if let Some(error) = &came.error {
        differs("kind", &expect["error"]["kind"], error.kind().as_str().into());
        differs("code", &expect["error"]["code"], error.code().as_str().into());
        differs("message", &expect["error"]["message"], error.message().into());
        differs("status", &expect["error"]["status"], json!(error.status().map(|status| status.as_u16())));
        differs("retryable", &expect["error"]["retryable"], error.is_retryable().into());
        if let Some(partial) = expect["partial_text"].as_str() {
            let body = error.body().map(|body| String::from_utf8_lossy(body).into_owned());
            assert!(body.is_some_and(|body| body.contains(partial)), "the body is kept: {case}");
        }
    }
    faults
}

#[test]
fn every_case_comes_to_what_it_says() {
    let cases: Vec<Value> = serde_json::from_str(CASES).expect("JSON");
    assert!(cases.len() > 150, "{}", cases.len());
    let mut all = Vec::new();
    for case in &cases {
        let (faults, todo) = (faults(case), case["todo"] == true);
        match (faults.is_empty(), todo) {
            (false, false) => all.push(format!("{}: {}", case["name"], faults.join("; "))),
            (true, true) => all.push(format!("{}: is done, remove its mark", case["name"])),
            _ => {}
        }
    }
    assert!(all.is_empty(), "{} of {}:\n{}", all.len(), cases.len(), all.join("\n"));
}

#[test]
fn what_is_sent_again_is_decided_by_the_status() {
    let attempts = |status: u16, body: &'static str| {
        let script = Script::new((0..5).map(|_| Reply::json(status, body)));
        let client = Client::builder("http://tabby.test").build_with(script.clone()).expect("a client");
        block_on(client.models().list()).expect_err("an error");
        script.requests().len()
    };
    let bodies = [
        r#"{"detail":"no"}"#,
        r#"{"error":{"message":"no","type":"t"}}"#,
        r#"{"error":{"message":"no","code":"c"}}"#,
        r#"{"error":{"message":"no","code":200}}"#,
        r#"{"message":"no","code":503}"#,
        "no",
    ];
    for body in bodies {
        for status in StatusCode::BAD_REQUEST.as_u16()..600 {
            let again = matches!(status, 408 | 429 | 502..=504 | 506..=599);
            assert_eq!(attempts(status, body), if again { 3 } else { 1 }, "{status} {body}");
        }
    }
}
