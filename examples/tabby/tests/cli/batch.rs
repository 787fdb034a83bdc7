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
    // Simulates a run that was killed in the middle of a line.
    std::fs::write(&output, format!("{before}{{\"custom_id\": \"tor")).unwrap();

    server.release(1_000_000);
    let second = run(&server, &args);
    assert_eq!(second.code, Some(0), "{}", second.err);
    assert!(
        second.out.contains(&format!("{} done, 0 of them failed; {whole} done before", 12 - whole)),
        "{}",
        second.out
    );
    let mut all: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    all.sort();
    assert_eq!(ids(&std::fs::read_to_string(&output).unwrap()), all, "nothing lost, nothing twice");
    // Finished requests are not repeated. The truncated one is.
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
    // The file still contains failures.
    let second = run(&server, &["batch", &input, "-o", &output]);
    let note = " has 3 results already, 2 of them failed; `--retry-failed` retries them";
    assert!(second.err.contains(note), "{}", second.err);
    second.bad(1, "2 requests failed");
    let again = run(&server, &["batch", &input, "-o", &output, "--retry-failed", "--json"]);
    let reported: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((&reported["finished"], &reported["failed"]), (&1.into(), &0.into()), "{} {}", again.out, again.err);
    assert_eq!((&reported["results"], &reported["failures"]), (&3.into(), &1.into()));
    assert_eq!(again.code, Some(1), "the line that is no request");
    let results = std::fs::read_to_string(&output).unwrap();
    assert_eq!(ids(&results), ["", "0", "1"], "one result of each");
    // After the repair, the old result is removed, and the run succeeds.
    std::fs::write(&input, requests(3)).unwrap();
    let (out, _) = run(&server, &["batch", &input, "-o", &output, "--retry-failed"]).noted();
    assert!(out.contains("1 done, 0 of them failed"), "{out}");
    let results = std::fs::read_to_string(&output).unwrap();
    assert_eq!(results.lines().filter(|line| line.contains("\"error\":null")).count(), 3, "{results}");
    run(&server, &["batch", "/nowhere/at/all", "-o", &output]).bad(2, "cannot read");
}

#[test]
fn a_batch_stops_when_the_server_is_gone() {
    let server = start();
    let folder = folder("gone");
    let (input, output) = (folder.join("in.jsonl"), folder.join("out.jsonl"));
    std::fs::write(&input, requests(200)).unwrap();
    let (input, output) = (input.display().to_string(), output.display().to_string());
    let _ = std::fs::remove_file(&output);
    for jobs in ["1", "4", "16"] {
        let args = ["batch", &input, "-o", &output, "--jobs", jobs, "--retries", "0"];
        let args: Vec<_> = args.into_iter().chain(["--url", "http://127.0.0.1:1"]).collect();
        let stopped = run(&server, &args);
        assert!(stopped.err.contains("run the same command again to resume"), "{}", stopped.err);
        stopped.bad(3, "stopped after 3 consecutive requests that did not reach the server");
        // These are not results.
        assert_eq!(std::fs::read_to_string(&output).unwrap(), "", "-j {jobs}");
    }
    // Neither are errors of a proxy, even with invalid lines between them.
    let proxy = |status| tabbyapi_emulator::CannedResponse::status(status).on("/v1/chat/completions").times(3);
    for status in [502, 503] {
        server.answer(proxy(status));
        let mut lines: Vec<_> = requests(200).lines().map(str::to_owned).collect();
        lines.insert(2, "rubbish".to_owned());
        std::fs::write(&input, lines.join("\n")).unwrap();
        let stopped = run(&server, &["batch", &input, "-o", &output, "-j", "1", "--retries", "0"]);
        stopped.bad(6, "stopped after 3 consecutive requests");
        assert_eq!(ids(&std::fs::read_to_string(&output).unwrap()), [""], "the line that is no request");
    }
    std::fs::remove_file(&output).unwrap();
    let gone = || tabbyapi_emulator::CannedResponse::close().on("/v1/chat/completions");
    // A lost request is an ordinary failure if the server is reachable for the next one.
    server.answer(gone().times(2));
    std::fs::write(&input, requests(6)).unwrap();
    let args = ["batch", &input, "-o", &output, "-j", "1", "--retries", "0"];
    run(&server, &args).bad(1, "2 requests failed");
    server.answer(gone().times(3));
    std::fs::write(&input, requests(20)).unwrap();
    run(&server, &args).bad(3, "has 6 results; run the same command again to resume");
    let (out, _) = run(&server, &[&args[..], &["--retry-failed"]].concat()).noted();
    assert!(out.contains("16 done, 0 of them failed; 6 done before"), "{out}");
    let mut all: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    all.sort();
    assert_eq!(ids(&std::fs::read_to_string(&output).unwrap()), all);
}

#[test]
fn a_file_that_is_no_file_of_results_is_left_as_it_is() {
    let server = start();
    let folder = folder("others");
    let input = folder.join("in.jsonl");
    std::fs::write(&input, requests(2)).unwrap();
    let (input, path) = (input.display().to_string(), |name: &str| folder.join(name).display().to_string());
    let refused = |output: &str, why: &str| {
        let before = std::fs::read(output).unwrap();
        run(&server, &["batch", &input, "-o", output]).bad(2, why);
        assert_eq!(std::fs::read(output).unwrap(), before);
    };
    refused(&input, "is the file of requests");
    let unusual = format!("{}/../{}/in.jsonl", folder.display(), folder.file_name().unwrap().display());
    refused(&unusual, "is the file of requests");
    #[cfg(unix)]
    {
        for name in ["symbolic.jsonl", "hard.jsonl"] {
            let _ = std::fs::remove_file(path(name));
        }
        std::os::unix::fs::symlink(&input, path("symbolic.jsonl")).unwrap();
        std::fs::hard_link(&input, path("hard.jsonl")).unwrap();
        refused(&path("symbolic.jsonl"), "is the file of requests");
        refused(&path("hard.jsonl"), "is the file of requests");
    }
    let first = requests(1);
    for (n, other) in ["a note", "a note\nof two lines", "{\"a\": 1}\n", first.trim_end()].into_iter().enumerate() {
        let name = path(&format!("other-{n}"));
        std::fs::write(&name, other).unwrap();
        refused(&name, "is not a file of results, and was not changed");
    }
    let record = ["batch", &input, "-o", &path("out.jsonl"), "--record", &input];
    run(&server, &record).bad(2, "record to another file");
    assert!(server.requests().is_empty());
    assert_eq!(std::fs::read_to_string(&input).unwrap(), requests(2));
}

#[cfg(unix)]
#[test]
fn what_holds_prompts_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let server = start();
    let folder = folder("modes");
    let path = |name: &str| folder.join(name).display().to_string();
    for name in ["out.jsonl", "tape.jsonl", "saved.json"] {
        let _ = std::fs::remove_file(path(name));
    }
    std::fs::write(path("in.jsonl"), requests(2)).unwrap();
    let mode = |name: &str| std::fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
    let args = ["batch", &path("in.jsonl"), "-o", &path("out.jsonl"), "--record", &path("tape.jsonl")];
    run(&server, &args).good();
    let save = format!("Hi\n/save {}\n", path("saved.json"));
    crate::support::feed(&server, &["chat"], &save).noted();
    assert_eq!((mode("out.jsonl"), mode("tape.jsonl"), mode("saved.json")), (0o600, 0o600, 0o600));
    // A mode that the user has set is kept.
    for name in ["out.jsonl", "tape.jsonl", "saved.json"] {
        std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(0o664)).unwrap();
    }
    // One failure is replaced, so that the file is rewritten.
    let results = std::fs::read_to_string(path("out.jsonl")).unwrap();
    let failed = results.replacen("\"error\":null", "\"error\":{\"code\":\"x\",\"message\":\"x\"}", 1);
    std::fs::write(path("out.jsonl"), failed).unwrap();
    run(&server, &[&args[..], &["--retry-failed"]].concat()).noted();
    assert_eq!(ids(&std::fs::read_to_string(path("out.jsonl")).unwrap()), ["0", "1"]);
    crate::support::feed(&server, &["chat"], &save).noted();
    assert_eq!((mode("out.jsonl"), mode("tape.jsonl"), mode("saved.json")), (0o664, 0o664, 0o664));
}
