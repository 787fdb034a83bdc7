//! Behind nginx as the proxy that terminates TLS: HTTP/1.1 and HTTP/2, buffering on and off, a path prefix, certificates,
//! a server that is down, and a reload.
//!
//! Skipped where there is no nginx; `tests/run nginx` installs it where it may, and sees to it that nothing is skipped.

mod doctor;
mod server;

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::policy::Retry;
use tabbyapi::transport::{Reqwest, Ureq};
use tabbyapi::{Client, Error, ErrorKind, Options, blocking};
use tabbyapi_emulator::{CannedResponse, DEFAULT_ADMIN_KEY, DEFAULT_API_KEY, Emulator, Script};

use server::{Certificate, Nginx};

/// Longer than anything here takes on a slow machine; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

fn ask(text: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(text)]).max_tokens(1000)
}

/// A transport that trusts this certificate and no other.
fn transport(trusted: &Certificate, http2: bool) -> Reqwest {
    let trusted = reqwest::Certificate::from_pem(trusted.pem.as_bytes()).unwrap();
    let builder = reqwest::Client::builder().tls_certs_only([trusted]);
    Reqwest::new(if http2 { builder } else { builder.http1_only() }).unwrap()
}

/// A client on it.
fn client(url: &str, trusted: &Certificate, http2: bool) -> Client {
    let quick = Retry::GENTLE.base(Duration::from_millis(10));
    Client::builder(url)
        .api_key(DEFAULT_API_KEY)
        .admin_key(DEFAULT_ADMIN_KEY)
        .retry(quick)
        .build_with(transport(trusted, http2))
        .unwrap()
}

/// The same on ureq.
fn blocking_client(url: &str, trusted: &Certificate) -> blocking::Client {
    let trusted = ureq::tls::Certificate::from_pem(trusted.pem.as_bytes()).unwrap();
    let roots = ureq::tls::RootCerts::new_with_certs(&[trusted]);
    let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
    let transport = Ureq::new(ureq::Agent::config_builder().tls_config(tls)).unwrap();
    blocking::Client::builder(url).api_key(DEFAULT_API_KEY).admin_key(DEFAULT_ADMIN_KEY).build_with(transport).unwrap()
}

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: waited in vain"))
}

fn generations(server: &Emulator) -> usize {
    server.requests().iter().filter(|request| request.path.ends_with("completions")).count()
}

#[tokio::test]
async fn tokens_come_one_by_one_under_a_prefix() {
    let (server, certificate) = (Emulator::builder().start().unwrap(), Certificate::of("localhost"));
    let Some(nginx) = Nginx::start("tokens", server.addr(), &certificate) else { return };
    for prefix in ["tabby", "tabby/v1", "buffered"] {
        for http2 in [false, true] {
            let what = format!("{prefix}, HTTP/2: {http2}");
            let client = client(&nginx.url(prefix), &certificate, http2);
            assert_eq!(client.models().current().await.unwrap().id, "alpha-7B-exl3", "{what}");
            server.script(Script::new().tokens(["One", " two", " three"]).gate());
            let mut stream = client.chat().stream(&ask("count"));
            // Each is taken before the server may write the next.
            for token in ["One", " two", " three"] {
                server.release(1);
                let chunk = in_time(&what, stream.next()).await.unwrap().unwrap();
                assert_eq!(chunk.text(), token, "{what}");
            }
            server.release(1);
            assert_eq!(in_time(&what, stream.finish()).await.unwrap().text(), "One two three", "{what}");
            let protocol = if http2 { "HTTP/2.0" } else { "HTTP/1.1" };
            assert!(server.requests().iter().all(|request| request.header("x-protocol") == Some(protocol)), "{what}");
            server.clear_log();
        }
    }
}

#[test]
fn blocking_clients_do_the_same() {
    let (server, certificate) = (Emulator::builder().start().unwrap(), Certificate::of("localhost"));
    let Some(nginx) = Nginx::start("blocking", server.addr(), &certificate) else { return };
    let client = blocking_client(&nginx.url("tabby"), &certificate);
    server.script(Script::new().tokens(["One", " two"]).gate());
    let mut stream = client.chat().stream(&ask("count"));
    for token in ["One", " two"] {
        server.release(1);
        assert_eq!(stream.next().unwrap().unwrap().text(), token);
    }
    server.release(1);
    assert_eq!(stream.finish().unwrap().text(), "One two");
}

#[tokio::test]
async fn dropping_a_stream_reaches_the_server_through_the_proxy() {
    let (server, certificate) = (Emulator::builder().start().unwrap(), Certificate::of("localhost"));
    let Some(nginx) = Nginx::start("drop", server.addr(), &certificate) else { return };
    for http2 in [false, true] {
        server.clear_log();
        server.script(Script::new().tokens(["One", " two"]).gate());
        let mut stream = client(&nginx.url("tabby"), &certificate, http2).chat().stream(&ask("count"));
        server.release(1);
        in_time("the first token", stream.next()).await.unwrap().unwrap();
        drop(stream);
        assert!(server.until_disconnect(PATIENCE).await, "HTTP/2: {http2}");
    }
}

#[tokio::test]
async fn a_wrong_certificate_is_refused_in_clear_words() {
    let (server, certificate) = (Emulator::builder().start().unwrap(), Certificate::of("localhost"));
    let Some(nginx) = Nginx::start("certificate", server.addr(), &certificate) else { return };
    let assert_refused = |error: Error| {
        let text = error.to_string();
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Connect, "certificate"), "{text}");
        assert_eq!(error.record().unwrap().attempt_count, 1, "{text}");
        assert!(text.contains("no secure connection could be made, because a certificate was refused: "), "{text}");
        assert!(text.ends_with("add the certificate of a private authority to the transport"), "{text}");
    };
    // Of an authority that is not known; for another name.
    let stranger = Certificate::of("localhost");
    let elsewhere = nginx.url("tabby").replace("localhost", "127.0.0.1");
    for (url, trusted) in [(nginx.url("tabby"), &stranger), (elsewhere, &certificate)] {
        for http2 in [false, true] {
            let client = client(&url, trusted, http2);
            assert_refused(client.models().current().await.unwrap_err());
            assert_refused(client.chat().create(&ask("x")).await.unwrap_err());
            assert_refused(client.chat().stream(&ask("x")).finish().await.unwrap_err().error);
        }
        let trusted = Certificate::clone(trusted);
        tokio::task::spawn_blocking(move || {
            let client = blocking_client(&url, &trusted);
            assert_refused(client.models().current().unwrap_err());
            assert_refused(client.chat().create(&ask("x")).unwrap_err());
        })
        .await
        .unwrap();
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn while_the_server_is_down_reads_are_tried_again_and_generations_are_reported() {
    let (server, certificate) = (Emulator::builder().start().unwrap(), Certificate::of("localhost"));
    let Some(nginx) = Nginx::start("down", server.addr(), &certificate) else { return };
    for http2 in [false, true] {
        let client = client(&nginx.url("tabby"), &certificate, http2);
        server.kill();
        let error = client.chat().create(&ask("x")).await.unwrap_err();
        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Server, 502), "{error}");
        assert_eq!(error.record().unwrap().attempt_count, 1, "it may have been begun, for all the client knows");
        let error = client.models().current().await.unwrap_err();
        assert_eq!((error.status().unwrap().as_u16(), error.record().unwrap().attempt_count), (502, 3));

        let patient = client.with(Options::new().retry(Retry::GENTLE.base(Duration::from_millis(50)).max_retries(8)));
        let reading = tokio::spawn(patient.models().current());
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.restart().unwrap();
        assert_eq!(in_time("the read", reading).await.unwrap().unwrap().id, "alpha-7B-exl3");

        server.clear_log();
        server.answer(CannedResponse::hang().on("/v1/chat/completions"));
        let error = client.chat().create(&ask("x")).await.unwrap_err();
        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Server, 504), "{error}");
        assert_eq!((error.record().unwrap().attempt_count, generations(&server)), (1, 1));
        server.answer(CannedResponse::hang().on("/v1/model"));
        assert_eq!(client.models().current().await.unwrap().meta().record().attempt_count, 2);
    }
}

#[tokio::test]
async fn a_reload_sends_nothing_twice() {
    let (server, certificate) = (Emulator::builder().start().unwrap(), Certificate::of("localhost"));
    let Some(nginx) = Nginx::start("reload", server.addr(), &certificate) else { return };
    for http2 in [false, true] {
        server.clear_log();
        let client = client(&nginx.url("tabby"), &certificate, http2);
        let unbounded = Retry::GENTLE.base(Duration::from_millis(10)).max_retries(5);
        let client = client.with(Options::new().retry(unbounded));
        let calls = (0..12).map(|name| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut lost = 0;
                for n in 0..40 {
                    let request = ask(&format!(r#"prompt {name}.{n} [[fake:{{"reply":"ok","delay_ms":5}}]]"#));
                    let error = match n % 2 {
                        0 => client.chat().create(&request).await.err(),
                        _ => client.chat().stream(&request).finish().await.err().map(|broken| broken.error),
                    };
                    if let Some(error) = error {
                        // Reported, and not sent again.
                        let reported = [ErrorKind::Transport, ErrorKind::Truncated];
                        assert!(reported.contains(&error.kind()), "{error}");
                        lost += 1;
                    }
                    client.models().current().await.unwrap_or_else(|error| panic!("a read was not recovered: {error}"));
                }
                lost
            })
        });
        let calls: Vec<_> = calls.collect();
        let mut reloads = 0;
        while !calls.iter().all(|call| call.is_finished()) {
            nginx.reload();
            reloads += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut lost = 0;
        for call in calls {
            lost += call.await.unwrap();
        }
        let mut begun: HashMap<String, usize> = HashMap::new();
        for request in server.requests().iter().filter(|request| request.path.ends_with("completions")) {
            *begun.entry(request.json()["messages"][0]["content"].to_string()).or_default() += 1;
        }
        let twice: Vec<_> = begun.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "HTTP/2: {http2}: {twice:?}");
        assert!(begun.len() + lost >= 480, "HTTP/2: {http2}: {} begun, {lost} lost", begun.len());
        assert!(reloads >= 3, "only {reloads} reloads");
        println!("HTTP/2: {http2}: {lost} of 480 generations lost in {reloads} reloads");
    }
}
