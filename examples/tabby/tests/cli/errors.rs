//! Errors: one sentence, or one object, and an exit code.

use serde_json::json;
use tabbyapi_emulator::{CannedResponse, Script};

use crate::support::{Run, feed, keyless, run, start};

#[test]
fn keys_that_are_missing_or_wrong() {
    let server = start();
    let url = server.url();
    let lists = |name: &str, value: &str, json: &[&str]| {
        let mut command = keyless(&url, &[&["models", "list"], json].concat());
        Run::from(command.env(name, value).output().unwrap())
    };
    lists("UNUSED", "", &[]).bad(4, "Please provide an API key");
    lists("TABBY_API_KEY", "wrong", &[]).bad(4, "Invalid API key");
    let error = lists("TABBY_API_KEY", "wrong-key", &["--json"]).error(4);
    assert!(!error.to_string().contains("wrong-key"), "{error}");
    assert_eq!(
        (&error["kind"], &error["code"], &error["status"], &error["retryable"]),
        (&json!("server"), &json!("invalid_key"), &json!(401), &json!(false))
    );
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with(&format!("GET {url}/v1/models: the server answered 401: Invalid API key")),
        "{message}"
    );
}

#[test]
fn servers_that_are_not_there() {
    let at = |url: &str| {
        let mut command = keyless(url, &["health", "--retries", "0"]);
        Run::from(command.output().unwrap())
    };
    at("http://127.0.0.1:1").bad(3, "GET http://127.0.0.1:1/health: no connection");
    at("localhost:5000").bad(2, "write `http://localhost:5000`");
}

#[test]
fn hints_name_commands() {
    let server = start();
    let hints = |run: Run, hint: &str| {
        assert!(run.err.contains(hint), "{}", run.err);
        let library = ["client.", "::", "(..)", "repo_id", "folder_name", "`api_key`", "base URL", "\0", "`token`"];
        assert!(!library.iter().any(|word| run.err.contains(word)), "{}", run.err);
    };
    let without_keys = Run::from(keyless(&server.url(), &["models"]).output().unwrap());
    hints(without_keys, "set the key with TABBY_API_KEY (or `--api-key-file`) or TABBY_ADMIN_KEY");
    hints(run(&server, &["load", "missing"]), "`tabby models`, `tabby models drafts` and");
    hints(run(&server, &["templates", "switch", "missing"]), "`tabby templates` returns the names");
    hints(run(&server, &["sampling", "switch", "missing"]), "`tabby sampling` returns the names of the presets");
    run(&server, &["templates", "unload"]).good();
    hints(run(&server, &["chat", "x"]), "`tabby templates switch NAME`");
    run(&server, &["unload"]).good();
    hints(run(&server, &["chat", "x"]), "load one with `tabby load NAME`");
    hints(run(&server, &["health", "--wait", "0"]), "load one with `tabby load NAME`");
    let away = ["health", "--url", "http://127.0.0.1:1", "--retries", "0"];
    hints(run(&server, &away), "`--url` or TABBY_URL");
    let mut behind_proxy = keyless("http://tabby.test", &["health", "--retries", "0"]);
    let behind_proxy = Run::from(behind_proxy.env("http_proxy", "http://127.0.0.1:1").output().unwrap());
    hints(behind_proxy, "through the proxy http://127.0.0.1:1 (from http_proxy) failed");
    let hang = || tabbyapi_emulator::CannedResponse::hang();
    server.answer(hang().on("/v1/models").always());
    hints(run(&server, &["models", "--timeout", "1", "--retries", "0"]), "; raise `--timeout` if such ");
    run(&server, &["download", "acme/thing"]).noted();
    hints(run(&server, &["download", "acme/thing"]), "choose another `--folder`");
    hints(
        run(&server, &["health", "--url", "http://me:secret@127.0.0.1"]),
        "TABBY_API_KEY (or `--api-key-file`) and TABBY_ADMIN_KEY",
    );
    let gated = "401 Client Error. Cannot access gated repo for url https://hub.test/api. Access to model acme/g is restricted.";
    let server = crate::support::start_with(tabbyapi_emulator::Emulator::builder().hub_error(gated));
    hints(run(&server, &["download", "acme/g"]), "requires a `--hub-token-file` of an account that may read it");
}

#[test]
fn failures_of_streams_have_the_hints_of_plain_ones() {
    let server = start();
    let hint = "the server's console shows the cause; usually a parameter that the backend does not support";
    for args in [&["complete", "x"][..], &["chat", "x"], &["complete", "x", "--no-stream"]] {
        let streams = args.len() == 2;
        server.script(if streams { Script::new().fail_at(0) } else { Script::new().fail_before() });
        run(&server, args).bad(6, hint);
    }
    for stream in [&["complete", ""][..], &["complete", "", "--no-stream"]] {
        server.script(Script::new().fail_before());
        run(&server, stream).bad(6, "the text to complete is empty");
    }
}

#[test]
fn no_command_lists_them() {
    let listed = |args: &[&str]| Run::from(keyless("http://127.0.0.1:1", args).output().unwrap());
    let all = listed(&[]);
    assert!(all.err.contains("\n  models ") && all.err.ends_with("`tabby --help` has more.\n"), "{}", all.err);
    assert_eq!((all.code, all.out.as_str()), (Some(2), ""));
    let tokens = listed(&["tokens"]);
    assert!(tokens.err.contains("\n  count ") && tokens.err.ends_with("`tabby tokens --help` has more.\n"));
    assert_eq!(listed(&["--json", "tokens"]).error(2)["kind"], "usage");
}

#[test]
fn retries_are_as_many_as_asked_for() {
    let server = start();
    server.answer(CannedResponse::status(503).on("/v1/model").times(2));
    run(&server, &["models", "current", "--retries", "0"]).bad(6, "503");
    assert_eq!(server.requests().len(), 1);
    run(&server, &["models", "current", "--retries", "1"]).good();
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn answers_that_fail_or_cannot_be_read() {
    let server = start();
    server.script(Script::new().fail_before());
    run(&server, &["chat", "x"]).bad(6, "the server");
    server.answer(CannedResponse::status(200).json("[]").on("/v1/model").always());
    run(&server, &["models", "current"]).bad(9, "/v1/model");
    server.answer(CannedResponse::hang().on("/v1/auth/permission").always());
    run(&server, &["permission", "--timeout", "1", "--retries", "0"]).bad(7, "/v1/auth/permission");
    run(&server, &["complete", "x", "--temperature", "11"]).bad(5, "temperature");
    let long = "word ".repeat(5000);
    feed(&server, &["complete", "-"], &long).bad(5, "exceeds the available context size");
}

#[test]
fn wrong_usage_is_reported_to_scripts_too() {
    let server = start();
    run(&server, &["nonsense"]).bad(2, "unrecognized subcommand 'nonsense'");
    let error = run(&server, &["--json", "load"]).error(2);
    assert_eq!((&error["kind"], &error["status"]), (&json!("usage"), &json!(null)));
    assert!(error["message"].as_str().unwrap().starts_with("the following required arguments"), "{error}");
    assert_eq!(run(&server, &["--json", "tokens", "count", "[", "--messages"]).error(2)["kind"], "usage");
    run(&server, &["health", "--record", "a", "--replay", "b"]).bad(2, "cannot be used with");
}

#[cfg(unix)]
#[test]
fn whoever_reads_may_go() {
    use crate::support::{command, spawn};
    let server = start();
    let mut child = spawn(command(&server, &["models"]));
    // Closed before anything is written, since the program waits for the server.
    drop(child.stdout.take());
    let gone = Run::from(child.wait_with_output().unwrap());
    assert_eq!((gone.code, gone.err.as_str()), (Some(141), ""));
}
