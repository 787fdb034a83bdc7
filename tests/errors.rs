//! Errors together, through the client: fingerprints, the log, ids of calls.

use std::time::Duration;

use futures::executor::block_on;
use tabbyapi::call::Retry;
use tabbyapi::errors::{ErrorLog, Fingerprint};
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, Error, Options, Result};

fn client(script: &Script) -> Client {
    let builder = Client::builder("http://tabby.test").api_key("sk-very-secret-key");
    builder.retry(Retry::NEVER).build_with(script.clone()).unwrap()
}

fn fail(script: &Script, reply: Reply) -> Error {
    script.push(reply);
    block_on(client(script).models().list()).unwrap_err()
}

fn refusal(status: u16, message: &str) -> Reply {
    Reply::json(status, serde_json::json!({"error": {"message": message}}).to_string())
}

#[test]
fn errors_of_one_cause_have_one_fingerprint() {
    let script = Script::new([]);
    let same = [
        fail(&script, refusal(400, "the preset 'sk-very-secret-key' has 7 faults")).fingerprint(),
        fail(&script, refusal(400, "the preset \"b\" has 1234 faults")).fingerprint(),
    ];
    assert_eq!(same[0], same[1]);
    let others = [
        fail(&script, refusal(404, "the preset 'a' has 7 faults")).fingerprint(),
        fail(&script, refusal(400, "the preset 'a' has no faults")).fingerprint(),
        fail(&script, Reply::refused("connection refused")).fingerprint(),
        fail(&script, Reply::reset("connection reset")).fingerprint(),
        fail(&script, Reply::status(200).head_after(Duration::from_secs(3600))).fingerprint(),
        fail(&script, Reply::json(200, r#"{"data":[]}"#).wait(Duration::from_secs(3600)).cut_at(&[3]).hang())
            .fingerprint(),
    ];
    let mut all: Vec<Fingerprint> = others.to_vec();
    all.push(same[0]);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), others.len() + 1);
}

#[test]
fn the_log_counts_in_bounded_room_and_keeps_no_secret() {
    let script = Script::new([]);
    let log = ErrorLog::new(2);
    let clock = client(&script).clock();
    let note = |reply| log.note(&fail(&script, reply), clock.now());
    let first = note(refusal(400, "bad 'sk-very-secret-key' given"));
    block_on(clock.sleep(Duration::from_millis(1500)));
    assert_eq!(note(refusal(400, "bad 'prompt text' given")), first);
    note(Reply::refused("connection refused"));
    for status in [404, 405, 410] {
        note(refusal(status, "gone"));
    }

    let snapshot = log.snapshot();
    assert_eq!(snapshot.count(), 6);
    assert_eq!(snapshot.groups.len(), 2);
    let group = &snapshot.groups[0];
    assert_eq!((group.fingerprint, group.count, group.last_ms - group.first_ms), (first, 2, 1500));
    assert_eq!((group.sample.path.as_deref(), group.sample.status), (Some("/v1/models"), Some(400)));
    assert_eq!((group.sample.message.as_str(), group.sample.attempts), ("bad <text> given", 1));
    assert_eq!((snapshot.overflow.count, snapshot.overflow.first_ms), (3, Some(1500)));

    let json = serde_json::to_string(&snapshot).unwrap();
    assert!(!json.contains("secret") && !json.contains("prompt"), "{json}");
    assert!(json.contains(&first.to_string()));
    assert_eq!(log.clone().take(), snapshot);
    assert_eq!(log.snapshot().count(), 0);
}

#[test]
fn every_call_has_an_id_that_is_sent_only_if_asked_for() -> Result<()> {
    let script = Script::new([]);
    let list = || Reply::json(200, r#"{"data":[]}"#);
    let client = Client::builder("http://tabby.test").build_with(script.clone())?;
    script.push(list());
    let silent = block_on(client.models().list())?.meta().record().id.clone();
    let reported = client.with(Options::new().correlation_header("x-request-id")?);
    script.push(Reply::refused("connection refused"));
    script.push(list());
    let answer = block_on(reported.models().list())?;
    script.push(refusal(400, "no"));
    let error = block_on(reported.models().list()).unwrap_err();

    let sent: Vec<_> = script.requests().iter().map(|request| request.headers().get("x-request-id").cloned()).collect();
    let id = &answer.meta().record().id;
    assert_eq!(sent[0], None);
    assert_eq!(sent[1].as_ref().unwrap(), id.as_str());
    assert_eq!(sent[2], sent[1], "all attempts of a call have its id");
    assert_eq!(sent[3].as_ref().unwrap(), error.record().unwrap().id.as_str());
    for other in [&silent, &error.record().unwrap().id] {
        assert!(other.len() == 16 && other != id, "{other}");
    }
    assert!(Options::new().correlation_header("no header").is_err());
    Ok(())
}
