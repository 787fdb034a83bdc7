//! Replays the recorded exchanges and compares answers: status, headers, framing, keys and their
//! order, spacing, values. What cannot be compared stands in a table with its reason.

#[path = "support/mask.rs"]
mod mask;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use mask::mask;
use support::{Client, find};
use tabbyapi_emulator::{Emulator, ModelSpec};

/// Recordings that are not compared, and why.
const NOT_COMPARED: &[(&str, &str)] = &[
    ("chat-image-unreachable", "images are not fetched: every address counts as not found"),
    ("completion-regex", "regular expressions are ignored, like those that the server cannot read"),
    ("completion-gbnf", "grammars are ignored, like those that the server cannot read"),
    ("completion-logit-bias", "biases do not change the text"),
    ("harmony-chat", "the harmony format is not parsed"),
    ("harmony-tool", "the harmony format is not parsed"),
    ("nostream-chat", "recorded with a harmony model; see the behaviour tests"),
    ("inline-load-admin", "the model it loads is a harmony model; the text differs"),
    ("chat-unload-cut", "depends on the moment of the unload; see the behaviour tests"),
];

/// Values that the emulator does not invent like the recorded model, by recording.
const FREE_VALUES: &[(&str, &[&str])] = &[
    ("embeddings-list", &["embedding"]),
    ("embeddings-base64", &["embedding"]),
    ("embeddings-odd-format", &["embedding"]),
    // The address of the hub is in it.
    ("hub-download-not-found", &["detail"]),
];

#[test]
fn answers_are_those_of_the_recordings() {
    let rows: Vec<Row> = index().into_iter().filter(is_compared).collect();
    assert!(rows.len() > 220, "only {} recordings were compared", rows.len());
    let failures = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(difference) = compare(row) {
                failures.lock().unwrap().push(format!("{}: {difference}", row.name));
            }
        }
    };
    // Some recordings have delays in them.
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

/// Of a server whose Kobold generation was mended; only its answers were recorded.
#[test]
fn mended_kobold_answers_are_those_of_the_recordings() {
    let recorded = |name: &str| {
        let path = transcripts().join(format!("../tabbyapi-extra/{name}.resp"));
        let text = fs::read_to_string(path).expect("a recording");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        (head_of(head.as_bytes()), body.to_owned())
    };
    let emulator = Emulator::builder().kobold_fixed(true).start().expect("the emulator should start");
    for (path, name) in [("v1/generate", "koboldfix-generate"), ("extra/generate/stream", "koboldfix-stream")] {
        let reply = support::exchange(&emulator, &support::post(&format!("/api/{path}"), "{\"prompt\":\"hi\"}"));
        let (head, body) = recorded(name);
        assert_eq!(masked_head(reply.status, &reply.headers), head, "{name}");
        assert_eq!(reply.text(), body, "{name}");
    }
}

#[test]
fn the_tables_name_recordings_only() {
    let rows = index();
    for name in NOT_COMPARED.iter().map(|(name, _)| name).chain(FREE_VALUES.iter().map(|(n, _)| n)) {
        assert!(rows.iter().any(|row| row.name == *name), "there is no recording {name}");
    }
}

struct Row {
    name: String,
    /// curl's exit code 28: the stream was left after a while.
    endless: bool,
}

fn transcripts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../transcripts/tabbyapi")
}

fn index() -> Vec<Row> {
    let index = fs::read_to_string(transcripts().join("INDEX.tsv")).expect("the index");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        Row { name: cells[0].to_owned(), endless: cells[5] == "28" }
    };
    // One exchange was recorded later and is in no index.
    let late = "completion-wrong-content-type\tPOST\t/v1/completions\t422\tapplication/json\t0";
    index.lines().skip(1).chain([late]).map(row).collect()
}

fn is_compared(row: &Row) -> bool {
    !NOT_COMPARED.iter().any(|(name, _)| *name == row.name)
}

/// An emulator in the state in which the recorded server was.
fn server(name: &str) -> Emulator {
    let oom = "Insufficient VRAM in split for model and cache";
    let arch = "Unknown architecture NopeForCausalLM in /srv/tabby/models/broken-arch/config.json";
    let recorded = |name: &str| error_of(name);
    let mut builder = Emulator::builder()
        .api_key("test-api-key")
        .admin_key("test-admin-key")
        .ping_interval(Duration::from_millis(50))
        .load_delay(Duration::from_millis(1))
        .template("alpaca")
        .template("chatml")
        .failing_template("raiser", "Conversation must start with a system message")
        .template("trimmer")
        .embedding_model("all-MiniLM-L6-v2")
        .broken_embedding_model("broken-embed", "It is broken.")
        .embedding_model("second-embed")
        .missing_repo("acme/missing")
        .model(ModelSpec::new("harmony-20B-exl3"));
    if name.starts_with("hub-") {
        // The test that was recorded had downloaded it.
        builder = builder.model(ModelSpec::new("thing-exl3"));
    }
    builder = builder
        .model(ModelSpec::new("slow-load").modules(10).max_seq_len(8192))
        .model(ModelSpec::new("broken-midload").fails_after(3, oom))
        .model(ModelSpec::new("broken-gptq").fails_after(0, recorded("model-load-broken-gptq")))
        .model(ModelSpec::new("broken-arch").fails_after(0, arch))
        .model(ModelSpec::new("alpha-7B-exl3"))
        .model(ModelSpec::new("beta-3B-exl3").no_template())
        .model(ModelSpec::new("broken-empty").fails_after(0, recorded("model-load-broken-empty")))
        .model(ModelSpec::new("tiny-draft").draft())
        .loaded_model("alpha-7B-exl3");
    if name.starts_with("noauth-") {
        builder = builder.no_auth().send_tracebacks(true);
    }
    if name.starts_with("inline-") {
        builder = builder.inline_model_loading(true);
        builder = builder.dummy_model("gpt-3.5-turbo").dummy_model("gpt-4o");
    }
    if name == "inline-after-broken" || name == "completion-none-loaded" {
        builder = builder.no_model_loaded();
    }
    if name.starts_with("empty-") || name == "model-unload-again" {
        builder = builder.no_model_loaded();
    }
    let loads = name.starts_with("model-load-") && !name.contains("-same-");
    if loads {
        builder = builder.no_model_loaded();
    }
    if name.starts_with("default-") || name == "chat-model-without-template" {
        builder = builder.loaded_model("beta-3B-exl3");
    }
    if name.starts_with("default-") {
        builder = builder.default_api_servers().active_preset("safe_defaults");
    }
    if name.starts_with("empty-")
        || ["embedding-load", "embedding-unload-again", "embeddings-none-loaded"].contains(&name)
    {
        builder = builder.no_embedding_model_loaded();
    }
    if name.starts_with("kobold-") {
        builder = builder.kobold(true);
    }
    match name {
        "download" => builder = builder.hub_error(detail_of("download")),
        "hub-download-timeout" => builder = builder.gate_downloads(),
        _ => {}
    }
    let emulator = builder.start().expect("the emulator should start");
    prepare(name, &emulator);
    emulator
}

/// Requests that went before.
fn prepare(name: &str, emulator: &Emulator) {
    let alpha = "\"model_name\":\"alpha-7B-exl3\",\"max_seq_len\":4096,\"cache_size\":8192";
    let load = match name {
        "model-current" => format!("{{{alpha},\"vision\":true}}"),
        "model-current-with-draft" | "draft-list-api-loaded" => {
            format!("{{{alpha},\"vision\":true,\"draft_model\":{{\"draft_model_name\":\"tiny-draft\"}}}}")
        }
        "model-current-named-template" | "completion-context-cache" => {
            "{\"model_name\":\"alpha-7B-exl3\",\"prompt_template\":\"chatml\",\"max_seq_len\":2048,\
             \"cache_size\":4096,\"cache_mode\":\"Q4\",\"chunk_size\":512}"
                .to_owned()
        }
        "token-encode-messages-image" => format!("{{{alpha},\"vision\":true}}"),
        "model-current-after-disconnect" => "{\"model_name\":\"slow-load\"}".to_owned(),
        "model-load-concurrent" => {
            let mut first = Client::connect(emulator.addr());
            first.send(&request("/v1/model/load", "{\"model_name\":\"slow-load\"}"));
            assert_eq!(first.head().expect("an answer").status, 200);
            return;
        }
        "health-unhealthy" => {
            for _ in 0..4 {
                let directive = "{\\\"reply\\\":\\\"a b\\\",\\\"fail_at\\\":1}";
                let body = format!("{{\"prompt\":\"[[fake:{directive}]]\",\"max_tokens\":9}}");
                assert_eq!(send(emulator, "/v1/completions", &body), 503);
            }
            return;
        }
        "chat-template-error" => {
            return send_ok(emulator, "/v1/template/switch", "{\"prompt_template_name\":\"raiser\"}");
        }
        "token-encode-messages-no-template" => return send_ok(emulator, "/v1/template/unload", ""),
        "overrides-after-preset" => return replay(emulator, &["override-switch-preset"]),
        "overrides-after-dict" | "completion-under-overrides" => {
            return replay(emulator, &["override-switch-preset", "override-switch-dict"]);
        }
        "overrides-after-unload" => {
            let before = ["override-switch-preset", "override-switch-malformed", "override-unload"];
            return replay(emulator, &before);
        }
        _ => return,
    };
    send(emulator, "/v1/model/unload", "");
    assert_eq!(send(emulator, "/v1/model/load", &load), 200);
}

fn send(emulator: &Emulator, path: &str, body: &str) -> u16 {
    support::exchange(emulator, &request(path, body)).status
}

fn send_ok(emulator: &Emulator, path: &str, body: &str) {
    assert_eq!(send(emulator, path, body), 200, "{path} {body}");
}

/// Sends recorded requests.
fn replay(emulator: &Emulator, names: &[&str]) {
    for name in names {
        let request = fs::read(transcripts().join(format!("{name}.req"))).expect("a recording");
        assert_eq!(support::exchange(emulator, &request).status, 200, "{name}");
    }
}

fn request(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = "Authorization: Bearer test-admin-key\r\nContent-Type: application/json";
    format!("POST {path} HTTP/1.1\r\nHost: emulator\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// The sentence of a recorded refusal.
fn detail_of(name: &str) -> String {
    let text = fs::read_to_string(transcripts().join(format!("{name}.resp"))).expect("a recording");
    let (_, body) = text.split_once("\r\n\r\n").expect("a head");
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    body["detail"].as_str().expect("a sentence").to_owned()
}

/// The message of a recorded error event.
fn error_of(name: &str) -> String {
    let text = fs::read_to_string(transcripts().join(format!("{name}.resp"))).expect("a recording");
    let (_, rest) = text.split_once("\"message\":\"").expect("an error");
    rest.split_once("\",\"trace\"").expect("an error").0.replace("\\\"", "\"")
}

fn compare(row: &Row) -> Result<(), String> {
    let name = row.name.as_str();
    let recorded = fs::read(transcripts().join(format!("{name}.resp"))).expect("a recording");
    let mut request = fs::read(transcripts().join(format!("{name}.req"))).expect("a recording");
    if name == "completion-wrong-content-type" {
        // Its request was written down in words.
        request = b"POST /v1/completions HTTP/1.1\r\nHost: emulator\r\nX-API-Key: test-api-key\r\n\
            Content-Type: text/plain\r\nContent-Length: 14\r\n\r\n{\"prompt\":\"x\"}"
            .to_vec();
    }
    if let Some(note) = find(&request, b"\n[curl exit") {
        request.truncate(note);
    }
    let split = find(&recorded, b"\r\n\r\n").expect("a head") + 4;
    let wanted_head = head_of(&recorded[..split]);
    let wanted_body = String::from_utf8(recorded[split..].to_vec()).expect("UTF-8");

    let emulator = server(name);
    let mut client = Client::connect(emulator.addr());
    client.send(&request);
    let fail = |error: std::io::Error| format!("no answer: {error}");
    let has_body = !request.starts_with(b"HEAD");
    let (reply, mut body) = (client.head().map_err(fail)?, String::new());
    if has_body && reply.header("transfer-encoding").is_some() {
        // Of a stream that was left, a few events are enough.
        let mut chunks = 0;
        while !row.endless || chunks < 3 {
            let Some(chunk) = client.chunk().map_err(fail)? else {
                break;
            };
            body += &String::from_utf8(chunk).expect("UTF-8");
            chunks += 1;
        }
    } else if has_body {
        let rest = client.rest(&reply).map_err(fail)?;
        body = String::from_utf8(rest).expect("UTF-8");
    }
    same("head", &wanted_head, &masked_head(reply.status, &reply.headers))?;
    match wanted_head.contains("event-stream") {
        true => same_stream(&wanted_body, &body, row.endless),
        false => {
            let free = FREE_VALUES.iter().find(|(free, _)| *free == name).map_or(&[][..], |f| f.1);
            same("body", &mask(&wanted_body, free), &mask(&body, free))
        }
    }
}

/// Status and headers, sorted, without the values that depend on the run.
fn head_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.trim_end().split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("status");
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    masked_head(status, &headers.collect::<Vec<_>>())
}

fn masked_head(status: u16, headers: &[(String, String)]) -> String {
    let mut lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| match name.as_str() {
            "date" | "content-length" => format!("{name}: …"),
            _ => format!("{name}: {value}"),
        })
        .collect();
    lines.sort();
    format!("{status}\n{}", lines.join("\n"))
}

/// Compares events: the sequence of their shapes with repetitions folded, and the whole texts.
fn same_stream(wanted: &str, got: &str, endless: bool) -> Result<(), String> {
    let (wanted_shapes, wanted_texts) = digest(wanted)?;
    let (got_shapes, got_texts) = digest(got)?;
    if endless {
        let common = wanted_shapes.len().min(got_shapes.len());
        let (wanted, got) = (&wanted_shapes[..common], &got_shapes[..common]);
        return same("shapes", &wanted.join("\n"), &got.join("\n"));
    }
    same("shapes", &wanted_shapes.join("\n"), &got_shapes.join("\n"))?;
    same("texts", &format!("{wanted_texts:?}"), &format!("{got_texts:?}"))
}

type Texts = BTreeMap<String, String>;

fn digest(stream: &str) -> Result<(Vec<String>, Texts), String> {
    let (mut shapes, mut texts) = (Vec::new(), Texts::new());
    if !stream.is_empty() && !stream.ends_with("\r\n\r\n") {
        return Err(format!("the last event is not complete: {stream:?}"));
    }
    for event in stream.split_terminator("\r\n\r\n") {
        if let Some(ping) = event.strip_prefix(": ping - ") {
            let form: String = ping.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            same("ping", "0000-00-00 00:00:00.000000+00:00", &form)?;
            continue;
        }
        let data = event.strip_prefix("data: ").ok_or(format!("no event: {event:?}"))?;
        let shape = mask(data, &["content", "reasoning_content", "text", "token", "tokens"]);
        if shapes.last() != Some(&shape) {
            shapes.push(shape);
        }
        let Ok(json) = serde_json::from_str::<serde_json::Value>(data) else {
            continue;
        };
        let choice = &json["choices"][0];
        for (field, text) in [
            ("content", &choice["delta"]["content"]),
            ("reasoning", &choice["delta"]["reasoning_content"]),
            ("text", &choice["text"]),
        ] {
            if let Some(text) = text.as_str() {
                texts.entry(format!("{field} {}", choice["index"])).or_default().push_str(text);
            }
        }
    }
    Ok((shapes, texts))
}

fn same(what: &str, wanted: &str, got: &str) -> Result<(), String> {
    match wanted == got {
        true => Ok(()),
        false => Err(format!("{what}\n  recorded: {wanted}\n  emulator: {got}")),
    }
}
