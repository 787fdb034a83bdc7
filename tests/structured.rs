//! Typed answers: over scripted answers, and over real sockets.

use futures::executor::block_on;
use serde::Deserialize;
use serde_json::{Value, json};
use tabbyapi::api::{ChatMessage, ChatRequest, ResponseFormat};
use tabbyapi::structured::{StructuredError, UnparsedReason};
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, Error};

#[derive(Debug, Deserialize, PartialEq)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
struct City {
    /// Its name in English.
    name: String,
    people: u64,
    rivers: Vec<River>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
struct River {
    name: String,
}

fn schema() -> Value {
    json!({"type": "object", "properties": {
        "name": {"type": "string"},
        "people": {"type": "integer"},
        "rivers": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
    }, "required": ["name", "people", "rivers"]})
}

fn ask() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("The capital of Norway?")]).max_tokens(300)
}

fn answers(message: Value, finish: &str) -> (Client, Script) {
    let choice = json!({"index": 0, "finish_reason": finish, "message": message});
    let script = Script::new([Reply::json(200, json!({"id": "x", "choices": [choice]}).to_string())]);
    (Client::builder("http://tabby.test").build_with(script.clone()).unwrap(), script)
}

#[test]
fn a_typed_answer_keeps_its_text_and_its_reasoning_apart() {
    let text = "\n{\"name\": \"Oslo\", \"people\": 717710, \"rivers\": [{\"name\": \"Akerselva\"}]}";
    let (client, script) = answers(json!({"content": text, "reasoning_content": "{\"name\": \"Bergen?\"}"}), "stop");
    // An answer's own format does not matter.
    let request = ask().response_format(ResponseFormat::json());
    let city = block_on(client.chat().response_as_with_schema::<City>(&request, schema())).unwrap();
    assert_eq!((city.value.name.as_str(), city.value.people), ("Oslo", 717_710));
    assert_eq!(city.raw, text);
    assert_eq!(city.answer.message().unwrap().reasoning_content.as_deref(), Some("{\"name\": \"Bergen?\"}"));
    assert_eq!(city.answer.meta().status(), 200);
    let sent: Value = serde_json::from_slice(script.requests()[0].body()).unwrap();
    assert_eq!(sent["response_format"], json!({"type": "json_schema", "json_schema": schema()}));
    assert_eq!(sent.get("stream"), None);
}

#[test]
fn an_answer_of_another_kind_keeps_its_text_and_says_where() {
    let cases = [
        (json!({"content": "```json\n{}\n```"}), "stop", UnparsedReason::NotJson, None),
        (
            json!({"content": r#"{"name": "Oslo", "people": -1, "rivers": []}"#}),
            "stop",
            UnparsedReason::Unexpected,
            Some("people"),
        ),
        (
            json!({"content": r#"{"name": "Oslo", "people": 1, "rivers": [{"name": "A"}, {}]}"#}),
            "stop",
            UnparsedReason::Unexpected,
            Some("rivers[1]"),
        ),
        (json!({"content": r#"{"name": "Os"#}), "length", UnparsedReason::CutOff, Some("name")),
        (json!({"content": null, "reasoning_content": "{}"}), "length", UnparsedReason::Empty, None),
    ];
    for (message, finish, reason, path) in cases {
        let text = message["content"].as_str().unwrap_or_default().to_owned();
        let (client, _script) = answers(message, finish);
        let error = block_on(client.chat().response_as_with_schema::<City>(&ask(), schema())).unwrap_err();
        assert_eq!((error.raw(), error.path()), (Some(text.as_str()), path));
        let StructuredError::Unparsed(unparsed) = error else { panic!("{error}") };
        assert_eq!(unparsed.reason, reason, "{unparsed}");
        assert_eq!(unparsed.answer.text(), text);
    }
}

#[test]
fn a_call_that_fails_is_another_matter() {
    let script = Script::new([Reply::json(401, r#"{"detail":"Invalid API key"}"#)]);
    let client = Client::builder("http://tabby.test").build_with(script).unwrap();
    let error = block_on(client.chat().response_as_with_schema::<City>(&ask(), schema())).unwrap_err();
    assert_eq!(error.raw(), None);
    assert_eq!(Error::from(error).code(), "invalid_key");
}

#[cfg(feature = "schemars")]
#[test]
fn derived_schemas_hold_no_references() {
    let schema = tabbyapi::structured::schema_for::<City>();
    assert_eq!(schema["properties"]["rivers"]["items"]["properties"]["name"], json!({"type": "string"}));
    assert!(!schema.to_string().contains('$'), "{schema}");
    let (client, script) = answers(json!({"content": r#"{"name": "Oslo", "people": 1, "rivers": []}"#}), "stop");
    assert_eq!(block_on(client.chat().response_as::<City>(&ask())).unwrap().value.people, 1);
    let sent: Value = serde_json::from_slice(script.requests()[0].body()).unwrap();
    assert_eq!(sent["response_format"]["json_schema"], schema);
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn images_from_files_are_reported_by_their_bytes() {
    use std::fs;

    use tabbyapi::ErrorKind;
    use tabbyapi::api::ContentPart;

    let folder = std::env::temp_dir().join(format!("tabbyapi-images-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    // The name says nothing.
    let part = ContentPart::image_file(file("picture.txt", b"\x89PNG\r\n\x1a\n0123")).unwrap();
    assert_eq!(part, ContentPart::image_bytes("image/png", b"\x89PNG\r\n\x1a\n0123"));

    let text = file("words.png", b"These are words.");
    let error = ContentPart::image_file(&text).unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Encode, "image_unknown"));
    assert!(error.to_string().contains("words.png` is not PNG, JPEG, GIF, WebP or BMP"), "{error}");

    let large = file("large.gif", &[b"GIF89a".as_slice(), &[0; 100]].concat());
    assert!(ContentPart::image_file_within(&large, 106).is_ok());
    assert_eq!(ContentPart::image_file_within(&large, 105).unwrap_err().code(), "image_too_large");
    assert_eq!(ContentPart::image_file(folder.join("none.png")).unwrap_err().code(), "image_unreadable");
    fs::remove_dir_all(&folder).unwrap();
}

#[cfg(feature = "reqwest")]
mod sockets {
    use super::*;
    use tabbyapi_emulator::{Emulator, Script};

    fn client(server: &Emulator) -> Client {
        Client::builder(server.url()).api_key(server.api_key()).build().unwrap()
    }

    #[tokio::test]
    async fn a_schema_is_kept_to_and_other_formats_are_not() {
        let server = Emulator::builder().start().unwrap();
        let client = client(&server);
        let request = ask().enable_thinking(true);
        let city = client.chat().response_as_with_schema::<City>(&request, schema()).await.unwrap();
        assert!(!city.raw.is_empty());
        assert!(city.answer.message().unwrap().reasoning_content.is_some());

        // The whole answer of a stream reads the same.
        let held = ask().response_format(ResponseFormat::json_schema(schema()));
        let answer = client.chat().stream(&held).finish().await.unwrap();
        answer.parsed::<City>().unwrap();

        // `json_object` is ignored: free text comes.
        let free = ask().response_format(ResponseFormat::new("json_object".into()));
        let unparsed = client.chat().create(&free).await.unwrap().parsed::<City>().unwrap_err();
        assert_eq!(unparsed.reason, UnparsedReason::NotJson);
        assert!(!unparsed.raw.is_empty());
    }

    #[tokio::test]
    async fn an_answer_cut_short_says_so() {
        let server = Emulator::builder().start().unwrap();
        server.script(Script::new().reply(r#"{"name": "Oslo", "people": 717710, "rivers": []}"#));
        let request = ask().max_tokens(5);
        let error = client(&server).chat().response_as_with_schema::<City>(&request, schema()).await.unwrap_err();
        let StructuredError::Unparsed(unparsed) = error else { panic!("{error}") };
        assert_eq!(unparsed.reason, UnparsedReason::CutOff, "{unparsed}");
    }

    #[tokio::test]
    async fn a_conversation_is_fitted_into_the_context_of_the_server() {
        let server = Emulator::builder().start().unwrap();
        let long = "It rained on and off. ".repeat(200);
        let messages =
            (0..200).flat_map(|n| [ChatMessage::user(format!("{n}: {long}")), ChatMessage::assistant("I see.")]);
        let messages: Vec<_> = messages.chain([ChatMessage::user("So?")]).collect();
        let request = ChatRequest::new(messages).max_tokens(100);
        let fitted = client(&server).chat().fit(&request, &Default::default()).await.unwrap();
        assert!(fitted.dropped > 0 && !fitted.messages.is_empty());
        assert_eq!(fitted.messages.last().unwrap().text(), Some("So?"));
    }

    #[tokio::test]
    async fn what_is_fitted_is_taken_by_the_cache() {
        use tabbyapi_emulator::ModelSpec;

        // A context of 8192, of which a prompt may have 6145, as a chunk of 2048 needs its place in the cache.
        let model = ModelSpec::new("tight").max_seq_len(8192).cache_size(8192);
        let server = Emulator::builder().model(model).loaded_model("tight").start().unwrap();
        let client = client(&server);
        let text = "It rained on and off, and nobody came to the door all day long. ";
        let samples = [5, 10, 20].map(|times| text.repeat(times));
        let estimator = client.tokens().calibrate(&Default::default(), &samples).await.unwrap();
        let messages = vec![ChatMessage::user(text); 2000];
        let request = ChatRequest::new(messages).max_tokens(100);
        let fitted = client.chat().fit(&request, &estimator).await.unwrap();
        assert!(fitted.estimate.high <= 6145 && fitted.estimate.high > 5000, "{fitted:?}");
        let mut sent = request.clone();
        sent.messages = fitted.messages;
        client.chat().create(&sent).await.unwrap();

        // What the context has room for, the cache has not.
        sent.messages = request.fit(8192, &estimator).unwrap().messages;
        let error = client.chat().create(&sent).await.unwrap_err();
        assert_eq!(error.code(), "context_length_exceeded");
        assert!(error.message().starts_with("Initial job allocation requires "), "{error}");
        assert!(error.hint().unwrap().contains("a larger `cache_size` or a smaller `chunk_size`"), "{error}");
    }
}
