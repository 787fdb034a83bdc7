//! Vectors of texts.

use futures::executor::block_on;
use serde_json::json;
use tabbyapi::ErrorKind;
use tabbyapi::api::{EmbeddingsRequest, EncodingFormat};
use tabbyapi::transport::script::{Reply, Script};

use crate::harness::{assert_error, client, good, play, play_as};

const PATH: &str = "POST /v1/embeddings";
const HELLO: [f32; 3] = [-0.062_771_775, 0.054_958_82, 0.052_164_83];
const WORLD: [f32; 3] = [-0.030_238_103, 0.031_646_706, -0.063_374_21];

#[test]
fn decimals_and_base64_are_the_same_vectors() {
    let request = EmbeddingsRequest::new(["hello", "world"]).model("whatever");
    let floats = good(play("embeddings-list", |client| client.embeddings().create(&request)));
    assert_eq!((&*floats.model, floats.dimension(), floats.data.len()), ("all-MiniLM-L6-v2", 384, 2));
    assert_eq!((&floats.data[0].embedding[..3], &floats.data[1].embedding[..3]), (&HELLO[..], &WORLD[..]));
    let usage = floats.usage.as_ref().unwrap();
    assert_eq!((usage.prompt_tokens, usage.total_tokens, usage.completion_tokens), (10, 10, 0), "characters");

    let request = EmbeddingsRequest::new(["hello", "world"]).encoding_format(EncodingFormat::Base64);
    let base64 = good(play("embeddings-base64", |client| client.embeddings().create(&request)));
    for (one, other) in floats.into_vectors().iter().zip(base64.into_vectors()) {
        let far = one.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(one.len() == other.len() && far < 1e-6, "{far}");
    }

    let request = EmbeddingsRequest::new("hello").encoding_format("int8".into());
    let expected = json!({"input": ["hello"], "encoding_format": "int8"});
    let odd = good(play_as("embeddings-odd-format", (PATH, Some(expected)), |c| c.embeddings().create(&request)));
    assert_eq!((odd.data.len(), &odd.data[0].embedding[..3]), (1, &HELLO[..]));
}

#[test]
fn without_a_model_and_with_token_ids() {
    for (name, text) in [("embeddings-none-loaded", "hello"), ("empty-embeddings", "x")] {
        let request = EmbeddingsRequest::new(text);
        let expected = (PATH, Some(json!({"input": [text]})));
        let result = play_as(name, expected, |client| client.embeddings().create(&request));
        let hint = "client.embedding_models().load(..)";
        assert_error(result, 503, "no_embedding_model_loaded", "No embedding models are currently loaded.", hint);
    }
    // Token ids cannot be written here; the answer to them is one all the same.
    let request = EmbeddingsRequest::new("x");
    let expected = (PATH, Some(json!({"input": ["x"]})));
    let reported = play_as("embeddings-tokens-422", expected, |c| c.embeddings().create(&request)).unwrap_err();
    assert_eq!((reported.status, reported.code.as_str()), (Some(422), "validation_failed"));
    assert!(reported.message.starts_with("body.input.str: Input should be a valid string"), "{reported:?}");
}

#[test]
fn no_text_at_all_is_refused_here() {
    let script = Script::new([]);
    let empty = EmbeddingsRequest::new(Vec::<String>::new());
    let error = block_on(client(&script).embeddings().create(&empty)).unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Encode, "no_input"));
    assert_eq!(
        error.to_string(),
        "POST http://tabby.test/v1/embeddings: the list of texts is empty; the server fails on it"
    );
    assert!(script.requests().is_empty());
}

#[test]
fn an_answer_that_does_not_fit_the_request_keeps_its_body() {
    let body = r#"{"data":[{"embedding":[1],"index":0}],"model":"m"}"#;
    let script = Script::new([Reply::json(200, body)]);
    let request = EmbeddingsRequest::new(["a", "b"]);
    let error = block_on(client(&script).embeddings().create(&request)).unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Decode, "inconsistent_answer"));
    assert_eq!(error.to_string(), "POST http://tabby.test/v1/embeddings: the answer has 1 vectors for 2 texts");
    assert_eq!(error.body().unwrap(), body);
}

#[test]
fn vectors_out_of_order_and_without_usage_are_put_in_order() {
    let body =
        r#"{"data":[{"embedding":[1],"index":1},{"embedding":[0],"index":0,"object":"embedding"}],"usage":null}"#;
    let script = Script::new([Reply::json(200, body)]);
    let answer = block_on(client(&script).embeddings().create(&EmbeddingsRequest::new(["a", "b"]))).unwrap();
    assert_eq!((answer.usage.as_ref(), &*answer.model), (None, ""));
    assert_eq!(answer.into_inner().into_vectors(), [[0.0], [1.0]]);
}
