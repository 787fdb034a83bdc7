//! The texts that `src/guide/troubleshooting.md` quotes are what the library says.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use tabbyapi::api::{ChatMessage, ChatRequest, CompletionRequest, EmbeddingsRequest, LoadRequest};
use tabbyapi::transport::BoxFuture;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{BaseUrl, Client, Error};

const GUIDE: &str = include_str!("../src/guide/troubleshooting.md");
const HTML: &str = "<html><head><title>502 Bad Gateway</title></head><body></body></html>";

fn detail(status: u16, text: &str) -> Reply {
    Reply::json(status, serde_json::json!({"detail": text}).to_string())
}

fn event(json: &str) -> String {
    format!("data: {json}\r\n\r\n")
}

/// What a call against such an answer fails with.
fn reported(reply: Reply, call: impl FnOnce(&Client) -> BoxFuture<Option<Error>>) -> String {
    // As often as it is tried.
    let script = Script::new((0..3).map(|_| reply.clone()));
    let client = Client::builder("http://127.0.0.1:5000").api_key("api").admin_key("adm").build_with(script);
    block_on(call(&client.expect("a client"))).expect("an error").to_string()
}

fn current(client: &Client) -> BoxFuture<Option<Error>> {
    client.models().current().map(Result::err).boxed()
}

fn question() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("Why?")])
}

fn chat(client: &Client) -> BoxFuture<Option<Error>> {
    client.chat().create(&question()).map(Result::err).boxed()
}

fn chat_stream(client: &Client) -> BoxFuture<Option<Error>> {
    client.chat().stream(&question()).finish().map(|end| end.err().map(|broken| broken.error)).boxed()
}

fn all() -> Vec<String> {
    let chunk = event(r#"{"choices":[{"index":0,"delta":{"content":"Because"}}]}"#);
    let aborted = "Chat completion 1f3a aborted. Please check the server console.";
    let within = |message: &str| event(&serde_json::json!({"error": {"message": message, "trace": null}}).to_string());
    let long = "Prompt length 6002 exceeds the available context size of 4096 tokens";
    let long = serde_json::json!({"error": {"message": long, "type": "invalid_request_error", "param": null,
        "code": "context_length_exceeded"}});
    let invalid = r#"{"detail":[{"type":"greater_than_equal","loc":["body","frequency_penalty"],"msg":"Input should be greater than or equal to 0","input":-1.0}]}"#;
    let no_tokens = |client: &Client| {
        let stream = client.completions().stream(&CompletionRequest::new("Once"));
        stream.finish().map(|end| end.err().map(|broken| broken.error)).boxed()
    };
    let load = |client: &Client| {
        let stream = client.models().load(&LoadRequest::new("nope"));
        stream.finish().map(|end| end.err().map(|broken| broken.error)).boxed()
    };
    let missing = "Could not find the model path for load. Check model name or config.yml?";
    let no_template = "Chat completions are disabled because a prompt template is not set.";
    vec![
        "localhost:5000".parse::<BaseUrl>().expect_err("no scheme").to_string(),
        reported(Reply::refused("Connection refused (os error 111)"), current),
        reported(
            Reply::status(404).header("content-type", "text/html").chunk(HTML.replace("502 Bad Gateway", "Not here")),
            current,
        ),
        reported(Reply::status(200).header("content-type", "text/html").chunk("<html>Welcome</html>"), current),
        reported(Reply::status(502).header("content-type", "text/html").chunk(HTML), current),
        reported(Reply::status(307).header("location", "https://example.org/v1/model"), current),
        reported(detail(401, "Please provide an API key"), current),
        reported(detail(401, "Invalid API key"), current),
        reported(detail(401, "Invalid admin key"), |client| client.models().unload().map(Result::err).boxed()),
        reported(detail(503, "No models are currently loaded."), chat),
        reported(detail(503, "No embedding models are currently loaded."), |client| {
            client.embeddings().create(&EmbeddingsRequest::new("x")).map(Result::err).boxed()
        }),
        reported(detail(422, no_template), chat),
        reported(detail(400, missing), load),
        reported(detail(404, "Not Found"), |client| client.kobold().version().map(Result::err).boxed()),
        reported(Reply::json(422, invalid), chat),
        reported(Reply::json(400, long.to_string()), chat),
        reported(Reply::status(500).header("content-type", "text/plain").chunk("Internal Server Error"), chat),
        reported(detail(503, aborted), chat),
        reported(Reply::events().chunk(within("Completion aborted. Please check the server console.")), no_tokens),
        reported(Reply::json(200, "").head_after(Duration::from_secs(700)), chat),
        reported(Reply::events().chunk(chunk.clone()).hang(), chat_stream),
        reported(Reply::events().chunk(chunk.clone()).fail("connection reset by peer"), chat_stream),
        reported(Reply::events().chunk(chunk), chat_stream),
    ]
}

/// The blocks of the guide that are marked as text.
fn quoted() -> Vec<&'static str> {
    GUIDE.split("```text\n").skip(1).filter_map(|rest| Some(rest.split_once("\n```")?.0)).collect()
}

#[test]
fn the_guide_quotes_what_the_library_says_and_all_of_it() {
    let (all, quoted) = (all(), quoted());
    let said: BTreeSet<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(said.len(), all.len(), "each is said once");
    let quoted: BTreeSet<&str> = quoted.into_iter().collect();
    let unquoted: Vec<_> = said.difference(&quoted).collect();
    let unsaid: Vec<_> = quoted.difference(&said).collect();
    assert!(
        unquoted.is_empty() && unsaid.is_empty(),
        "said, but not quoted: {unquoted:#?}\nquoted, but not said: {unsaid:#?}"
    );
}
