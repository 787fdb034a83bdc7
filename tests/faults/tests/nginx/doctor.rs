//! What an examination finds of a proxy.

use std::time::Duration;

use tabbyapi::auth::Credential;
use tabbyapi::doctor::{Doctor, Report};
use tabbyapi_emulator::{DEFAULT_ADMIN_KEY, DEFAULT_API_KEY, Emulator, Script};

use crate::server::{Certificate, Nginx};
use crate::{in_time, transport};

async fn examined(url: &str, trusted: &Certificate, http2: bool) -> Report {
    let key = |key| Credential::api_key(key).unwrap();
    let doctor =
        Doctor::new(url).unwrap().api_key(key(DEFAULT_API_KEY)).admin_key(key(DEFAULT_ADMIN_KEY)).generate(true);
    in_time(url, doctor.run(&transport(trusted, http2))).await
}

fn ids(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.check.id).collect()
}

#[tokio::test]
async fn a_proxy_that_is_set_up_well_is_not_found() {
    let server = Emulator::builder().token_delay(Duration::from_millis(40)).start().unwrap();
    let certificate = Certificate::of("localhost");
    let Some(nginx) = Nginx::start("examined", server.addr(), &certificate) else { return };
    for prefix in ["tabby", "buffered"] {
        for http2 in [false, true] {
            let report = examined(&nginx.url(prefix), &certificate, http2).await;
            assert!(report.is_clean(), "{prefix}, HTTP/2: {http2}: {report}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_collects_or_cuts_streams_is_found() {
    let server = Emulator::builder().token_delay(Duration::from_millis(60)).start().unwrap();
    let certificate = Certificate::of("localhost");
    let Some(nginx) = Nginx::start("collecting", server.addr(), &certificate) else { return };
    let report = examined(&nginx.url("collected"), &certificate, false).await;
    assert_eq!(ids(&report), ["stream-buffered", "stream-buffered"], "{report}");
    // Nothing within its read timeout of two seconds: a chat that was not streamed, and a stream.
    for _ in 0..2 {
        server.script(Script::new().reply("Too late").prefill_delay(Duration::from_secs(4)));
    }
    let report = examined(&nginx.url("tabby"), &certificate, true).await;
    assert!(report.has("html") && report.has("server-error"), "{report}");
    assert!(report.has("stream-cut") || report.has("connection-cut") || report.has("done-missing"), "{report}");
}

#[tokio::test]
async fn a_certificate_of_others_and_a_server_that_is_down_are_found() {
    let (server, certificate) = (Emulator::builder().start().unwrap(), Certificate::of("localhost"));
    let Some(nginx) = Nginx::start("refusing", server.addr(), &certificate) else { return };
    let report = examined(&nginx.url("tabby"), &Certificate::of("localhost"), false).await;
    assert_eq!(ids(&report), ["tls"], "{report}");
    server.kill();
    let report = examined(&nginx.url("tabby"), &certificate, false).await;
    assert_eq!(ids(&report), ["html"], "{report}");
    let report = examined(&nginx.url("nowhere"), &certificate, false).await;
    assert_eq!(ids(&report), ["html"], "{report}");
}
