//! The routes beside generation and models, where the recordings do not reach.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{Client, PATIENCE, Reply, exchange, get, post};
use tabbyapi_emulator::{DEFAULT_ADMIN_KEY as ADMIN, Emulator, EmulatorBuilder};

fn start(set_up: impl FnOnce(EmulatorBuilder) -> EmulatorBuilder) -> Emulator {
    set_up(Emulator::builder()).start().expect("the emulator should start")
}

fn call(emulator: &Emulator, path: &str, body: Value) -> Reply {
    exchange(emulator, &post(path, &body.to_string()))
}

#[track_caller]
fn gives(emulator: &Emulator, path: &str, body: Value, status: u16, text: &str) {
    let reply = call(emulator, path, body);
    assert_eq!((reply.status, reply.text().as_str()), (status, text), "{path}");
}

/// As the holder of the API key sees it.
fn seen(emulator: &Emulator, path: &str) -> Value {
    exchange(emulator, &get(path)).json()
}

/// As the admin sees it.
fn seen_by_admin(emulator: &Emulator, path: &str) -> Value {
    let request = format!("GET {path} HTTP/1.1\r\nHost: emulator\r\nAuthorization: Bearer {ADMIN}\r\n\r\n");
    exchange(emulator, request.as_bytes()).json()
}

const NULL: &str = "null";
const ENCODE: &str = "/v1/token/encode";
const DECODE: &str = "/v1/token/decode";
const COMPLETIONS: &str = "/v1/completions";
const DOWNLOAD: &str = "/v1/download";

#[test]
fn tokens_come_back_as_text() {
    let emulator = start(|builder| builder);
    let text = "<|im_start|>naïve 日本語 😀\u{2028}<|im_end|>";
    let encoded = call(&emulator, ENCODE, json!({"text": text, "add_bos_token": false})).json();
    assert_eq!(encoded["length"], encoded["tokens"].as_array().unwrap().len());
    let decoded = call(&emulator, DECODE, json!({"tokens": encoded["tokens"]})).json();
    assert_eq!(decoded, json!({"text": text}));
    let bare = json!({"tokens": encoded["tokens"], "decode_special_tokens": false});
    assert_eq!(call(&emulator, DECODE, bare).json()["text"], "naïve 日本語 😀\u{2028}");
}

#[test]
fn odd_tokens() {
    let emulator = start(|builder| builder);
    let nonsense = "Internal Server Error";
    gives(&emulator, DECODE, json!({"tokens": [-1]}), 500, nonsense);
    gives(&emulator, DECODE, json!({"tokens": [u64::MAX]}), 500, nonsense);
    gives(&emulator, DECODE, json!({"tokens": [36, 2999, 1_000_000_000u32, i64::MAX, 78]}), 200, "{\"text\":\"Eo\"}");
    gives(&emulator, DECODE, json!({"tokens": []}), 200, "{\"text\":\"\"}");
    assert_eq!(call(&emulator, ENCODE, json!({"text": "x", "add_bos_token": null})).status, 422);
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}});
    let messages = json!([{"role": "user", "content": [image]}]);
    let unseen = call(&emulator, ENCODE, json!({"text": messages})).json();
    assert_eq!(unseen["tokens"], json!([2400, 2402, 957, 198, 2403, 198]), "the model does not see");
}

#[test]
fn a_template_can_go_and_come() {
    let emulator = start(|builder| builder.template("own").failing_template("strict", "no system message"));
    let chat = json!({"messages": [{"content": "hi"}]});
    let chat = |status| assert_eq!(call(&emulator, "/v1/chat/completions", chat.clone()).status, status);
    let switch = |name: &str, status, text| {
        gives(&emulator, "/v1/template/switch", json!({"prompt_template_name": name}), status, text);
    };
    assert_eq!(seen_by_admin(&emulator, "/v1/template/list")["data"], json!(["own", "strict"]));
    assert_eq!(seen(&emulator, "/v1/templates")["data"], json!(["from_tokenizer_config"]));
    chat(200);
    gives(&emulator, "/v1/template/unload", json!({}), 200, NULL);
    chat(422);
    assert_eq!(seen(&emulator, "/v1/templates")["data"], json!([]));
    switch("own.jinja", 200, NULL);
    chat(200);
    switch("other", 500, "Internal Server Error");
    assert_eq!(seen(&emulator, "/v1/templates")["data"], json!(["own"]));
    assert_eq!(seen(&emulator, "/v1/model")["parameters"]["prompt_template"], "own");
    switch("strict", 200, NULL);
    chat(400);
    switch("own", 200, NULL);
    gives(&emulator, "/v1/model/unload", json!({}), 200, NULL);
    switch("own", 503, "{\"detail\":\"No models are currently loaded.\"}");
}

#[test]
fn embeddings_are_the_same_in_both_forms() {
    let emulator = start(|builder| builder.embedding_dimension(2));
    let path = "/v1/embeddings";
    gives(&emulator, path, json!({"input": []}), 500, "Internal Server Error");
    let floats = call(&emulator, path, json!({"input": "é"})).json();
    assert_eq!(floats["usage"]["prompt_tokens"], 1, "characters are counted");
    let floats: Vec<f32> = serde_json::from_value(floats["data"][0]["embedding"].clone()).unwrap();
    let base64 = call(&emulator, path, json!({"input": ["é"], "encoding_format": "base64"})).json();
    let base64 = base64["data"][0]["embedding"].as_str().unwrap();
    assert_eq!(base64.len(), 12);
    let sextet = |c| "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".find(c).unwrap() as u64;
    let bits = base64.trim_end_matches('=').chars().fold(0u128, |bits, c| bits << 6 | u128::from(sextet(c)));
    let bytes = ((bits >> 2) as u64).to_be_bytes();
    let halves: Vec<f32> = bytes.chunks(4).map(|half| f32::from_le_bytes(half.try_into().unwrap())).collect();
    assert_eq!(halves, floats);
}

#[test]
fn embedding_models_take_turns() {
    let emulator = start(|builder| {
        builder.embedding_model("one").embedding_model("two").broken_embedding_model("bad", "It broke.")
    });
    let load = |name: &str| call(&emulator, "/v1/model/embedding/load", json!({"embedding_model_name": name}));
    let loaded = || seen(&emulator, "/v1/model/embedding/list")["data"][0]["id"].clone();
    assert_eq!(loaded(), "one");
    assert_eq!(load("models/two").json()["status"], "finished");
    assert_eq!(loaded(), "two");
    assert_eq!(load("bad").text(), "{\"detail\":\"It broke.\"}");
    assert_eq!(loaded(), Value::Null);
    let none = exchange(&emulator, &get("/v1/model/embedding"));
    assert_eq!(
        (none.status, none.text().as_str()),
        (503, "{\"detail\":\"No embedding models are currently loaded.\"}")
    );
}

#[test]
fn loras_of_older_servers() {
    let emulator = start(|builder| builder.lora("style").loras_work(true));
    let load = json!({"loras": [{"name": "style", "scaling": 0.5}, {"name": "none"}]});
    gives(&emulator, "/v1/lora/load", load, 200, "{\"success\":[\"style\"],\"failure\":[\"none\"]}");
    for path in ["/v1/lora", "/v1/lora/list", "/v1/loras"] {
        assert_eq!(seen(&emulator, path)["data"][0]["scaling"], 0.5, "{path}");
    }
    gives(&emulator, "/v1/lora/unload", json!({}), 200, NULL);
    assert_eq!(seen(&emulator, "/v1/lora")["data"], json!([]));
    assert_eq!(seen_by_admin(&emulator, "/v1/loras")["data"][0]["scaling"], Value::Null);
}

#[test]
fn overrides_change_what_is_generated() {
    let emulator = start(|builder| builder.preset("short", r#"{"max_tokens":{"override":1,"force":true}}"#));
    let text = |body: Value| call(&emulator, COMPLETIONS, body).json()["choices"][0]["text"].clone();
    let switch = |body: Value| gives(&emulator, "/v1/sampling/override/switch", body, 200, NULL);
    switch(json!({"preset": "short", "overrides": {"max_tokens": {"override": 9, "force": true}}}));
    assert_eq!(text(json!({"prompt": "xyz", "max_tokens": 50})), "E", "the preset wins");
    switch(json!({"overrides": {"stop": {"override": ["y"], "additive": true}}}));
    assert_eq!(text(json!({"prompt": "xyz"})), "Echo: x", "a default");
    assert_eq!(text(json!({"prompt": "xyz", "stop": ["z"]})), "Echo: x", "both are stops");
    assert_eq!(text(json!({"prompt": "zyx", "stop": "z"})), "Echo: ", "both are stops");
    switch(json!({"overrides": {"stop": {"override": ["y"]}}}));
    assert_eq!(text(json!({"prompt": "xyz", "stop_sequence": "z"})), "Echo: xy", "the request wins");
    gives(
        &emulator,
        "/v1/sampling/override/switch",
        json!({"preset": "none"}),
        400,
        "{\"detail\":\"Sampler override preset with name none does not exist. Check the spelling?\"}",
    );
    let shown = seen(&emulator, "/v1/sampling/overrides");
    assert_eq!(shown, json!({"selected_preset": "short", "overrides": {"stop": {"override": ["y"]}}, "presets": []}));
}

#[test]
fn a_malformed_override_breaks_every_generation_until_it_is_unloaded() {
    let emulator = start(|builder| builder.kobold_fixed(true));
    gives(&emulator, "/v1/sampling/override/switch", json!({"overrides": {"top_p": 0.5}}), 200, NULL);
    let requests = [
        (COMPLETIONS, json!({"prompt": "a", "stream": true, "max_tokens": 3})),
        (COMPLETIONS, json!({"prompt": 5})),
        ("/v1/chat/completions", json!({"messages": [{"content": "a"}]})),
        ("/api/v1/generate", json!({"prompt": "a"})),
    ];
    for (path, body) in requests {
        gives(&emulator, path, body, 500, "Internal Server Error");
    }
    assert_eq!(seen(&emulator, "/health")["status"], "healthy");
    gives(&emulator, "/v1/sampling/override/unload", json!({}), 200, NULL);
    assert_eq!(call(&emulator, COMPLETIONS, json!({"prompt": "a"})).status, 200);
}

#[test]
fn kobold_is_there_on_demand_only() {
    let paths = ["/api/v1/model", "/api/latest/config/max_context_length", "/api/extra/true_max_context_length"];
    for (emulator, status) in [(start(|builder| builder), 404), (start(|builder| builder.kobold(true)), 200)] {
        for path in paths {
            assert_eq!(exchange(&emulator, &get(path)).status, status, "{path}");
        }
        assert_eq!(exchange(&emulator, &get("/api/v2/model")).status, 404);
        let wrong = exchange(&emulator, &get("/api/latest/generate"));
        assert_eq!(wrong.status, if status == 200 { 405 } else { 404 });
    }
}

#[test]
fn a_mended_kobold_stream_mixes_line_ends() {
    let ping = Duration::from_millis(5);
    let emulator = start(|builder| builder.kobold_fixed(true).gate().ping_interval(ping));
    let mut client = Client::connect(emulator.addr());
    client.send(&post("/api/extra/generate/stream", "{\"prompt\":\"hi\",\"genkey\":\"K\",\"n\":3}"));
    assert_eq!(client.head().unwrap().status, 200);
    let mut chunk = || String::from_utf8(client.chunk().unwrap().expect("a chunk")).unwrap();
    let first = chunk();
    assert!(first.starts_with(": ping - ") && first.ends_with("\r\n\r\n"), "{first:?}");
    emulator.release(2);
    let mut events = Vec::new();
    while events.len() < 2 {
        events.extend(Some(chunk()).filter(|chunk| !chunk.starts_with(':')));
    }
    assert_eq!(events, ["event: message\ndata: {\"token\":\"E\"}\n\n", "event: message\ndata: {\"token\":\"ch\"}\n\n"]);

    // Of any other key there is nothing to see, and stopping it has no effect.
    let check = |key: &str| call(&emulator, "/api/extra/generate/check", json!({"genkey": key})).text();
    assert_eq!(check("K"), "{\"results\":[{\"text\":\"Ech\"}]}");
    assert_eq!(check("other"), "{\"results\":[]}");
    for key in ["other", "K"] {
        gives(&emulator, "/api/extra/abort", json!({"genkey": key}), 200, "{\"success\":true}");
    }
    while let Some(chunk) = client.chunk().expect("a good end") {
        assert!(chunk.starts_with(b": ping"));
    }
    assert_eq!(check("K"), "{\"results\":[]}");
}

#[test]
fn a_download_adds_its_model() {
    let emulator = start(|builder| builder.gate_downloads().missing_repo("acme/none").no_model_loaded());
    let ids = || {
        let models = seen_by_admin(&emulator, "/v1/models");
        models["data"].as_array().unwrap().iter().map(|card| card["id"].clone()).collect::<Vec<_>>()
    };
    assert!(!ids().contains(&json!("thing")));
    emulator.release(1);
    let thing = json!({"repo_id": "acme/thing", "include": ["*.safetensors", "config.json"]});
    gives(&emulator, DOWNLOAD, thing.clone(), 200, "{\"download_path\":\"models/thing\"}");
    assert!(ids().contains(&json!("thing")));
    let exists = "{\"detail\":\"The path models/thing already exists. Remove the folder and try again.\"}";
    gives(&emulator, DOWNLOAD, thing, 400, exists);
    assert_eq!(call(&emulator, "/v1/model/load", json!({"model_name": "thing"})).status, 200);
    assert_eq!(emulator.loaded_model().as_deref(), Some("thing"));
    assert_eq!(call(&emulator, DOWNLOAD, json!({"repo_id": "acme/none"})).status, 400);
    let nothing = json!({"repo_id": "acme/b", "include": ["*"], "exclude": ["*.*"]});
    let empty = "{\"detail\":\"File list for repo acme/b is empty. Check your filters?\"}";
    gives(&emulator, DOWNLOAD, nothing, 400, empty);
    emulator.release(1);
    let named = json!({"repo_id": "acme/b", "repo_type": "lora", "folder_name": "c"});
    gives(&emulator, DOWNLOAD, named, 200, "{\"download_path\":\"loras/c\"}");
    let loras = seen_by_admin(&emulator, "/v1/loras");
    assert_eq!(loras["data"][2]["id"], "c");
}

#[test]
fn a_broken_download_is_rolled_back() {
    let emulator = start(EmulatorBuilder::gate_downloads);
    let mut client = Client::connect(emulator.addr());
    client.send(&post(DOWNLOAD, "{\"repo_id\":\"acme/left\"}"));
    assert!(emulator.wait_for(|log| !log.requests.is_empty(), PATIENCE));
    drop(client);
    assert!(emulator.wait_for(|log| log.downloads_rolled_back == ["models/left"], PATIENCE));
    gives(&emulator, DOWNLOAD, json!({"repo_id": "acme/late", "timeout": 0}), 400, "{\"detail\":\"\"}");
    assert_eq!(emulator.log().downloads_rolled_back, ["models/left", "models/late"]);
    assert_eq!(emulator.disconnects().len(), 1);
    emulator.release(1);
    gives(&emulator, DOWNLOAD, json!({"repo_id": "acme/left"}), 200, "{\"download_path\":\"models/left\"}");
}

#[test]
fn every_listed_route_is_served() {
    let (with, without) = (start(|builder| builder.kobold(true)), start(|builder| builder));
    let status = |emulator: &Emulator, verb: &str, path: &str| {
        let mut client = Client::connect(emulator.addr());
        client.send(format!("{verb} {path} HTTP/1.1\r\nHost: emulator\r\nContent-Length: 0\r\n\r\n").as_bytes());
        client.head().expect("there should be an answer").status
    };
    let routes = tabbyapi_emulator::routes();
    assert_eq!(routes.len(), 56);
    for (verb, path) in routes {
        assert!(!matches!(status(&with, verb, &path), 404 | 405 | 500), "{verb} {path}");
        assert_eq!(status(&with, "DELETE", &path), 405, "{path}");
        assert_eq!(status(&without, verb, &path) == 404, path.starts_with("/api/"), "{verb} {path}");
    }
}
