//! Conversations over pipes.

use serde_json::{Value, json};
use tabbyapi_emulator::{Emulator, ModelSpec, Script};

use crate::support::{feed, folder, run, sent, start, start_with};

const CHAT: &str = "/v1/chat/completions";

/// Roles and contents of the last sent messages.
fn asked(server: &Emulator) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let request = sent(server, CHAT).pop().unwrap();
    let messages = request["messages"].as_array().unwrap();
    messages.iter().map(|message| (text(&message["role"]), text(&message["content"]))).collect()
}

fn pairs(messages: &[(&str, &str)]) -> Vec<(String, String)> {
    messages.iter().map(|(role, content)| (role.to_string(), content.to_string())).collect()
}

#[test]
fn one_question() {
    let server = start();
    server.script(Script::new().reply("One."));
    assert_eq!(run(&server, &["chat", "Just this?", "--system", "Be brief."]).good(), "One.\n");
    assert_eq!(asked(&server), pairs(&[("system", "Be brief."), ("user", "Just this?")]));
    assert!(sent(&server, CHAT)[0].get("max_tokens").is_none(), "the context is the limit");
    server.script(Script::new().reply("Two."));
    assert_eq!(feed(&server, &["chat", "-"], "From a\npipe?\n").good(), "Two.\n");
    assert_eq!(asked(&server), pairs(&[("user", "From a\npipe?")]));
    server.script(Script::new().reply("Three."));
    let chunks = run(&server, &["chat", "x", "--json", "--no-think", "--seed", "3"]).json_lines();
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "Three.");
    let request = sent(&server, CHAT).pop().unwrap();
    assert_eq!((&request["enable_thinking"], &request["seed"]), (&json!(false), &json!(3)));
}

#[test]
fn a_conversation_over_a_pipe() {
    let server = start();
    server.script(Script::new().reply("<think>Hm.</think>Hello."));
    server.script(Script::new().reply("You said hi."));
    let lines = "hi\n\n/stats\nwhat did \\\nI say?\n/quit\nnever\n";
    let (out, err) = feed(&server, &["chat", "--system", "Be brief."], lines).noted();
    assert_eq!(out, "[thinking] Hm.\n\nHello.\nYou said hi.\n");
    assert!(err.starts_with("(3 messages, about ") && err.contains(" of 4096 tokens; statistics are on)"), "{err}");
    assert!(err.contains(" tokens in, "), "{err}");
    let expected = [("system", "Be brief."), ("user", "hi"), ("assistant", "Hello."), ("user", "what did \nI say?")];
    assert_eq!(asked(&server), pairs(&expected));
    assert!(!sent(&server, CHAT)[1].to_string().contains("Hm."), "reasoning is no part of what was said");
    server.script(Script::new().reply("<think>Hm.</think>Hello."));
    assert_eq!(run(&server, &["chat", "x", "--no-reasoning"]).good(), "Hello.\n");
}

#[test]
fn commands() {
    let server = start_with(
        Emulator::builder().model(ModelSpec::new("alpha").modules(2)).model(ModelSpec::new("beta").modules(2)),
    );
    let path = folder("chat").join("saved.json").display().to_string();
    for reply in ["A.", "B.", "C.", "D."] {
        server.script(Script::new().reply(reply));
    }
    let lines = format!(
        "one\n/undo\ntwo\n/system Be kind.\n/model beta\n/model beta\n/save {path}\n/clear\n//three\n/load {path}\n/system\nfour\n"
    );
    let (out, err) = feed(&server, &["chat"], &lines).noted();
    assert_eq!(out, "A.\nB.\nloaded beta: 2 modules of model\nC.\nD.\n");
    assert!(err.contains("beta (model) 2/2\n(beta is already loaded)\n(3 messages saved in "), "{err}");
    for note in
        ["last question is removed", "started over, with the same", "3 messages loaded", "instructions are removed"]
    {
        assert!(err.contains(note), "{note}: {err}");
    }
    let bodies = sent(&server, CHAT);
    assert_eq!(bodies[1]["messages"], json!([{"role": "user", "content": "two"}]), "/undo");
    assert_eq!(bodies[2]["messages"][0]["content"], "Be kind.", "/clear keeps the instructions");
    assert_eq!(bodies[2]["messages"][1]["content"], "/three");
    assert_eq!(asked(&server), pairs(&[("user", "two"), ("assistant", "B."), ("user", "four")]));
    assert_eq!(
        run(&server, &["tokens", "count", "--messages", &std::fs::read_to_string(&path).unwrap()]).code,
        Some(0)
    );
    server.script(Script::new().reply("E."));
    assert_eq!(run(&server, &["chat", "five", "--load", &path]).good(), "E.\n");
    assert_eq!(asked(&server)[0], ("system".to_owned(), "Be kind.".to_owned()));

    feed(&server, &["chat"], "/nonsense\nnever asked\n").bad(2, "there is no command /nonsense");
    feed(&server, &["chat"], "/load /nowhere\n").bad(2, "cannot read /nowhere");
    assert_eq!(sent(&server, CHAT).len(), 5);
    let (_, help) = feed(&server, &["chat"], "/help\n").noted();
    assert!(help.contains("/system TEXT") && help.contains("Ctrl-C stops a response"), "{help}");
}

#[test]
fn a_question_that_got_no_answer_is_taken_back() {
    let server = start();
    let path = folder("chat").join("failed.json").display().to_string();
    // The server fails on the second one. Later lines of a pipe are not sent.
    server.script(Script::new().reply("Yes."));
    server.script(Script::new().fail_before());
    feed(&server, &["chat"], &format!("one\ntwo\n/save {path}\n")).bad(6, "the server");
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn a_long_conversation_is_fitted_into_the_context() {
    let server = start_with(Emulator::builder().model(ModelSpec::new("small").max_seq_len(400)));
    let question = |n: usize| format!("{n} {}", "word ".repeat(60));
    for _ in 0..4 {
        server.script(Script::new().reply("Yes."));
    }
    let lines: String = (0..4).map(|n| question(n) + "\n").collect();
    let (out, err) = feed(&server, &["chat", "--system", "Stay.", "--max-tokens", "100"], &lines).noted();
    assert_eq!(out, "Yes.\n".repeat(4));
    let reported = "(the oldest 2 messages no longer fit into the context and are omitted)\n\
                (of its 400 tokens, 100 are reserved for the response)\n";
    assert!(err.contains(reported), "{err}");
    let messages = asked(&server);
    assert_eq!(messages[0].1, "Stay.");
    assert!(messages[1].1.starts_with("1 ") || messages[1].1.starts_with("2 "), "{messages:?}");
    assert!(!sent(&server, "/v1/token/encode").is_empty(), "the server counted before anything was left out");
    feed(&server, &["chat"], &(question(0).repeat(10) + "\n")).bad(5, "the conversation does not fit");
}

#[test]
fn what_fits_is_not_refused_for_an_estimate() {
    let server = start();
    let count = |text: &str| -> usize { feed(&server, &["tokens", "count", "-"], text).good().trim().parse().unwrap() };
    // Of 4096 tokens, the estimate reserves a quarter for the response, and more as a margin.
    let words = "word ".repeat(1000);
    let each = count(&words) as f64 / 1000.0;
    let text = |tokens: f64| "word ".repeat((tokens / each) as usize);
    server.script(Script::new().reply("Yes."));
    assert_eq!(feed(&server, &["chat", "-"], &text(3900.0)).good(), "Yes.\n");
    // Earlier messages make room.
    for _ in 0..2 {
        server.script(Script::new().reply("Yes."));
    }
    let (out, err) = feed(&server, &["chat"], &format!("Hi\n{}\n", text(3900.0))).noted();
    assert_eq!(out, "Yes.\nYes.\n");
    assert!(
        err.contains("(all 2 messages before the last turn are omitted") && err.contains("left for the response"),
        "{err}"
    );
    let asked = sent(&server, CHAT).len();
    let refused = feed(&server, &["chat", "-"], &text(4400.0));
    assert!(refused.err.contains("which also has to hold the response; shorten"), "{}", refused.err);
    refused.bad(5, " of the 4096 tokens of the context");
    assert_eq!(sent(&server, CHAT).len(), asked);
    // A server that cannot count messages counts their text. A server that cannot count reports excessive lengths itself.
    let server = start_with(Emulator::builder().default_api_servers());
    server.script(Script::new().reply("Yes."));
    let out = feed(&server, &["chat", "-"], &text(3900.0));
    assert_eq!(out.good(), "Yes.\n");
    server.answer(tabbyapi_emulator::CannedResponse::status(404).on("/v1/token/encode").always());
    server.script(Script::new().reply("Yes."));
    assert_eq!(feed(&server, &["chat", "-"], &text(3900.0)).good(), "Yes.\n");
    feed(&server, &["chat", "-"], &text(4400.0)).bad(5, "exceeds the available context size");
}

#[test]
fn a_conversation_keeps_to_the_cache() {
    let server = start_with(Emulator::builder().model(ModelSpec::new("tight").max_seq_len(4096).cache_size(2560)));
    let question = "word ".repeat(100);
    for _ in 0..4 {
        server.script(Script::new().reply("Yes."));
    }
    let (out, err) = feed(&server, &["chat"], &format!("{question}\n").repeat(4)).noted();
    assert_eq!(out, "Yes.\n".repeat(4), "{err}");
    assert!(
        err.contains("(a prompt may have 513 tokens: the server also keeps a whole chunk free in the cache"),
        "{err}"
    );
    let refused = feed(&server, &["chat"], &format!("{}\n", "word ".repeat(700)));
    assert!(refused.err.contains("`--chunk-size`"), "{}", refused.err);
    refused.bad(5, "Initial job allocation requires");
}

#[test]
fn several_answers_stand_apart() {
    let server = start();
    server.script(Script::new().reply("<think>Hm.</think>This one.").reply("That one.").reply("\n\nAnother.\n"));
    let out = run(&server, &["chat", "x", "--param", "n=3"]).good();
    assert_eq!(out, "--- 0\n[thinking] Hm.\n\nThis one.\n--- 1\nThat one.\n--- 2\nAnother.\n");
    server.script(Script::new().reply("This one.").reply("That one."));
    let chunks = run(&server, &["chat", "x", "--param", "n=2", "--json"]).json_lines();
    assert!(chunks.iter().any(|chunk| chunk["choices"][0]["index"] == 1));
}

#[test]
fn answers_of_tool_calls_are_shown() {
    let server = start();
    let tools =
        r#"tools=[{"type":"function","function":{"name":"get_weather","description":"Tells it.","parameters":{}}}]"#;
    let call = "<tool_call><function=get_weather><parameter=city>Os\u{202e}lo</parameter></function></tool_call>";
    server.script(Script::new().reply(call));
    let out = run(&server, &["chat", "x", "--param", tools]).good();
    assert!(out.starts_with("[tool call] get_weather({\"city\":") && out.ends_with("})\n"), "{out}");
    assert!(out.lines().count() == 1 && !out.contains('\u{202e}'), "{out}");
    server.script(Script::new().reply(format!("Let me look.{call}")));
    let out = run(&server, &["chat", "x", "--param", tools]).good();
    assert!(out.starts_with("Let me look.\n[tool call] get_weather("), "{out}");
    server.script(Script::new().reply("<tool_call>garbage</tool_call>"));
    let (out, note) = run(&server, &["chat", "x", "--param", tools]).noted();
    assert_eq!(out, "");
    assert!(note.contains("began a tool call that the server could not parse"), "{note}");
}

#[test]
fn answers_begin_with_their_first_word_and_steer_nothing() {
    let server = start();
    server.script(Script::new().tokens(["\n", " \n", "\n", "  One", ".\n\n", "Two."]));
    assert_eq!(run(&server, &["chat", "x"]).good(), "  One.\n\nTwo.\n");
    server.script(Script::new().reply("<think>\n\nHm.</think>\n\nYes."));
    assert_eq!(run(&server, &["chat", "x"]).good(), "[thinking] Hm.\n\nYes.\n");
    server.script(Script::new().reply(" \n\n"));
    assert_eq!(run(&server, &["chat", "x"]).good(), "");
    let odd = "a\tb\nc\u{1b}[31m\rd\u{202e}e\u{9b}f";
    server.script(Script::new().tokens([odd]));
    assert_eq!(run(&server, &["chat", "x"]).good(), "a\tb\nc␛[31m␍d\\u{202e}e\\u{9b}f\n");
    // A completion is written to a file or pipe unchanged.
    server.script(Script::new().tokens([odd]));
    assert_eq!(run(&server, &["complete", "x"]).good(), format!("{odd}\n"));
}

#[test]
fn an_answer_that_reached_its_limit_says_so() {
    let server = start();
    server.script(Script::new().reply("One two three four five six seven eight."));
    let (_, note) = run(&server, &["chat", "count", "--max-tokens", "4"]).noted();
    assert_eq!(note, "(cut off: --max-tokens is reached, or the context is full)\n");
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_the_answer_and_keeps_the_conversation() {
    use crate::support::{PATIENCE, command, interrupt, spawn};
    use std::io::{BufRead, BufReader, Read, Write};
    let server = start();
    let path = folder("chat").join("interrupted.json").display().to_string();
    server.script(Script::new().tokens(["This", " goes", " on", " and on"]).gate());
    let mut child = spawn(command(&server, &["chat"]));
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "go").unwrap();
    server.release(1);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = [0; 4];
    out.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"This");
    interrupt(&child);
    assert!(server.wait_for_disconnect(PATIENCE), "the server sees it");
    server.script(Script::new().reply("Still here."));
    writeln!(input, "and now?\n/save {path}").unwrap();
    let mut lines = String::new();
    out.read_line(&mut lines).unwrap();
    out.read_line(&mut lines).unwrap();
    assert_eq!(lines, "\nStill here.\n");
    drop(input);
    assert!(child.wait().unwrap().success());
    assert_eq!(asked(&server), pairs(&[("user", "go"), ("assistant", "This"), ("user", "and now?")]));
    assert!(!sent(&server, CHAT)[1].to_string().contains("interrupted"), "the mark is ours");
    let saved: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(saved[1], json!({"role": "assistant", "content": "This", "interrupted": true}));
}

#[cfg(unix)]
#[test]
fn ctrl_c_before_anything_came_takes_the_question_back() {
    use crate::support::{PATIENCE, command, interrupt, spawn};
    use std::io::{BufRead, BufReader, Write};
    let server = start();
    server.script(Script::new().reply("late").gate());
    let mut child = spawn(command(&server, &["chat"]));
    let mut input = child.stdin.take().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    writeln!(input, "go").unwrap();
    assert!(server.wait_for(|log| log.requests.iter().any(|request| request.path == CHAT), PATIENCE));
    interrupt(&child);
    let mut note = String::new();
    err.read_line(&mut note).unwrap();
    assert_eq!(note, "(interrupted before any response; the question is removed)\n");
    server.script(Script::new().reply("Here."));
    writeln!(input, "again").unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
    assert_eq!(asked(&server), pairs(&[("user", "again")]));
}
