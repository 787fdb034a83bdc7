//! The length of messages before they are serialized.

use super::{ChatMessage, Content, ContentPart};
use crate::api::written::length;

/// The rest of an element of a list: names of fields, role, id.
const ELEMENT: usize = 64;

/// About the length of messages. It is too low if they have fields that this library does not define.
pub(super) fn messages(messages: &[ChatMessage]) -> usize {
    messages.iter().map(message).sum()
}

fn message(message: &ChatMessage) -> usize {
    let content = match &message.content {
        Some(Content::Text(text)) => length(text),
        Some(Content::Parts(parts)) => parts.iter().map(part).sum(),
        None => 0,
    };
    let reasoning = message.reasoning_content.as_deref().map_or(0, length);
    let calls = message.tool_calls.iter().map(|call| 2 * ELEMENT + length(&call.function.arguments));
    ELEMENT + content + reasoning + calls.sum::<usize>()
}

fn part(part: &ContentPart) -> usize {
    let long = match part {
        ContentPart::Text { text } => length(text),
        ContentPart::ImageUrl { image_url } => image_url.url.len(),
        ContentPart::_Other(_) => 0,
    };
    ELEMENT + long
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::written::REST;
    use crate::api::{ChatRequest, ToolCall};
    use crate::protocol::{Endpoint, StreamEndpoint};

    #[test]
    fn large_requests_take_one_buffer() {
        let long = "Said \"yes\",\nand \\ no. ".repeat(10_000);
        let parts = vec![ContentPart::text(&*long), ContentPart::image_bytes("image/png", [7; 100_000])];
        let calls: Vec<_> =
            (0..100).map(|n| ToolCall::new(format!("call_{n}"), "weather", r#"{"city":"Bern"}"#)).collect();
        for request in [
            ChatRequest::new([ChatMessage::user(&*long), ChatMessage::assistant(parts)]),
            ChatRequest::new((0..2_000).map(|n| ChatMessage::user("a \"text\"\n".repeat(n % 8))).collect::<Vec<_>>()),
            ChatRequest::new([ChatMessage::assistant("").reasoning_content(long).tool_calls(calls)]),
        ] {
            let reserved = REST + messages(&request.messages);
            for body in [request.body(), request.streamed().body()] {
                let length = body.unwrap().unwrap().len();
                assert!((length..length * 2).contains(&reserved), "{reserved} for {length}");
            }
        }
    }
}
