//! Answers of servers of 2025, which had fewer fields: after section 9 of the wire reference and the OpenAPI file of that time.

use futures::executor::block_on;
use serde_json::json;
use tabbyapi::api::{ChatMessage, ChatRequest, CompletionRequest, EncodeRequest, SamplingParams};
use tabbyapi::transport::script::{Reply, Script};

use crate::harness::client;

fn script(answer: serde_json::Value) -> Script {
    Script::new([Reply::json(200, answer.to_string())])
}

fn question() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("x")])
}

#[test]
fn chat() {
    // Tool calls had no index, choices no reason of their own, log probabilities no ids and no end of nesting.
    let leaf = json!({"token": "b", "logprob": -3.0, "top_logprobs": null});
    let answer = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{
        "index": 0, "finish_reason": "tool_calls", "stop_str": null,
        "message": {"role": "assistant", "content": null, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        "logprobs": {"content": [{"token": "a", "logprob": -0.5, "top_logprobs": [leaf]}]},
    }], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}});
    let answer = block_on(client(&script(answer)).chat().create(&question())).unwrap();
    assert_eq!((answer.tool_calls()[0].function.name.as_str(), answer.tool_calls()[0].index), ("f", None));
    let choice = &answer.choices[0];
    assert_eq!((choice.eos_reason.as_ref(), choice.message.reasoning_content.as_ref()), (None, None));
    let token = &choice.logprobs.as_ref().unwrap().content[0];
    assert_eq!((token.token_id, token.logprob, token.top_logprobs[0].logprob), (None, Some(-0.5), Some(-3.0)));
    let usage = answer.usage.as_ref().unwrap();
    assert_eq!((usage.total_tokens, usage.total_time, usage.prompt_tokens_per_sec.as_ref()), (3, None, None));
}

#[test]
fn completions() {
    let answer = json!({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "usage": null, "choices": [{
        "index": 0, "finish_reason": "length", "text": "ab",
        "logprobs": {"text_offset": [0, 1], "token_logprobs": [-0.5, null], "tokens": ["a", "b"], "top_logprobs": [{"a": -0.5}, {}]},
    }]});
    let answer = block_on(client(&script(answer)).completions().create(&CompletionRequest::new("x"))).unwrap();
    let logprobs = answer.choices[0].logprobs.as_ref().unwrap();
    assert_eq!((answer.choices[0].text.as_str(), &logprobs.token_logprobs[..]), ("ab", &[Some(-0.5), None][..]));
    assert_eq!(logprobs.top_logprobs[0].as_ref().unwrap()["a"], Some(-0.5));
}

#[test]
fn models_and_tokens() {
    let draft = json!({"id": "d", "object": "model", "created": 1, "owned_by": "tabbyAPI"});
    let card = json!({"id": "m", "object": "model", "created": 1, "owned_by": "tabbyAPI",
        "logging": {"log_prompt": false, "log_generation_params": true, "log_requests": false},
        "parameters": {"max_seq_len": 4096, "rope_scale": 2.0, "rope_alpha": 1.5, "cache_mode": "Q4", "draft": draft}});
    let card = block_on(client(&script(card)).models().current()).unwrap();
    let parameters = card.parameters.as_ref().unwrap();
    assert_eq!(
        (parameters.max_seq_len, parameters.rope_scale, parameters.rope_alpha),
        (Some(4096), Some(2.0), Some(1.5))
    );
    assert_eq!((parameters.draft.as_ref().unwrap().id.as_str(), card.logging.is_some()), ("d", true));
    let encoded =
        block_on(client(&script(json!({"tokens": [1, 2], "length": 2}))).tokens().encode(&EncodeRequest::new("x")));
    assert_eq!(encoded.unwrap().tokens, [1, 2]);
}

/// A 422 had no `input` and no `ctx`.
#[test]
fn validation() {
    let body = json!({"detail": [{"loc": ["body", "top_p"], "msg": "no", "type": "less_than_equal"}]});
    let script = Script::new([Reply::json(422, body.to_string())]);
    let error = block_on(client(&script).chat().create(&question())).unwrap_err();
    let issue = &error.validation()[0];
    assert_eq!((issue.location.join("."), issue.input.as_ref(), issue.extra.len()), ("body.top_p".to_owned(), None, 0));
}

/// What those servers took and current ones ignore is sent as it was named.
#[test]
fn fields_that_only_they_knew() {
    let sampling = SamplingParams::new()
        .cfg_scale(1.5)
        .negative_prompt("rain")
        .generate_window(256)
        .skip_special_tokens(false)
        .speculative_ngram(true);
    let request = CompletionRequest::new("x").sampling(sampling).extra("mirostat", true);
    let script = script(json!({"choices": [], "model": "m"}));
    block_on(client(&script).completions().create(&request)).unwrap();
    let sent: serde_json::Value = serde_json::from_slice(script.requests()[0].body()).unwrap();
    let expected = json!({"prompt": "x", "cfg_scale": 1.5, "negative_prompt": "rain", "generate_window": 256,
        "skip_special_tokens": false, "speculative_ngram": true, "mirostat": true, "stream_options": {"include_usage": true}});
    assert_eq!(sent, expected);
}
