//! Estimates of messages and requests.

use super::{ChatMessage, ChatRequest, Content, ContentPart};
use crate::protocol::estimate::{Estimate, Estimator, Weight};

impl Estimator {
    /// Estimates a message, including the 3 to 8 tokens that the template adds around it. Reasoning is counted as if the template
    /// kept it; `low` excludes it.
    pub fn message(&self, message: &ChatMessage) -> Estimate {
        self.weigh_message(message).estimate()
    }

    /// Estimates messages, like [`message`](Estimator::message), and the start of a response.
    pub fn messages<'a>(&self, messages: impl IntoIterator<Item = &'a ChatMessage>) -> Estimate {
        messages.into_iter().fold(Weight::PROMPT, |sum, message| sum + self.weigh_message(message)).estimate()
    }

    /// Estimates everything that a request adds to the context: messages, tools, the start of a response. Excludes the generated tokens.
    pub fn request(&self, request: &ChatRequest) -> Estimate {
        let messages = request.messages.iter();
        messages.fold(self.weigh_frame(request), |sum, message| sum + self.weigh_message(message)).estimate()
    }

    /// Estimates the parts of a request around its messages.
    pub(crate) fn frame(&self, request: &ChatRequest) -> Estimate {
        self.weigh_frame(request).estimate()
    }

    fn weigh_message(&self, message: &ChatMessage) -> Weight {
        let mut weight = Weight::MESSAGE;
        match &message.content {
            Some(Content::Text(text)) => weight = weight + self.weigh(text),
            Some(Content::Parts(parts)) => {
                for part in parts {
                    weight = weight
                        + match part {
                            ContentPart::Text { text } => self.weigh(text),
                            ContentPart::ImageUrl { .. } => self.image,
                            ContentPart::_Other(value) => self.weigh(&value.to_string()),
                        };
                }
            }
            None => {}
        }
        if let Some(reasoning) = &message.reasoning_content {
            weight = weight + Weight { low: 0.0, ..self.weigh(reasoning) };
        }
        for call in &message.tool_calls {
            weight = weight + Weight::CALL + self.weigh(&call.function.name) + self.weigh(&call.function.arguments);
        }
        weight
    }

    /// The weight of the parts of a request around its messages.
    fn weigh_frame(&self, request: &ChatRequest) -> Weight {
        let mut weight = Weight::PROMPT;
        let tools = request.tools.iter().flatten().filter_map(|tool| serde_json::to_string(tool).ok());
        let functions = request.functions.iter().flat_map(|functions| functions.iter()).map(ToString::to_string);
        let mut any = false;
        for text in tools.chain(functions) {
            weight = weight + self.weigh(&text);
            any = true;
        }
        if any {
            weight = weight + Weight::TOOLS;
        }
        match &request.response_prefix {
            Some(prefix) => weight + self.weigh(prefix),
            None => weight,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Tool, ToolCall};
    use serde_json::json;

    #[test]
    fn messages_cost_more_than_their_text() {
        let estimator = Estimator::new();
        let text = "What is the weather like in Oslo?";
        let plain = estimator.text(text);
        let message = ChatMessage::user(text);
        let whole = estimator.message(&message);
        assert_eq!((whole.tokens - plain.tokens, whole.low - plain.low), (5, 3));
        assert!(estimator.messages([&message]).high > whole.high);
        let request = ChatRequest::new([message.clone()]);
        assert_eq!(estimator.request(&request), estimator.messages([&message]));
        let tools = request.tools([Tool::new("get_weather", "Returns the weather.", json!({"type": "object"}))]);
        assert!(estimator.request(&tools).tokens > estimator.messages([&message]).tokens + 80);
        let thought = message.clone().reasoning_content("Let me think about that for a moment.");
        assert_eq!(estimator.message(&thought).low, whole.low);
        assert!(estimator.message(&thought).tokens > whole.tokens + 7);
        let calling = message.tool_calls([ToolCall::new("call_1", "get_weather", r#"{"city": "Oslo"}"#)]);
        assert!(estimator.message(&calling).tokens > whole.tokens + 20);
    }

    #[test]
    fn images_cost_what_is_said() {
        let message = ChatMessage::user([ContentPart::text("Hi"), ContentPart::image_bytes("image/png", [0; 9000])]);
        let unknown = Estimator::new().message(&message);
        assert!(unknown.low < 80 && unknown.high > 4096 && (760..800).contains(&unknown.tokens), "{unknown:?}");
        let known = Estimator::new().image_tokens(256).message(&message);
        assert!(known.low > 250 && known.high < 280, "{known:?}");
    }
}
