//! Completions, embeddings, tokens.

use serde_json::json;
use tabbyapi_emulator::{Emulator, Script};

use crate::support::{feed, run, sent, start, start_with};

#[test]
fn completions_are_streamed() {
    let server = start();
    server.script(Script::new().reply(" upon a time"));
    assert_eq!(run(&server, &["complete", "Once", "--echo"]).good(), "Once upon a time\n");
    server.script(Script::new().reply("one line\n"));
    assert_eq!(run(&server, &["complete", "x"]).good(), "one line\n");
    let request = json!({"prompt": "x", "max_tokens": 1024, "stream": true, "stream_options": {"include_usage": true}});
    assert_eq!(sent(&server, "/v1/completions")[1], request);

    server.script(Script::new().reply("x y"));
    let chunks = run(&server, &["complete", "one", "--json"]).json_lines();
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["text"].as_str()).collect();
    assert_eq!((text.as_str(), &chunks[0]["model_name"]), ("x y", &"alpha-7B-exl3".into()));
    assert!(chunks.last().unwrap()["usage"]["completion_tokens"].is_u64());

    server.script(Script::new().reply("from a pipe"));
    let (out, note) = feed(&server, &["complete", "-", "--stats"], "piped").noted();
    assert_eq!(out, "from a pipe\n");
    assert!(note.contains(" tokens in, ") && note.contains(" tokens/s, first after "), "{note}");
    assert_eq!(sent(&server, "/v1/completions").pop().unwrap()["prompt"], "piped");
}

#[test]
fn what_breaks_off_is_resumed_if_it_is_to_be() {
    let server = start();
    let words = || Script::new().tokens(["one", " two", " three"]);
    let broken = |script: Script| server.script(script.cut_after(2));
    broken(words());
    server.script(Script::new().tokens([" three"]));
    let (out, note) = run(&server, &["complete", "x", "--resume"]).noted();
    assert_eq!((out.as_str(), note.trim()), ("one two three\n", "(it broke off once, and was resumed)"));
    assert_eq!(sent(&server, "/v1/completions")[1]["prompt"], "xone two");
    broken(words());
    server.script(words());
    let (out, note) = run(&server, &["chat", "x", "--resume=1"]).noted();
    assert!(out.starts_with("one two") && note.contains("(it broke off once, and was resumed)"), "{out} {note}");
    assert_eq!(sent(&server, "/v1/chat/completions")[1]["response_prefix"], "one two");
    // Without the flag, nothing is retried.
    broken(words());
    run(&server, &["complete", "x"]).bad(8, "the connection was lost");
    assert_eq!(sent(&server, "/v1/completions").len(), 3);
}

#[test]
fn every_parameter_of_a_completion_is_sent_once() {
    let server = start();
    let args = "complete x --no-stream --max-tokens 20 --temperature 0.5 --top-p 0.9 --top-k -1 --min-p 0.05 --stop a --stop b \
                --seed 7 --param min_tokens=2 --param banned_strings=no --param max_tokens=21";
    run(&server, &args.split_whitespace().collect::<Vec<_>>()).noted();
    let expected = json!({"prompt": "x", "max_tokens": 21, "temperature": 0.5, "top_p": 0.9, "top_k": -1, "min_p": 0.05,
        "stop": ["a", "b"], "seed": 7, "min_tokens": 2, "banned_strings": ["no"],
        "stream_options": {"include_usage": true}});
    assert_eq!(sent(&server, "/v1/completions"), [expected]);
    run(&server, &["complete", "x", "--param", "nonsense"]).bad(2, "write NAME=VALUE");
}

#[test]
fn whole_completions_and_several() {
    let server = start();
    server.script(Script::new().reply("two"));
    assert_eq!(run(&server, &["complete", "one", "--no-stream", "--json"]).json()["choices"][0]["text"], "two");
    server.script(Script::new().reply("this\n").reply("that"));
    assert_eq!(run(&server, &["complete", "x", "--param", "n=2"]).good(), "--- 0\nthis\n--- 1\nthat\n");
}

#[test]
fn what_ends_early_is_reported() {
    let server = start();
    let pieces = ["some", " of it", " and more"];
    server.script(Script::new().tokens(pieces).cut_after(2));
    let cut = run(&server, &["complete", "x"]);
    assert_eq!(cut.out, "some of it\n", "what had come is printed");
    cut.bad(8, "the connection was lost");
    server.script(Script::new().tokens(pieces).fail_at(2));
    let failed = run(&server, &["complete", "x", "--json"]);
    assert!(failed.out.lines().count() >= 1);
    assert_eq!(failed.error(6)["kind"], "server");
    server.script(Script::new().reply("on and on").no_eos());
    let (_, note) = run(&server, &["complete", "x"]).noted();
    assert_eq!(note, "(cut off after 1024 tokens; --max-tokens changes this)\n");
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_a_completion() {
    use crate::support::{PATIENCE, Run, command, interrupt, spawn};
    let server = start();
    server.script(Script::new().tokens(["This", " goes", " on"]).gate());
    let child = spawn(command(&server, &["complete", "x"]));
    server.release(1);
    assert!(server.wait_for(|log| log.events_sent == 1, PATIENCE));
    interrupt(&child);
    assert!(server.wait_for_disconnect(PATIENCE), "the server sees it");
    Run::from(child.wait_with_output().unwrap()).bad(130, "error: interrupted");
}

#[test]
fn embeddings() {
    let server = start_with(Emulator::builder().embedding_model("minilm").embedding_dimension(8));
    let text = run(&server, &["embed", "hello", "a much longer text than fits into a line"]).good();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("1  8 numbers  ") && lines[0].ends_with(" …  hello"), "{text}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
    assert!(lines[1].ends_with("  a much longer text than fits i…"), "{text}");
    let text = feed(&server, &["embed", "-", "--similarity"], "same\n\nsame\n").good();
    let lines: Vec<_> = text.lines().skip(3).collect();
    assert_eq!(lines, ["cosine       1       2", "1        1.000   1.000", "2        1.000   1.000"], "{text}");
    let json = run(&server, &["embed", "a", "--json"]).json();
    assert_eq!((json["data"][0]["embedding"].as_array().unwrap().len(), &json["model"]), (8, &"minilm".into()));
    run(&server, &["models", "embedding", "unload"]).good();
    run(&server, &["embed", "a"]).bad(5, "No embedding models are currently loaded");
}

#[test]
fn tokens() {
    let server = start();
    let tokens = run(&server, &["tokens", "encode", "Hello there"]).good();
    let ids: Vec<&str> = tokens.split_whitespace().collect();
    let json = run(&server, &["tokens", "encode", "Hello there", "--json"]).json();
    assert_eq!(json["length"], ids.len());
    let decoded = run(&server, &[&["tokens", "decode"][..], &ids].concat()).good();
    assert!(decoded.contains("Hello there"), "{decoded}");
    // The emulator's pieces are short; the token that starts a text is before them.
    assert_eq!(ids.len(), ["<|bos|>", "H", "el", "lo", " there"].len());
    assert_eq!(run(&server, &["tokens", "decode", ids[1], "--json"]).json()["text"], "H");
    assert_eq!(run(&server, &["tokens", "decode", ids[4]]).good(), " there\n");
    assert_eq!(run(&server, &["tokens", "count", "Hello there"]).good(), format!("{}\n", ids.len()));
    assert_eq!(feed(&server, &["tokens", "count", "-", "--no-bos"], "Hello there").good(), "4\n");
    assert_eq!(run(&server, &["tokens", "count", "Hi", "--json"]).json(), json!({"length": 3}));
    let messages = r#"[{"role": "user", "content": "Hi"}]"#;
    run(&server, &["tokens", "count", messages, "--messages"]).good();
    assert!(sent(&server, "/v1/token/encode").pop().unwrap()["text"].is_array());
    run(&server, &["tokens", "count", "Hi", "--messages"]).bad(2, "not a JSON list of messages");
}

#[test]
fn estimates_take_no_server() {
    let run = |args: &[&str]| {
        let mut command = crate::support::keyless("http://127.0.0.1:1", &[&["tokens", "estimate"], args].concat());
        crate::support::Run::from(command.output().unwrap())
    };
    assert_eq!(run(&["The quick brown fox jumps over the lazy dog."]).good(), "about 10 tokens, 6 to 17\n");
    let messages = r#"[{"role": "user", "content": "Hi"}]"#;
    let estimate = run(&[messages, "--messages", "--json"]).json();
    assert!(estimate["low"].as_u64() <= estimate["tokens"].as_u64());
}
