//! The program on a terminal of 80 columns.

use std::process::Stdio;
use std::time::Duration;

use rexpect::session::{PtySession, spawn_command};
use tabbyapi_emulator::{Emulator, ModelSpec, Script};

use crate::support::{PATIENCE, command, folder, sent, start, start_with};

/// The editor's prompt without input. The editor shows the line again with every key.
const PROMPT: &str = "> \r\u{1b}[2C";

fn on_terminal(server: &Emulator, args: &[&str]) -> PtySession {
    let mut command = command(server, args);
    command.env("TERM", "xterm-256color").env("HOME", folder("home"));
    // The variables of the terminal, which other tests run without.
    command.stdin(Stdio::inherit());
    // Output that does not arrive within this time is a failure.
    spawn_command(command, Some(PATIENCE.as_millis() as u64)).unwrap()
}

/// The text in the form of `rexpect`: a character for each byte.
fn bytes(text: &str) -> String {
    text.bytes().map(char::from).collect()
}

#[test]
fn a_conversation() {
    let server = start();
    server.script(Script::new().reply("<think>Hm.</think>Hello \u{1b}]0;title\u{7}."));
    let mut chat = on_terminal(&server, &["chat"]);
    chat.exp_string("alpha-7B-exl3. /help lists commands, Ctrl-D quits.").unwrap();
    chat.exp_string(PROMPT).unwrap();
    chat.send_line("hi").unwrap();
    // Reasoning is dimmed, and a response cannot control the terminal.
    chat.exp_string("\u{1b}[2m[thinking] \u{1b}[0m").unwrap();
    chat.exp_string(&bytes("Hello ␛]0;title␇.")).unwrap();
    chat.exp_string(PROMPT).unwrap();

    server.script(Script::new().tokens(["This", " goes", " on"]).gate());
    server.release(1);
    chat.send_line("go").unwrap();
    chat.exp_string("This").unwrap();
    chat.send_control('c').unwrap();
    chat.exp_string("(interrupted)").unwrap();
    assert!(server.wait_for_disconnect(PATIENCE));
    chat.exp_string(PROMPT).unwrap();

    chat.send_line("/nonsense").unwrap();
    chat.exp_string("there is no command /nonsense").unwrap();
    chat.exp_string(PROMPT).unwrap();
    chat.send_control('c').unwrap();
    chat.exp_string("(press Ctrl-C again, or Ctrl-D, to quit)").unwrap();
    chat.exp_string(PROMPT).unwrap();
    server.script(Script::new().reply("Still here."));
    chat.send_line("and now?").unwrap();
    chat.exp_string("Still here.").unwrap();
    chat.exp_string(PROMPT).unwrap();
    chat.send_control('d').unwrap();
    chat.exp_eof().unwrap();
    let last = sent(&server, "/v1/chat/completions").pop().unwrap();
    assert_eq!(last["messages"][3]["content"], "This");
    assert_eq!(last["messages"].as_array().unwrap().len(), 5);
}

#[test]
fn ctrl_c_twice_ends() {
    let server = start_with(Emulator::builder().no_model_loaded());
    let mut chat = on_terminal(&server, &["chat"]);
    // The error is known before the first question.
    chat.exp_string("No models are currently loaded").unwrap();
    chat.exp_string(PROMPT).unwrap();
    chat.send_control('c').unwrap();
    chat.exp_string("(press Ctrl-C again, or Ctrl-D, to quit)").unwrap();
    chat.exp_string(PROMPT).unwrap();
    chat.send_control('c').unwrap();
    chat.exp_eof().unwrap();
}

#[test]
fn lines_are_remembered() {
    let server = start();
    let file = folder("home").join("lines").display().to_string();
    let _ = std::fs::remove_file(&file);
    for _ in 0..2 {
        server.script(Script::new().reply("Yes."));
    }
    let mut chat = on_terminal(&server, &["chat", "--history", &file]);
    chat.exp_string(PROMPT).unwrap();
    chat.send_line("a question").unwrap();
    chat.exp_string("Yes.").unwrap();
    chat.exp_string(PROMPT).unwrap();
    chat.send_line("/quit").unwrap();
    chat.exp_eof().unwrap();
    let mut chat = on_terminal(&server, &["chat", "--history", &file]);
    chat.exp_string(PROMPT).unwrap();
    // Up twice, over `/quit`.
    chat.send("\u{1b}[A\u{1b}[A\r").unwrap();
    chat.flush().unwrap();
    chat.exp_string("Yes.").unwrap();
    assert_eq!(sent(&server, "/v1/chat/completions")[1]["messages"][0]["content"], "a question");
}

#[test]
fn what_is_typed_ahead_is_kept() {
    let server = start();
    for reply in ["First.", "Second."] {
        server.script(Script::new().reply(reply));
    }
    let mut chat = on_terminal(&server, &["chat"]);
    chat.exp_string(PROMPT).unwrap();
    chat.send("one\rtwo\r/quit\r").unwrap();
    chat.flush().unwrap();
    chat.exp_string("First.").unwrap();
    chat.exp_string("Second.").unwrap();
    chat.exp_eof().unwrap();
}

/// Checks that the terminal's `^C` has room after the bar: on the next line, it would be cleared instead of the bar.
#[track_caller]
fn assert_narrow(bar: &str) {
    let bar = bar.rsplit(['\r', '\n']).next().unwrap_or_default();
    let width = bar.trim_start_matches("\u{1b}[2K").chars().count() + "2/4".len();
    assert!((60..=77).contains(&width), "{width}: {bar:?}");
}

#[test]
fn ctrl_c_leaves_no_bar_behind() {
    let models = || {
        Emulator::builder()
            .model(ModelSpec::new("alpha"))
            .model(ModelSpec::new("beta").modules(4))
            .load_delay(Duration::ZERO)
            .gate_loads()
    };
    let server = start_with(models());
    let mut chat = on_terminal(&server, &["chat"]);
    chat.exp_string(PROMPT).unwrap();
    chat.send_line("/model beta").unwrap();
    server.release(2);
    assert_narrow(&chat.exp_string("2/4").unwrap());
    chat.send_control('c').unwrap();
    assert!(chat.exp_string("(the load continues on the server)").unwrap().contains("\u{1b}[2K"));
    let after = chat.exp_string(PROMPT).unwrap();
    assert!(!after.contains("/4"), "{after:?}");
    drop(chat);

    let server = start_with(models());
    let mut load = on_terminal(&server, &["load", "beta"]);
    server.release(2);
    assert_narrow(&load.exp_string("2/4").unwrap());
    load.send_control('c').unwrap();
    assert!(load.exp_string("(the load continues on the server)").unwrap().contains("\u{1b}[2K"));
    let after = load.exp_eof().unwrap();
    assert!(after.contains("interrupted") && !after.contains("/4"), "{after:?}");
}

#[test]
fn a_load_has_a_bar() {
    let server = start_with(
        Emulator::builder()
            .model(ModelSpec::new("alpha"))
            .model(ModelSpec::new("beta").modules(4))
            .load_delay(Duration::ZERO)
            .gate_loads(),
    );
    let mut load = on_terminal(&server, &["load", "beta"]);
    server.release(2);
    load.exp_string("beta (model) [").unwrap();
    load.exp_string("2/4").unwrap();
    server.release(10);
    load.exp_string("loaded beta: 4 modules of model").unwrap();
    load.exp_eof().unwrap();
}
