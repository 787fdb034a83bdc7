//! Streams: as they arrive, to their end, or given up.

use std::collections::BTreeSet;

use futures::future::join_all;
use tabbyapi::Outcome;
use tabbyapi::api::LoadRequest;

use super::host::{ask, client, is_browser, logged, sleep, until_logged};

#[test]
async fn tokens_arrive_one_after_another() {
    let client = client().await;
    let clock = client.clock();
    let begun = clock.now();
    let mut stream = client.chat().stream(&ask(r#"[[fake:{"tokens":["a","b","c","d","e","f"],"delay_ms":60}]]"#));
    let mut times = Vec::new();
    while let Some(chunk) = stream.next().await {
        if !chunk.unwrap().text().is_empty() {
            times.push(clock.now().since(begun).as_millis());
        }
    }
    assert_eq!(times.len(), 6);
    assert_eq!(times.iter().collect::<BTreeSet<_>>().len(), 6, "they came at {times:?} ms");
    assert!(times[5] - times[0] >= 200, "they came at {times:?} ms");
    let answer = stream.finish().await.unwrap();
    assert_eq!(answer.text(), "abcdef");
    assert!(answer.meta().record().time_to_first_item() < answer.meta().record().elapsed());
}

#[test]
async fn many_streams_at_a_time() {
    let client = client().await;
    let streams = (0..24).map(|number| {
        let stream = client.chat().stream(&ask(&format!("stream {number}")));
        async move { (number, stream.finish().await) }
    });
    for (number, answer) in join_all(streams).await {
        assert_eq!(answer.unwrap().text(), format!("Echo: stream {number}"));
    }
}

#[test]
async fn a_stream_that_is_dropped_is_seen_by_the_server() {
    const GONE: &str = "disconnect POST /v1/chat/completions";
    let client = client().await;
    let before = logged(GONE).await;
    let long = ask(&"many words ".repeat(60));
    let mut stream = client.chat().stream(&long);
    assert!(stream.next().await.unwrap().is_ok());
    drop(stream);
    until_logged(&client, GONE, before + 1).await;

    let mut stream = client.chat().stream(&long);
    while stream.so_far().text().is_empty() {
        assert!(stream.next().await.unwrap().is_ok());
    }
    let kept = stream.cancel();
    assert!(kept.text().starts_with("Echo") || "Echo".starts_with(kept.text()), "{}", kept.text());
    until_logged(&client, GONE, before + 2).await;
    // The client is as good as new.
    assert_eq!(client.chat().create(&ask("again")).await.unwrap().text(), "Echo: again");
}

#[test]
async fn what_is_not_read_is_not_lost() {
    let client = client().await;
    let mut stream = client.chat().stream(&ask("words that wait to be read"));
    assert!(stream.next().await.unwrap().is_ok());
    sleep(&client, 300).await;
    assert_eq!(stream.finish().await.unwrap().text(), "Echo: words that wait to be read");
}

#[test]
async fn a_load_tells_its_progress() {
    let client = client().await;
    let mut load = client.models().load(&LoadRequest::new("beta-3B-exl3"));
    let mut steps = BTreeSet::new();
    while let Some(progress) = load.next().await {
        steps.insert(progress.unwrap().module);
    }
    assert!(steps.len() > 2, "{steps:?}");
    assert_eq!(load.outcome(), Some(Outcome::Complete));
    assert!(load.finish().await.unwrap().parts.iter().all(|part| part.finished));
    assert_eq!(client.models().current().await.unwrap().id, "beta-3B-exl3");
    client.models().reload(&LoadRequest::new("alpha-7B-exl3")).await.unwrap().finish().await.unwrap();
}

#[test]
async fn an_error_inside_of_a_stream_keeps_what_came() {
    let client = client().await;
    let stream = client.chat().stream(&ask(r#"[[fake:{"reply":"one two three","fail":"within","fail_at":2}]]"#));
    let broken = stream.finish().await.unwrap_err();
    assert_eq!(broken.outcome, Outcome::ServerError, "{}", broken.error);
    assert!(!broken.partial.text().is_empty());
}

#[test]
async fn headers_are_those_that_the_host_may_show() {
    let client = client().await;
    let mut stream = client.chat().stream(&ask("x"));
    assert!(stream.next().await.unwrap().is_ok());
    let meta = stream.meta().unwrap();
    let headers = meta.headers();
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    assert_eq!(headers.contains_key("date"), !is_browser(), "{headers:?}");
}
