//! The service over sockets, in front of an emulated server.

use std::time::Duration;

use futures::StreamExt;
use tabbyapi::Client;
use tabbyapi_emulator::{Emulator, EmulatorBuilder};
use tabbyapi_example_axum::{Users, routes};

/// The address of a service that allows each user two concurrent responses.
async fn serve(emulator: EmulatorBuilder) -> (String, Emulator) {
    let emulator = emulator.start().unwrap();
    let client = Client::builder(emulator.url()).api_key(emulator.api_key()).build().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/chat", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, routes(client, Users::new(2))).await });
    (url, emulator)
}

/// Three words at once, followed by many slow ones.
const SHORT: &str = r#"[[fake:{\"tokens\":[\"Ada\",\" and\",\" Bob\"]}]]"#;
const LONG: &str = r#"[[fake:{\"reply\":\"one two three four five six seven eight nine\",\"delay_ms\":2000}]]"#;

async fn ask(url: &str, user: Option<&str>, question: &str) -> reqwest::Response {
    let request = reqwest::Client::new().post(url).header("content-type", "application/json");
    let request = match user {
        Some(user) => request.header("x-user", user),
        None => request,
    };
    let body = format!(r#"{{"messages": [{{"role": "user", "content": "{question}"}}]}}"#);
    request.body(body).send().await.unwrap()
}

async fn refused(url: &str, user: Option<&str>) -> (u16, String) {
    let response = ask(url, user, SHORT).await;
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn an_answer_is_forwarded_event_by_event() {
    let (url, _emulator) = serve(Emulator::builder()).await;
    let response = ask(&url, Some("ada"), SHORT).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    let data: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(data[..2], ["event: delta", r#"data: {"text":"Ada"}"#], "{text}");
    let end = data.len() - 2;
    assert_eq!(data[end], "event: done", "{text}");
    assert!(data[end + 1].starts_with(r#"data: {"finish_reason":"stop","usage":{"#), "{text}");
}

#[tokio::test]
async fn who_leaves_ends_the_generation_and_gives_the_place_back() {
    let (url, emulator) = serve(Emulator::builder().gate()).await;
    let asked = tokio::spawn({
        let url = url.clone();
        async move { ask(&url, Some("ada"), SHORT).await }
    });
    emulator.release(1);
    let mut browser = asked.await.unwrap().bytes_stream();
    assert!(browser.next().await.unwrap().unwrap().starts_with(b"event: delta"));
    assert!(emulator.log().disconnects.is_empty());
    drop(browser);
    for _ in 0..500 {
        if emulator.log().in_flight == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(emulator.log().disconnects.len(), 1);
}

#[tokio::test]
async fn each_user_has_a_share() {
    let (url, _emulator) = serve(Emulator::builder()).await;
    let (first, second) = (ask(&url, Some("ada"), LONG).await, ask(&url, Some("ada"), LONG).await);
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
    assert_eq!(refused(&url, Some("ada")).await, (429, r#"{"code":"too_many_answers"}"#.to_owned()));
    assert_eq!(ask(&url, Some("bob"), SHORT).await.status(), 200);
    assert_eq!(refused(&url, None).await, (401, r#"{"code":"no_user"}"#.to_owned()));
    // A cancelled response releases its slot.
    drop(first);
    for _ in 0..500 {
        if ask(&url, Some("ada"), SHORT).await.status() == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the place was not given back");
}

#[tokio::test]
async fn what_goes_wrong_before_the_first_word_is_a_status() {
    let (url, _emulator) = serve(Emulator::builder().no_model_loaded()).await;
    let response = ask(&url, Some("ada"), SHORT).await;
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    assert_eq!(response.text().await.unwrap(), r#"{"code":"no_model_loaded"}"#);
}
