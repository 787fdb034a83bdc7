//! Validation of whole requests.

use crate::base::OrderedJson;

use super::{Effect, Faults, Findings};
use crate::api::chat::{ChatMessage, ChatRequest, Content, ContentPart, Tool, ToolChoice, ToolKind};
use crate::api::common::{ResponseFormat, ResponseFormatType};
use crate::api::completions::{CompletionRequest, Prompt};
use crate::api::kobold::KoboldRequest;
use crate::api::streamed::Streamed;

impl CompletionRequest {
    /// Checks for everything that the server would reject or fail on. For a stream, call it on
    /// [`streamed()`](crate::StreamEndpoint::streamed), which has one more rule.
    ///
    /// # Errors
    ///
    /// Errors with the [`Faults`] that were found.
    pub fn validate(&self) -> Result<(), Faults> {
        let mut findings = Findings::default();
        findings.completion(self);
        findings.result()
    }
}

impl Streamed<'_, CompletionRequest> {
    /// Like [`CompletionRequest::validate`], with a warning if `max_tokens` is unset, because servers of 2026 fail on that in a
    /// stream.
    ///
    /// # Errors
    ///
    /// Errors with the [`Faults`] that were found.
    pub fn validate(&self) -> Result<(), Faults> {
        let mut findings = Findings::default();
        findings.completion(self.0);
        if !self.0.is_bounded() {
            findings.add(Effect::Warning, "max_tokens", "is unset, which servers of 2026 fail on in a stream");
        }
        findings.result()
    }
}

impl ChatRequest {
    /// Checks for everything that the server would reject or fail on, except errors of the template.
    ///
    /// # Errors
    ///
    /// Errors with the [`Faults`] that were found.
    pub fn validate(&self) -> Result<(), Faults> {
        let mut findings = Findings::default();
        findings.sampling(&self.sampling);
        findings.common(self.n, self.response_format.as_ref());
        if self.messages.is_empty() {
            findings.add(Effect::Warning, "messages", "is empty, which many templates refuse");
        }
        for (at, message) in self.messages.iter().enumerate() {
            findings.message(&format!("messages[{at}]"), message);
        }
        for (at, tool) in self.tools.iter().flatten().enumerate() {
            findings.tool(&format!("tools[{at}]"), tool);
        }
        if let Some(ToolChoice::_Other(word)) = &self.tool_choice {
            findings.add(
                Effect::Refused,
                "tool_choice",
                format!("is `{word}`, but must be `none`, `auto`, `required` or the name of a function"),
            );
        }
        for (at, function) in self.functions.iter().flat_map(|functions| functions.iter()).enumerate() {
            if !function.is_object() {
                findings.add(Effect::Refused, format!("functions[{at}]"), "is not an object");
            }
        }
        if self.continue_final_message == Some(true) {
            if self.add_generation_prompt != Some(false) {
                findings.add(Effect::Refused, "continue_final_message", "requires `add_generation_prompt` to be false");
            }
            if self.messages.last().is_some_and(|message| !has_text(message)) {
                findings.add(Effect::Refused, "continue_final_message", "requires a last message with text");
            }
        }
        findings.result()
    }
}

impl KoboldRequest {
    /// Checks for everything that the server would reject or fail on.
    ///
    /// # Errors
    ///
    /// Errors with the [`Faults`] that were found.
    pub fn validate(&self) -> Result<(), Faults> {
        let mut findings = Findings::default();
        findings.sampling(&self.sampling);
        if self.dynatemp_range.is_some_and(|range| !range.is_finite()) {
            findings.add(Effect::Refused, "dynatemp_range", "is not a finite number");
        }
        findings.result()
    }
}

impl Findings {
    fn completion(&mut self, request: &CompletionRequest) {
        self.sampling(&request.sampling);
        self.common(request.n, request.response_format.as_ref());
        if matches!(&request.prompt, Prompt::Many(prompts) if prompts.is_empty()) {
            self.add(Effect::Fails, "prompt", "is an empty list, which this library does not send");
        }
    }

    fn common(&mut self, n: Option<u32>, format: Option<&ResponseFormat>) {
        if n == Some(0) {
            self.add(Effect::Refused, "n", "is 0, but must be at least 1");
        }
        let Some(format) = format else { return };
        let known = [ResponseFormatType::Text, ResponseFormatType::Json, ResponseFormatType::JsonSchema];
        if !known.contains(&format.kind) {
            let message =
                format!("is `{}`, which the server ignores: the output is not constrained by it", format.kind);
            self.add(Effect::Warning, "response_format.type", message);
        }
    }

    fn message(&mut self, field: &str, message: &ChatMessage) {
        if let Some(Content::Parts(parts)) = &message.content {
            for (at, part) in parts.iter().enumerate() {
                self.part(&format!("{field}.content[{at}]"), part);
            }
        }
        for (at, call) in message.tool_calls.iter().enumerate() {
            self.function(&format!("{field}.tool_calls[{at}].type"), &call.kind);
        }
    }

    fn part(&mut self, field: &str, part: &ContentPart) {
        match part {
            ContentPart::Text { .. } => {}
            ContentPart::ImageUrl { image_url } => {
                let field = format!("{field}.image_url.url");
                let Some(data) = image_url.url.strip_prefix("data:") else { return };
                let kind = data.split_once(";base64,").and_then(|(media, _)| media.strip_prefix("image/"));
                if !kind.is_some_and(|kind| !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
                    let message = "must be `data:image/TYPE;base64,…` with a type of letters and digits";
                    self.add(Effect::Refused, field, message);
                }
            }
            // A text part without text is parsed as this variant.
            ContentPart::_Other(part) => {
                let kind = part.get("type").and_then(OrderedJson::as_str).unwrap_or("text");
                match kind {
                    "text" => self.add(Effect::Fails, format!("{field}.text"), "is missing"),
                    "image_url" => self.add(Effect::Refused, format!("{field}.image_url"), "has no `url`"),
                    kind => self.add(
                        Effect::Refused,
                        format!("{field}.type"),
                        format!("is `{kind}`, but must be `text` or `image_url`"),
                    ),
                }
            }
        }
    }

    fn tool(&mut self, field: &str, tool: &Tool) {
        self.function(&format!("{field}.type"), &tool.kind);
        if tool.function.description.is_empty() {
            self.add(
                Effect::Warning,
                format!("{field}.function.description"),
                "is empty: the server requires one, so describe what the function does",
            );
        }
        if !tool.function.parameters.is_object() {
            self.add(Effect::Refused, format!("{field}.function.parameters"), "must be an object: a JSON schema");
        }
    }

    fn function(&mut self, field: &str, kind: &ToolKind) {
        if *kind != ToolKind::Function {
            self.add(Effect::Refused, field, format!("is `{kind}`, but must be `function`"));
        }
    }
}

fn has_text(message: &ChatMessage) -> bool {
    match &message.content {
        Some(Content::Text(text)) => !text.is_empty(),
        Some(Content::Parts(parts)) => parts.iter().any(|part| matches!(part, ContentPart::Text { .. })),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::StreamEndpoint;
    use serde_json::json;

    #[track_caller]
    fn assert_faults(result: Result<(), Faults>, expected: &[(Effect, &str)]) {
        let faults = result.map_or_else(Faults::into_vec, |()| Vec::new());
        let faults: Vec<_> = faults.iter().map(|fault| (fault.effect, fault.to_string())).collect();
        let expected: Vec<_> = expected.iter().map(|(effect, text)| (*effect, (*text).to_owned())).collect();
        assert_eq!(faults, expected);
    }

    #[test]
    fn completions() {
        let request = CompletionRequest::new("Once");
        assert_faults(request.validate(), &[]);
        let unset = (Effect::Warning, "`max_tokens` is unset, which servers of 2026 fail on in a stream");
        assert_faults(request.streamed().validate(), &[unset]);
        assert!(request.streamed().validate().unwrap_err().only_warnings());
        assert_faults(request.clone().max_tokens(8).streamed().validate(), &[]);
        assert_faults(request.extra("max_completion_tokens", 8).streamed().validate(), &[]);

        let request = CompletionRequest::new(Vec::<String>::new())
            .n(0)
            .top_k(-5)
            .response_format(ResponseFormat::new("json_object".into()));
        assert_faults(
            request.validate(),
            &[
                (Effect::Refused, "`top_k` is -5, but must be at least -1"),
                (Effect::Refused, "`n` is 0, but must be at least 1"),
                (
                    Effect::Warning,
                    "`response_format.type` is `json_object`, which the server ignores: the output is not constrained by it",
                ),
                (Effect::Fails, "`prompt` is an empty list, which this library does not send"),
            ],
        );
    }

    #[test]
    fn conversations() {
        let request = ChatRequest::new([ChatMessage::user([
            ContentPart::text("What?"),
            ContentPart::image_bytes("image/png", b"x"),
            ContentPart::image_url("https://example.org/x.svg"),
        ])])
        .tools([Tool::new("f", "d", json!({}))]);
        assert_faults(request.validate(), &[]);
        let going_on = ChatRequest::new([ChatMessage::assistant("Sure, ")]).continue_final_message(true);
        assert_faults(going_on.clone().add_generation_prompt(false).validate(), &[]);
        assert_faults(
            going_on.validate(),
            &[(Effect::Refused, "`continue_final_message` requires `add_generation_prompt` to be false")],
        );

        let empty = (Effect::Warning, "`messages` is empty, which many templates refuse");
        assert_faults(ChatRequest::new([]).validate(), &[empty]);
    }

    #[test]
    fn what_only_unknown_values_can_bring() {
        let request: ChatRequest = serde_json::from_value(json!({
            "messages": [
                {"role": "user", "content": [
                    {"type": "text"}, {"type": "input_audio"}, {"type": "image_url"},
                    {"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,eA=="}},
                ]},
                {"role": "assistant", "tool_calls": [{"type": "custom", "function": {"name": "f", "arguments": "{}"}}]},
            ],
            "tools": [{"type": "retrieval", "function": {"name": "f", "description": "", "parameters": null}}],
            "tool_choice": "any", "functions": ["f"],
            "continue_final_message": true, "add_generation_prompt": false,
        }))
        .unwrap();
        use Effect::{Fails, Refused, Warning};
        assert_faults(
            request.validate(),
            &[
                (Fails, "`messages[0].content[0].text` is missing"),
                (Refused, "`messages[0].content[1].type` is `input_audio`, but must be `text` or `image_url`"),
                (Refused, "`messages[0].content[2].image_url` has no `url`"),
                (
                    Refused,
                    "`messages[0].content[3].image_url.url` must be `data:image/TYPE;base64,…` with a type of letters and digits",
                ),
                (Refused, "`messages[1].tool_calls[0].type` is `custom`, but must be `function`"),
                (Refused, "`tools[0].type` is `retrieval`, but must be `function`"),
                (
                    Warning,
                    "`tools[0].function.description` is empty: the server requires one, so describe what the function does",
                ),
                (Refused, "`tools[0].function.parameters` must be an object: a JSON schema"),
                (Refused, "`tool_choice` is `any`, but must be `none`, `auto`, `required` or the name of a function"),
                (Refused, "`functions[0]` is not an object"),
                (Refused, "`continue_final_message` requires a last message with text"),
            ],
        );
    }

    #[test]
    fn kobold_requests() {
        let request = KoboldRequest::new("Once").dynatemp_range(f64::INFINITY).temperature(-1.0);
        assert_faults(
            request.validate(),
            &[
                (Effect::Refused, "`temperature` is -1, but must be from 0 to 10"),
                (Effect::Refused, "`dynatemp_range` is not a finite number"),
            ],
        );
        let error = crate::base::error::Error::from(request.validate().unwrap_err());
        assert_eq!((error.kind(), error.code().as_str()), (crate::base::error::ErrorKind::Encode, "invalid_request"));
    }
}
