//! Servers that are none, or others, and clients without keys: a finding each, and an end.

use std::time::Duration;

use tabbyapi::auth::Credential;
use tabbyapi::doctor::{Doctor, Report};
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi_emulator::Emulator;

use crate::edit::header;
use crate::subject::Subject;

fn examined(doctor: &Doctor, replies: impl IntoIterator<Item = Reply>) -> Report {
    futures::executor::block_on(doctor.run(&Script::new(replies)))
}

fn doctor() -> Doctor {
    Doctor::new("http://tabby.test").unwrap()
}

fn ids(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.check.id).collect()
}

#[test]
fn nobody_there() {
    let report = examined(&doctor(), [Reply::refused("connection refused")]);
    assert_eq!(ids(&report), ["unreachable"]);
    assert_eq!(report.probes.len(), 1);
    let report = examined(&doctor(), [Reply::refused("invalid peer certificate: UnknownIssuer")]);
    assert_eq!(ids(&report), ["tls"]);
    let report = examined(&doctor(), [Reply::refused("received corrupt message of type InvalidContentType")]);
    assert_eq!(ids(&report), ["tls"]);
    let report = examined(&doctor(), [Reply::reset("connection reset")]);
    assert_eq!(ids(&report), ["connection-cut"]);
    let report =
        examined(&doctor().timeout(Duration::from_secs(8)), [Reply::status(200).head_after(Duration::from_secs(60))]);
    assert_eq!(ids(&report), ["answer-late"]);
    assert_eq!(report.probes[0].ms, 2000);
}

#[test]
fn a_server_behind_a_prefix() {
    let script = Script::new([Reply::json(200, r#"{"status": "odd", "issues": []}"#).header("date", "x")]);
    let report = futures::executor::block_on(Doctor::new("http://tabby.test/tabby/v1").unwrap().run(&script));
    assert_eq!(script.requests()[0].uri(), "http://tabby.test/tabby/health");
    let odd = report.findings.iter().find(|finding| finding.check.id == "field-value").unwrap();
    assert_eq!((&*odd.at, &*odd.seen), ("GET /health", "`status` is `odd`, not `healthy` or `unhealthy`"));
}

#[test]
fn another_server() {
    let page =
        || Reply::status(200).header("content-type", "text/html").header("date", "x").chunk("<html>hello</html>");
    assert_eq!(ids(&examined(&doctor(), [page(), page(), page()])), ["html"]);
    let missing = || Reply::status(404).header("server", "nginx/1.27").header("date", "x");
    let report = examined(&doctor(), [missing(), missing(), missing()]);
    assert!(report.has("other-server"), "{report}");
    assert!(report.to_string().contains("probably nginx"), "{report}");
    let redirect = || Reply::status(301).header("location", "https://tabby.test/health").header("date", "x");
    assert_eq!(ids(&examined(&doctor(), [redirect(), redirect(), redirect()])), ["redirect"]);
    let ollama = || Reply::status(200).header("date", "x").chunk("Ollama is running");
    assert!(examined(&doctor(), [ollama(), ollama(), ollama()]).has("other-server"));
}

#[test]
fn the_other_dialect() {
    let missing = || Reply::status(404).header("date", "x");
    let health = r#"{"model": "StarCoder-1B", "device": "cpu", "version": {"git_describe": "v0.31.2"}}"#;
    let report = examined(&doctor(), [missing(), missing(), Reply::json(200, health)]);
    assert_eq!(ids(&report), ["tabbyml-server"]);
    assert_eq!(report.facts[0], ("server".to_owned(), "TabbyML/tabby v0.31.2".to_owned()));
    // A token of it is a bearer key. No other key is sent to another kind of server.
    for (key, sent) in [(Credential::bearer("auth_token_of_mine"), true), (Credential::api_key("sesame-sesame"), false)]
    {
        let script = Script::new([missing(), missing(), Reply::json(200, health)]);
        futures::executor::block_on(doctor().api_key(key.unwrap()).run(&script));
        let headers = script.requests()[2].headers().clone();
        assert_eq!(headers.contains_key("authorization"), sent);
        assert!(!headers.contains_key("x-api-key"));
    }
    // Its pages for people are no fault.
    let page = || Reply::status(404).header("date", "x").chunk("<!DOCTYPE html><html></html>");
    assert_eq!(ids(&examined(&doctor(), [page(), page(), Reply::json(200, health)])), ["tabbyml-server"]);
    let report = examined(&doctor(), [missing(), missing(), Reply::status(401)]);
    assert_eq!(ids(&report), ["tabbyml-server"]);
}

#[test]
fn answers_that_are_hostile() {
    // Head without end, body without end, and bytes of any kind.
    let odd: [&[u8]; 6] = [b"", b"{", b"\xff\xfe\x00", b"[[[[[[[[", b"{\"issues\": []}", b"null"];
    for body in odd {
        for end in 0..3 {
            let reply = || {
                let reply = Reply::status(200).header("content-type", "application/json").chunk(body);
                match end {
                    0 => reply,
                    1 => reply.fail("reset"),
                    _ => reply.hang(),
                }
            };
            let report = examined(&doctor().generate(true), (0..60).map(|_| reply()));
            assert!(!report.is_clean(), "{body:?} {end}");
            let whole: u64 = report.probes.iter().map(|probe| probe.ms).sum();
            assert!(whole <= 60_000, "{whole}");
        }
    }
    // Bytes one by one, and large answers one after the other.
    let drip = || Reply::json(200, vec![b' '; 60_000]).byte_by_byte();
    let report = examined(&doctor(), [Reply::json(200, r#"{"issues": []}"#), drip()]);
    assert!(report.has("answer-too-large"), "{report}");
    let large = || Reply::json(200, vec![b' '; 3 << 20]);
    let replies = std::iter::once(Reply::json(200, r#"{"issues": []}"#)).chain((0..60).map(|_| large()));
    assert!(examined(&doctor(), replies).has("answer-too-large"));
    // Deep and wide.
    let deep = format!("{{\"issues\": {}", "[".repeat(100_000));
    let report = examined(&doctor(), (0..60).map(|_| Reply::json(200, deep.clone())));
    assert!(report.has("other-server"), "{report}");
    let wide = format!("{{\"issues\": [{}1]}}", "1,".repeat(200_000));
    let report = examined(&doctor(), (0..60).map(|_| Reply::json(200, wide.clone())));
    assert!(report.has("field-type") && report.findings.len() < 60, "{}", report.findings.len());
}

#[test]
fn keys_and_the_way() {
    let subject = Subject::new(Emulator::builder());
    let url = subject.emulator.url();
    let bare = Doctor::new(&url).unwrap();
    assert_eq!(ids(&subject.examine(&bare, "* *", |_| {})), ["no-key"]);
    let wrong = bare.clone().api_key(Credential::bearer("not-the-right-key").unwrap());
    assert_eq!(ids(&subject.examine(&wrong, "* *", |_| {})), ["key-refused"]);
    // An admin key alone is good for everything, in any header.
    for key in [Credential::admin_key, Credential::bearer, Credential::api_key] {
        let admin = bare.clone().admin_key(key(subject.emulator.admin_key()).unwrap()).generate(true);
        let report = subject.examine(&admin, "* *", |_| {});
        assert!(report.is_clean() && report.probes.len() > 30, "{report}");
    }
    let open = Subject::new(Emulator::builder().no_auth());
    assert_eq!(ids(&open.examine(&Doctor::new(&open.emulator.url()).unwrap(), "* *", |_| {})), ["auth-disabled"]);
    let idle = Subject::new(Emulator::builder().no_model_loaded());
    assert_eq!(ids(&idle.examine(&idle.doctor(), "* *", |_| {})), ["no-model"]);
    let report = examined(
        &doctor().api_key(Credential::api_key("sesame-sesame").unwrap()),
        [Reply::json(200, r#"{"status": "healthy", "issues": []}"#)],
    );
    assert!(report.has("key-in-plain-text"), "{report}");
    let report = examined(
        &doctor().origin("https://chat.example.org").unwrap(),
        [Reply::json(200, r#"{"status": "healthy", "issues": []}"#)],
    );
    assert!(report.has("mixed-content"), "{report}");
    for origin in ["", "chat.example.org", "ftp://x", "https://x/path", "https://user@x", "null"] {
        assert!(doctor().origin(origin).is_err(), "{origin}");
    }
}

#[test]
fn the_clock() {
    let subject = Subject::new(Emulator::builder());
    // 2026-11-22T14:55:00Z
    let doctor = subject.doctor().wall_clock(Duration::from_secs(1_795_359_300));
    let near = subject.examine(&doctor, "GET /health", |e| header(e, "date", "Sun, 22 Nov 2026 14:55:30 GMT"));
    assert!(near.is_clean(), "{near}");
    let ahead = subject.examine(&doctor, "GET /health", |e| header(e, "date", "Sun, 22 Nov 2026 15:55:00 GMT"));
    assert_eq!(ids(&ahead), ["clock-skew"]);
    assert_eq!(ahead.findings[0].seen, "the server is 3600 s ahead");
    let behind = subject.examine(&doctor, "GET /health", |e| header(e, "date", "Sat, 21 Nov 2026 14:55:00 GMT"));
    assert_eq!(behind.findings[0].seen, "the server is 86400 s behind");
}

#[test]
fn no_key_is_in_a_report() {
    const KEY: &str = "sesame-open-sesame";
    let subject = Subject::new(Emulator::builder().api_key(KEY).admin_key("another-secret-key"));
    let echo = |exchange: &mut tabbyapi::transport::Exchange| {
        crate::edit::answer(
            exchange,
            500,
            "application/json",
            r#"{"reason": "no sesame-open-sesame and another-secret-key here"}"#,
        );
        header(exchange, "server", "sesame-open-sesame");
    };
    let report = subject.examine(&subject.doctor(), "GET *", echo);
    let all = format!("{report} {} {report:?} {}", report.to_markdown(), serde_json::to_string(&report).unwrap());
    assert!(!report.is_clean());
    assert!(!all.contains(KEY) && !all.contains("another-secret"), "{all}");
}

/// A server that requires a key is as it should be, for a page as well.
#[test]
fn no_key_for_a_server_that_requires_one() {
    let subject = Subject::new(Emulator::builder());
    let doctor = Doctor::new(&subject.emulator.url()).unwrap().generate(true);
    let report = subject.examine(&doctor, "* *", |_| {});
    assert_eq!(ids(&report), ["no-key"], "{report}");
    let report = subject.examine(&doctor.origin("https://chat.example.org").unwrap(), "* *", |_| {});
    assert_eq!(ids(&report), ["no-key"], "{report}");
    assert!(report.to_string().ends_with(" requests, 0 errors, 1 warning, 0 notes"), "{report}");
}
