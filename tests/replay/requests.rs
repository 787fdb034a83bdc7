//! The requests of the recordings, made as a user would make them.

use serde_json::{Value, json};
use tabbyapi::api::{
    ChatMessage, ChatRequest, CompletionRequest, ContentPart, DraftModel, LoadRequest, ResponseFormat, Role,
    SamplingParams, Stop, StreamOptions, Tool, ToolCall, ToolChoice,
};

/// Recorded requests that this library does not make, and why.
pub(crate) const NOT_MADE: [(&str, &str); 23] = [
    ("auth-bad-json-without-key", "broken JSON"),
    ("auth-bad-schema-without-key", "no prompt"),
    ("chat-bad-part-type", "a part of an unknown kind cannot be built, only read"),
    ("chat-bad-role-type", "a role is a string"),
    ("chat-image-text-null", "a text part has text"),
    ("chat-missing-messages", "messages are required"),
    ("chat-string-messages", "messages are a list"),
    ("chat-tool-roundtrip-args-object-422", "arguments are JSON text"),
    ("chat-tools-bad-choice", "an unknown choice cannot be built, only read"),
    ("completion-422-json", "broken JSON"),
    ("completion-422-many", "types that do not fit"),
    ("completion-422-missing", "no prompt"),
    ("completion-empty-list", "refused before it is sent: the server fails on it"),
    ("completion-no-body", "no prompt"),
    ("completion-stream-empty-list", "refused before it is sent: the server streams nothing for ever"),
    ("completion-token-ids-422", "prompts are text"),
    ("completion-wrong-content-type", "the content type is always JSON"),
    ("empty-embedding-load-body-invalid", "a prompt is text"),
    ("model-load-422", "a name is required"),
    ("logprob-minus-infinity-completion", "kept without its request"),
    ("logprob-minus-infinity-stream-false", "kept without its request"),
    ("logprob-minus-infinity-stream-true", "kept without its request"),
    ("stream-server-sigterm", "kept without its request"),
];

const CALLS: &str = "<tool_call><function=get_weather><parameter=city>Zürich</parameter><parameter=days>3</parameter>\
                     </function></tool_call><tool_call><function=get_weather><parameter=city>Oslo</parameter></function></tool_call>";

fn weather() -> [Tool; 1] {
    let city = json!({"type": "string"});
    let schema =
        json!({"type": "object", "properties": {"city": city, "days": {"type": "integer"}}, "required": ["city"]});
    [Tool::new("get_weather", "Weather for a city", schema)]
}

fn user(text: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(text)])
}

/// The recording server's stand-in for a model does what the prompt says in such brackets.
fn fake(orders: &str) -> String {
    format!("[[fake:{orders}]]")
}

/// A prompt that makes the model say this.
fn saying(reply: &str) -> String {
    fake(&format!(r#"{{"reply":{}}}"#, Value::from(reply)))
}

fn usage() -> StreamOptions {
    StreamOptions::new().include_usage(true)
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

pub(crate) fn chat(name: &str) -> Option<ChatRequest> {
    Some(match name {
        "chat" | "chat-stream" => user("Hello there"),
        "chat-usage" => user("Hello there").stream_options(usage()),
        "chat-after-failure" => user("still there?"),
        "chat-template-error"
        | "chat-model-without-template"
        | "empty-chat"
        | "inline-after-broken"
        | "noauth-chat"
        | "default-chat"
        | "nostream-chat" => user("hi"),
        "empty-chat-with-model" => user("hi").model("alpha-7B-exl3"),
        "inline-missing-model-admin" => user("hi").model("no-such-model"),
        "inline-load-admin" => user("hi").model("harmony-20B-exl3"),
        "inline-load-broken-admin" => user("hi").model("broken-midload"),
        "chat-stream-length" => user(&saying("a b c d e f g h i j k l m n")).max_tokens(6),
        "chat-unicode-split" => user(&fake(r#"{"reply":"naïve 日本語 😀👩‍👩‍👧 end","bytes":true}"#)),
        "chat-unicode-linesep" => user(&fake(r#"{"reply":"a\u2028b\u2029c\u0085d\re\nf\u000bg\u000ch"}"#)),
        "chat-unicode-cut" => user(&fake(r#"{"reply":"ab 😀😀😀","bytes":true}"#)).max_tokens(6),
        "chat-logprobs" | "chat-logprobs-stream" => user("Hi").logprobs(1).top_logprobs(2).max_tokens(5),
        "chat-toplogprobs-only" => user("Hi").top_logprobs(2).max_tokens(4),
        "chat-json-schema" => {
            let items = json!({"type": "array", "items": {"type": "string"}, "minItems": 2});
            let schema = object(json!({"ok": {"type": "boolean"}, "items": items}), &["ok", "items"]);
            let wrapped = json!({"name": "thing", "strict": true, "schema": schema});
            user("Hi").response_format(ResponseFormat::json_schema(wrapped))
        }
        "chat-json-schema-bare" => {
            let schema = object(json!({"ok": {"type": "boolean"}}), &["ok"]);
            user("Hi").response_format(ResponseFormat::json_schema(schema))
        }
        "chat-json-schema-string" => user("Hi").json_schema("not a dict"),
        "chat-json-schema-as-json-text" => {
            user("Hi").json_schema(r#"{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"]}"#)
        }
        "chat-empty-messages" => ChatRequest::new([]),
        "chat-image-not-an-image" => {
            ChatRequest::new([ChatMessage::user([ContentPart::image_bytes("image/png", [0, 0, 0])])])
        }
        "chat-image-unreachable" => {
            ChatRequest::new([ChatMessage::user([ContentPart::image_url("http://127.0.0.1:9/x.png")])])
        }
        "chat-image-404" => {
            ChatRequest::new([ChatMessage::user([ContentPart::image_url("http://127.0.0.1:8711/x.png")])])
        }
        "chat-context-length" | "chat-stream-context-length" => user(&"word ".repeat(6000)),
        "chat-response-prefix" => user("Hi").response_prefix("Sure: ").stream_options(usage()),
        "chat-reasoning" => user("Think").enable_thinking(true).stream_options(usage()),
        "chat-reasoning-stream" => user("Think").template_var("enable_thinking", true).stream_options(usage()),
        "chat-reasoning-only" => user(&saying("<think>only thoughts")).max_tokens(20),
        "chat-reasoning-json-schema" => {
            user("Think").enable_thinking(true).json_schema(object(json!({"a": {"type": "integer"}}), &["a"]))
        }
        "chat-tools" => user(&saying(&format!("Let me look.{CALLS}"))).tools(weather()),
        "chat-tools-stream" => user(&saying(&format!("<think>hm</think>Let me look.{CALLS}"))).tools(weather()),
        "chat-tools-stream-usage" => user(&saying(CALLS)).tools(weather()).stream_options(usage()),
        "chat-tools-none" => user(&saying(CALLS)).tools(weather()).tool_choice(ToolChoice::None),
        "chat-tools-named" => user("no call").tools(weather()).tool_choice(ToolChoice::Function("get_weather".into())),
        "chat-tools-unparsable-stream" => user(&saying("before<tool_call>garbage</tool_call>after")).tools(weather()),
        "chat-tools-length-cut" => user(&saying(CALLS)).tools(weather()).max_tokens(10),
        "chat-tool-roundtrip" => {
            let call = ToolCall::new("call_a", "get_weather", r#"{"city":"Oslo"}"#);
            let mut calling = ChatMessage::default().tool_calls([call]);
            calling.role = Role::Assistant;
            user("Weather?").message(calling).message(ChatMessage::tool("call_a", "12C")).tools(weather())
        }
        "chat-pings" => user(&fake(r#"{"reply":"late","prefill_delay":3.5}"#)),
        "noauth-no-pings" => user(&fake(r#"{"reply":"late","prefill_delay":3}"#)),
        "chat-stream-disconnect" => user(&fake(r#"{"reply":"a b c d e f g h i j k l","delay":0.3}"#)),
        "chat-unload-cut" | "chat-stream-unload-hang" => {
            user(&fake(r#"{"reply":"a b c d e f g h i j k l","delay":0.4}"#))
        }
        "chat-stream-fail" | "chat-fail" => user(&fake(r#"{"reply":"a b c d e f","fail_at":3}"#)),
        "noauth-stream-fail-traceback" => user(&fake(r#"{"reply":"a b c","fail_at":1}"#)),
        "harmony-chat" => user(&saying(
            "<|channel|>analysis<|message|>User says hi.<|end|><|start|>assistant<|channel|>final<|message|>Hello!",
        )),
        "harmony-tool" => {
            let reply = "<|channel|>analysis<|message|>Need tool.<|end|><|start|>assistant<|channel|>commentary \
                         to=functions.get_weather <|constrain|>json<|message|>{\"city\":\"Oslo\"}";
            user(&fake(&format!(r#"{{"reply":{},"eos_token":"<|call|>"}}"#, Value::from(reply)))).tools(weather())
        }
        _ => return None,
    })
}

pub(crate) fn completion(name: &str) -> Option<CompletionRequest> {
    let prompt = |text: String| CompletionRequest::new(text);
    let x = || CompletionRequest::new("x");
    Some(match name {
        "completion" => prompt("Once upon a time".into()).max_tokens(8),
        "completion-stream" => prompt("Once upon a time".into()).max_tokens(30),
        "completion-stream-usage" => prompt("Once upon a time".into()).max_tokens(30).stream_options(usage()),
        "completion-stream-no-max-tokens" => prompt("Once upon a time".into()),
        "completion-stream-logprobs" => prompt("Once".into()).max_tokens(5).logprobs(2),
        "completion-under-overrides" => prompt(saying("one two three four")).max_tokens(50).stop("zzz"),
        "completion-maxtokens-alias" => prompt(saying("a b c d e f g h i j")).extra("max_completion_tokens", 3),
        "completion-length-finish" => {
            prompt(fake(r#"{"eos":false,"reply":"a"}"#)).max_tokens(12).stream_options(usage())
        }
        "completion-stop-string" => prompt(saying("alpha beta gamma delta")).max_tokens(50).stop("gamma"),
        "completion-stop-tokenid" => {
            prompt(saying("alpha beta gamma delta")).max_tokens(50).stop([Stop::from("zzz"), Stop::from(2401)])
        }
        "completion-list-n2" => {
            let prompts = [fake(r#"{"reply":["p0a","p0b"]}"#), fake(r#"{"reply":["p1a","p1b"]}"#)];
            CompletionRequest::new(prompts).n(2).max_tokens(20).stream_options(usage())
        }
        "completion-logprobs" => prompt("Hi".into()).max_tokens(6).logprobs(2),
        "completion-logprobs-1" => prompt("Hi".into()).max_tokens(4).logprobs(1),
        "completion-500-min-over-max" => x().min_tokens(9).max_tokens(3),
        "completion-unknown-fields" => x().max_tokens(3).extra("foo", 1).extra("bar", json!({"a": 2})),
        "completion-unknown-model" => x().max_tokens(3).model("gpt-nope"),
        "completion-banned-tokens-string" => {
            x().max_tokens(5).sampling(SamplingParams::new().banned_tokens([2400, 2401]))
        }
        "completion-logit-bias" => x().max_tokens(5).logit_bias([(2400, -100.0), (36, -100.0)]),
        "completion-regex" => x().max_tokens(40).regex_pattern("[a-z]{3}-[0-9]{4}"),
        "completion-gbnf" => x().max_tokens(40).grammar_string(r#"root ::= "yes" | "no""#),
        "completion-token-healing" => {
            prompt("Once upon a ti".into()).max_tokens(6).sampling(SamplingParams::new().token_healing(true))
        }
        "completion-context-length" | "completion-stream-context-length" => prompt("word ".repeat(6000)).max_tokens(5),
        "completion-context-cache" => prompt(fake(r#"{"reply":"a b c d e f g h","delay":0.05}"#)).max_tokens(2018),
        "completion-none-loaded" => x(),
        "completion-fail" | "completion-stream-fail" => {
            prompt(fake(r#"{"reply":"a b c d","fail_at":2}"#)).max_tokens(20)
        }
        "default-completion" => prompt("hi".into()).max_tokens(10),
        _ => return None,
    })
}

pub(crate) fn load(name: &str) -> Option<LoadRequest> {
    let alpha = || LoadRequest::new("alpha-7B-exl3");
    Some(match name {
        "model-load-same-is-noop" => alpha(),
        "model-load-same-other-params" => alpha().max_seq_len(1024),
        "model-load-stream" => {
            alpha().max_seq_len(4096).cache_size(8192).vision(true).draft_model(DraftModel::new("tiny-draft"))
        }
        "model-load-alpha" => alpha().max_seq_len(4096).cache_size(8192).vision(true),
        "model-load-template-named" => {
            alpha().prompt_template("chatml").max_seq_len(2048).cache_size(4096).cache_mode("Q4").chunk_size(512)
        }
        "model-load-bad-cache-size" | "model-load-after-bad" => alpha().cache_size(1000),
        "model-load-bad-backend" => alpha().backend("exllamav2"),
        "model-load-beta" | "model-load-beta-0" => LoadRequest::new("beta-3B-exl3"),
        "model-load-no-name" => LoadRequest::new(""),
        "model-load-missing" | "noauth-http-error" => LoadRequest::new("nope"),
        "model-load-disconnect" | "model-load-concurrent" => LoadRequest::new("slow-load"),
        "model-load-broken-midload"
        | "model-load-broken-arch"
        | "model-load-broken-gptq"
        | "model-load-broken-empty" => LoadRequest::new(name.strip_prefix("model-load-")?),
        _ => return None,
    })
}
