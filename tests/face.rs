//! What users write in one line, as they would write it: that it compiles is the test, and where it gives a value, that it is the
//! right one.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::json;
use tabbyapi::api::{
    ChatChunk, ChatCompletion, ChatMessage, ChatRequest, Completion, CompletionRequest, Content, EmbeddingsRequest,
    EncodeRequest, FinishReason, LoadRequest, LoraLoad, Prompt, Role, SamplingParams,
};
use tabbyapi::auth::Credential;
use tabbyapi::policy::Retry;
use tabbyapi::tools::Tools;
use tabbyapi::{
    BaseUrl, Client, Error, ErrorKind, Limits, OrderedJson, Outcome, Phase, Result, Text, TimeoutPolicy, Timeouts,
};

/// What ends is awaited, and its error passes through `?`.
#[allow(dead_code)]
async fn everything_that_ends(client: &Client, chat: &ChatRequest, load: &LoadRequest, tools: &Tools) -> Result<()> {
    client.chat().stream(chat).finish().await?;
    client.chat().stream(chat).await?;
    client.models().load(load).finish().await?;
    client.models().load(load).await?;
    client.models().reload(load).await?.await?;
    client.chat().run(chat, tools).finish().await?;
    client.chat().run(chat, tools).await?;
    client.embeddings().many(["a", "b"]).await?;
    let _: u8 = client.chat().create(chat).await?.parsed()?;
    let _: u8 = client.chat().response_as_with_schema(chat, json!({"type": "integer"})).await?.value;
    Ok(())
}

/// Values move out of answers.
#[allow(dead_code)]
async fn values_move_out(client: &Client, chat: &ChatRequest) -> Result<()> {
    let embeddings = EmbeddingsRequest::new(["a", "b"]);
    for vector in client.embeddings().create(&embeddings).await?.into_vectors() {
        drop::<Vec<f32>>(vector);
    }
    for card in client.models().list().await?.into_inner().data {
        drop(card.id);
    }
    let usage = client.chat().create(chat).await?.into_inner().usage;
    drop(usage.unwrap_or_default());
    serde_json::to_string(&client.chat().create(chat).await?).ok();
    Ok(())
}

/// Sources of keys are async closures, or functions that return any future.
#[allow(dead_code)]
fn key_sources() -> Result<()> {
    async fn from_a_vault(_: tabbyapi::Scope, _: bool) -> Result<Option<Credential>> {
        Ok(Some(Credential::bearer("from a vault")?))
    }
    _ = Client::builder("http://h").key_source(from_a_vault);
    _ = Client::builder("http://h").key_source(async |_scope, _rejected| Ok(Some(Credential::api_key("k")?)));
    _ = Client::builder("http://h").key_source(|_scope, _rejected| async { Ok(None) });
    _ = Client::builder("http://h").key_source(|_scope, _rejected| std::future::ready(Ok(None)));
    Ok(())
}

#[test]
fn texts_of_every_kind_convert() {
    let owned = String::from("a text");
    let (cow, boxed, text) = (Cow::Borrowed("a text"), Box::<str>::from("a text"), Text::from("a text"));
    macro_rules! from_all {
        ($type:ty) => {{
            let all: [$type; 6] = [
                "a text".into(),
                owned.clone().into(),
                (&owned).into(),
                cow.clone().into(),
                boxed.clone().into(),
                (&text).into(),
            ];
            assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        }};
    }
    from_all!(Text);
    from_all!(Content);
    from_all!(Prompt);
    from_all!(Role);
    from_all!(FinishReason);
    from_all!(LoraLoad);
    assert_eq!(ChatMessage::user(&owned), ChatMessage::user("a text"));
    assert_eq!(ChatMessage::user(cow.clone()), ChatMessage::user(text.clone()));
    assert_eq!(CompletionRequest::new(&owned), CompletionRequest::new(boxed.clone()));
    assert_eq!(EncodeRequest::new(&owned), EncodeRequest::new("a text"));
    assert_eq!(EmbeddingsRequest::new(&owned), EmbeddingsRequest::new(cow));
    assert_eq!(SamplingParams::new().stop(&owned), SamplingParams::new().stop("a text"));
    assert_eq!(text, owned);
    assert_eq!(owned, text);
    assert_eq!(text, "a text");
    assert_eq!(String::from(&text), owned);
}

#[test]
fn values_are_contents() {
    assert_eq!(Content::from(json!("hi")), Content::from("hi"));
    let parts = json!([{"type": "text", "text": "hi"}]);
    assert_eq!(serde_json::to_value(Content::from(parts.clone())).unwrap(), parts);
    assert_eq!(Content::from(json!({"degrees": 21})), Content::from(r#"{"degrees":21}"#));
}

#[test]
fn messages_come_as_slices_arrays_and_vectors() {
    let messages = vec![ChatMessage::user("a"), ChatMessage::assistant("b")];
    let expected = ChatRequest::new(messages.clone());
    assert_eq!(ChatRequest::new(&messages[..]), expected);
    assert_eq!(ChatRequest::new([ChatMessage::user("a"), ChatMessage::assistant("b")]), expected);
    assert_eq!(ChatRequest::new([]).messages, []);
}

#[test]
fn base_urls_come_from_what_holds_an_address() {
    let url: BaseUrl = "http://h:5000".parse().unwrap();
    let owned = String::from("http://h:5000");
    assert_eq!(BaseUrl::try_from(&owned).unwrap(), url);
    assert_eq!(BaseUrl::try_from(Cow::Borrowed("http://h:5000/v1")).unwrap(), url);
    assert_eq!(BaseUrl::try_from(Box::<str>::from("http://h:5000")).unwrap(), url);
    assert_eq!(BaseUrl::try_from(http::Uri::from_static("http://h:5000/")).unwrap(), url);
    assert_eq!(url.as_ref(), "http://h:5000");
    drop(Client::builder(&owned));
    drop(Client::builder(url.clone()));
}

#[test]
fn kinds_phases_and_outcomes_print_as_words() {
    assert_eq!(
        format!("{:>9}|{}|{}", ErrorKind::TooLarge, Phase::FirstItem, Outcome::TotalTimeout),
        "too_large|first_item|total_timeout"
    );
    assert_eq!(Outcome::ServerError.as_str(), "server_error");
}

#[test]
fn whole_answers_are_asked_as_chunks_are() {
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"});
    let answer: ChatCompletion = serde_json::from_value(json!({"choices": [choice]})).unwrap();
    assert_eq!((answer.text(), answer.reasoning(), answer.finish_reason()), ("hi", "", Some(&FinishReason::Stop)));
    let choice = json!({"index": 0, "delta": {"content": "hi"}, "finish_reason": "length"});
    let chunk: ChatChunk = serde_json::from_value(json!({"choices": [choice]})).unwrap();
    assert_eq!((chunk.text(), chunk.finish_reason()), ("hi", Some(&FinishReason::Length)));
    let answer: Completion =
        serde_json::from_value(json!({"choices": [{"index": 0, "text": "hi", "finish_reason": "stop"}]})).unwrap();
    assert_eq!((answer.text(), answer.finish_reason()), ("hi", Some(&FinishReason::Stop)));
    assert_eq!(Completion::default().finish_reason(), None);
}

#[test]
fn errors_of_all_kinds_become_the_error() {
    let error: Error = "nothing there".parse::<OrderedJson>().unwrap_err();
    assert_eq!(error.kind().to_string(), "encode");
    let answer: ChatCompletion =
        serde_json::from_value(json!({"choices": [{"index": 0, "message": {"content": "no number"}}]})).unwrap();
    let parse = || -> Result<u8> { Ok(answer.parsed()?) };
    assert_eq!(parse().unwrap_err().kind(), ErrorKind::Decode);
}

#[test]
fn settings_come_from_files_and_go_there() {
    let retry: Retry = serde_json::from_value(json!({"max_retries": 5, "base": 0.25})).unwrap();
    assert_eq!(retry, Retry::GENTLE.max_retries(5).base(Duration::from_millis(250)));
    let limits: Limits = serde_json::from_value(json!({"body": 1024})).unwrap();
    assert_eq!(limits, Limits::default().body(1024));
    let timeout_policy: TimeoutPolicy =
        serde_json::from_value(json!({"load": {"total": 600}, "read": {"total": null}})).unwrap();
    assert_eq!(timeout_policy.load, Timeouts::LOAD.total(Duration::from_secs(600)));
    assert_eq!(timeout_policy.read, Timeouts::READ.total(None));
    assert_eq!(timeout_policy.stream, Timeouts::STREAM);
    let timeouts: Timeouts = serde_json::from_value(json!({"head": 1})).unwrap();
    assert_eq!(timeouts, Timeouts::UNBOUNDED.head(Duration::from_secs(1)));
    // There and back.
    let through = |value: serde_json::Value| serde_json::from_str(&value.to_string()).unwrap();
    assert_eq!(serde_json::from_value::<TimeoutPolicy>(through(json!(timeout_policy))).unwrap(), timeout_policy);
    assert_eq!(serde_json::from_value::<Retry>(through(json!(retry))).unwrap(), retry);
    for wrong in [json!({"head": -1}), json!({"head": "5s"}), json!({"heads": 1}), json!({"total": 1e300})] {
        assert!(serde_json::from_value::<Timeouts>(wrong.clone()).is_err(), "{wrong}");
    }
}
