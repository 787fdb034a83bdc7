//! The commands for TabbyML/tabby, against its emulated server.

use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tabbyapi_emulator::tabbyml::TabbyMl;

use crate::support::{Run, file, keyless, start};

const CODE: &str = "def fib(n):\n    \n\nprint(fib(9))\n";
const BODY: &str = "if n < 2:\n        return n\n    return fib(n - 1)";

fn server() -> TabbyMl {
    TabbyMl::builder().token_delay(Duration::ZERO).start().unwrap()
}

fn ml(server: &TabbyMl, args: &[&str]) -> Command {
    let args: Vec<_> = ["ml"].iter().chain(args).copied().collect();
    let mut command = keyless(&server.url(), &args);
    command.env("TABBYML_TOKEN", server.token()).env("TABBYML_REGISTRATION_TOKEN", server.registration_token());
    command
}

fn run(server: &TabbyMl, args: &[&str]) -> Run {
    ml(server, args).output().unwrap().into()
}

#[test]
fn the_server_says_what_it_is() {
    let server = server();
    assert_eq!(run(&server, &["detect"]).good(), "tabbyml\n");
    assert_eq!(run(&server, &["detect", "--json"]).json(), "tabbyml");
    let other = start();
    assert_eq!(Run::from(keyless(&other.url(), &["ml", "detect"]).output().unwrap()).good(), "tabbyapi\n");
    let health = run(&server, &["health"]).good();
    assert!(health.contains("completion  mock-completion\nchat        mock-chat\n"), "{health}");
    assert_eq!(run(&server, &["health", "--json"]).json()["webserver"], true);
    assert_eq!(
        run(&server, &["models"]).good(),
        "completion  mock-completion\nchat        mock-chat\nchat        mock-chat-2\n"
    );
    assert_eq!(run(&server, &["setting"]).good(), "telemetry of clients: on\n");
}

#[test]
fn code_is_completed_at_a_place() {
    let server = server();
    let path = file("ml-complete.py", CODE);
    assert_eq!(run(&server, &["complete", &path, "--line", "2"]).good(), format!("{BODY}\n"));
    let sent = server.requests().pop().unwrap();
    assert!(sent.header("user-agent").unwrap().starts_with("tabby/"));
    let request = sent.json();
    let segments = json!({"prefix": "def fib(n):\n    ", "suffix": "\n\nprint(fib(9))\n", "filepath": path});
    assert_eq!(request, json!({"language": "python", "segments": segments}));
    let args = [
        "complete",
        &path,
        "--line",
        "1",
        "--column",
        "3",
        "--language",
        "x",
        "--temperature",
        "0.5",
        "--seed",
        "7",
        "--json",
    ];
    assert!(run(&server, &args).json()["id"].as_str().unwrap().starts_with("cmpl-"));
    let request = server.requests().pop().unwrap().json();
    assert_eq!(
        (&request["language"], &request["temperature"], &request["seed"]),
        (&json!("x"), &json!(0.5), &json!(7))
    );
    assert_eq!(request["segments"]["prefix"], "def");
    run(&server, &["complete", &path, "--line", "99"]).bad(2, "there is no line 99");
    run(&server, &["complete", "/nowhere.py"]).bad(2, "cannot read /nowhere.py");
    let empty = file("ml-empty.py", "MOCK:empty");
    run(&server, &["complete", &empty]).bad(5, "there is no completion");
}

#[test]
fn a_question_is_answered() {
    let server = server();
    let text = "Hello from mock \u{e9}\u{4e2d}\u{1f600}!\n";
    assert_eq!(run(&server, &["chat", "hi"]).good(), text);
    assert_eq!(run(&server, &["chat", "hi", "--no-stream", "--system", "be brief", "--max-tokens", "9"]).good(), text);
    let request = server.requests().pop().unwrap().json();
    assert_eq!(
        (&request["messages"][0]["role"], &request["max_tokens"], &request["model"]),
        (&json!("system"), &json!(9), &json!(""))
    );
    assert_eq!(run(&server, &["chat", "hi", "--json"]).json_lines().len(), 6);
    run(&server, &["chat", "MOCK:500"]).bad(8, "the stream ended without an event");
    let cut = run(&server, &["chat", "MOCK:cut"]);
    assert_eq!(cut.out, "Hello from\n", "what had come is printed");
    cut.bad(8, "the stream restarted from the beginning");
}

#[test]
fn events_documents_and_queries_are_sent() {
    let server = server();
    assert_eq!(run(&server, &["event", "select", "cmpl-1", "--part", "--elapsed", "20"]).good(), "");
    let event = server.requests().pop().unwrap();
    assert_eq!(event.path, "/v1/events?select_kind=line");
    assert_eq!(event.json(), json!({"type": "select", "completion_id": "cmpl-1", "choice_index": 0, "elapsed": 20}));
    run(&server, &["event", "view", "cmpl-1", "--part"]).bad(2, "`--part`");
    let path = file("ml-document.md", "text");
    let added = run(&server, &["ingest", "add", "my docs", "1", &path, "--title", "T", "--ttl", "90d"]).good();
    assert_eq!(added, "Ingestion has been accepted and will be processed later.\n");
    run(&server, &["ingest", "add", "s", "1", &path, "--ttl", "soon"]).bad(5, "`--ttl` a time such as");
    assert_eq!(run(&server, &["ingest", "remove", "my docs", "1"]).good(), "");
    assert_eq!(server.requests().pop().unwrap().path, "/v1beta/ingestion/my%20docs/1");
    assert_eq!(run(&server, &["ingest", "remove", "my docs"]).good(), "");
    assert_eq!(run(&server, &["graphql", "{me{id}}"]).json(), json!({"me": {"id": "E16n1q"}}));
    run(&server, &["ingest", "status"]).bad(4, "tokenAuth");
    run(&server, &["search", "fn main"]).bad(5, "the server has indexed no repository");
    run(&server, &["search", "x", "--repository", "y"]).bad(5, "the server has no repository `y`");
    assert_eq!(run(&server, &["repositories"]).good(), "");
}

#[test]
fn refusals_name_the_options() {
    let server = server();
    let none = |args: &[&str]| Run::from(keyless(&server.url(), args).output().unwrap());
    none(&["ml", "health"]).bad(4, "set TABBYML_TOKEN (or `--token-file`)");
    none(&["ml", "ingest", "remove", "x"]).bad(4, "set TABBYML_REGISTRATION_TOKEN");
    assert_eq!(none(&["ml", "health", "--json"]).error(4)["code"], "unauthorized");
    let token = file("ml-token", server.token());
    assert!(none(&["ml", "--token-file", &token, "health"]).good().contains("mock-chat"));
    let bare = TabbyMl::builder().no_webserver().no_models().start().unwrap();
    run(&bare, &["chat", "hi"]).bad(5, "no model for chat");
    run(&bare, &["graphql", "{me{id}}"]).bad(5, "does not have the operation");
    let limited = TabbyMl::builder().rate_limit(0).start().unwrap();
    run(&limited, &["--retries", "0", "models"]).bad(5, "120 requests per minute");
}

#[test]
fn exchanges_are_recorded_and_replayed() {
    let server = server();
    let tape = file("ml.tape", "");
    run(&server, &["models", "--record", &tape]).good();
    assert!(!std::fs::read_to_string(&tape).unwrap().contains(server.token()));
    let replayed = Run::from(keyless("http://127.0.0.1:1", &["ml", "models", "--replay", &tape]).output().unwrap());
    assert!(replayed.good().contains("mock-chat-2"));
}
