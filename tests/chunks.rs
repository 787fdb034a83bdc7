//! The decoders of chunks, written by hand, against derived ones of the same fields. What those refuse because of the type of a
//! value is read for what it means, or without that value; both refuse what is no JSON.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, from_str, from_value, to_value};
use tabbyapi::api::{
    ChatChunk, ChatLogprobs, CompletionChunk, CompletionLogprobs, EosReason, FinishReason, Role, ToolKind, Usage,
};

fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Declares a derived twin: fields that stand in the outcome always, then those that do so unless they are absent.
macro_rules! twin {
    ($name:ident { $($always:ident: $atype:ty,)* } { $($(#[$meta:meta])* $field:ident: $type:ty,)* }) => {
        #[derive(Default, Serialize, Deserialize)]
        struct $name {
            $(#[serde(default, deserialize_with = "nullable")] $always: $atype,)*
            $(#[serde(default, skip_serializing_if = "Option::is_none")] $(#[$meta])* $field: Option<$type>,)*
            #[serde(flatten)]
            extra: Map<String, Value>,
        }
    };
}

twin!(Chat { id: String, object: String, created: u64, choices: Vec<ChatChoice>, model: String, } { usage: Usage, });
twin!(ChatChoice { index: u32, delta: Delta, } {
    finish_reason: FinishReason,
    eos_reason: EosReason,
    stop_str: String,
    logprobs: ChatLogprobs,
});
#[derive(Default, Serialize, Deserialize)]
struct Delta {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}
twin!(Call { function: Function, } { id: String, index: u32, #[serde(rename = "type")] kind: ToolKind, });
twin!(Function {} { name: String, arguments: String, });
twin!(Completion { id: String, object: String, choices: Vec<CompletionChoice>, created: u64, } {
    usage: Usage,
    model_name: String,
    model: String,
});
twin!(CompletionChoice { index: u32, text: String, } {
    finish_reason: FinishReason,
    eos_reason: EosReason,
    logprobs: CompletionLogprobs,
});

const CHAT: [&str; 4] = [
    r#"{"id": "chatcmpl-83875a2758b84016889c4d0ae00a28e9", "object": "chat.completion.chunk", "created": 1795359313, "choices": [{"index": 0, "delta": {"content": "ch"}, "finish_reason": null}], "model": "alpha-7B-exl3"}"#,
    r#"{"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1795359339, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 166, "prompt_time": 0.0, "prompt_tokens_per_sec": "Indeterminate", "completion_tokens": 58, "completion_time": 0.15, "completion_tokens_per_sec": 374.36, "total_tokens": 224, "total_time": 0.16}, "model": "alpha-7B-exl3"}"#,
    r#"{"id": "chatcmpl-1", "choices": [{"index": 1, "delta": {"role": "assistant", "reasoning_content": "x\n", "tool_calls": [{"id": "call_1", "type": "function", "index": 0, "function": {"name": "look", "arguments": "{}"}}, {"function": {"arguments": "{\"a\": 1}"}}]}, "finish_reason": "stop", "eos_reason": "stop_token", "stop_str": "."}]}"#,
    r#"{"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": {"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]}}, {"index": 1, "delta": {"content": "b"}}, {"index": 2}]}"#,
];

const COMPLETIONS: [&str; 2] = [
    r#"{"id": "cmpl-f08e41af751a443b8d9e5c602eaa8815", "object": "text_completion", "choices": [{"index": 0, "text": " up", "finish_reason": null}], "created": 1795359306, "model_name": "alpha-7B-exl3"}"#,
    r#"{"choices": [{"index": 0, "text": "", "finish_reason": "length", "eos_reason": "max_new_tokens", "logprobs": {"tokens": ["a"], "token_logprobs": [-1.5]}}, {"index": 1}], "model": "m", "usage": {"total_tokens": 2}}"#,
];

/// What values are replaced by.
const VALUES: [&str; 20] = [
    "null",
    "null",
    "null",
    "true",
    "0",
    "7",
    "-1",
    "1.0",
    "1e3",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "\"\"",
    "\"stop\"",
    "\"\\ud83d\\ude00\\n\"",
    "\"longer than what is kept inline\"",
    "[]",
    "[null]",
    "[{}, {}]",
    "{}",
];

const KEYS: [&str; 12] = [
    "id",
    "choices",
    "index",
    "delta",
    "content",
    "model",
    "model_name",
    "created",
    "extra",
    "type",
    "new",
    "d\\u0065lta",
];

/// A small random generator (xorshift64*), so that failures repeat.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).expect("31 bits") % end
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

/// Writes a value with some of its parts changed, one in `rarity`.
fn write(value: &Value, random: &mut Random, rarity: usize, out: &mut String) {
    if random.below(rarity) == 0 {
        out.push_str(random.pick(&VALUES));
        return;
    }
    match value {
        Value::Object(fields) => {
            out.push('{');
            for (name, value) in fields {
                // Left out, renamed, twice, or behind one that is unknown.
                match random.below(4 * rarity) {
                    0 => continue,
                    1 => out.push_str(&format!("\"{}\":", random.pick(&KEYS))),
                    2 => {
                        out.push_str(&format!("\"{name}\": "));
                        write(value, random, rarity, out);
                        out.push_str(&format!(", \"{name}\": "));
                    }
                    3 => out.push_str(&format!("\"new\": {} , \"{name}\" :", random.pick(&VALUES))),
                    _ => out.push_str(&format!("\"{name}\": ")),
                }
                write(value, random, rarity, out);
                out.push_str(", ");
            }
            out.truncate(out.strip_suffix(", ").unwrap_or(out).len());
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write(item, random, rarity, out);
                out.push_str(", ");
            }
            out.truncate(out.strip_suffix(", ").unwrap_or(out).len());
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// Decodes mutated chunks both ways.
fn compare<T: DeserializeOwned + Serialize, U: DeserializeOwned + Serialize>(
    recorded: &[&str],
    fix: fn(Value) -> Value,
) {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut good, mut mended, mut bad, mut twice) = (0, 0, 0, 0);
    for round in 0..60_000 {
        let value: Value = from_str(recorded[round % recorded.len()]).expect("valid");
        let mut text = String::new();
        let rarity = 4 + random.below(60);
        write(&value, &mut random, rarity, &mut text);
        if random.below(20) == 0 {
            let cut = random.below(text.len());
            text.truncate(cut);
        }
        let got = from_str::<T>(&text).map(|chunk| to_value(chunk).expect("a value"));
        match (got, from_str::<U>(&text)) {
            (Ok(got), Ok(expected)) => {
                good += 1;
                assert_eq!(got, fix(to_value(expected).expect("a value")), "{text}");
            }
            (Err(error), Err(_)) => {
                bad += 1;
                // Derived types inside of chunks refuse a key that comes twice.
                let twice = error.to_string().contains("duplicate field");
                assert!(twice || !from_str::<Value>(&text).is_ok_and(|value| value.is_object()), "{text}");
            }
            // The last value of a key counts, as it does among the fields of a `Value`.
            (Ok(got), Err(error)) if error.to_string().contains("duplicate field") => {
                twice += 1;
                if let Ok(expected) = from_value::<U>(from_str(&text).expect("valid")) {
                    assert_eq!(got, fix(to_value(expected).expect("a value")), "{text}");
                }
            }
            (Ok(got), Err(error)) => {
                mended += 1;
                assert!(error.is_data() && from_str::<Value>(&text).is_ok_and(|value| value.is_object()), "{text}");
                let again: T = from_value(got.clone()).expect("it reads back");
                assert_eq!(to_value(again).expect("a value"), got, "{text}");
            }
            (got, expected) => panic!("{text}: {got:?}, {:?}", expected.map(|_| ())),
        }
    }
    assert!(good > 10_000 && mended > 5_000 && bad > 1_000 && twice > 1_000, "{good} {mended} {bad} {twice}");
}

#[test]
fn chat_chunks_decode_as_derived() {
    compare::<ChatChunk, Chat>(&CHAT, |value| value);
}

#[test]
fn completion_chunks_decode_as_derived() {
    compare::<CompletionChunk, Completion>(&COMPLETIONS, |mut value| {
        let fields = value.as_object_mut().expect("a struct");
        let model = fields.remove("model");
        fields.entry("model_name").or_insert(model.unwrap_or_else(|| "".into()));
        value
    });
}
