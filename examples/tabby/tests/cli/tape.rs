//! Recordings and their replays.

use tabbyapi_emulator::{Emulator, ModelSpec, Script};

use crate::support::{Run, command, feed, folder, keyless, run, start, start_with};

fn tape(name: &str) -> String {
    folder("tapes").join(name).display().to_string()
}

/// Runs the same command from the recording, without keys and without a server.
fn replay(url: &str, args: &[&str], tape: &str) -> Run {
    keyless(url, &[args, &["--replay", tape]].concat()).output().unwrap().into()
}

#[track_caller]
fn assert_replays(server: Emulator, name: &str, args: &[&str]) -> String {
    let tape = tape(name);
    let first = run(&server, &[args, &["--record", &tape]].concat());
    let text = std::fs::read_to_string(&tape).unwrap();
    assert!(!text.contains(server.api_key()) && !text.contains(server.admin_key()), "{text}");
    let url = server.url();
    drop(server);
    let again = replay(&url, args, &tape);
    assert_eq!((again.code, again.out, again.err), (first.code, first.out.clone(), first.err));
    first.out
}

#[test]
fn a_recorded_run_prints_the_same_again() {
    let server = start();
    server.script(Script::new().reply("<think>Once more?</think>Told once."));
    assert_eq!(assert_replays(server, "chat", &["chat", "Tell me."]), "[thinking] Once more?\n\nTold once.\n");
    let server = start();
    server.script(Script::new().reply("A whole line").cut_after(3));
    assert!(assert_replays(server, "cut", &["complete", "x", "--json"]).lines().count() >= 2);
    let server = start_with(Emulator::builder().model(ModelSpec::new("a")).model(ModelSpec::new("b").modules(4)));
    assert_eq!(assert_replays(server, "load", &["load", "b", "--force"]), "loaded b: 4 modules of model\n");
    assert_eq!(assert_replays(start(), "models", &["models"]), "alpha-7B-exl3  loaded\nbeta-3B-exl3\n");
    assert_replays(start(), "refused", &["load", "missing", "--json"]);
    assert_replays(start_with(Emulator::builder().no_model_loaded()), "none", &["models", "current"]);
}

#[test]
fn a_tape_answers_only_what_it_was_asked() {
    let server = start();
    let tape = tape("other");
    run(&server, &["permission", "--record", &tape]).good();
    let url = server.url();
    replay(&url, &["health"], &tape).bad(3, "the recording continues with GET /v1/auth/permission");
    replay(&url, &["models"], &tape).bad(3, "; replay the same command with the same arguments");
    // A different question is a different request.
    let asked = self::tape("asked");
    server.script(Script::new().reply("Four."));
    run(&server, &["chat", "What is 2 + 2?", "--record", &asked]).good();
    let other = replay(&url, &["chat", "What is 3 + 3?"], &asked);
    assert_eq!(other.out, "");
    other.bad(3, "the recording continues with POST /v1/chat/completions with another body; replay the same command");
    assert_eq!(replay(&url, &["chat", "What is 2 + 2?"], &asked).good(), "Four.\n");
    let token = crate::support::file("hub-token-of-tape", "hf_secret\n");
    let download = ["download", "acme/taped", "--hub-token-file", &token];
    let downloaded = self::tape("download");
    run(&server, &[&download[..], &["--record", &downloaded]].concat()).noted();
    assert!(!std::fs::read_to_string(&downloaded).unwrap().contains("hf_secret"));
    assert_eq!(replay(&url, &download, &downloaded).code, Some(0), "the token is not in it");
    let empty = crate::support::file("empty.jsonl", "");
    replay(&url, &["health"], &empty).bad(3, "the recording has ended");
    let odd = crate::support::file("odd.jsonl", "{}\n");
    replay(&url, &["health"], &odd).bad(2, "is not a recording");
    replay(&url, &["health"], "/nowhere/at/all").bad(2, "cannot read /nowhere/at/all");
    run(&server, &["health", "--record", "/nowhere/at/all"]).bad(2, "cannot write /nowhere/at/all");
}

#[test]
fn a_conversation_is_replayed_turn_by_turn() {
    let server = start();
    server.script(Script::new().reply("First."));
    server.script(Script::new().reply("Second."));
    let tape = tape("turns");
    let lines = "one\ntwo\n";
    let (out, _) = feed(&server, &["chat", "--record", &tape], lines).noted();
    assert_eq!(out, "First.\nSecond.\n");
    assert_eq!(feed(&server, &["chat", "--replay", &tape], lines).good(), out);
}

#[cfg(unix)]
#[test]
fn ctrl_c_is_recorded_too() {
    use crate::support::{PATIENCE, interrupt, spawn};
    let server = start();
    server.script(Script::new().tokens(["This", " goes", " on"]).gate());
    let tape = tape("interrupted");
    let args = ["chat", "Go on.", "--record", &tape];
    let mut child = spawn(command(&server, &args));
    let mut out = child.stdout.take().unwrap();
    server.release(1);
    let mut first = [0; 4];
    std::io::Read::read_exact(&mut out, &mut first).unwrap();
    interrupt(&child);
    assert!(server.wait_for_disconnect(PATIENCE));
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut out, &mut rest).unwrap();
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!((run.code, rest.as_str(), run.err.as_str()), (Some(130), "\n", "(interrupted)\nerror: interrupted\n"));
    let again = replay(&server.url(), &["chat", "Go on."], &tape);
    assert_eq!((again.code, again.out.as_str(), again.err), (Some(130), "This\n", run.err));
}
