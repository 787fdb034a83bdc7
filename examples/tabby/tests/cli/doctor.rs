//! The examination of a server.

use serde_json::{Value, json};
use tabbyapi_emulator::{CannedResponse, Emulator};

use crate::support::{Run, command, file, keyless, run, start, start_with};

/// The operations of the emulated server, in the form of the OpenAPI document of a real server.
const DOCUMENT: &str = include_str!("../../../../tests/doctor/server.json");

fn serve(server: &Emulator, document: &str) {
    server.answer(CannedResponse::status(200).json(document).on("/openapi.json").always());
}

#[test]
fn a_good_server() {
    let server = start();
    let output = run(&server, &["doctor", "--generate", "--origin", "https://chat.example.org"]).good();
    assert!(output.starts_with(&format!("{}\n  server", server.url())), "{output}");
    assert!(output.contains("key required") && output.contains("alpha-7B-exl3"), "{output}");
    assert!(output.ends_with(" requests, 0 errors, 0 warnings, 0 notes\n"), "{output}");
    assert!(!output.contains(server.api_key()) && !output.contains(server.admin_key()), "{output}");
    // The address in the arguments takes precedence over the environment.
    let mut other = command(&server, &["doctor", &server.url(), "--json"]);
    let json = Run::from(other.env("TABBY_URL", "http://127.0.0.1:1").output().unwrap()).json();
    assert_eq!((&json["findings"], &json["url"]), (&json!([]), &json!(server.url())));
    assert!(json["probes"].as_array().unwrap().len() > 25, "{json}");
    // Nothing was changed, and nothing was generated without the flag.
    server.clear_log();
    run(&server, &["doctor"]).good();
    let paths: Vec<_> = server.requests().into_iter().map(|request| request.path).collect();
    assert!(!paths.iter().any(|path| path.contains("load") || path == "/v1/completions"), "{paths:?}");
    assert_eq!(server.loaded_model().as_deref(), Some("alpha-7B-exl3"));
}

#[test]
fn findings_and_exit_codes() {
    let nobody = Run::from(keyless("http://127.0.0.1:1", &["doctor"]).output().unwrap());
    assert!(nobody.out.contains("error unreachable: GET /health: "), "{}", nobody.out);
    nobody.bad(1, "error: the examination found 1 error");
    let server = start();
    // Warnings are not errors.
    let keyless_run = Run::from(keyless(&server.url(), &["doctor"]).output().unwrap());
    assert!(keyless_run.good().contains("warning no-key: "));
    let refused = Run::from(
        keyless(&server.url(), &["doctor", "--json"]).env("TABBY_API_KEY", "hush-hush-hush").output().unwrap(),
    );
    let found: Value = serde_json::from_str(&refused.out).unwrap();
    assert_eq!(found["findings"][0]["id"], "key-refused");
    assert_eq!(found["findings"][0]["severity"], "error");
    assert!(!refused.out.contains("hush"), "{}", refused.out);
    assert_eq!(refused.error(1)["code"], "findings");
    for args in [
        &["doctor", "localhost:5000"][..],
        &["doctor", "--origin", "chat.example.org"],
        &["doctor", "--drift", "/no/such/file.json"],
        &["doctor", "--markdown", "--json"],
    ] {
        assert_eq!(run(&server, args).code, Some(2), "{args:?}");
    }
    let odd = file("odd.json", "{\"openapi\": \"3.1.0\"}");
    run(&server, &["doctor", "--drift", &odd]).bad(2, "is not an OpenAPI document");
}

#[test]
fn a_report_for_others() {
    let server = start_with(Emulator::builder().no_model_loaded());
    let output = run(&server, &["doctor", "--markdown"]).good();
    assert!(output.starts_with(&format!("# Report on `{}`\n", server.url())), "{output}");
    assert!(output.contains("* **warning** `no-model` at `GET /v1/model`: no model is loaded\n"), "{output}");
    assert!(output.contains("  * To do: load a model"), "{output}");
    assert!(output.contains("| GET /health | whether a server answers | 200 |"), "{output}");
    assert!(!output.contains(server.api_key()) && !output.contains(server.admin_key()), "{output}");
}

#[test]
fn a_server_that_hangs() {
    let server = start();
    server.answer(CannedResponse::hang().on("/health"));
    let begin = std::time::Instant::now();
    let late = run(&server, &["doctor", "--timeout", "2"]);
    assert!(late.out.contains("error answer-late: GET /health: no answer"), "{}", late.out);
    assert!(begin.elapsed().as_secs() < 10);
    late.bad(1, "found 1 error");
}

#[test]
fn drift() {
    let server = start();
    let missing = run(&server, &["doctor", "--drift"]).good();
    assert!(missing.contains("warning drift-unreadable: GET /openapi.json: status 404"), "{missing}");
    serve(&server, DOCUMENT);
    let output = run(&server, &["doctor", &server.url(), "--drift"]).good();
    assert!(output.contains("\nThe server's document does not differ.\n"), "{output}");
    let known = file(
        "known.json",
        &DOCUMENT.replace("\"/health\"", "\"/healthy\"").replace("\"max_temp\"", "\"highest_temp\""),
    );
    let output = run(&server, &["doctor", "--drift", &known]).good();
    assert!(output.contains("New:\n  GET /health\n"), "{output}");
    assert!(output.contains("  POST /v1/completions: request field `max_temp`\n"), "{output}");
    assert!(output.contains("\n  GET /healthy\n"), "{output}");
    let json = run(&server, &["doctor", "--drift", &known, "--json"]).json();
    assert_eq!(json["drift"]["new"][0], json!({"at": "GET /health", "what": ""}));
}

#[test]
fn a_recording_of_an_examination() {
    let server = start();
    let tape = file("doctor.jsonl", "");
    let first = run(&server, &["doctor", "--generate", "--record", &tape, "--json"]).json();
    assert!(!std::fs::read_to_string(&tape).unwrap().contains(server.api_key()));
    let again = run(&server, &["doctor", "--generate", "--replay", &tape, "--json"]).json();
    assert_eq!(first["findings"], again["findings"]);
    assert_eq!(first["probes"].as_array().unwrap().len(), again["probes"].as_array().unwrap().len());
}
