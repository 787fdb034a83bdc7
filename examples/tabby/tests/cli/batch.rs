//! Files of requests.

use serde_json::Value;
use tabbyapi_emulator::Script;

use crate::support::{folder, run, start};

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
    use crate::support::{PATIENCE, command, start_with};
    use std::process::Stdio;
    use tabbyapi_emulator::Emulator;
    let server = start_with(Emulator::builder().gate());
    let folder = folder("batch");
    let (input, output) = (folder.join("in.jsonl"), folder.join("out.jsonl"));
    std::fs::write(&input, requests(12)).unwrap();
    let (input, output) = (input.display().to_string(), output.display().to_string());
    let args = ["batch", &input, "--output", &output, "--jobs", "1"];
    let mut first = command(&server, &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    server.release(60);
    let begun = |log: &tabbyapi_emulator::Log| log.requests.len() >= 3;
    assert!(server.wait_for(begun, PATIENCE));
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
    let folder = folder("again");
    let (input, output) = (folder.join("in.jsonl"), folder.join("out.jsonl"));
    std::fs::write(&input, format!("{}no json\n", requests(2))).unwrap();
    let (input, output) = (input.display().to_string(), output.display().to_string());
    server.script(Script::new().fail_before());
    run(&server, &["batch", &input, "-o", &output, "--jobs", "1"]).bad(1, "2 requests failed");
    let (_, note) = run(&server, &["batch", &input, "-o", &output]).noted();
    assert!(note.contains(" has 3 results already, 2 of them failed; `--retry-failed` makes those again"), "{note}");
    let again = run(&server, &["batch", &input, "-o", &output, "--retry-failed", "--json"]);
    let told: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((&told["finished"], &told["failed"]), (&1.into(), &0.into()), "{} {}", again.out, again.err);
    run(&server, &["batch", "/nowhere/at/all", "-o", &output]).bad(2, "cannot read");
}
