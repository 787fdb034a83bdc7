//! Failures between client and server, distinguished as far as the host reports them.

use tabbyapi::call::Retry;
use tabbyapi::transport::FetchFault;
use tabbyapi::{Client, ErrorKind, Options, Outcome};

use super::host::{ask, client, fault, is_browser, logged, odd, server};

fn once(url: &str) -> Client {
    Client::builder(url).build().unwrap().with(Options::new().retry(Retry::NEVER))
}

#[test]
async fn nobody_listens() {
    let error = once(&server("closed").await).models().current().await.unwrap_err();
    if is_browser() {
        // Which may also mean that it does not allow this origin.
        assert_eq!(fault(&error), Some(FetchFault::CorsSuspected), "{error}");
        assert_eq!(error.kind(), ErrorKind::Transport);
        assert!(error.to_string().contains("CORS"), "{error}");
    } else {
        assert_eq!(fault(&error), Some(FetchFault::Connect), "{error}");
        assert_eq!(error.kind(), ErrorKind::Connect);
    }
    assert_eq!(error.record().unwrap().attempt_count, 1);
}

#[test]
async fn a_server_that_does_not_allow_the_origin() {
    let shy = once(&format!("{}/elsewhere/1", server("shy").await));
    let answer = shy.models().current().await;
    if is_browser() {
        let error = answer.unwrap_err();
        assert_eq!(fault(&error), Some(FetchFault::CorsSuspected), "{error}");
    } else {
        assert_eq!(answer.unwrap().id, "alpha");
    }
}

#[test]
async fn a_name_that_nobody_has() {
    let error = once("http://tabby.invalid").models().current().await.unwrap_err();
    let expected = if is_browser() { FetchFault::CorsSuspected } else { FetchFault::Connect };
    assert_eq!(fault(&error), Some(expected), "{error}");
}

#[test]
async fn a_redirect_is_not_followed() {
    let (client, path) = odd("redirect");
    let error = client.models().current().await.unwrap_err();
    if is_browser() {
        assert_eq!(fault(&error), Some(FetchFault::Redirect), "{error}");
    } else {
        assert_eq!(error.status().map(|status| status.as_u16()), Some(307), "{error}");
    }
    assert!(error.to_string().contains("redirect"), "{error}");
    assert_eq!(logged(&format!("request GET {}", path.replace("redirect", "elsewhere"))).await, 0);
}

#[test]
async fn a_connection_that_breaks_in_a_stream() {
    let (client, _) = odd("breaks");
    let broken = client.chat().stream(&ask("x")).finish().await.unwrap_err();
    assert_eq!(broken.outcome, Outcome::Truncated, "{}", broken.error);
    assert_eq!(fault(&broken.error), Some(FetchFault::Network), "{}", broken.error);
    assert_eq!(broken.partial.text(), "So far");
}

#[test]
async fn a_generation_that_may_have_begun_is_not_sent_again() {
    let (client, path) = odd("breaks");
    let client = client.with(Options::new().retry(Retry::GENTLE));
    assert!(client.chat().stream(&ask("x")).finish().await.is_err());
    assert_eq!(logged(&format!("request POST {path}")).await, 1);
}

#[test]
async fn a_generation_right_after_a_500_succeeds() {
    // The server closes the connection soon after, without announcing it.
    let client = client().await.with(Options::new().retry(Retry::NEVER));
    for _ in 0..5 {
        let error = client.templates().switch("none of these").await.unwrap_err();
        // The server's 500s have no CORS headers, so a page does not see them; browsers send again what was lost in this way.
        assert!(is_browser() || error.status().map(|status| status.as_u16()) == Some(500), "{error}");
        client.chat().create(&ask("right after").max_tokens(3)).await.unwrap();
    }
}
