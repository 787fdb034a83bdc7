//! Many requests at a time, over scripted answers: order, bounds, errors, files of requests.

mod common;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use common::ops::Read;
use futures::executor::block_on;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tabbyapi::batch::jsonl::{Journal, Plan, Rerun, ResultLine};
use tabbyapi::call::Retry;
use tabbyapi::transport::Transport;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, ErrorKind};

fn client(script: &Script) -> Client {
    Client::builder("http://tabby.test").retry(Retry::NEVER).build_with(script.clone()).unwrap()
}

/// An answer that is this number, after so many seconds.
fn after(seconds: u64, number: u32) -> Reply {
    Reply::json(200, number.to_string()).head_after(Duration::from_secs(seconds))
}

fn value(result: tabbyapi::Result<tabbyapi::Response<Value>>) -> Value {
    result.unwrap().into_inner()
}

#[test]
fn results_come_as_they_are_ready_or_in_order() {
    let replies = || [after(9, 0), after(3, 1), after(1, 2), after(1, 3)];
    for (ordered, expected, seconds) in [(false, [1, 2, 3, 0], 9), (true, [0, 1, 2, 3], 10)] {
        let script = Script::new(replies());
        let mut batch = client(&script).batch([Read, Read, Read, Read]).concurrency(2);
        if ordered {
            batch = batch.ordered();
        }
        let done: Vec<_> = block_on(batch.by_ref().map(|done| (done.index, value(done.result))).collect());
        assert_eq!(done, expected.map(|n| (n, json!(n))), "ordered: {ordered}");
        assert_eq!(script.now().since_epoch(), Duration::from_secs(seconds));
        let progress = batch.progress();
        assert_eq!((progress.begun, progress.finished, progress.running, progress.total), (4, 4, 0, Some(4)));
    }
}

#[test]
fn no_more_run_or_wait_than_allowed_and_the_source_is_taken_from_late() {
    let script = Script::new((0..100).map(|n| after(if n == 0 { 20 } else { 1 }, n)));
    let taken = Rc::new(Cell::new(0u32));
    let counter = taken.clone();
    let endless = std::iter::repeat_with(move || {
        counter.set(counter.get() + 1);
        Read
    });
    let mut batch = client(&script).batch(endless).concurrency(5).ordered();
    assert_eq!(taken.get(), 0, "nothing runs before it is polled");
    assert_eq!(value(block_on(batch.next()).unwrap().result), 0);
    assert_eq!(taken.get(), 5, "the others waited for the first one, and held their places");
    for n in 1..50 {
        assert_eq!(value(block_on(batch.next()).unwrap().result), n);
        assert!(taken.get() <= n + 5 && batch.progress().running <= 5);
    }
    assert_eq!(batch.progress().total, None);
    drop(batch);
    assert!(taken.get() <= 55 && script.requests().len() <= 55, "what had not begun never does");
}

#[test]
fn each_call_has_its_own_error_and_the_rest_goes_on() {
    let script = Script::new([after(1, 0), Reply::status(404), after(1, 2), Reply::refused("no"), after(1, 4)]);
    let requests = stream::iter([Read, Read, Read, Read, Read]).then(|read| async { read });
    let results = block_on(client(&script).batch_stream(Box::pin(requests)).concurrency(1).all());
    let kinds: Vec<_> = results.iter().map(|result| result.as_ref().err().map(tabbyapi::Error::kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::Server), None, Some(ErrorKind::Connect), None]);
    assert_eq!(**results[4].as_ref().unwrap(), json!(4));
    assert!(block_on(client(&script).batch(Vec::<Read>::new()).next()).is_none());
}

#[test]
fn dropping_it_cancels_what_is_under_way() {
    let script = Script::new((0..4).map(|n| after(0, n).wait(Duration::from_secs(1 + u64::from(n) * 5)).chunk(" ")));
    let mut batch = client(&script).batch([Read, Read, Read, Read]).concurrency(3);
    assert!(block_on(batch.next()).is_some());
    let before = script.dropped();
    drop(batch);
    assert!(script.dropped() >= before + 2, "{} and {before}", script.dropped());
}

fn line(id: &str, text: &str) -> String {
    let body = json!({"input": text, "note": "kept", "stream": false});
    json!({"custom_id": id, "method": "POST", "url": "/v1/embeddings", "body": body}).to_string()
}

/// Runs what is left of the lines, and gives what is appended, and the texts that were sent.
fn run(
    lines: &[String],
    results: &[u8],
    again: Rerun,
    reply: impl Fn(usize) -> Reply,
) -> (String, Vec<String>, Journal) {
    let mut journal = Journal::new();
    // In two pieces, as files are read.
    let (a, b) = results.split_at(results.len() / 3);
    journal.feed(a);
    journal.feed(b);
    journal.end();
    let script = Script::new((0..lines.len()).map(reply));
    let mut batch = client(&script).batch(Plan::new(lines.iter(), journal.clone(), again)).concurrency(2);
    let mut appended = journal.glue().to_owned();
    while let Some(done) = block_on(batch.next()) {
        appended += &ResultLine::of(&done).to_line();
    }
    let sent = script.requests().into_iter().map(|request| {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert!(body.get("stream").is_none() && body["note"] == "kept");
        body["input"].as_str().unwrap().to_owned()
    });
    (appended, sent.collect(), journal)
}

fn good(n: usize) -> Reply {
    Reply::json(200, json!({"n": n, "text": "a\nb \u{2028} é \" { } ["}).to_string())
}

#[test]
fn killed_at_any_byte_a_batch_loses_nothing_and_repeats_nothing() {
    let names = ["a", "b", "ü", "d"];
    let mut lines: Vec<_> = names.map(|id| line(id, &format!("text of {id}"))).into();
    lines.push("no request".to_owned());
    lines.push(String::new());
    let (whole, sent, _) = run(&lines, b"", Rerun::Never, good);
    assert_eq!((whole.lines().count(), sent.len()), (5, 4));
    for cut in 0..=whole.len() {
        for truncates in [true, false] {
            let left = &whole.as_bytes()[..cut];
            let (_, sent, journal) = run(&lines, left, Rerun::Never, good);
            let mut file = left.to_vec();
            if truncates {
                file.truncate(usize::try_from(journal.whole_bytes()).unwrap());
            } else {
                file.push(b'\n');
            }
            // What the file says is finished is what a reader finds finished in it.
            let finished: BTreeSet<String> = String::from_utf8_lossy(&file)
                .lines()
                .filter_map(|line| serde_json::from_str::<ResultLine>(line).ok())
                .map(|line| line.custom_id)
                .collect();
            let made: BTreeSet<String> =
                sent.iter().map(|text| text.trim_start_matches("text of ").to_owned()).collect();
            let expected: BTreeSet<String> =
                names.iter().filter(|id| !finished.contains(**id)).map(|id| (*id).to_owned()).collect();
            assert_eq!((made.len(), &made), (sent.len(), &expected), "cut at {cut}");

            let (appended, ..) = run(&lines, &file, Rerun::Never, good);
            file.extend(appended.as_bytes());
            let (nothing, again, journal) = run(&lines, &file, Rerun::Never, good);
            assert_eq!((nothing.as_str(), again.len(), journal.finished()), ("", 0, 5), "cut at {cut}");
            let whole_lines = |text: &[u8]| -> BTreeSet<String> {
                let lines = String::from_utf8_lossy(text).into_owned();
                let ids = lines.lines().filter_map(|line| serde_json::from_str::<ResultLine>(line).ok());
                ids.map(|line| format!("{} {}", line.custom_id, line.request)).collect()
            };
            assert_eq!(whole_lines(&file), whole_lines(whole.as_bytes()));
        }
    }
}

#[test]
fn failures_are_made_again_only_if_asked_and_lines_that_changed_always() {
    let lines = [line("a", "one"), line("b", "two"), line("a", "three"), "{}".to_owned()];
    let (results, sent, _) = run(&lines, b"", Rerun::Never, |n| if n == 0 { Reply::status(500) } else { good(n) });
    assert_eq!(sent, ["one", "two"]);
    let parsed: Vec<ResultLine> = results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let by = |id: &str, nth: usize| parsed.iter().filter(|line| line.custom_id == id).nth(nth).unwrap();
    assert_eq!(by("a", 0).error.as_ref().unwrap().code, "server_error");
    assert_eq!((by("a", 0).response.as_ref().unwrap().status_code, by("a", 0).id.len()), (500, 16));
    assert_eq!(
        by("a", 1).error.as_ref().unwrap().message.split(';').next(),
        Some("line 3 is not a request: the id `a` is used in an earlier line")
    );
    assert_eq!((by("b", 0).error.as_ref(), &by("b", 0).response.as_ref().unwrap().body["n"]), (None, &json!(1)));
    assert_eq!(by("", 0).error.as_ref().unwrap().code, "invalid_line");

    assert_eq!(run(&lines, results.as_bytes(), Rerun::Never, good).1.len(), 0);
    let (more, sent, _) = run(&lines, results.as_bytes(), Rerun::Failed, good);
    assert_eq!((sent.as_slice(), more.lines().count()), (["one".to_owned()].as_slice(), 1));
    let all = results + &more;
    assert_eq!(run(&lines, all.as_bytes(), Rerun::Failed, good).1.len(), 0);
    let changed = [line("a", "one"), line("b", "other")];
    assert_eq!(run(&changed, all.as_bytes(), Rerun::Never, good).1, ["other"]);
}

#[test]
fn lines_that_are_no_request_say_why() {
    let request = |method: &str, url: &str, body: Value| {
        json!({"custom_id": "x", "method": method, "url": url, "body": body}).to_string()
    };
    let cases = [
        (request("GET", "/v1/embeddings", json!({})), "the method is `GET`"),
        (request("POST", "/v1/files", json!({})), "`/v1/files` is not one of /v1/chat/completions"),
        (request("POST", "/v1/completions", json!([])), "the body is not an object"),
        (request("POST", "/v1/completions", json!({"stream": true})), "a line cannot be streamed"),
        (r#"{"custom_id": "x"}"#.to_owned(), "missing field `url`"),
        (r#"{"custom_id": "#.to_owned(), "EOF while parsing"),
    ];
    for (line, why) in cases {
        let request = tabbyapi::batch::jsonl::BatchRequest::read(&line, 7);
        let text = request.error().unwrap().to_string();
        assert!(text.starts_with("line 7 is not a request: ") && text.contains(why), "{text}");
        assert!(!format!("{request:?}").contains("stream\":"));
    }
    let mut journal = Journal::new();
    journal.feed(b"rubbish\n\n[]\n{\"custom_id\":\"a\",\"request\":\"zz\"}\n");
    journal.end();
    assert_eq!((journal.damaged(), journal.finished(), journal.failed(), journal.glue()), (3, 0, 0, ""));
}

#[test]
fn only_files_of_results_are_taken_for_such() {
    let (results, ..) = run(&[line("a", "one"), line("b", "two")], b"", Rerun::Never, good);
    let journal = |text: &[u8]| {
        let mut journal = Journal::new();
        text.chunks(7).for_each(|part| journal.feed(part));
        journal.end();
        journal
    };
    for cut in 0..=results.len() {
        assert!(journal(&results.as_bytes()[..cut]).is_result_file(), "cut at {cut}");
    }
    let fine = ["\n \n", &format!("{}\n", &results[..40]), &format!("rubbish\n{results}"), &format!("{results}note")];
    assert!(fine.iter().all(|text| journal(text.as_bytes()).is_result_file()));
    let others = [
        "some text",
        "some text\n",
        &line("a", "a request"),
        &format!("{}\n{}\n", line("a", "x"), line("b", "y")),
        r#"{"id":"batch_1","custom_id":"a","response":{"status_code":200},"error":null}"#,
        "{\n  \"custom_id\": \"a\"\n}\n",
        "custom_id,text\na,one\n",
        "\u{0}\u{1}\u{2}",
        &format!("1\n2\n3\n{results}"),
    ];
    for other in others {
        assert!(!journal(other.as_bytes()).is_result_file(), "{other}");
    }
    // What no writer of results has torn is not cut off.
    let noted = journal(format!("{results}note").as_bytes());
    assert_eq!((noted.whole_bytes(), noted.glue(), noted.damaged()), (results.len() as u64 + 4, "\n", 1));
}

#[test]
fn the_latest_results_make_a_file_with_one_of_each() {
    let lines = [line("a", "one"), line("b", "two"), line("a", "three")];
    let fails = |n| if n == 0 { Reply::status(500) } else { good(n) };
    let (first, ..) = run(&lines, b"", Rerun::Never, fails);
    let (second, ..) = run(&lines, first.as_bytes(), Rerun::Failed, good);
    let all = format!("{first}{second}");
    let read = |text: &str| {
        let mut journal = Journal::new();
        journal.feed(text.trim_end().as_bytes());
        journal.end();
        journal
    };
    let pick = |journal: &Journal, text: &str| -> String {
        journal.latest().into_iter().map(|at| format!("{}\n", &text[at.start as usize..at.end as usize])).collect()
    };
    let journal = read(&all);
    assert_eq!((journal.superseded(), journal.finished(), journal.failed()), (1, 3, 1));
    let latest = pick(&journal, &all);
    assert_eq!(latest.lines().count(), 3);
    assert_eq!((read(&latest).superseded(), read(&latest).failed()), (0, 1), "{latest}");

    // A line that was changed replaces its old result; ids that the file of requests does not have are left alone.
    let changed = [line("a", "one"), line("b", "other")];
    let (third, ..) = run(&changed, latest.as_bytes(), Rerun::Never, good);
    let all = format!("{latest}{third}");
    let mut journal = read(&all);
    let plan = |lines: &'static [String]| Plan::new(lines.iter(), Journal::new(), Rerun::Never);
    journal.keep_current(plan(Box::leak(Box::new(changed))));
    assert_eq!((journal.superseded(), journal.finished(), journal.failed()), (2, 2, 0));
    assert_eq!(pick(&journal, &all).lines().count(), 2);
    journal.keep_current(plan(&[]));
    assert_eq!(journal.finished(), 2);
}
