//! Tokens.

use serde_json::json;
use tabbyapi::api::{ChatMessage, ContentPart, DecodeRequest, EncodeRequest, Encoded, TokenCount};

use crate::harness::{Reported, assert_error, good, play, play_as, recorded_body};

#[track_caller]
fn encode(name: &str, request: EncodeRequest) -> Result<Encoded, Reported> {
    let encoded = play(name, |client| client.tokens().encode(&request));
    let count = play(name, |client| client.tokens().count(&request));
    assert_eq!(encoded.as_ref().map(|encoded| encoded.length), count.as_ref().map(|count: &TokenCount| count.length));
    encoded
}

#[track_caller]
fn assert_encodes(name: &str, request: EncodeRequest, tokens: &[u32]) {
    let encoded = good(encode(name, request));
    assert_eq!((&encoded.tokens[..], encoded.length), (tokens, tokens.len() as u64));
}

#[test]
fn texts() {
    let tokens = [2400, 39, 335, 289, 11, 361, 127, 114, 81, 75, 67, 220, 172, 253, 246, 222];
    assert_encodes("token-encode", EncodeRequest::new("Hello, wörld 😀"), &tokens);
    let special = EncodeRequest::new("<|im_start|>user");
    assert_encodes("token-encode-special", special.clone().encode_special_tokens(true), &[2400, 2402, 957]);
    assert_encodes("token-encode-nospecial", special.encode_special_tokens(false), &[2400, 2402, 957]);
}

#[test]
fn conversations() {
    let image = recorded_body("token-encode-messages-image")["text"][0]["content"][1]["image_url"]["url"].to_owned();
    let image = image.as_str().expect("a data URL");
    let question = ChatMessage::user([ContentPart::text("What is this? "), ContentPart::image_url(image)]);
    // The pieces of the image have ids of their own.
    let tokens = [
        2400,
        2402,
        957,
        198,
        1795,
        380,
        929,
        30,
        220,
        1_000_000_000,
        1_000_000_001,
        1_000_000_002,
        1_000_000_003,
        2403,
        198,
    ];
    assert_encodes("token-encode-messages-image", EncodeRequest::new([question]), &tokens);

    let result = encode("token-encode-messages-no-template", EncodeRequest::new([ChatMessage::user("Hello")]));
    let words = "Cannot tokenize chat completion message because a prompt template is not set.";
    assert_error(result, 422, "no_template", words, "client.templates().switch(..)");
    let result = encode("default-encode-messages", EncodeRequest::new([ChatMessage::user("hi")]));
    assert_error(result, 422, "oai_disabled", "Enable the OAI server to handle", "`api_servers`");
    let result = encode("empty-encode", EncodeRequest::new("x"));
    assert_error(result, 503, "no_model_loaded", "No models are currently loaded.", "client.models().load(..)");
}

#[test]
fn back_to_text() {
    let decode = |name, request: DecodeRequest| good(play(name, |client| client.tokens().decode(&request))).text;
    let tokens = [2402, 86, 68, 81, 2403];
    assert_eq!(decode("token-decode", DecodeRequest::new(tokens)), "<|im_start|>wer<|im_end|>");
    let plain = DecodeRequest::new(tokens).decode_special_tokens(false);
    assert_eq!(decode("token-decode-nospecial", plain), "wer");
    assert_eq!(decode("token-decode-out-of-range", DecodeRequest::new([99_999_999])), "", "unknown ids are left out");
}

#[test]
fn ids_that_the_server_fails_on_cannot_be_written() {
    assert!(serde_json::from_value::<DecodeRequest>(json!({"tokens": [-1]})).is_err());
    let expected = ("POST /v1/token/decode", Some(json!({"tokens": [1]})));
    let request = DecodeRequest::new([1]);
    let result = play_as("token-decode-huge", expected, |client| client.tokens().decode(&request));
    assert_error(result, 500, "invalid_token", "Internal Server Error", "negative or too large");
}

#[test]
fn every_field_has_its_name() {
    let vars = json!({"k": 1}).as_object().unwrap().clone();
    let request = EncodeRequest::new("a").add_bos_token(false).decode_special_tokens(true).template_vars(vars);
    let wire = json!({"text": "a", "add_bos_token": false, "decode_special_tokens": true, "template_vars": {"k": 1}});
    assert_eq!(serde_json::to_value(request).unwrap(), wire);
    let request = DecodeRequest::new([]).add_bos_token(true).encode_special_tokens(false).extra("x", 1);
    let wire = json!({"tokens": [], "add_bos_token": true, "encode_special_tokens": false, "x": 1});
    assert_eq!(serde_json::to_value(request).unwrap(), wire);
}
