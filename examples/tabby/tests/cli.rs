//! The program as its users run it, against the emulator.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tabbyapi_emulator::{Emulator, EmulatorBuilder, ModelSpec, Script};

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Run {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Run {
    #[track_caller]
    fn good(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    #[track_caller]
    fn json(self) -> Value {
        serde_json::from_str(&self.good()).unwrap()
    }

    #[track_caller]
    fn bad(self, code: i32, text: &str) {
        assert_eq!(self.code, Some(code), "{} {}", self.out, self.err);
        assert!(self.err.contains(text), "{}", self.err);
    }
}

fn start() -> Emulator {
    start_with(Emulator::builder())
}

fn start_with(builder: EmulatorBuilder) -> Emulator {
    builder.token_delay(Duration::ZERO).load_delay(Duration::ZERO).start().unwrap()
}

fn command(server: &Emulator, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tabby"));
    command
        .args(args)
        .env_clear()
        .env("TABBY_URL", server.url())
        .env("TABBY_API_KEY", server.api_key())
        .env("TABBY_ADMIN_KEY", server.admin_key())
        .stdin(Stdio::null());
    command
}

fn run(server: &Emulator, args: &[&str]) -> Run {
    command(server, args).output().unwrap().into()
}

/// Runs it with lines to read.
fn feed(server: &Emulator, args: &[&str], lines: &str) -> Run {
    let mut child =
        command(server, args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn what_there_is() {
    let server = start_with(
        Emulator::builder()
            .model(ModelSpec::new("alpha-7B-exl3"))
            .model(ModelSpec::new("beta-3B-exl3"))
            .template("chatml")
            .lora("terse"),
    );
    assert_eq!(run(&server, &["health"]).good(), "healthy\n");
    assert_eq!(run(&server, &["health", "--wait", "5"]).good(), "ready: alpha-7B-exl3\n");
    assert_eq!(run(&server, &["permission"]).good(), "api\n");
    assert_eq!(run(&server, &["permission", "--json"]).json()["permission"], "api");
    assert_eq!(run(&server, &["models", "list"]).good(), "alpha-7B-exl3\nbeta-3B-exl3\n");
    assert!(run(&server, &["models", "current"]).good().starts_with("model "));
    assert!(run(&server, &["models", "props"]).good().starts_with("context "));
    assert_eq!(run(&server, &["models", "props", "--json"]).json()["total_slots"].as_u64().map(|n| n > 0), Some(true));
    assert_eq!(run(&server, &["models", "drafts"]).code, Some(0));
    assert!(run(&server, &["loras", "list"]).good().contains("terse"));
    assert_eq!(run(&server, &["loras", "active"]).good(), "none\n");
    assert!(run(&server, &["templates", "list"]).good().contains("chatml"));
    assert!(run(&server, &["templates", "switch", "chatml"]).good().contains("the template is chatml"));
    run(&server, &["templates", "switch", "nothing"]).bad(5, "a template that it does not have");
}

#[test]
fn loading_tells_when_it_would_do_nothing() {
    let server = start_with(
        Emulator::builder().model(ModelSpec::new("alpha-7B-exl3").modules(5)).model(ModelSpec::new("beta").modules(3)),
    );
    assert_eq!(run(&server, &["load", "beta"]).good(), "loaded beta: 3 modules of model\n");
    assert_eq!(run(&server, &["load", "beta"]).good(), "beta is loaded already\n");
    run(&server, &["load", "beta", "--max-seq-len", "2048"]).bad(1, "silently keep its old parameters; --force");
    assert_eq!(
        run(&server, &["load", "beta", "--max-seq-len", "2048", "--force"]).good(),
        "loaded beta: 3 modules of model\n"
    );
    let sent = server.requests().into_iter().rfind(|request| request.path == "/v1/model/load").unwrap();
    assert_eq!(sent.json()["max_seq_len"], 2048);
    let lines = run(&server, &["load", "alpha-7B-exl3", "--json"]).good();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&last["model"], &last["loaded"]), (&"alpha-7B-exl3".into(), &true.into()));
    assert!(lines.lines().count() >= 6);
    run(&server, &["load", "missing"]).bad(5, "Could not find the model path");
    assert_eq!(run(&server, &["unload"]).good(), "unloaded\n");
    run(&server, &["unload"]).bad(5, "No models");
    run(&server, &["models", "current"]).bad(5, "No models are currently loaded");
    assert_eq!(run(&server, &["health", "--wait", "0"]).code, Some(7));
}

#[test]
fn completing() {
    let server = start();
    server.script(Script::new().reply(" upon a time"));
    assert_eq!(run(&server, &["complete", "Once", "--echo"]).good(), "Once upon a time\n");
    server.script(Script::new().reply("two"));
    let whole =
        run(&server, &["complete", "one", "--no-stream", "--json", "--temperature", "0.5", "--stop", "x"]).json();
    assert_eq!(whole["choices"][0]["text"], "two");
    let sent = server.requests().pop().unwrap().json();
    assert_eq!((&sent["temperature"], &sent["max_tokens"], &sent["stop"][0]), (&0.5.into(), &1024.into(), &"x".into()));
    server.script(Script::new().reply("x y"));
    let lines = run(&server, &["complete", "one", "--json"]).good();
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && lines.lines().count() > 1);
    server.script(Script::new().reply("from a pipe"));
    let read = feed(&server, &["complete", "-", "--stats"], "piped");
    assert_eq!((read.code, read.out.as_str()), (Some(0), "from a pipe\n"));
    assert!(read.err.contains(" tokens in, ") && read.err.contains("tokens/s"), "{}", read.err);
    run(&server, &["complete", "x", "--param", "nonsense"]).bad(2, "write NAME=VALUE");
    server.script(Script::new().reply("some of it and more").cut_after(2));
    let cut = run(&server, &["complete", "x"]);
    assert!(!cut.out.trim().is_empty(), "what had come is printed");
    cut.bad(8, "the connection was lost");
}

#[test]
fn embeddings_and_tokens() {
    let server = start_with(Emulator::builder().embedding_model("minilm").embedding_dimension(8));
    let text = run(&server, &["embed", "hello", "world"]).good();
    assert!(text.contains("hello: 8 numbers") && text.contains("1 and 2: cosine"), "{text}");
    assert_eq!(run(&server, &["embed", "a", "--json"]).json()["data"][0]["embedding"].as_array().unwrap().len(), 8);
    let tokens = run(&server, &["tokens", "encode", "Hello there"]).good();
    let ids: Vec<&str> = tokens.split_whitespace().collect();
    let decoded = run(&server, &[&["tokens", "decode"][..], &ids].concat()).good();
    assert!(decoded.contains("Hello there"), "{decoded}");
    assert_eq!(run(&server, &["tokens", "count", "Hello there"]).good().trim(), ids.len().to_string());
    let messages = r#"[{"role": "user", "content": "Hi"}]"#;
    let estimate = run(&server, &["tokens", "estimate", messages, "--messages", "--json"]).json();
    assert!(estimate["low"].as_u64() <= estimate["tokens"].as_u64());
    run(&server, &["tokens", "count", "Hi", "--messages"]).bad(2, "no JSON list of messages");
    assert!(run(&server, &["models", "embedding", "current"]).good().contains("minilm"));
}

#[test]
fn sampling() {
    let server = start_with(Emulator::builder().preset("calm", r#"{"temperature": {"override": 0.1}}"#));
    assert!(run(&server, &["sampling", "switch", "calm"]).good().contains("calm is in force"));
    let text = run(&server, &["sampling", "overrides"]).good();
    assert!(text.contains("preset   calm") && text.contains("temperature  0.1"), "{text}");
    run(&server, &["sampling", "set", "top_p=0.5", "--force"]).good();
    assert!(run(&server, &["sampling", "overrides"]).good().contains("top_p  0.5  force"));
    run(&server, &["sampling", "unload"]).good();
    run(&server, &["sampling", "switch", "nothing"]).bad(5, "nothing");
}

#[test]
fn downloads() {
    let server = start_with(Emulator::builder().download_delay(Duration::ZERO).missing_repo("acme/none"));
    let done = run(&server, &["download", "acme/thing-exl3", "--revision", "4bpw"]);
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert!(done.out.starts_with("downloaded to "), "{}", done.out);
    run(&server, &["download", "acme/none"]).bad(5, "repo");
}

#[test]
fn a_conversation_over_a_pipe() {
    let server = start();
    server.script(Script::new().reply("<think>Hm.</think>Hello."));
    server.script(Script::new().reply("You said hi."));
    let chat = feed(&server, &["chat", "--system", "Be brief."], "hi\n\n/stats\nwhat did I say?\n/quit\nnever\n");
    assert_eq!((chat.code, chat.out.as_str()), (Some(0), "Hm.\n\nHello.\nYou said hi.\n"));
    assert!(chat.err.contains("3 messages"), "{}", chat.err);
    let sent = server.requests().pop().unwrap().json();
    let roles: Vec<_> = sent["messages"].as_array().unwrap().iter().map(|message| message["role"].clone()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(sent["messages"][2]["content"], "Hello.");

    server.script(Script::new().reply("One."));
    assert_eq!(run(&server, &["chat", "Just this?"]).good(), "One.\n");
    feed(&server, &["chat"], "/nonsense\n").bad(2, "there is no command /nonsense");
}

#[test]
fn errors_have_codes() {
    let server = start();
    let keyless = || {
        let mut command = command(&server, &["models", "list"]);
        command.env_remove("TABBY_API_KEY").env_remove("TABBY_ADMIN_KEY");
        command
    };
    Run::from(keyless().output().unwrap()).bad(4, "key");
    Run::from(keyless().env("TABBY_API_KEY", "wrong").output().unwrap()).bad(4, "key");
    let json = Run::from(keyless().arg("--json").output().unwrap());
    let error: Value = serde_json::from_str(&json.err).unwrap();
    assert_eq!((&error["error"]["status"], &error["error"]["kind"]), (&401.into(), &"Server".into()));
    Run::from(keyless().args(["--url", "http://127.0.0.1:1"]).output().unwrap()).bad(3, "no connection");
    Run::from(keyless().args(["--url", "localhost:5000"]).output().unwrap()).bad(2, "http://localhost:5000");
    run(&server, &["nonsense"]).bad(2, "unrecognized subcommand");
    server.script(Script::new().fail_before());
    run(&server, &["chat", "x"]).bad(6, "the server");
}

#[test]
fn keys_from_files() {
    let server = start();
    let folder = tempdir("keys");
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let both = write("api_tokens.yml", format!("api_key: {}\nadmin_key: {}\n", server.api_key(), server.admin_key()));
    let api = write("api", format!("{}\n", server.api_key()));
    let with = |args: &[&str]| {
        let mut command = command(&server, args);
        command.env_remove("TABBY_API_KEY").env_remove("TABBY_ADMIN_KEY");
        Run::from(command.output().unwrap())
    };
    assert_eq!(with(&["permission", "--tokens-file", &both]).good(), "api\n");
    assert_eq!(with(&["unload", "--tokens-file", &both]).good(), "unloaded\n");
    assert_eq!(with(&["permission", "--api-key-file", &api]).good(), "api\n");
    with(&["unload", "--api-key-file", &api]).bad(4, "key");
    with(&["permission", "--tokens-file", &api]).bad(2, "api_tokens.yml");
    with(&["permission", "--api-key-file", "/nowhere/at/all"]).bad(2, "cannot read");
}

#[test]
fn what_is_recorded_can_be_replayed() {
    let server = start();
    let file = tempdir("tape").join("tape.jsonl").display().to_string();
    server.script(Script::new().reply("Told once."));
    let first = run(&server, &["chat", "Tell me.", "--record", &file]).good();
    assert_eq!(first, "Told once.\n");
    let tape = std::fs::read_to_string(&file).unwrap();
    assert!(tape.lines().count() == 2 && !tape.contains(server.api_key()), "{tape}");
    drop(server);
    let mut replay = Command::new(env!("CARGO_BIN_EXE_tabby"));
    let again = replay.args(["chat", "Tell me.", "--replay", &file]).env_clear().output().unwrap();
    assert_eq!(Run::from(again).good(), first);
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_the_answer_and_keeps_the_conversation() {
    use std::io::{BufRead, BufReader, Read};
    let server = start();
    server.script(Script::new().tokens(["This", " goes", " on", " and on"]).gate());
    let mut child = command(&server, &["chat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "go").unwrap();
    server.release(1);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = [0; 4];
    out.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"This");
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    assert!(server.wait_for_disconnect(Duration::from_secs(10)), "the server sees it");
    server.script(Script::new().reply("Still here."));
    writeln!(input, "and now?").unwrap();
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    line.clear();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "Still here.\n");
    drop(input);
    assert!(child.wait().unwrap().success());
    let sent = server.requests().pop().unwrap().json();
    assert_eq!(sent["messages"][1]["content"], "This", "what had come is kept");
}

fn requests(count: usize) -> String {
    let line = |n: usize| {
        let body =
            serde_json::json!({"messages": [{"role": "user", "content": format!("line {n}")}], "max_tokens": 20});
        serde_json::json!({"custom_id": n.to_string(), "method": "POST", "url": "/v1/chat/completions", "body": body})
    };
    (0..count).map(|n| format!("{}\n", line(n))).collect()
}

fn ids(results: &str) -> Vec<String> {
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["custom_id"].as_str().unwrap().to_owned();
    let mut ids: Vec<_> = results.lines().map(id).collect();
    ids.sort();
    ids
}

#[cfg(unix)]
#[test]
fn a_batch_that_is_killed_goes_on_where_it_was() {
    let server = start_with(Emulator::builder().gate());
    let folder = tempdir("batch");
    let (input, output) = (folder.join("in.jsonl"), folder.join("out.jsonl"));
    std::fs::write(&input, requests(12)).unwrap();
    let (input, output) = (input.display().to_string(), output.display().to_string());
    let args = ["batch", &input, "--output", &output, "--jobs", "1"];
    let mut first = command(&server, &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    server.release(60);
    let begun = |log: &tabbyapi_emulator::Log| log.requests.len() >= 3;
    assert!(server.wait_for(begun, Duration::from_secs(20)));
    first.kill().unwrap();
    first.wait().unwrap();
    let before = std::fs::read_to_string(&output).unwrap();
    let whole = before.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count();
    assert!((2..12).contains(&whole), "{whole} results before it was killed");
    // As if it had been killed in the middle of a line.
    std::fs::write(&output, format!("{before}{{\"custom_id\": \"tor")).unwrap();

    server.release(1_000_000);
    let second = run(&server, &args);
    assert_eq!(second.code, Some(0), "{}", second.err);
    assert!(
        second.out.contains(&format!("{} done, 0 of them failed; {whole} were there before", 12 - whole)),
        "{}",
        second.out
    );
    let mut all: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    all.sort();
    assert_eq!(ids(&std::fs::read_to_string(&output).unwrap()), all, "nothing lost, nothing twice");
    // What was finished is not made again; what was cut off is.
    assert!(server.requests().len() <= 12 + 1, "{}", server.requests().len());
    assert_eq!(run(&server, &args).code, Some(0));
    assert_eq!(ids(&std::fs::read_to_string(&output).unwrap()), all);
}

#[test]
fn a_batch_tells_what_failed_and_makes_it_again() {
    let server = start();
    let folder = tempdir("again");
    let (input, output) = (folder.join("in.jsonl"), folder.join("out.jsonl"));
    std::fs::write(&input, format!("{}no json\n", requests(2))).unwrap();
    let (input, output) = (input.display().to_string(), output.display().to_string());
    server.script(Script::new().fail_before());
    run(&server, &["batch", &input, "-o", &output, "--jobs", "1"]).bad(1, "2 requests failed");
    let again = run(&server, &["batch", &input, "-o", &output, "--retry-failed", "--json"]);
    let told: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((&told["finished"], &told["failed"]), (&1.into(), &0.into()), "{} {}", again.out, again.err);
    run(&server, &["batch", "/nowhere/at/all", "-o", &output]).bad(2, "cannot read");
}

#[test]
fn help_and_completions() {
    let server = start();
    let help = run(&server, &["--help"]).good();
    for command in ["health", "models", "load", "chat", "embed", "download", "Exit codes", "TABBY_API_KEY"] {
        assert!(help.contains(command), "{command}");
    }
    assert!(!help.contains(server.api_key()), "keys in the environment do not show");
    assert!(run(&server, &["completions", "bash"]).good().contains("_tabby"));
    assert!(run(&server, &["--version"]).good().starts_with("tabby 0."));
}

fn tempdir(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
