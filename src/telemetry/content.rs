//! Captured content, if enabled: prompts and responses as JSON in the format of the conventions.

use std::any::Any;

use serde_json::{Value, json};

use crate::api::{
    ChatChunk, ChatCompletion, Completion, CompletionChunk, FunctionDelta, KoboldResults, KoboldToken, ToolCall,
};
use crate::base::text::floor_boundary;

/// The maximum size of captured responses in bytes, all choices together.
const MOST_BYTES: usize = 1 << 20;

/// The maximum number of captured choices.
const MOST_CHOICES: usize = 64;

/// The prompt and the response.
pub(super) struct Content {
    input: Option<String>,
    choices: Vec<OutputText>,
    left: usize,
}

/// The text of one choice.
#[derive(Clone, Default)]
struct OutputText {
    reasoning: String,
    text: String,
    calls: Vec<Value>,
}

impl Content {
    pub(super) fn new(body: &[u8]) -> Self {
        Content { input: input(body), choices: Vec::new(), left: MOST_BYTES }
    }

    /// The prompt.
    pub(super) fn input(&self) -> Option<String> {
        self.input.clone()
    }

    /// Adds a chunk or a whole response.
    pub(super) fn item(&mut self, item: &dyn Any) {
        if let Some(chunk) = item.downcast_ref::<ChatChunk>() {
            for choice in chunk.choices.iter() {
                let delta = &choice.delta;
                self.say(choice.index, delta.content.as_deref(), delta.reasoning_content.as_deref());
                for call in &delta.tool_calls {
                    let FunctionDelta { name, arguments, .. } = &call.function;
                    self.call(choice.index, call.id.as_deref(), name.as_deref(), arguments.as_deref());
                }
            }
        } else if let Some(chunk) = item.downcast_ref::<CompletionChunk>() {
            chunk.choices.iter().for_each(|choice| self.say(choice.index, Some(&choice.text), None));
        } else if let Some(token) = item.downcast_ref::<KoboldToken>() {
            self.say(0, Some(&token.token), None);
        } else if let Some(whole) = item.downcast_ref::<ChatCompletion>() {
            for choice in &whole.choices {
                let message = &choice.message;
                self.say(choice.index, message.text(), message.reasoning_content.as_deref());
                for ToolCall { id, function, .. } in &message.tool_calls {
                    self.call(choice.index, Some(id), Some(&function.name), Some(&function.arguments));
                }
            }
        } else if let Some(whole) = item.downcast_ref::<Completion>() {
            whole.choices.iter().for_each(|choice| self.say(choice.index, Some(&choice.text), None));
        } else if let Some(whole) = item.downcast_ref::<KoboldResults>() {
            whole.results.iter().zip(0..).for_each(|(result, index)| self.say(index, Some(&result.text), None));
        }
    }

    /// The response so far, one message per choice.
    pub(super) fn output<'a>(&self, finish: impl Fn(usize) -> Option<&'a str>) -> Option<String> {
        let messages = self.choices.iter().enumerate().map(|(index, said)| {
            let mut parts = Vec::new();
            if !said.reasoning.is_empty() {
                parts.push(json!({"type": "reasoning", "content": said.reasoning}));
            }
            if !said.text.is_empty() {
                parts.push(json!({"type": "text", "content": said.text}));
            }
            parts.extend(said.calls.iter().cloned());
            let mut message = json!({"role": "assistant", "parts": parts});
            if let Some(reason) = finish(index) {
                message["finish_reason"] = reason.into();
            }
            message
        });
        let messages: Vec<Value> = messages.collect();
        (!messages.is_empty()).then(|| Value::from(messages).to_string())
    }

    fn say(&mut self, choice: u32, text: Option<&str>, reasoning: Option<&str>) {
        let (text, reasoning) = (text.unwrap_or_default(), reasoning.unwrap_or_default());
        let (text, reasoning) = (self.share(text), self.share(reasoning));
        if let Some(said) = self.choice(choice) {
            said.text.push_str(text);
            said.reasoning.push_str(reasoning);
        }
    }

    fn call(&mut self, choice: u32, id: Option<&str>, name: Option<&str>, arguments: Option<&str>) {
        let text = arguments.unwrap_or_default();
        if self.share(text).len() < text.len() {
            return;
        }
        // Arguments are recorded as JSON values if they parse.
        let arguments: Value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
        if let Some(said) = self.choice(choice) {
            said.calls.push(json!({"type": "tool_call", "id": id, "name": name, "arguments": arguments}));
        }
    }

    /// As much of a text as fits into the remaining size.
    fn share<'a>(&mut self, text: &'a str) -> &'a str {
        let most = floor_boundary(text, self.left);
        self.left -= most;
        &text[..most]
    }

    fn choice(&mut self, index: u32) -> Option<&mut OutputText> {
        let index = index as usize;
        if index >= MOST_CHOICES {
            return None;
        }
        if self.choices.len() <= index {
            self.choices.resize(index + 1, OutputText::default());
        }
        self.choices.get_mut(index)
    }
}

/// The messages of a conversation, or a prompt as one message.
fn input(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    if let Some(messages) = body["messages"].as_array() {
        return Some(messages.iter().map(message).collect::<Value>().to_string());
    }
    let prompts: Vec<&str> = match (&body["prompt"], &body["input"]) {
        (Value::String(prompt), _) | (_, Value::String(prompt)) => vec![prompt],
        (Value::Array(prompts), _) | (_, Value::Array(prompts)) => prompts.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let prompt = |prompt: &&str| json!({"role": "user", "parts": [{"type": "text", "content": prompt}]});
    Some(prompts.iter().map(prompt).collect::<Value>().to_string())
}

fn message(message: &Value) -> Value {
    let answers = message["tool_call_id"].as_str();
    let mut parts: Vec<Value> = match (&message["content"], answers) {
        (Value::String(text), Some(id)) => vec![json!({"type": "tool_call_response", "id": id, "response": text})],
        (Value::String(text), None) => vec![json!({"type": "text", "content": text})],
        (Value::Array(parts), _) => parts.iter().map(part).collect(),
        _ => Vec::new(),
    };
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let function = &call["function"];
        let arguments = function["arguments"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let arguments = arguments.unwrap_or_else(|| function["arguments"].clone());
        parts.push(json!({"type": "tool_call", "id": call["id"], "name": function["name"], "arguments": arguments}));
    }
    json!({"role": message["role"], "parts": parts})
}

/// A part of a message. Images are mentioned without their data.
fn part(part: &Value) -> Value {
    match part["text"].as_str() {
        Some(text) => json!({"type": "text", "content": text}),
        None => json!({"type": part["type"]}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_of_every_shape() {
        let chat = json!({"messages": [
            {"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:…"}}]},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "42"},
        ]});
        let messages: Value = serde_json::from_str(&input(chat.to_string().as_bytes()).unwrap()).unwrap();
        assert_eq!(
            messages,
            json!([
                {"role": "user", "parts": [{"type": "text", "content": "What is it?"}, {"type": "image_url"}]},
                {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}]},
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "42"}]},
            ])
        );
        let messages: Value = serde_json::from_str(&input(br#"{"prompt":["a","b"]}"#).unwrap()).unwrap();
        assert_eq!(messages[1], json!({"role": "user", "parts": [{"type": "text", "content": "b"}]}));
        assert_eq!(input(br#"{"prompt":7}"#), None);
        assert_eq!(input(b""), None);
    }

    #[test]
    fn answers_are_cut_at_the_cap_between_characters() {
        let mut content = Content::new(b"");
        assert_eq!(content.output(|_| None), None);
        content.left = 6;
        content.say(1, Some("äöü"), None);
        content.say(1, Some("x"), Some("y"));
        content.say(u32::MAX, Some(""), None);
        let messages: Value = serde_json::from_str(&content.output(|_| Some("stop")).unwrap()).unwrap();
        assert_eq!(messages[1]["parts"], json!([{"type": "text", "content": "äöü"}]));
        content.left = 1;
        assert_eq!(content.share("ä"), "");
        assert_eq!(messages.as_array().unwrap().len(), 2);
    }
}
