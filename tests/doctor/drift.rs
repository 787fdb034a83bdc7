//! How documents of servers differ from the one of this repository. `server.json` has the operations of the recorded server in the form of its
//! own document.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tabbyapi::doctor::{Change, Doctor, Drift};
use tabbyapi_emulator::Emulator;

use crate::edit;
use crate::subject::Subject;

const KNOWN: &str = include_str!("../../openapi.json");
const SERVER: &str = include_str!("server.json");

/// The differences once the server's document is changed.
fn changed(change: impl FnOnce(&mut Value)) -> Drift {
    let mut theirs: Value = serde_json::from_str(SERVER).unwrap();
    change(&mut theirs);
    Drift::compare(KNOWN, &theirs.to_string()).unwrap()
}

fn texts(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| format!("{}: {}", change.at, change.what)).collect()
}

#[test]
fn the_recorded_server_does_not_differ() {
    let drift = changed(|_| {});
    assert!(drift.is_empty(), "{drift}");
    assert_eq!(drift.to_string(), "The server's document does not differ.\n");
    // Numbers of cached and predicted tokens, which newer servers have.
    let newer = changed(|doc| {
        doc["components"]["schemas"]["UsageStats"]["properties"]["prompt_tokens_details"] = json!({"anyOf": [{"type": "object", "properties": {"cached_tokens": {"type": "integer"}}}, {"type": "null"}]});
        doc["components"]["schemas"]["UsageStats"]["properties"]["completion_tokens_details"] = json!({
            "type": "object",
            "properties": {"accepted_prediction_tokens": {"type": "integer"}, "rejected_prediction_tokens": {"type": "integer"}},
        });
    });
    assert!(newer.is_empty(), "{newer}");
}

#[test]
fn routes_and_methods() {
    let drift = changed(|doc| {
        doc["paths"]["/v1/messages"] = json!({"post": {}});
        doc["paths"]["/v1/model"]["delete"] = json!({});
        doc["paths"].as_object_mut().unwrap().remove("/v1/template/unload");
        // Another name of a route that stays.
        doc["paths"].as_object_mut().unwrap().remove("/v1/model/list");
    });
    assert_eq!(texts(&drift.new), ["DELETE /v1/model: ", "POST /v1/messages: "]);
    assert_eq!(texts(&drift.gone), ["POST /v1/template/unload: "]);
    assert_eq!(drift.changed, []);
}

#[test]
fn fields_of_requests_and_answers() {
    let drift = changed(|doc| {
        let schemas = &mut doc["components"]["schemas"];
        // Through references, alternatives and lists.
        schemas["ToolCall"]["properties"]["thought"] =
            json!({"type": "object", "properties": {"text": {"type": "string"}}});
        schemas["TokenEncodeRequest"]["properties"]["seed"] = json!({"type": "integer"});
        schemas["TokenEncodeRequest"]["properties"].as_object_mut().unwrap().remove("add_bos_token");
        schemas["TokenEncodeResponse"]["properties"]["length"] = json!({"type": "string"});
        schemas["DownloadRequest"]["required"] = json!(["repo_id", "revision"]);
        schemas["TemplateSwitchRequest"]["properties"]["prompt_template_name"] = json!({"type": "integer"});
    });
    let mut new = texts(&drift.new);
    new.retain(|text| !text.starts_with("POST /v1/token/encode"));
    assert_eq!(
        new,
        [
            "POST /v1/chat/completions: request field `messages[].tool_calls[].thought`",
            "POST /v1/chat/completions: answer field `choices[].message.tool_calls[].thought`",
        ]
    );
    assert!(texts(&drift.new).contains(&"POST /v1/token/encode: request field `seed`".to_owned()), "{drift}");
    assert_eq!(texts(&drift.gone), ["POST /v1/token/encode: request field `add_bos_token`"]);
    assert_eq!(
        texts(&drift.changed),
        [
            "POST /v1/download: request field `revision` is required",
            "POST /v1/template/switch: request field `prompt_template_name` is integer, and was string",
            "POST /v1/token/encode: answer field `length` is string, and was integer",
        ]
    );
}

#[test]
fn values_of_enumerations() {
    let drift = changed(|doc| {
        let kind = &mut doc["components"]["schemas"]["ChatCompletionMessagePart"]["properties"]["type"];
        *kind = json!({"type": "string", "enum": ["text", "input_audio"]});
    });
    let value = "POST /v1/chat/completions: request field `messages[].content[].type`, value";
    assert!(texts(&drift.new).contains(&format!("{value} `input_audio`")), "{drift}");
    assert!(texts(&drift.gone).contains(&format!("{value} `image_url`")), "{drift}");
    assert_eq!(drift.changed, []);
    let known = r#"{"paths": {"/x": {"post": {"requestBody": {"content": {"application/json": {"schema":
        {"type": "object", "properties": {"mode": {"enum": ["a", "b"]}}}}}}}}}}"#;
    let drift = Drift::compare(known, &known.replace("\"b\"", "\"c\"")).unwrap();
    assert_eq!(texts(&drift.new), ["POST /x: request field `mode`, value `c`"]);
    assert_eq!(texts(&drift.gone), ["POST /x: request field `mode`, value `b`"]);
    assert_eq!(drift.to_string().lines().count(), 4);
}

#[test]
fn hostile_documents_are_bounded() {
    let begin = Instant::now();
    for odd in ["", "[]", "{}", "null", "{\"paths\": []}", "<html>"] {
        let error = Drift::compare(KNOWN, odd).unwrap_err();
        assert_eq!(error.code(), "config", "{odd}");
        assert!(Drift::compare(odd, SERVER).is_err());
    }
    // A schema within itself, references to nothing, and twenty levels of ten references each.
    let mut schemas = serde_json::Map::new();
    for level in 0..20 {
        let part = json!({"$ref": format!("#/components/schemas/L{}", level + 1)});
        let fields: serde_json::Map<_, _> = (0..10).map(|n| (format!("f{n}"), part.clone())).collect();
        schemas.insert(format!("L{level}"), json!({"type": "object", "properties": fields}));
    }
    let endless = json!({"$ref": "#/components/schemas/Endless"});
    schemas.insert(
        "Endless".into(),
        json!({"anyOf": [endless, endless], "allOf": [endless], "properties": {"again": endless}}),
    );
    let drift = changed(|doc| {
        doc["components"]["schemas"].as_object_mut().unwrap().extend(schemas);
        let schema =
            |name: &str| json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}});
        for (path, name) in
            [("/v1/completions", "L0"), ("/v1/chat/completions", "Endless"), ("/v1/embeddings", "Nowhere")]
        {
            doc["paths"][path]["post"]["requestBody"]["content"] = schema(name);
        }
    });
    assert!(!drift.is_empty() && drift.new.len() <= 200 && drift.gone.len() <= 200);
    let wide: serde_json::Map<_, _> = (0..100_000).map(|n| (format!("/r{n}"), json!({"get": {}}))).collect();
    let drift = changed(|doc| doc["paths"].as_object_mut().unwrap().extend(wide));
    assert_eq!(drift.new.len(), 200);
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
}

#[test]
fn a_live_server_is_compared() {
    let subject = Subject::new(Emulator::builder());
    let doctor: Doctor = subject.doctor().document(KNOWN).unwrap();
    let served: fn(&mut tabbyapi::transport::Exchange) = |e| edit::answer(e, 200, "application/json", SERVER);
    let report = subject.examine(&doctor, "GET /openapi.json", served);
    assert!(report.is_clean(), "{report}");
    let drift = report.drift.clone().unwrap();
    assert!(drift.is_empty(), "{drift}");
    assert!(report.to_markdown().contains("The server's document does not differ."));
    // Fields that no document has, but an answer.
    let report = subject.examine(&doctor, "GET *", |e| match e.path.as_str() {
        "/openapi.json" => edit::answer(e, 200, "application/json", SERVER),
        "/v1/model" => edit::json(e, |all| all["parameters"]["pipeline"] = json!({"stages": 2})),
        _ => {}
    });
    assert_eq!(
        texts(&report.drift.unwrap().new),
        ["GET /v1/model: answer field `parameters.pipeline`, seen in an answer"]
    );
    // The emulated server has no such document, and its answers are known.
    let report = subject.examine(&doctor, "* *", |_| {});
    assert!(report.has("drift-unreadable") && report.findings.len() == 1, "{report}");
    assert!(report.drift.is_none());
    assert_eq!(Doctor::new("http://tabby.test").unwrap().document("{}").unwrap_err().code(), "config");
}
