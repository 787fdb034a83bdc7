//! Whole answers: bodies, headers, keys, retries.

use futures::future::join_all;
use tabbyapi::api::{EmbeddingsRequest, EncodeRequest, EncodingFormat};
use tabbyapi::call::Retry;
use tabbyapi::{Client, ErrorKind, Options};

use super::host::{self, ask, client, odd};

#[test]
async fn a_whole_answer() {
    let answer = client().await.chat().create(&ask("Hello, thère 𝄞")).await.unwrap();
    assert_eq!(answer.text(), "Echo: Hello, thère 𝄞");
    assert_eq!(answer.meta().status(), 200);
    assert!(answer.meta().headers()["content-type"].to_str().unwrap().starts_with("application/json"));
    assert_eq!(answer.meta().record().attempt_count, 1);
    assert!(answer.meta().record().elapsed().is_some_and(|elapsed| !elapsed.is_zero()));
}

#[test]
async fn reads_and_posts_of_other_services() {
    let client = client().await;
    assert_eq!(client.models().current().await.unwrap().id, "alpha-7B-exl3");
    assert!(!client.models().list().await.unwrap().data.is_empty());
    // It tells of generations that failed, as other tests have some do.
    assert!(client.health().check().await.is_ok());
    let encoded = client.tokens().encode(&EncodeRequest::new("some words")).await.unwrap();
    assert!(!encoded.tokens.is_empty());
}

#[test]
async fn keys_reach_the_server_and_wrong_ones_are_reported() {
    let client = client().await;
    let url = client.base_url().clone();
    let wrong = Client::builder(url.clone()).api_key("wrong-key-of-mine").build().unwrap();
    let error = wrong.models().current().await.unwrap_err();
    assert_eq!((error.kind(), error.status().map(|status| status.as_u16())), (ErrorKind::Server, Some(401)));
    assert!(!format!("{error:?}{error}").contains("wrong-key"), "{error:?}");
    // Those of an admin go by another header.
    assert!(client.models().list().await.is_ok());
    let bearer = Client::builder(url.clone()).bearer(host::API_KEY).build().unwrap();
    assert_eq!(bearer.auth().permission().await.unwrap().permission.as_str(), "api");
}

#[test]
async fn headers_of_the_callers_own_are_sent() {
    let (client, _) = odd("headers");
    let reported = client.with(Options::new().header("x-mine", "a, b").unwrap());
    let card = reported.models().current().await.unwrap();
    let headers: serde_json::Value = serde_json::from_str(&card.id).unwrap();
    assert_eq!(headers["x-mine"], "a, b");
}

#[test]
async fn what_cannot_be_a_header_is_an_error() {
    for value in ["a\nb", "a\0", "\u{1}"] {
        assert!(Options::new().header("x-mine", value).is_err(), "{value:?}");
    }
    // Taken by the types, and forbidden to pages: browsers drop it, and that is no panic.
    let (client, _) = odd("headers");
    for name in ["host", "cookie", "connection", "te"] {
        let _ = client.with(Options::new().header(name, "x").unwrap()).models().current().await;
    }
    assert!(client.models().current().await.is_ok());
}

#[test]
async fn a_busy_server_is_asked_again() {
    let (client, path) = odd("busy");
    let client = client.with(Options::new().retry(Retry::GENTLE));
    let card = client.models().current().await.unwrap();
    let statuses: Vec<_> =
        card.meta().record().attempts.iter().map(|attempt| attempt.status.map(|status| status.as_u16())).collect();
    assert_eq!(statuses, [Some(503), Some(503), Some(200)]);
    assert_eq!(host::logged(&format!("request GET {path}")).await, 3);
}

#[test]
async fn embeddings_come_in_both_ways() {
    let client = client().await;
    let plain = client.embeddings().create(&EmbeddingsRequest::new(["one", "two"])).await.unwrap();
    let request = EmbeddingsRequest::new(["one", "two"]).encoding_format(EncodingFormat::Base64);
    let packed = client.embeddings().create(&request).await.unwrap();
    assert_eq!(plain.data.len(), 2);
    assert_eq!(plain.data[0].embedding.len(), 384);
    for (plain, packed) in plain.data.iter().zip(&packed.data) {
        let apart = plain.embedding.iter().zip(&packed.embedding).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f32::max) < 1e-6);
    }
}

#[test]
async fn many_answers_at_a_time() {
    let client = client().await;
    let texts: Vec<_> = (0..30).map(|number| format!("number {number}")).collect();
    let answers = join_all(texts.iter().map(|text| {
        let request = ask(text);
        let chat = client.chat();
        async move { chat.create(&request).await }
    }));
    for (answer, text) in answers.await.into_iter().zip(&texts) {
        assert_eq!(answer.unwrap().text(), format!("Echo: {text}"));
    }
}

#[test]
async fn no_body_and_no_text_are_errors() {
    for how in ["empty", "noise"] {
        let error = odd(how).0.models().current().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{how}: {error}");
    }
}
