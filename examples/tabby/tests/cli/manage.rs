//! Lists, the loaded model, and changes to them.

use serde_json::json;
use tabbyapi_emulator::{Emulator, ModelSpec};

use crate::support::{file, run, sent, start, start_with};

fn two_models() -> Emulator {
    start_with(
        Emulator::builder().model(ModelSpec::new("alpha-7B-exl3").modules(5)).model(ModelSpec::new("beta").modules(3)),
    )
}

#[test]
fn health() {
    let server = start();
    assert_eq!(run(&server, &["health"]).good(), "healthy\n");
    assert_eq!(run(&server, &["health", "--json"]).json(), json!({"status": "healthy", "issues": []}));
    assert_eq!(run(&server, &["health", "--wait", "5"]).good(), "ready: alpha-7B-exl3\n");
    assert_eq!(run(&server, &["health", "--wait", "5", "--json"]).json()["id"], "alpha-7B-exl3");
    run(&server, &["unload"]).good();
    run(&server, &["health", "--wait", "0"]).bad(7, "was not ready within 0ns; the last check reported");
    assert_eq!(run(&server, &["permission"]).good(), "api\n");
    assert_eq!(run(&server, &["permission", "--json"]).json(), json!({"permission": "api"}));
}

#[test]
fn an_unhealthy_server_may_serve_all_the_same() {
    let server = start();
    server.script(tabbyapi_emulator::Script::new().fail_before().fail_message("CUDA is gone"));
    assert_eq!(run(&server, &["complete", "x"]).code, Some(6));
    let health = run(&server, &["health"]);
    assert!(health.out.starts_with("unhealthy\n  20") && health.out.ends_with("  CUDA is gone\n"), "{}", health.out);
    health.bad(6, "`tabby health --wait 0`");
    let health = run(&server, &["health", "--json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&health.out).unwrap()["status"], "unhealthy");
    assert_eq!(health.error(6)["code"], "unhealthy");
}

#[test]
fn issues_are_shown_by_their_first_lines() {
    let server = start();
    let dump =
        |n: usize| format!("\nIssue {n}: \u{1b}[2J{}\n", "x".repeat(300)) + &"  a frame of the stack\n".repeat(19);
    let issues: Vec<_> = (0..15).map(|n| json!({"time": "2026-11-27T10:00:00.5Z", "description": dump(n)})).collect();
    let health = json!({"status": "unhealthy", "issues": issues}).to_string();
    server.answer(tabbyapi_emulator::CannedResponse::status(503).json(&health).on("/health").always());
    let shown = run(&server, &["health", "--retries", "0"]);
    let lines: Vec<_> = shown.out.lines().collect();
    assert_eq!(lines.len(), 17, "{}", shown.out);
    assert!(lines[1].contains("Z  Issue 0: ␛[2Jxxx") && lines[1].ends_with("xxx… (and 19 more lines)"), "{}", lines[1]);
    assert!(lines.iter().all(|line| line.chars().count() < 300), "{}", shown.out);
    assert_eq!(lines[16], "  15 issues; --json shows all of it");
    assert!(run(&server, &["health", "--retries", "0", "--json"]).out.contains("frame of the stack"));
}

#[test]
fn names_forge_no_lines() {
    let odd = "evil\nerror: forged\u{202e}txt\u{9b}2J";
    let server = start_with(Emulator::builder().model(ModelSpec::new(odd)).template("a\nb").preset("p\nq", "{}"));
    let shown = "evil␊error: forged\\u{202e}txt\\u{9b}2J";
    assert_eq!(run(&server, &["models"]).good(), format!("{shown}  loaded\n"));
    assert_eq!(run(&server, &["health", "--wait", "1"]).good(), format!("ready: {shown}\n"));
    assert!(run(&server, &["models", "current"]).good().contains(&format!("  {shown}\n")));
    assert!(run(&server, &["templates"]).good().lines().any(|line| line == "a␊b"));
    assert!(run(&server, &["sampling"]).good().contains("p␊q"));
    // The JSON for scripts is equivalent, with other escapes.
    let json = run(&server, &["models", "--json"]);
    assert!(!json.out.contains(['\u{202e}', '\u{9b}']), "{}", json.out);
    assert_eq!(json.json()["data"][0]["id"], odd);
    let message = "{\"detail\": \"no\\nerror: forged \u{202e}\"}";
    server.answer(tabbyapi_emulator::CannedResponse::status(400).json(message).on("/v1/model").always());
    let failed = run(&server, &["models", "current"]);
    assert!(!failed.err.contains('\u{202e}') && failed.err.lines().count() == 1, "{}", failed.err);
}

#[test]
fn models() {
    let server = two_models();
    assert_eq!(run(&server, &["models"]).good(), "alpha-7B-exl3  loaded\nbeta\n");
    assert_eq!(run(&server, &["models", "list", "--json"]).json()["data"][1]["id"], "beta");
    let card = run(&server, &["models", "current"]).good();
    assert!(
        card.starts_with("model            alpha-7B-exl3\n") && card.contains("\nmax_seq_len      4096\n"),
        "{card}"
    );
    assert_eq!(run(&server, &["models", "current", "--json"]).json()["parameters"]["max_seq_len"], 4096);
    assert!(run(&server, &["models", "props"]).good().starts_with("context   4096 tokens\nslots     "));
    assert_eq!(run(&server, &["models", "props", "--json"]).json()["default_generation_settings"]["n_ctx"], 4096);
    assert_eq!(run(&server, &["models", "drafts"]).good(), "none\n");
    assert_eq!(run(&start(), &["models", "drafts"]).good(), "tiny-draft\n");
    assert_eq!(run(&server, &["models", "drafts", "--json"]).json()["data"], json!([]));
    run(&server, &["unload"]).good();
    assert_eq!(run(&server, &["models"]).good(), "alpha-7B-exl3\nbeta\n");
    run(&server, &["models", "current"]).bad(5, "No models are currently loaded");
}

#[test]
fn embedding_models() {
    let server = start_with(Emulator::builder().embedding_model("minilm").embedding_model("other"));
    assert_eq!(run(&server, &["models", "embedding"]).good(), "minilm  loaded\nother\n");
    assert!(run(&server, &["models", "embedding", "current"]).good().contains("minilm"));
    assert_eq!(run(&server, &["models", "embedding", "current", "--json"]).json()["id"], "minilm");
    assert_eq!(run(&server, &["models", "embedding", "unload"]).good(), "unloaded\n");
    assert_eq!(run(&server, &["models", "embedding"]).good(), "minilm\nother\n");
    run(&server, &["models", "embedding", "unload"]).bad(5, "No embedding models are currently loaded");
    assert_eq!(run(&server, &["models", "embedding", "load", "other", "--device", "cpu"]).good(), "loaded other\n");
    assert_eq!(sent(&server, "/v1/model/embedding/load")[0]["embeddings_device"], "cpu");
    run(&server, &["models", "embedding", "load", "other"]).bad(5, "already");
}

#[test]
fn loading_tells_how_far_it_is() {
    let server = two_models();
    let (out, err) = run(&server, &["load", "beta"]).noted();
    assert_eq!(out, "loaded beta: 3 modules of model\n");
    assert_eq!(err, "beta (model) 1/3\nbeta (model) 2/3\nbeta (model) 3/3\n");
    let lines = run(&server, &["load", "alpha-7B-exl3", "--json"]).json_lines();
    let (last, steps) = lines.split_last().unwrap();
    assert_eq!(steps[0], json!({"model_type": "model", "module": 1, "modules": 5, "status": "processing"}));
    assert_eq!(steps.len(), 6);
    assert_eq!((&last["model"], &last["already_loaded"]), (&"alpha-7B-exl3".into(), &false.into()));
    assert_eq!(last["parts"][0]["modules"], 5);
    run(&server, &["load", "missing"]).bad(5, "Could not find the model path");
    assert_eq!(run(&server, &["unload", "--json"]).json(), json!({"ok": true}));
    run(&server, &["unload"]).bad(5, "No models");
}

#[test]
fn loading_tells_when_it_does_nothing() {
    let server = two_models();
    run(&server, &["load", "beta"]).noted();
    assert_eq!(run(&server, &["load", "beta"]).good(), "beta is already loaded\n");
    run(&server, &["load", "beta", "--max-seq-len", "2048"]).bad(5, "silently keeps its old parameters; --force");
    let script = run(&server, &["load", "beta", "--cache-mode", "Q4", "--json"]);
    assert!(script.out.lines().last().unwrap().contains(r#""already_loaded":true"#), "{}", script.out);
    assert_eq!(script.error(5)["code"], "already_loaded");
    let (out, _) = run(&server, &["load", "beta", "--max-seq-len", "2048", "--force"]).noted();
    assert_eq!(out, "loaded beta: 3 modules of model\n");
    assert_eq!(sent(&server, "/v1/model/load").pop().unwrap(), json!({"model_name": "beta", "max_seq_len": 2048}));
    assert_eq!(run(&server, &["models", "current", "--json"]).json()["parameters"]["max_seq_len"], 2048);
}

#[test]
fn nothing_is_unloaded_for_what_is_not_there() {
    let server = two_models();
    let refused = |args: &[&str], why: &str| {
        let run = run(&server, args);
        assert!(!run.err.contains("client."), "{}", run.err);
        run.bad(5, why);
        assert_eq!(crate::support::run(&server, &["models", "current", "--json"]).json()["id"], "alpha-7B-exl3");
    };
    refused(&["load", "TYPO", "--force"], "`TYPO` is not in the server's list of models, so nothing was unloaded");
    refused(&["load", "TYPO", "--force"], "`tabby unload`");
    let draft = ["load", "beta", "--force", "--draft", "missing"];
    refused(&draft, "`missing` is not in the server's list of draft models, so nothing was unloaded");
    // With an API key, the server only lists the loaded model, so other models are unknown.
    let mut command = crate::support::keyless(&server.url(), &["load", "beta", "--force"]);
    let run_it = crate::support::Run::from(command.env("TABBY_API_KEY", server.api_key()).output().unwrap());
    run_it.bad(5, "the server shows the whole list");
    assert!(sent(&server, "/v1/model/load").is_empty());
    assert!(!server.requests().iter().any(|request| request.path == "/v1/model/unload"));
    run(&server, &["unload"]).good();
    // If no model is loaded, nothing can be lost.
    run(&server, &["load", "beta", "--force"]).noted();
}

#[test]
fn a_model_can_be_loaded_by_the_request_itself() {
    let server = start_with(
        Emulator::builder().model(ModelSpec::new("alpha")).model(ModelSpec::new("beta")).inline_model_loading(true),
    );
    let args = ["chat", "Hi", "--param", "model=beta"];
    let refused = run(&server, &args);
    assert!(refused.err.contains("`--admin`"), "{}", refused.err);
    refused.bad(4, "Unable to switch model to beta");
    assert_eq!(run(&server, &[&args[..], &["--admin"]].concat()).code, Some(0));
    assert_eq!(run(&server, &["models", "current", "--json"]).json()["id"], "beta");
    run(&server, &["complete", "x", "--param", "model=alpha", "--admin"]).good();
    assert_eq!(run(&server, &["models"]).good(), "alpha  loaded\nbeta\n");
    assert_eq!(run(&server, &["permission", "--admin"]).good(), "admin\n");
    run(&server, &["unload"]).good();
    for args in [["chat", "Hi"], ["complete", "x"]] {
        let args = [&args[..], &["--param", "model=alpha", "--admin"]].concat();
        run(&server, &args).bad(6, "a request that names a model fails in this way while none is loaded");
    }
}

#[test]
fn timeouts_bound_what_is_waited_for() {
    let server = start_with(
        Emulator::builder()
            .model(ModelSpec::new("alpha"))
            .model(ModelSpec::new("beta"))
            .gate_loads()
            .gate_downloads()
            .ping_interval(std::time::Duration::from_millis(100)),
    );
    let slow = |args: &[&str]| run(&server, &[args, &["--timeout", "1", "--retries", "0"]].concat());
    slow(&["download", "acme/thing"]).bad(7, "/v1/download");
    for args in [["complete", "x"], ["chat", "x"]] {
        server.script(tabbyapi_emulator::Script::new().reply("late").prefill_delay(std::time::Duration::from_secs(20)));
        slow(&args).bad(7, "completions");
    }
    // An active operation has no time limit.
    let timeouts = std::time::Duration::from_millis(300);
    server.script(tabbyapi_emulator::Script::new().tokens(["a"; 6]).token_delay(timeouts));
    assert_eq!(slow(&["complete", "x"]).good(), "aaaaaa\n");
    server.script(tabbyapi_emulator::Script::new().tokens(["a"; 6]).token_delay(timeouts));
    slow(&["complete", "x", "--no-stream"]).bad(7, "/v1/completions");
    slow(&["load", "beta"]).bad(7, "/v1/model/load");
}

#[test]
fn every_parameter_of_a_load_is_sent_once() {
    let server = start();
    let args = "load beta-3B-exl3 --max-seq-len -1 --cache-size 2048 --cache-mode 6,4 --chunk-size 512 --gpu-split 20.5,24 \
                --tensor-parallel --vision --template chatml --draft tiny-draft --param rope_alpha=auto --param max_seq_len=1024";
    run(&server, &args.split_whitespace().collect::<Vec<_>>()).noted();
    let expected = json!({"model_name": "beta-3B-exl3", "max_seq_len": 1024, "cache_size": 2048, "cache_mode": "6,4",
        "chunk_size": 512, "gpu_split": [20.5, 24.0], "tensor_parallel": true, "vision": true, "prompt_template": "chatml",
        "draft_model": {"draft_model_name": "tiny-draft"}, "rope_alpha": "auto"});
    assert_eq!(sent(&server, "/v1/model/load"), [expected]);
    let body = server.requests().pop().unwrap().body;
    assert_eq!(String::from_utf8(body).unwrap().matches("max_seq_len").count(), 1);
    run(&server, &["load", "x", "--param", "cache_size=[]"]).bad(2, "`--param cache_size=[]` does not fit the request");
}

#[test]
fn loras() {
    let server = start_with(Emulator::builder().lora("terse").lora("polite").loras_work(true));
    assert_eq!(run(&server, &["loras"]).good(), "terse\npolite\n");
    assert_eq!(run(&server, &["loras", "active"]).good(), "none\n");
    assert_eq!(run(&server, &["loras", "load", "terse=0.5", "polite"]).good(), "loaded  terse, polite\n");
    assert_eq!(
        sent(&server, "/v1/lora/load")[0]["loras"],
        json!([{"name": "terse", "scaling": 0.5}, {"name": "polite"}])
    );
    assert_eq!(run(&server, &["loras", "active"]).good(), "terse   0.5\npolite  1\n");
    assert_eq!(run(&server, &["loras", "active", "--json"]).json()["data"][0]["scaling"], 0.5);
    assert_eq!(run(&server, &["loras", "unload"]).good(), "unloaded\n");
    run(&server, &["loras", "load", "terse=much"]).bad(2, "`much` is not a scaling; write terse=0.5");

    let current = start_with(Emulator::builder().lora("terse"));
    let failed = run(&current, &["loras", "load", "terse"]);
    assert_eq!(failed.out, "failed  terse\n");
    failed.bad(5, "the server could not load 1 of 1 LoRAs");
    assert_eq!(run(&current, &["loras", "load", "terse", "--json"]).error(5)["code"], "loras_failed");
}

#[test]
fn templates() {
    let server = start();
    assert_eq!(run(&server, &["templates"]).good(), "alpaca\nchatml\n");
    assert_eq!(run(&server, &["templates", "list", "--json"]).json()["data"], json!(["alpaca", "chatml"]));
    assert!(run(&server, &["templates", "switch", "chatml"]).good().starts_with("the template is chatml until"));
    run(&server, &["templates", "switch", "nothing"]).bad(5, "fails this way on unknown templates");
    assert!(
        run(&server, &["templates", "unload"]).good().starts_with("the template is unloaded: the server rejects chats")
    );
    run(&server, &["chat", "Hi"]).bad(5, "prompt template is not set");
}

#[test]
fn sampling() {
    let server = start_with(Emulator::builder().preset("calm", r#"{"temperature": {"override": 0.1}}"#));
    assert_eq!(run(&server, &["sampling"]).good(), "preset   none\npresets  calm\n");
    assert_eq!(run(&server, &["sampling", "switch", "calm"]).good(), "the preset calm is active\n");
    assert_eq!(run(&server, &["sampling"]).good(), "preset   calm\npresets  calm\n\ntemperature  0.1\n");
    assert_eq!(run(&server, &["sampling", "overrides", "--json"]).json()["overrides"]["temperature"]["override"], 0.1);
    run(&server, &["sampling", "set", "top_p=0.5", "min_p=0.1", "--force"]).good();
    assert!(run(&server, &["sampling"]).good().ends_with("\nmin_p  0.1  force\ntop_p  0.5  force\n"));
    run(&server, &["sampling", "set", r#"stop=["User:"]"#, "--append"]).good();
    assert!(run(&server, &["sampling"]).good().ends_with("\nstop  [\"User:\"]  additive\n"));
    assert_eq!(run(&server, &["sampling", "unload"]).good(), "all overrides are removed\n");
    // The server still names the preset.
    assert_eq!(run(&server, &["sampling"]).good(), "preset   none\npresets  calm\n");
    run(&server, &["sampling", "switch", "nothing"]).bad(5, "nothing");
    run(&server, &["sampling", "set", "top_p"]).bad(2, "write NAME=VALUE");
}

#[test]
fn downloads() {
    let server = start_with(Emulator::builder().missing_repo("acme/none"));
    let token = file("hub-token", "hf_secret\n");
    let (out, note) =
        run(&server, &["download", "acme/thing-exl3", "--revision", "4bpw", "--hub-token-file", &token]).noted();
    assert_eq!(out, "downloaded to models/thing-exl3 on the server\n");
    assert!(note.contains("Ctrl-C cancels it"), "{note}");
    let request = &sent(&server, "/v1/download")[0];
    assert_eq!(request, &json!({"repo_id": "acme/thing-exl3", "revision": "4bpw", "token": "hf_secret"}));
    run(&server, &["download", "acme/thing-exl3"]).bad(5, "already exists");
    run(&server, &["download", "acme/none"]).bad(5, "check the repository's name and `--revision`");
    let lora = run(&server, &["download", "acme/l", "--lora", "--folder", "f", "--include", "*.json", "--json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&lora.out).unwrap()["download_path"], "loras/f");
}

#[test]
fn the_persons_own_token_is_not_sent_unasked() {
    let server = start();
    let mut command = crate::support::command(&server, &["download", "acme/thing"]);
    assert!(command.env("HF_TOKEN", "hf_secret").output().unwrap().status.success());
    assert_eq!(sent(&server, "/v1/download"), [json!({"repo_id": "acme/thing"})]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_a_download() {
    use crate::support::{PATIENCE, Run, command, interrupt, spawn};
    let server = start_with(Emulator::builder().gate_downloads());
    let child = spawn(command(&server, &["download", "acme/thing"]));
    assert!(server.wait_for(|log| !log.requests.is_empty(), PATIENCE));
    interrupt(&child);
    assert!(server.wait_for(|log| !log.downloads_rolled_back.is_empty(), PATIENCE), "the server removes what it had");
    Run::from(child.wait_with_output().unwrap()).bad(130, "error: interrupted");
}
